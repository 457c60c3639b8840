import pytest

from imtrans.theory import Layer, output_size, receptive_field


def test_receptive_field_of_two_layers_by_hand():
  assert receptive_field([Layer(3, 2, 1), Layer(3, 1, 1)]) == 7
  assert receptive_field([]) == 1


def test_output_size_of_the_70_pixel_patch_discriminator():
  layers = [Layer(4, 2, 1)] * 3 + [Layer(4, 1, 1)] * 2
  assert receptive_field(layers) == 70
  assert output_size(layers, 256) == 30


def test_output_size_refuses_an_image_without_outputs():
  with pytest.raises(ValueError, match="input_size 8 is too small"):
    output_size([Layer(4, 2, 1)] * 4, 8)

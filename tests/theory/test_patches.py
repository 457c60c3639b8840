import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.networks import PatchDiscriminator, PixelDiscriminator
from imtrans.theory.patches import (
  Layer,
  averaged_periodogram,
  effective_number,
  effective_patches,
  output_size,
  patch_stride,
  path_deviation,
  path_weights,
  receptive_field,
)


def test_receptive_field_of_two_layers_by_hand():
  assert receptive_field([Layer(3, 2, 1), Layer(3, 1, 1)]) == 7
  assert receptive_field([]) == 1


def test_output_size_of_the_70_pixel_patch_discriminator():
  layers = PatchDiscriminator(num_layers=3).layers
  assert receptive_field(layers) == 70
  assert output_size(layers, 256) == 30


def test_output_size_refuses_an_image_without_outputs():
  with pytest.raises(ValueError, match="input_size 8 is too small"):
    output_size([Layer(4, 2, 1)] * 4, 8)


def test_the_sizes_and_numbers_of_patches_of_the_paper():
  sides = [receptive_field(PatchDiscriminator(num_layers=number).layers) for number in range(7)]
  assert sides == [7, 16, 34, 70, 142, 286, 574]
  assert receptive_field(PixelDiscriminator().layers) == 1
  assert output_size(PatchDiscriminator(num_layers=5).layers, 256) == 6
  assert patch_stride(PatchDiscriminator(num_layers=3).layers) == 8


@pytest.mark.parametrize("num_layers", [0, 1, 3])
def test_path_weights_are_the_gradient_of_an_all_ones_chain(num_layers):
  layers = PatchDiscriminator(num_layers=num_layers).layers

  def first_logit(line):
    for layer in layers:
      line = jnp.convolve(line, jnp.ones(layer.kernel_size), "valid")[:: layer.stride]
    return line[0]

  side = receptive_field(layers)
  gradient = jax.grad(first_logit)(jnp.ones(side))
  weights = path_weights(layers)
  assert weights.shape == (side,)
  np.testing.assert_allclose(weights, gradient / jnp.sum(gradient), rtol=1e-4)
  places = jnp.arange(side, dtype=jnp.float32) - 0.5 * (side - 1)
  variance = jnp.sum(weights * jnp.square(places))
  np.testing.assert_allclose(path_deviation(layers), jnp.sqrt(variance), rtol=1e-4)


def test_most_of_a_large_patch_counts_little():
  assert round(path_deviation(PatchDiscriminator(num_layers=3).layers), 1) == 13.6
  assert round(math.sqrt((70**2 - 1) / 12), 1) == 20.2


@pytest.mark.parametrize(("patch", "stride", "count"), [(16, 1, 49), (16, 4, 13), (8, 8, 6)])
def test_effective_number_is_that_of_averaged_energies(patch, stride, count):
  """Periodograms of overlapping windows of white noise at a frequency where they are simple."""
  shape = (6000, patch + (count - 1) * stride)
  lines = jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)
  measure = jax.jit(averaged_periodogram, static_argnums=2, static_argnames="stride")
  powers = np.asarray(measure(lines, jnp.array([0.5 * jnp.pi]), patch, stride=stride))
  measured = np.mean(powers) ** 2 / np.var(powers)
  closed = effective_number(patch, count, stride=stride)
  np.testing.assert_allclose(closed, measured, rtol=0.06)


def test_effective_number_equals_its_sum_and_its_limits():
  lags = np.arange(1, 30)
  overlap = np.sum((1 - lags / 30) * np.maximum(0, 1 - lags * 8 / 70) ** 2)
  np.testing.assert_allclose(effective_number(70, 30, stride=8), 30 / (1 + 2 * overlap), rtol=1e-5)
  np.testing.assert_allclose(effective_number(5, 12, stride=5), 12.0, rtol=1e-6)
  np.testing.assert_allclose(effective_number(9, 1, stride=2), 1.0, rtol=1e-6)
  np.testing.assert_allclose(effective_number(40.0, 40_000.0), 1.5 * 1000, rtol=0.01)


def test_larger_patches_are_fewer():
  numbers = [
    effective_patches(PatchDiscriminator(num_layers=number).layers, 256) for number in range(6)
  ]
  assert all(later < earlier for earlier, later in itertools.pairwise(numbers))
  np.testing.assert_allclose(numbers[3], 30.28, atol=0.01)
  assert numbers[3] < 30**2

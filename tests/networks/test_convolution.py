import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from imtrans.networks.convolution import Convolution, convolve, transposed_convolve
from imtrans.networks.halo import reflect_pad


def _random(*shape, seed=0):
  return jax.random.normal(jax.random.key(seed), shape)


def _textbook_transposed(images, kernel, padding, output_padding):
  """y[2 i - padding + k] += x[i] w[k], one input pixel after the other."""
  batch, height, width, _ = images.shape
  size, out = kernel.shape[0], kernel.shape[2]
  canvas = np.zeros((batch, 2 * height + size, 2 * width + size, out))
  for i in range(height):
    for j in range(width):
      canvas[:, 2 * i : 2 * i + size, 2 * j : 2 * j + size] += np.einsum(
        "bc,hwoc->bhwo", images[:, i, j], kernel
      )
  rows = 2 * (height - 1) - 2 * padding + size + output_padding
  columns = 2 * (width - 1) - 2 * padding + size + output_padding
  return canvas[:, padding : padding + rows, padding : padding + columns]


def test_convolve_by_hand():
  images = jnp.arange(9.0).reshape(1, 3, 3, 1)
  kernel = jnp.array([[1.0, 0.0], [0.0, -1.0]]).reshape(2, 2, 1, 1)
  np.testing.assert_array_equal(convolve(images, kernel)[0, :, :, 0], [[-4, -4], [-4, -4]])
  strided = convolve(images, kernel, stride=2, padding=1)[0, :, :, 0]
  np.testing.assert_array_equal(strided, [[0, -2], [-6, -4]])


def test_reflect_pad_does_not_repeat_the_edge():
  images = jnp.arange(9.0).reshape(1, 3, 3, 1)
  expected = np.pad(np.arange(9.0).reshape(3, 3), 2, mode="reflect")
  np.testing.assert_array_equal(reflect_pad(images, 2)[0, :, :, 0], expected)


@pytest.mark.parametrize(("size", "padding", "output_padding"), [(4, 1, 0), (3, 1, 1), (2, 0, 0)])
def test_transposed_convolution_equals_the_textbook(size, padding, output_padding):
  images, kernel = _random(2, 5, 6, 3), _random(size, size, 4, 3, seed=1)
  ours = transposed_convolve(images, kernel, padding=padding, output_padding=output_padding)
  assert ours.shape == (2, 10, 12, 4)
  expected = _textbook_transposed(np.asarray(images), np.asarray(kernel), padding, output_padding)
  np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize(("size", "padding", "output_padding"), [(4, 1, 0), (3, 1, 1)])
def test_transposed_convolution_equals_lax_with_gradients(size, padding, output_padding):
  images, kernel = _random(2, 4, 5, 3), _random(size, size, 4, 3, seed=1)
  before, after = size - 1 - padding, size - 1 - padding + output_padding

  def reference(images, kernel):
    return lax.conv_transpose(
      images, kernel[::-1, ::-1], (2, 2), ((before, after),) * 2,
      dimension_numbers=("NHWC", "HWOI", "NHWC"),
    )  # fmt: skip

  def ours(images, kernel):
    return transposed_convolve(images, kernel, padding=padding, output_padding=output_padding)

  cotangent = _random(*ours(images, kernel).shape, seed=2)
  for function in (ours, reference):
    assert function(images, kernel).shape == cotangent.shape
  got, pull_back = jax.vjp(ours, images, kernel)
  expected, expected_pull_back = jax.vjp(reference, images, kernel)
  np.testing.assert_allclose(got, expected, atol=1e-5)
  for gradient, other in zip(pull_back(cotangent), expected_pull_back(cotangent), strict=True):
    np.testing.assert_allclose(gradient, other, atol=1e-4)


def test_transposed_convolution_refuses_what_does_not_double():
  with pytest.raises(ValueError, match="doubles its input"):
    transposed_convolve(_random(1, 4, 4, 1), _random(3, 3, 1, 1), padding=1)


def test_spectral_norm_brings_the_kernel_to_norm_one_and_moves_only_in_training():
  module = Convolution(
    8, 3, spectral_norm=True, bias="none", kernel_init=jax.nn.initializers.normal(3.0)
  )
  images = _random(1, 8, 8, 4)
  variables = module.init(jax.random.key(0), images)
  for _ in range(60):
    _, updated = module.apply(variables, images, mutable=["spectral"])
    variables = {**variables, **updated}
  kernel = np.asarray(variables["params"]["kernel"])
  norm = np.linalg.norm(kernel.reshape(-1, 8), 2)
  np.testing.assert_allclose(
    module.apply(variables, images), convolve(images, kernel / norm), rtol=1e-3, atol=1e-4
  )
  assert norm > 10


def test_padding_mode_is_checked():
  with pytest.raises(ValueError, match="padding_mode must be"):
    Convolution(1, 3, padding=1, padding_mode="mirror").init(jax.random.key(0), _random(1, 8, 8, 1))

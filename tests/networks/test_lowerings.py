"""Every lowering of a convolution equals XLA's own operator, in value and in derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from imtrans.networks import convolution
from imtrans.networks.convolution import convolve, transposed_convolve
from imtrans.networks.derivatives import with_derivatives
from imtrans.networks.direct import direct_convolve, phased_transposed
from imtrans.networks.platforms import programs_for
from imtrans.networks.products import gather_convolve, scatter_convolve, scatter_transposed
from imtrans.networks.winograd import OUTPUTS, POINTS, cook_toom, winograd_convolve


def _random(*shape, seed=0):
  return jax.random.normal(jax.random.key(seed), shape)


def _assert_equal_with_derivatives(ours, reference, images, kernel):
  """Values and both gradients agree within 1e-5 of the largest value."""
  expected, expected_pull_back = jax.vjp(reference, images, kernel)
  got, pull_back = jax.vjp(ours, images, kernel)
  cotangent = _random(*expected.shape, seed=9)
  pairs = [(got, expected)]
  pairs += zip(pull_back(cotangent), expected_pull_back(cotangent), strict=True)
  for ours_value, value in pairs:
    assert ours_value.shape == value.shape
    np.testing.assert_allclose(ours_value, value, atol=1e-5 * float(jnp.abs(value).max()))


@pytest.mark.parametrize(
  ("size", "stride", "padding", "height", "width"),
  [(4, 2, 1, 8, 6), (4, 1, 1, 5, 7), (3, 2, 1, 8, 9), (3, 1, 0, 5, 4), (7, 1, 3, 6, 8)],
)
def test_gathered_products(size, stride, padding, height, width):
  options = {"stride": stride, "padding": padding}
  _assert_equal_with_derivatives(
    lambda x, w: gather_convolve(x, w, **options),
    lambda x, w: direct_convolve(x, w, **options),
    _random(2, height, width, 3),
    _random(size, size, 3, 5, seed=1),
  )


@pytest.mark.parametrize(("size", "padding"), [(4, 1), (3, 0), (7, 0), (7, 3), (1, 0)])
def test_scattered_products(size, padding):
  _assert_equal_with_derivatives(
    lambda x, w: scatter_convolve(x, w, padding=padding),
    lambda x, w: direct_convolve(x, w, stride=1, padding=padding),
    _random(2, 8, 9, 5),
    _random(size, size, 5, 2, seed=1),
  )


@pytest.mark.parametrize(("size", "padding"), [(4, 1), (3, 1), (2, 0), (6, 2)])
def test_scattered_transposed_convolution(size, padding):
  _assert_equal_with_derivatives(
    lambda x, w: scatter_transposed(x, w, padding=padding),
    lambda x, w: phased_transposed(x, w, padding=padding),
    _random(2, 3, 5, 4),
    _random(size, size, 3, 4, seed=1),
  )


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize(("height", "width"), [(10, 8), (9, 7), (5, 12)])
def test_minimal_filtering(size, height, width):
  _assert_equal_with_derivatives(
    winograd_convolve,
    lambda x, w: direct_convolve(x, w, stride=1, padding=0),
    _random(2, height, width, 8),
    _random(size, size, 8, 6, seed=1),
  )


@pytest.mark.parametrize("taps", sorted(POINTS))
def test_cook_toom_matrices_make_a_correlation(taps):
  before, of_kernel, after = cook_toom(OUTPUTS, taps, POINTS[taps])
  generator = np.random.default_rng(0)
  kernel, inputs = generator.normal(size=taps), generator.normal(size=OUTPUTS + taps - 1)
  outputs = after @ ((of_kernel @ kernel) * (before @ inputs))
  np.testing.assert_allclose(outputs, np.correlate(inputs, kernel, "valid"), atol=1e-12)


# One case for each way that a convolution can take on CPU, by the name of the function it ends in.
WAYS = {
  "scatter_convolve": ((1, 9, 9, 20), (4, 4, 20, 1), 1, 1),
  "gather_convolve": ((1, 4, 4, 8), (4, 4, 8, 16), 2, 1),
  "direct_convolve": ((1, 12, 12, 3), (7, 7, 3, 16), 1, 3),
  "halved_convolve": ((1, 16, 16, 16), (4, 4, 16, 16), 2, 1),
  "winograd_convolve": ((1, 9, 10, 16), (3, 3, 16, 16), 1, 1),
}


@pytest.mark.parametrize("way", WAYS)
def test_convolve_takes_the_way_meant_for_the_shape_and_stays_exact(way, monkeypatch):
  images, kernel, stride, padding = WAYS[way]
  taken = []
  original = getattr(convolution, way)

  def spy(*arguments, **options):
    taken.append(way)
    return original(*arguments, **options)

  monkeypatch.setattr(convolution, way, spy)
  _assert_equal_with_derivatives(
    lambda x, w: convolve(x, w, stride=stride, padding=padding),
    lambda x, w: lax.conv_general_dilated(
      x, w, (stride, stride), ((padding, padding),) * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    ),
    _random(*images),
    _random(*kernel, seed=1),
  )
  assert taken


def test_a_strided_three_by_three_convolution_of_few_positions_is_gathered(monkeypatch):
  monkeypatch.setattr(convolution, "gather_convolve", lambda *_, **__: jnp.zeros((1, 16, 16, 16)))
  outputs = convolve(_random(1, 32, 32, 16), _random(3, 3, 16, 16), stride=2, padding=1)
  np.testing.assert_array_equal(outputs, 0.0)


@pytest.mark.parametrize("batch", [1, convolution.SEVERAL])
@pytest.mark.parametrize("size", [3, 4])
def test_of_many_positions_every_product_is_exact(size, batch, monkeypatch):
  monkeypatch.setattr(convolution, "WIDE", 1)
  images, kernel = _random(batch, 8, 6, 16), _random(size, size, 16, 16, seed=1)
  options = {"padding": 1, "output_padding": 4 - size}
  _assert_equal_with_derivatives(
    lambda x, w: transposed_convolve(x, w, **options),
    lambda x, w: phased_transposed(x, w, padding=1),
    images,
    kernel,
  )
  _assert_equal_with_derivatives(
    lambda x, w: convolve(x, w, stride=2, padding=1),
    lambda x, w: direct_convolve(x, w, stride=2, padding=1),
    images,
    kernel,
  )


def test_value_and_derivatives_are_computed_each_in_its_way():
  x, w = jnp.float32(2.0), jnp.float32(5.0)
  function = with_derivatives(
    lambda x, w: x * w, images=lambda x, w: 10.0 * x * w, kernel=lambda x, w: 100.0 * x * w
  )
  value, gradients = jax.value_and_grad(function, argnums=(0, 1))(x, w)
  assert (value, *gradients) == (10.0, 50.0, 200.0)
  assert jax.jvp(function, (x, w), (x, w))[1] == 100.0 + 1000.0


def test_what_does_not_move_is_not_convolved():
  def never(x, w):
    raise AssertionError

  function = with_derivatives(jnp.multiply, images=jnp.multiply, kernel=never)
  assert jax.grad(function)(3.0, 4.0) == 4.0
  function = with_derivatives(jnp.multiply, images=never, kernel=jnp.multiply)
  assert jax.grad(function, argnums=1)(3.0, 4.0) == 3.0


def test_half_precision_is_left_to_xla(monkeypatch):
  monkeypatch.setattr(convolution, "winograd_convolve", None)
  images, kernel = _random(1, 8, 8, 16), _random(3, 3, 16, 16)
  outputs = convolve(images.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16))
  assert outputs.dtype == jnp.bfloat16


def test_accelerators_get_convolutions():
  def both(images, kernel):
    outputs = convolve(images, kernel, padding=1)
    return transposed_convolve(outputs, kernel, padding=1, output_padding=1)

  given, run = (_random(1, 8, 8, 16), _random(3, 3, 16, 16)), jax.jit(both)
  # None, phases, or all of it at once. The same jitted function: jit tells the platforms apart.
  for platform, count in (("cpu", 0), ("gpu", 1 + 4), ("tpu", 1 + 1)):
    with programs_for(platform):
      text = run.lower(*given).as_text()
    assert text.count("stablehlo.convolution") == count
  assert run.lower(*given).as_text().count("stablehlo.convolution") == 0  # Here: a CPU.


@pytest.mark.parametrize(
  "way", ["gather_convolve", "scatter_convolve", "winograd_convolve", "wide"]
)
def test_second_derivatives_and_forward_mode(way, monkeypatch):
  if way == "wide":  # The value in one way, the derivatives in others.
    monkeypatch.setattr(convolution, "WIDE", 1)
  images, kernel, stride, padding = WAYS.get(way, ((1, 8, 8, 16), (3, 3, 16, 16), 2, 1))
  images, kernel = _random(*images), 0.1 * _random(*kernel, seed=1)

  def penalty(function):
    def slope(kernel):
      gradient = jax.grad(lambda x: jnp.sum(jnp.tanh(function(x, kernel))))(images)
      return jnp.sum(jnp.square(gradient))

    return slope

  def ours(x, w):
    return convolve(x, w, stride=stride, padding=padding)

  def reference(x, w):
    return direct_convolve(x, w, stride=stride, padding=padding)

  expected = jax.grad(penalty(reference))(kernel)
  np.testing.assert_allclose(
    jax.grad(penalty(ours))(kernel), expected, atol=1e-4 * float(jnp.abs(expected).max())
  )
  tangents = [
    jax.jvp(jax.grad(lambda w, f=f: jnp.sum(jnp.square(f(images, w)))), (kernel,), (kernel,))[1]
    for f in (ours, reference)
  ]
  np.testing.assert_allclose(*tangents, atol=1e-4 * float(jnp.abs(tangents[1]).max()))


def test_vmap_over_images():
  images, kernel = _random(3, 1, 9, 9, 16), _random(3, 3, 16, 16, seed=1)
  mapped = jax.vmap(lambda image: convolve(image, kernel))(images)
  np.testing.assert_allclose(mapped[:, 0], convolve(images[:, 0], kernel), atol=1e-4)

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.networks.convolution import Convolution
from imtrans.networks.normalization import (
  Normalization,
  batch_norm,
  convolution_bias,
  instance_norm,
)


def _images(*shape, seed=0):
  return 7.0 + 3.0 * jax.random.normal(jax.random.key(seed), shape)


def test_instance_norm_gives_mean_zero_and_variance_one_per_image_and_channel():
  outputs = np.asarray(instance_norm(_images(2, 16, 16, 3)))
  np.testing.assert_allclose(outputs.mean(axis=(1, 2)), 0.0, atol=1e-5)
  np.testing.assert_allclose(outputs.var(axis=(1, 2)), 1.0, atol=1e-4)
  np.testing.assert_array_equal(instance_norm(jnp.ones((1, 4, 4, 2))), 0.0)


def test_instance_norm_and_its_gradient_equal_the_formula_in_double_precision():
  images = np.asarray(_images(2, 64, 64, 8), np.float64)
  cotangent = np.random.default_rng(0).normal(size=images.shape)
  centred = images - images.mean((1, 2), keepdims=True)
  scale = 1.0 / np.sqrt(np.square(centred).mean((1, 2), keepdims=True) + 1e-5)
  normalized = centred * scale
  gradient = cotangent - cotangent.mean((1, 2), keepdims=True)
  gradient -= normalized * (cotangent * normalized).mean((1, 2), keepdims=True)
  outputs, pull_back = jax.vjp(instance_norm, jnp.asarray(images, jnp.float32))
  np.testing.assert_allclose(outputs, normalized, atol=1e-5)
  (ours,) = pull_back(jnp.asarray(cotangent, jnp.float32))
  np.testing.assert_allclose(ours, gradient * scale, atol=1e-5)


def test_instance_norm_keeps_the_type_and_computes_in_float32():
  images = _images(1, 8, 8, 2).astype(jnp.bfloat16)
  outputs = instance_norm(images)
  assert outputs.dtype == jnp.bfloat16
  np.testing.assert_allclose(
    outputs.astype(jnp.float32), instance_norm(images.astype(jnp.float32)), atol=0.02
  )


def test_batch_norm_pools_all_images_and_reports_the_unbiased_variance():
  images = _images(4, 8, 8, 3)
  outputs, mean, variance = batch_norm(images)
  values = np.asarray(images, np.float64).reshape(-1, 3)
  np.testing.assert_allclose(mean, values.mean(0), rtol=1e-5)
  np.testing.assert_allclose(variance, values.var(0, ddof=1), rtol=1e-4)
  expected = (values - values.mean(0)) / np.sqrt(values.var(0) + 1e-5)
  np.testing.assert_allclose(np.asarray(outputs).reshape(-1, 3), expected, atol=1e-4)


def test_batch_norm_uses_batch_statistics_in_training_and_running_ones_after():
  module = Normalization("batch")
  images = _images(4, 8, 8, 3)
  variables = module.init(jax.random.key(1), images, train=True)
  outputs, updated = module.apply(variables, images, train=True, mutable=["batch_stats"])
  scale = variables["params"]["scale"]
  np.testing.assert_allclose(np.std(outputs, axis=(0, 1, 2)), scale, rtol=1e-3)
  values = np.asarray(images).reshape(-1, 3)
  stats = updated["batch_stats"]
  np.testing.assert_allclose(stats["mean"], 0.1 * values.mean(0), rtol=1e-4)
  np.testing.assert_allclose(stats["var"], 0.9 + 0.1 * values.var(0, ddof=1), rtol=1e-4)
  untouched = module.apply(variables, images, train=False)
  expected = np.asarray(images) * np.asarray(scale) / np.sqrt(1.0 + 1e-5)
  np.testing.assert_allclose(untouched, expected, rtol=1e-4)


@pytest.mark.parametrize(
  ("kind", "normalized", "bias"),
  [
    ("batch", True, "none"),
    ("batch", False, "none"),
    ("instance", True, "idle"),
    ("instance", False, "added"),
    ("none", True, "added"),
  ],
)
def test_convolution_bias(kind, normalized, bias):
  assert convolution_bias(kind, normalized=normalized) == bias


def test_an_idle_bias_is_a_parameter_that_instance_norm_would_have_taken_away():
  images = _images(1, 8, 8, 3)
  idle, added = Convolution(4, 3, bias="idle"), Convolution(4, 3, bias="added")
  variables = added.init(jax.random.key(0), images)
  variables["params"]["bias"] = jnp.array([1.0, -2.0, 3.0, 0.5])
  shapes = jax.tree.map(jnp.shape, idle.init(jax.random.key(0), images))
  assert shapes == jax.tree.map(jnp.shape, variables)
  np.testing.assert_allclose(
    instance_norm(idle.apply(variables, images)),
    instance_norm(added.apply(variables, images)),
    atol=1e-5,
  )


def test_unknown_bias_and_unknown_norm_are_refused():
  images = _images(1, 4, 4, 1)
  with pytest.raises(ValueError, match="bias must be one of added, idle, none"):
    Convolution(1, 3, bias="some").init(jax.random.key(0), images)
  with pytest.raises(ValueError, match="norm must be"):
    Normalization("layer").init(jax.random.key(0), images, train=True)

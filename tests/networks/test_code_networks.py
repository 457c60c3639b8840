"""Generators of codes, discriminators with one logit, and labels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.networks import (
  ConvolutionalDiscriminator,
  ConvolutionalGenerator,
  PerceptronDiscriminator,
  PerceptronGenerator,
)
from imtrans.networks.labels import LabelCode, one_hot_colors

CODE, IMAGE = jnp.zeros((1, 100)), jnp.zeros((1, 64, 64, 3))


def _init(module, *inputs):
  return module.init(jax.random.key(0), *inputs, train=True)


def _count(module, *inputs):
  variables = jax.eval_shape(lambda: _init(module, *inputs))
  return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


@pytest.mark.parametrize(
  ("module", "inputs", "count"),
  [
    # Of the DCGAN example of PyTorch, layer by layer.
    (
      ConvolutionalGenerator(),
      (CODE,),
      100 * 16 * 512 + 16 * (512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 2 * (512 + 256 + 192),
    ),
    (ConvolutionalGenerator(), (CODE,), 3_576_704),
    (ConvolutionalDiscriminator(), (IMAGE,), 2_765_568),
    # Projection adds an embedding of 512 numbers for each of 10 classes.
    (ConvolutionalDiscriminator(), (IMAGE, jnp.zeros((1, 10))), 2_765_568 + 5_120),
    # 100-256-512-1024-784 and 784-512-256-1, each with biases.
    (PerceptronGenerator(), (CODE,), 1_486_352),
    (PerceptronDiscriminator(), (jnp.zeros((1, 28, 28, 1)),), 533_505),
  ],
)
def test_parameter_counts(module, inputs, count):
  assert _count(module, *inputs) == count


@pytest.mark.parametrize(
  "module",
  [
    ConvolutionalGenerator(out_channels=2, size=12, num_levels=2, features=4),
    ConvolutionalGenerator(out_channels=2, size=12, num_levels=1, features=4, norm="none"),
    PerceptronGenerator(out_channels=2, size=12, num_layers=1, features=8),
  ],
)
def test_generators_make_images_of_their_size_in_range(module):
  codes = 3.0 * jax.random.normal(jax.random.key(1), (3, 5))
  variables = _init(module, codes)
  images = module.apply(variables, codes, train=True, mutable=["batch_stats"])[0]
  assert images.shape == (3, 12, 12, 2) and images.dtype == jnp.float32
  assert np.abs(images).max() <= 1.0
  assert np.abs(images[0] - images[1]).max() > 0.0


def test_projection_adds_the_product_of_embedding_and_summed_features():
  module = ConvolutionalDiscriminator(num_layers=1, features=2, norm="none")
  images = jax.random.normal(jax.random.key(1), (2, 4, 4, 1))
  labels = jax.nn.one_hot(jnp.array([2, 0]), 3)
  params = _init(module, images, labels)["params"]
  without = {name: value for name, value in params.items() if name != "label_embedding"}
  plain = module.apply({"params": without}, images, train=True)
  told = module.apply({"params": params}, images, labels, train=True)
  assert plain.shape == told.shape == (2, 1)
  # The features by hand: one 4x4 convolution of stride two and a leaky ReLU.
  kernel = np.asarray(params["layer_0"]["kernel"])
  padded = np.pad(np.asarray(images), ((0, 0), (1, 1), (1, 1), (0, 0)))
  features = np.zeros((2, 2, 2, 2))
  for i in range(2):
    for j in range(2):
      window = padded[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4]
      features[:, i, j] = np.einsum("bhwc,hwcf->bf", window, kernel)
  features = np.where(features > 0, features, 0.2 * features)
  embedding = np.asarray(params["label_embedding"]["kernel"])[0, 0][[2, 0]]
  expected = np.sum(embedding * features.sum(axis=(1, 2)), axis=1)
  np.testing.assert_allclose((told - plain)[:, 0], expected, atol=1e-6)


def test_spectral_norm_reaches_the_head_and_the_embedding():
  module = ConvolutionalDiscriminator(num_layers=1, features=2, norm="none", spectral_norm=True)
  variables = _init(module, jnp.zeros((1, 4, 4, 1)), jnp.zeros((1, 3)))
  assert variables["spectral"].keys() == {"layer_0", "logits", "label_embedding"}


@pytest.mark.parametrize(
  ("module", "inputs", "message"),
  [
    (ConvolutionalGenerator(size=28, num_levels=3), (CODE,), "size must be a multiple of 8"),
    (ConvolutionalGenerator(), (jnp.zeros((1, 4, 4, 3)),), r"a code must have shape \[batch"),
    (PerceptronGenerator(), (jnp.zeros((1, 4, 4, 3)),), r"a code must have shape \[batch"),
    (ConvolutionalDiscriminator(), (jnp.zeros((1, 8, 8, 3)),), "cannot be halved 4 times"),
    (ConvolutionalDiscriminator(), (CODE,), "images must have shape"),
    (PerceptronDiscriminator(), (CODE,), "images must have shape"),
  ],
)
def test_what_does_not_fit_is_refused(module, inputs, message):
  with pytest.raises(ValueError, match=message):
    _init(module, *inputs)


def test_codes_of_labels():
  labels = jax.nn.one_hot(jnp.array([1, 1, 0]), 4)
  one_hot = LabelCode("concatenation")
  assert not _init(one_hot, labels)
  np.testing.assert_array_equal(one_hot.apply({}, labels, train=True), labels)
  embedding = LabelCode("embedding", 3)
  variables = _init(embedding, labels)
  table = variables["params"]["table"]
  assert table.shape == (4, 3)
  np.testing.assert_allclose(
    embedding.apply(variables, labels, train=True), np.asarray(table)[[1, 1, 0]]
  )
  with pytest.raises(ValueError, match="must be concatenation or embedding, got sum"):
    _init(LabelCode("sum"), labels)


def test_a_semantic_map_has_one_plane_a_class():
  colors = ((0, 0, 0), (255, 0, 0), (255, 255, 255))
  picture = np.array([[[0, 0, 0], [250, 3, 3]], [[255, 255, 255], [128, 130, 128]]], np.float32)
  planes = one_hot_colors(jnp.asarray(picture / 127.5 - 1.0)[None], colors)
  assert planes.shape == (1, 2, 2, 3)
  np.testing.assert_array_equal(np.argmax(planes[0], axis=-1), [[0, 1], [2, 2]])
  np.testing.assert_array_equal(np.unique(planes), [-1.0, 1.0])
  with pytest.raises(ValueError, match="a semantic map must be RGB, got 1 channel"):
    one_hot_colors(jnp.zeros((1, 2, 2, 1)), colors)

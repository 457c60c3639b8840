"""Networks of pix2pixHD and SPADE: counts of the reference code, and what they promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.networks import LocalEnhancer, ResNet
from imtrans.networks.convolution import Convolution
from imtrans.networks.enhancer import GLOBAL
from imtrans.networks.labels import label_edges, label_planes, one_hot_colors
from imtrans.networks.multiscale_discriminator import MultiScaleDiscriminator
from imtrans.networks.resampling import double, halve
from imtrans.networks.spade import SPADEGenerator, SpatiallyAdaptiveNorm, resize_labels

KEY = jax.random.key(0)


def _count(module, *shape):
  variables = jax.eval_shape(lambda: module.init(KEY, jnp.zeros(shape), train=True))
  return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


# 35 labels, an edge and the image: pix2pixHD on Cityscapes.
@pytest.mark.parametrize(("scales", "count"), [(2, 5_603_202), (3, 8_404_803)])
def test_parameter_counts_of_pix2pixhd(scales, count):
  assert _count(MultiScaleDiscriminator(num_scales=scales), 1, 64, 64, 39) == count


def test_parameter_count_of_the_global_generator():
  """The authors' generator for Cityscapes: 35 labels and an edge, 182.5 million parameters."""
  module = ResNet(num_levels=4)
  assert module.size_multiple == 16
  assert round(_count(module, 1, 64, 64, 36) / 1e3) == 182_547


def test_parameter_count_of_the_local_enhancer():
  """The authors' generator for 2048x1024 pixels: the global one without its end, and 320 k more."""
  module = LocalEnhancer()
  assert module.size_multiple == 32
  own = [(7 * 7 * 36 + 1) * 32, (9 * 32 + 1) * 64, 6 * (9 * 64 + 1) * 64, (9 * 64 + 1) * 32]
  own.append((7 * 7 * 32 + 1) * 3)
  coarse = _count(ResNet(num_levels=4), 1, 64, 64, 36) - (7 * 7 * 64 + 1) * 3
  assert _count(module, 1, 64, 64, 36) == coarse + sum(own)
  assert round((coarse + sum(own)) / 1e3) == 182_857


def test_the_enhancer_adds_what_the_global_generator_makes_of_half_the_size():
  coarse = ResNet(num_blocks=1, num_levels=1, features=4, norm="none")
  fine = LocalEnhancer(num_blocks=1, num_levels=1, num_local_blocks=1, features=2, norm="none")
  images = jax.random.normal(KEY, (1, 8, 12, 3))
  params = fine.init(KEY, images, train=True)["params"]
  learned = coarse.init(KEY, halve(images), train=True)["params"]
  # It ends before the last convolution of the global generator.
  features = ResNet(out_channels=0, num_blocks=1, num_levels=1, features=4, norm="none")
  end = {"params": learned.pop("output")}
  params = {**params, GLOBAL: learned}
  made, noted = fine.apply({"params": params}, images, train=True, capture_intermediates=True)
  assert made.shape == (1, 8, 12, 3)
  (seen,) = noted["intermediates"][GLOBAL]["__call__"]
  np.testing.assert_allclose(
    seen, features.apply({"params": learned}, halve(images), train=True), rtol=1e-5
  )
  last = Convolution(3, 7, padding=3, padding_mode="reflect")
  whole = coarse.apply({"params": {**learned, "output": end["params"]}}, halve(images), train=True)
  np.testing.assert_allclose(jnp.tanh(last.apply(end, seen)), whole, rtol=1e-4, atol=1e-6)
  # Without its own front end the enhancer sees what the global generator makes, and nothing else.
  blind = {**params, "down": jax.tree.map(jnp.zeros_like, params["down"])}
  others = {**blind, "input": jax.tree.map(jnp.zeros_like, params["input"])}
  first, other = (fine.apply({"params": own}, images, train=True) for own in (blind, others))
  np.testing.assert_array_equal(first, other)
  assert float(jnp.max(jnp.abs(first - made))) > 0.0
  with pytest.raises(ValueError, match="multiples of 4 for this local enhancer, got 6x8"):
    jax.eval_shape(lambda: fine.init(KEY, jnp.zeros((1, 6, 8, 3)), train=True))


def test_edges_between_labels_by_hand():
  labels = jnp.asarray([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]])[None]
  # Both sides of every boundary between neighbours in a row or a column, and no corner.
  edges = [[-1, -1, 1, 1], [-1, 1, 1, 1], [-1, 1, 1, 1], [-1, -1, 1, 1]]
  np.testing.assert_array_equal(label_edges(labels)[0, :, :, 0], edges)


def test_planes_of_labels_with_edges():
  colors = ((0, 0, 0), (255, 255, 255))
  images = jnp.stack([jnp.asarray([[[-1.0, -0.9, 0.8, 1.0]]])] * 3, axis=-1)
  planes = one_hot_colors(images, colors)
  np.testing.assert_array_equal(label_planes(images, colors), planes)
  edged = label_planes(images, colors, "labels")
  np.testing.assert_array_equal(edged[..., :2], planes)
  np.testing.assert_array_equal(edged[0, 0, :, 2], [-1, 1, 1, -1])
  given = jnp.concatenate([images, 0.5 * jnp.ones((1, 1, 4, 1))], axis=-1)
  seen = label_planes(given, colors, "instances")
  np.testing.assert_array_equal(seen, jnp.concatenate([planes, given[..., 3:]], axis=-1))
  np.testing.assert_array_equal(label_planes(given, (), "instances"), given)
  with pytest.raises(ValueError, match=r"set config\.palette"):
    label_planes(images, (), "labels")


# COCO-Stuff, ADE20K, and Cityscapes with "more" upsampling.
@pytest.mark.parametrize(
  ("levels", "classes", "count"), [(5, 184, 97_480_899), (5, 151, 96_492_483), (6, 36, 93_048_003)]
)
def test_parameter_counts_of_spade(levels, classes, count):
  assert _count(SPADEGenerator(num_levels=levels), 1, 64, 64, classes) == count


def test_halving_averages_the_pixels_that_there_are():
  images = jnp.arange(16.0).reshape(1, 4, 4, 1)
  # Of rows and columns (0, 1), (1, 2, 3): the windows of stride two, without the border.
  np.testing.assert_allclose(halve(images)[0, :, :, 0], [[2.5, 4.0], [8.5, 10.0]])
  np.testing.assert_array_equal(halve(jnp.ones((1, 5, 7, 2))), jnp.ones((1, 3, 4, 2)))


def test_doubling_repeats_pixels():
  images = jnp.asarray([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None]
  expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
  np.testing.assert_array_equal(double(images)[0, :, :, 0], expected)


def test_each_scale_judges_an_image_of_half_the_size():
  module = MultiScaleDiscriminator(num_scales=2, num_layers=1, features=2, norm="none")
  images = jax.random.normal(KEY, (1, 16, 16, 3))
  variables = module.init(KEY, images, train=True)
  fine, coarse = module.apply(variables, images, train=True)
  assert [layer.shape[1:] for layer in fine] == [(9, 9, 2), (10, 10, 4), (11, 11, 1)]
  assert [layer.shape[1:] for layer in coarse] == [(5, 5, 2), (6, 6, 4), (7, 7, 1)]
  # The coarse one does not see what averaging takes away, the fine one does.
  checks = jnp.tile(jnp.asarray([[1.0, -1.0], [-1.0, 1.0]]), (8, 8))[None, :, :, None]
  other_fine, other_coarse = module.apply(variables, images + checks, train=True)
  change = [
    float(jnp.max(jnp.abs(new[0] - old[0])[:, 1:-1, 1:-1]))
    for new, old in ((other_fine, fine), (other_coarse, coarse))
  ]
  assert change[1] < 0.2 * change[0]


def test_labels_are_resized_by_picking():
  labels = jnp.arange(16.0).reshape(1, 4, 4, 1)
  np.testing.assert_array_equal(resize_labels(labels, 2, 2)[0, :, :, 0], [[0, 2], [8, 10]])


def test_a_uniform_label_survives_where_instance_norm_would_erase_it():
  """Park et al., 2019, Sec. 3.1: two uniform label maps give two different outputs."""
  norm = SpatiallyAdaptiveNorm(hidden_features=8, dtype=jnp.float32)
  images = jax.random.normal(KEY, (2, 8, 8, 4))
  sky, grass = (jnp.broadcast_to(jnp.eye(2)[index], (2, 8, 8, 2)) for index in (0, 1))
  variables = norm.init(KEY, images, sky, train=True)
  params = jax.tree.map(lambda leaf: 50.0 * leaf, variables["params"])
  outputs = [
    norm.apply({**variables, "params": params}, images, labels, train=True, mutable=["batch_stats"])
    for labels in (sky, grass)
  ]
  assert float(jnp.max(jnp.abs(outputs[0][0] - outputs[1][0]))) > 0.1


def test_spade_says_which_sizes_it_takes():
  with pytest.raises(ValueError, match="multiples of 32 for this SPADE generator, got 48x64"):
    jax.eval_shape(lambda: SPADEGenerator().init(KEY, jnp.zeros((1, 48, 64, 3)), train=True))
  with pytest.raises(ValueError, match="num_levels must be one of"):
    _count(SPADEGenerator(num_levels=3), 1, 64, 64, 3)

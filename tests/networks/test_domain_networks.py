"""Networks of StarGAN v2: counts of the authors' code, blocks against PyTorch, and labels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.networks.adain import AdaINGenerator, ResidualBlock, StyledBlock
from imtrans.networks.domains import DomainDiscriminator, DomainEncoder, MappingNetwork, picked

KEY = jax.random.key(0)
LABELS = jnp.eye(3)[jnp.asarray([0, 2])]


def _count(module, *shapes):
  inputs = [jnp.zeros(shape) for shape in shapes]
  variables = jax.eval_shape(lambda: module.init(KEY, *inputs, train=True))
  return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


IMAGE, TWO = (1, 256, 256, 3), (1, 2)


# Two domains, images of 256 pixels, without filtered connections; in millions the reference says
# 33.893, 2.438, 20.917 and 20.852.
@pytest.mark.parametrize(
  ("module", "inputs", "count"),
  [
    (AdaINGenerator(), (IMAGE, (1, 64)), 33_892_995),
    (MappingNetwork(), ((1, 16), TWO), 2_438_272),
    (DomainEncoder(), (IMAGE, TWO), 20_916_928),
    (DomainDiscriminator(), (IMAGE, TWO), 20_852_290),
  ],
  ids=["generator", "mapping", "encoder", "discriminator"],
)
def test_parameter_counts(module, inputs, count):
  assert _count(module, *inputs) == count


def _torch_block(params, images, style=None, *, changed):
  """A residual block of the authors' code: AdaIN with a style, affine instance norm without."""
  torch = pytest.importorskip("torch")
  functional = torch.nn.functional

  def tensor(array):
    return torch.from_numpy(np.array(array))

  def convolve(hidden, name, padding):
    layer = params[name]
    kernel = tensor(layer["kernel"]).permute(3, 2, 0, 1)
    bias = tensor(layer["bias"]) if "bias" in layer else None
    return functional.conv2d(hidden, kernel, bias, padding=padding)

  def activate(hidden, name):
    normalized = functional.instance_norm(hidden, eps=1e-5)
    if style is None:
      layer = params[f"{name}_norm"]
      scale, shift = (tensor(layer[part])[None] for part in ("scale", "bias"))
    else:
      layer = params[f"{name}_style"]
      code = tensor(style) @ tensor(layer["kernel"]) + tensor(layer["bias"])
      scale, shift = code.chunk(2, dim=1)
      scale = 1.0 + scale
    return functional.leaky_relu(normalized * scale[..., None, None] + shift[..., None, None], 0.2)

  def halve(hidden):
    return functional.avg_pool2d(hidden, 2)

  def double(hidden):
    return functional.interpolate(hidden, scale_factor=2, mode="nearest")

  given = tensor(images).permute(0, 3, 1, 2)
  residual = activate(given, "first")
  if style is None:
    kept = halve(convolve(given, "shortcut", 0)) if changed else given
    residual = convolve(residual, "first", 1)
    residual = halve(residual) if changed else residual
  else:
    kept = convolve(double(given), "shortcut", 0) if changed else given
    residual = convolve(double(residual) if changed else residual, "first", 1)
  residual = convolve(activate(residual, "second"), "second", 1)
  return ((kept + residual) / np.sqrt(2.0)).permute(0, 2, 3, 1).numpy()


def _random(tree):
  """Parameters away from their start, where scales are one and shifts zero."""
  leaves, structure = jax.tree.flatten(tree)
  keys = jax.random.split(KEY, len(leaves))
  return jax.tree.unflatten(
    structure,
    [0.5 * jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves, strict=True)],
  )


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("styled", [False, True])
def test_blocks_are_those_of_the_authors(styled, changed):
  features = 6 if changed else 4
  images, style = jax.random.normal(KEY, (2, 6, 4, 4)), jax.random.normal(KEY, (2, 3))
  block = StyledBlock(features, changed) if styled else ResidualBlock(features, "instance", changed)
  inputs = (images, style) if styled else (images,)
  params = _random(block.init(KEY, *inputs)["params"])
  outputs = block.apply({"params": params}, *inputs)
  expected = _torch_block(params, images, style if styled else None, changed=changed)
  np.testing.assert_allclose(outputs, expected, atol=2e-5)


def test_a_label_picks_the_output_of_its_domain():
  outputs = jnp.arange(12.0).reshape(2, 3, 2)
  np.testing.assert_array_equal(picked(outputs, LABELS), [[0.0, 1.0], [10.0, 11.0]])


@pytest.mark.parametrize(
  ("module", "shape"),
  [
    (MappingNetwork(latent_size=3, style_size=2, features=4), (2, 3)),
    (DomainEncoder(style_size=2, num_levels=1, features=2), (2, 8, 8, 3)),
    (DomainDiscriminator(num_levels=1, features=2), (2, 8, 8, 3)),
  ],
)
def test_a_domain_moves_its_own_layers_alone(module, shape):
  inputs = jax.random.normal(KEY, shape)
  params = module.init(KEY, inputs, LABELS, train=True)["params"]
  gradients = jax.grad(
    lambda params: jnp.sum(module.apply({"params": params}, inputs, LABELS, train=True))
  )(params)
  heads = {
    "MappingNetwork": lambda tree: tree["own_3_bias"],
    "DomainEncoder": lambda tree: tree["styles"]["bias"].reshape(3, -1),
    "DomainDiscriminator": lambda tree: tree["logits"]["bias"].reshape(3, -1),
  }
  moved = jnp.abs(heads[type(module).__name__](gradients)).sum(axis=1)
  assert moved[1] == 0.0 and moved[0] > 0.0 and moved[2] > 0.0
  outputs = module.apply({"params": params}, inputs, LABELS, train=True)
  assert outputs.shape == (2, 1 if isinstance(module, DomainDiscriminator) else 2)


def test_the_style_sets_the_picture_and_sizes_are_free():
  module = AdaINGenerator(num_levels=1, num_blocks=1, features=4)
  images, styles = jax.random.normal(KEY, (2, 6, 10, 3)), jnp.asarray([[1.0, 0.0], [0.0, 1.0]])
  variables = module.init(KEY, images, styles, train=True)
  outputs = module.apply(variables, images, styles, train=True)
  assert outputs.shape == images.shape and module.size_multiple == 2
  other = module.apply(variables, images, styles[::-1], train=True)
  assert float(jnp.mean(jnp.abs(outputs - other))) > 1e-3


def test_what_does_not_fit_is_refused():
  images = jnp.zeros((2, 16, 16, 3))
  for module, inputs, message in (
    (AdaINGenerator(num_levels=1), (images,), "needs a style for every image: train stargan2"),
    (AdaINGenerator(num_levels=1), (images[:, 1:], jnp.zeros((2, 4))), "multiples of 2 for this"),
    (AdaINGenerator(num_levels=1), (images, jnp.zeros((2, 1, 4))), "a code must have shape"),
    (DomainEncoder(num_levels=2), (images,), "needs the domain of every image"),
    (DomainDiscriminator(num_levels=3), (images, LABELS), "16x16 pixels, halved 3 times, are 2x2"),
    (DomainEncoder(num_levels=2), (images[:, 1:], LABELS), "multiples of 4 for this encoder"),
    (MappingNetwork(), (jnp.zeros((2, 8)), LABELS), "z must have 16 numbers, got 8: draw it anew"),
  ):
    with pytest.raises(ValueError, match=message):
      module.init(KEY, *inputs, train=True)

"""Penalties as methods take them: numbers by hand on critics whose slope is known."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.methods import cut, cyclegan, munit, pix2pix, pix2pixhd, unit, unsb
from imtrans.methods.penalties import LECAM_DECAY, penalized, penalties
from imtrans.networks import (
  ContentGenerator,
  ContentStyleGenerator,
  MultiScaleDiscriminator,
  PatchDiscriminator,
  ResNet,
  UNet,
)

KEY = jax.random.key(0)
# Pixels of a constant: the mean of this critic's map is the sum of the pixels.
REALS, FAKES = jnp.full((2, 2, 2, 1), 0.5), jnp.full((2, 2, 2, 1), -1.0)


class Sum(nn.Module):
  """A map of two equal logits, each `weight` times the sum of the last channel: slope 2 weight."""

  norm: str = "none"

  @nn.compact
  def __call__(self, images, *, train):
    del train
    weight = self.param("weight", nn.initializers.constant(1.5), ())
    return jnp.tile(weight * jnp.sum(images[..., -1:], axis=(1, 2))[:, None], (1, 1, 2))


class Twice(nn.Module):
  """Two scales with activations before the logits, of which the second is half the first."""

  @nn.compact
  def __call__(self, images, *, train):
    logits = Sum()(images, train=train)
    return [[images, logits], [images, 0.5 * logits]]


def _loss(discriminator=None, planes=None, **weights):
  discriminator = discriminator or Sum()
  own = penalized(discriminator, adversarial="wasserstein", **weights)
  shown = REALS if planes is None else jnp.concatenate([planes, REALS], axis=-1)
  params = discriminator.init(KEY, shown, train=True)["params"]
  before = own.start({})
  _, *told = own.tell_apart(params, before, REALS, FAKES, KEY, planes)
  return told


@pytest.mark.parametrize(
  ("weights", "expected"),
  [
    ({"gradient_penalty_weight": 10.0}, 10.0 * (3.0 - 1.0) ** 2),
    ({"r1_weight": 2.0}, 2.0 * 9.0 / 2.0),
    ({"r2_weight": 3.0}, 3.0 * 9.0 / 2.0),
    # Logits are 1.5 * 2 and 1.5 * -4, and so are the anchors after one batch.
    ({"lecam_weight": 0.1}, 0.1 * 2.0 * 9.0**2),
    ({"r1_weight": 2.0, "lecam_weight": 0.1}, 9.0 + 16.2),
    ({"r1_weight": 0.0}, 0.0),
  ],
)
def test_numbers_by_hand(weights, expected):
  loss, after, metrics = _loss(**weights)
  np.testing.assert_allclose(loss, expected, rtol=1e-5)
  own = metrics.keys() - {"accuracy", "real_logits", "fake_logits"}
  assert {f"{name}_weight" for name in own} == {name for name, w in weights.items() if w}
  if "lecam_weight" in weights:
    np.testing.assert_allclose(after["lecam"]["real"], (1 - LECAM_DECAY) * 3.0, rtol=1e-5)
    np.testing.assert_allclose(after["lecam"]["fake"], (1 - LECAM_DECAY) * -6.0, rtol=1e-5)
  else:
    assert after == {}


def test_scales_count_alike_and_anchors_are_unbiased():
  own = penalties(Sum(), lecam_weight=1.0)
  fine = jnp.full((2, 8, 8, 1), 1.0), jnp.full((2, 8, 8, 1), -1.0)
  coarse = jnp.full((2, 1, 1, 1), 3.0), jnp.full((2, 1, 1, 1), -3.0)
  loss, anchors, _ = own.terms(None, (REALS, FAKES), [fine, coarse], own.start(), KEY)
  # Both anchors are +-2: the fine logits are 3 from the other one, the coarse ones 5.
  np.testing.assert_allclose(loss, 0.5 * (2 * 3.0**2 + 2 * 5.0**2), rtol=1e-5)
  loss, anchors, _ = own.terms(None, (REALS, FAKES), [coarse], anchors, KEY)
  seen = (LECAM_DECAY * 2.0 + 3.0) / (LECAM_DECAY + 1.0)
  np.testing.assert_allclose(anchors["real"] / anchors["weight"], seen, rtol=1e-5)
  np.testing.assert_allclose(loss, 2 * (3.0 + seen) ** 2, rtol=1e-5)


def test_slopes_add_over_scales_and_planes_do_not_count():
  np.testing.assert_allclose(_loss(Twice(), r1_weight=1.0)[0], 4.5**2 / 2.0, rtol=1e-5)
  planes = jnp.ones((2, 2, 2, 3))
  np.testing.assert_allclose(_loss(planes=planes, r1_weight=1.0)[0], 4.5, rtol=1e-5)


def test_batch_normalisation_is_refused():
  with pytest.raises(ValueError, match=r"set discriminator\.norm to none or instance"):
    penalized(Sum(norm="batch"), adversarial="hinge", r1_weight=1.0)
  with pytest.raises(ValueError, match="batch normalisation mixes"):
    pix2pix(UNet(), PatchDiscriminator(), gradient_penalty_weight=10.0)
  penalized(Sum(norm="batch"), adversarial="hinge", lecam_weight=1.0)  # No gradient of an image.


def _images(seed):
  return jax.random.uniform(jax.random.key(seed), (2, 8, 8, 3), minval=-1.0)


PATCHES = PatchDiscriminator(num_layers=1, features=2, norm="none")
SMALL = {"layers": ("image",), "head_features": 2, "num_patches": 4}
AUTOENCODER = {"num_blocks": 0, "num_levels": 1, "features": 2}


STYLED = ContentStyleGenerator(
  latent_size=2, num_style_levels=1, style_features=2, **{**AUTOENCODER, "num_blocks": 1}
)
METHODS = {
  "pix2pix": lambda **w: pix2pix(UNet(num_levels=2, features=2), PATCHES, **w),
  "cyclegan": lambda **w: cyclegan(*[ResNet(num_blocks=0, features=2)] * 2, PATCHES, **w),
  "cut": lambda **w: cut(ResNet(num_blocks=0, features=2), PATCHES, **SMALL, **w),
  "unsb": lambda **w: unsb(
    ResNet(num_blocks=1, features=2, latent_at="blocks"),
    PATCHES,
    num_times=1,
    latent_size=2,
    **SMALL,
    **w,
  ),
  "munit": lambda **w: munit(*[STYLED] * 2, PATCHES, latent_size=2, **w),
  "unit": lambda **w: unit(*[ContentGenerator(**AUTOENCODER)] * 2, PATCHES, **w),
}


TWO_WAY = ("cyclegan", "munit", "unit")


def _batch(name):
  names = ("a", "b") if name in TWO_WAY else ("source", "target")
  return dict(zip(names, (_images(0), _images(1)), strict=True))


@pytest.mark.parametrize("name", METHODS)
def test_methods_add_them_to_what_their_discriminators_minimize(name):
  """The loss with penalties is the loss without and the weighed penalties that it reports."""
  two, batch = name in TWO_WAY, _batch(name)
  options = {"adversarial": "wasserstein"}
  plain = METHODS[name](**options)
  first = {"gradient_penalty": 10.0} if name == "cyclegan" else {"r1": 3.0}
  weights = {**first, "lecam": 0.1}
  method = METHODS[name](**options, **{f"{key}_weight": value for key, value in weights.items()})

  @jax.jit
  def losses(key):
    params, extras = method.init(key, batch)
    outputs, extras = method.generate(params["generator"], extras, batch, key)
    judges = params["discriminator"]
    loss, (moved, metrics) = method.discriminator_loss(judges, extras, outputs, batch, key)
    _, without = plain.init(key, batch)
    before, _ = plain.discriminator_loss(judges, without, outputs, batch, key)
    return loss, before, metrics, moved["discriminator"]

  loss, before, metrics, moved = losses(KEY)
  added = sum(
    weight * metrics[f"discriminator/{title}{suffix}"]
    for title, weight in weights.items()
    for suffix in (("_a", "_b") if two else ("",))
  )
  np.testing.assert_allclose(loss, before + added, rtol=1e-4)
  assert added > 0.0
  own = {"munit": moved, "unit": moved, "cyclegan": moved, "unsb": {"images": moved.get("images")}}
  for state in own.get(name, {"": moved}).values():
    assert float(jnp.abs(state["lecam"]["real"])) > 0.0


SCALES = MultiScaleDiscriminator(num_scales=1, num_layers=0, features=2, norm="none")


@pytest.mark.parametrize("name", [*METHODS, "pix2pixhd"])
def test_a_discriminator_that_nobody_plays_against_has_no_accuracy(name):
  """It always wins, which is no alarm then."""
  batch = _batch(name)
  build = METHODS.get(name, lambda **w: pix2pixhd(ResNet(num_blocks=0, features=2), SCALES, **w))

  def metrics(weight):
    method = build(adversarial_weight=weight)

    def judge(key):
      params, extras = method.init(key, batch)
      outputs, extras = method.generate(params["generator"], extras, batch, key)
      return method.discriminator_loss(params["discriminator"], extras, outputs, batch, key)

    return jax.eval_shape(judge, KEY)[1][1].keys()

  played, alone = metrics(1.0), metrics(0.0)
  assert alone < played
  assert all(each.startswith("discriminator/accuracy") for each in played - alone)

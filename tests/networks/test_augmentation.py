"""Augmentations in front of a discriminator, each by what it does to pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.methods import pix2pix
from imtrans.methods.judging import adapted
from imtrans.networks import (
  ConvolutionalDiscriminator,
  MultiScaleDiscriminator,
  PatchDiscriminator,
  PixelDiscriminator,
  UNet,
)
from imtrans.networks.augmentation import (
  AUGMENTATIONS,
  augment,
  change_colors,
  cut_out,
  translate_some,
)
from imtrans.training.accumulation import over_parts
from imtrans.training.collectives import list_collectives
from imtrans.training.mesh import batch_sharding, make_mesh, on_mesh, replicated

KEY = jax.random.key(0)


def _images(seed, shape=(4, 16, 16, 3)):
  return jax.random.uniform(jax.random.key(seed), shape, minval=-1.0)


def test_colors_change_by_a_level_a_saturation_and_a_contrast():
  """What is left of an image after its mean and its greys are taken out has one factor."""
  images, changed = _images(0), change_colors(_images(0), KEY)
  draws = jax.random.uniform(KEY, (3, 4, 1, 1, 1))
  for index in range(4):
    before, after = np.asarray(images[index]), np.asarray(changed[index])
    shift, saturation, contrast = np.asarray(draws[:, index, 0, 0, 0])
    brightness, saturation, contrast = shift - 0.5, 2.0 * saturation, contrast + 0.5
    np.testing.assert_allclose(after.mean(), before.mean() + brightness, atol=1e-5)
    grey, was = after.mean(axis=-1, keepdims=True), before.mean(axis=-1, keepdims=True)
    np.testing.assert_allclose(after - grey, saturation * contrast * (before - was), atol=1e-5)
    np.testing.assert_allclose(grey - after.mean(), contrast * (was - before.mean()), atol=1e-5)


def test_colors_are_kept_on_average():
  image = jnp.broadcast_to(_images(0, (1, 2, 2, 3)), (20_000, 2, 2, 3))
  mean = jnp.mean(change_colors(image, KEY), axis=0)
  np.testing.assert_allclose(mean, image[0], atol=0.02)


def test_translations_move_whole_images_by_up_to_an_eighth():
  rows, columns = jnp.meshgrid(jnp.arange(1.0, 17.0), jnp.arange(1.0, 17.0), indexing="ij")
  images = jnp.broadcast_to(jnp.stack([rows, columns], axis=-1)[None], (200, 16, 16, 2))
  moved = np.asarray(translate_some(images, KEY))
  seen = set()
  for image in moved:
    inside = image[..., 0] > 0.0
    down = np.nonzero(inside)[0] + 1 - image[..., 0][inside]
    right = np.nonzero(inside)[1] + 1 - image[..., 1][inside]
    assert len({*down}) == len({*right}) == 1
    assert inside.sum() == (16 - abs(down[0])) * (16 - abs(right[0]))
    seen.add((int(down[0]), int(right[0])))
  assert {step for steps in seen for step in steps} == {-2, -1, 0, 1, 2}
  assert len(seen) == 25


@pytest.mark.parametrize("shape", [(2, 2), (1, 4)])
@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_split_images_are_changed_as_whole_ones_and_not_gathered(kind, shape):
  images, mesh = _images(4, (8, 32, 16, 3)), make_mesh(shape)

  def loss(images, key):
    changed = augment(images, key, (kind,), color_channels=3, probability=0.8)
    return jnp.sum(jnp.sin(3.0 * changed)), changed

  run = jax.value_and_grad(loss, has_aux=True)
  split = jax.device_put(images, batch_sharding(mesh))
  compiled = jax.jit(on_mesh(mesh, run)).lower(split, KEY).compile()
  (_, changed), slopes = compiled(split, jax.device_put(KEY, replicated(mesh)))
  (_, expected), expected_slopes = jax.jit(run)(images, KEY)
  np.testing.assert_allclose(changed, expected, atol=1e-6)
  np.testing.assert_allclose(slopes, expected_slopes, atol=1e-5)
  kinds = {collective.kind for collective in list_collectives(compiled.as_text())}
  assert kinds <= {"all-reduce", "collective-permute"}


def test_cutouts_are_rectangles_of_at_most_half_the_sides():
  cut = np.asarray(cut_out(jnp.ones((300, 16, 16, 2)), KEY))
  sizes = set()
  for image in cut:
    rows, columns = np.nonzero(image[..., 0] == 0.0)
    assert (image[..., 0] == image[..., 1]).all()
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert len(rows) == height * width and max(height, width) <= 8
    sizes.add((int(height), int(width)))
  assert (8, 8) in sizes and min(height for height, _ in sizes) == 4  # Half over the border.


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_probability_is_the_share_of_images_that_change(kind):
  images = _images(0, (400, 8, 8, 3))
  np.testing.assert_array_equal(augment(images, KEY, (kind,), probability=0.0), images)
  changed = jnp.any(augment(images, KEY, (kind,), probability=0.3) != images, axis=(1, 2, 3))
  np.testing.assert_allclose(jnp.mean(changed), 0.3, atol=0.08)


def test_gradients_flow_through_all_of_them():
  weights = _images(1)

  def total(images):
    return jnp.sum(weights * augment(images, KEY, AUGMENTATIONS))

  images = _images(0)
  total = jax.jit(total)
  slope = jax.jit(jax.grad(total))(images)
  direction = _images(2)
  step = 1e-2
  difference = (total(images + step * direction) - total(images - step * direction)) / (2 * step)
  np.testing.assert_allclose(jnp.sum(slope * direction), difference, rtol=1e-2)
  holes = jax.grad(lambda images: jnp.sum(cut_out(images, KEY)))(images)
  assert set(np.unique(holes)) == {0.0, 1.0}


def test_pairs_are_moved_together_and_recolored_apart():
  """A source beside its image, here a copy of it, stays at its place and keeps its colours."""
  images = _images(0)
  pair = jnp.concatenate([images, images], axis=-1)
  moved = augment(pair, KEY, ("translation", "cutout"), color_channels=3)
  np.testing.assert_array_equal(moved[..., :3], moved[..., 3:])
  recolored = augment(pair, KEY, ("color",), color_channels=3)
  np.testing.assert_array_equal(recolored[..., :3], images)
  assert bool(jnp.all(jnp.any(recolored[..., 3:] != images, axis=(1, 2, 3))))


def test_unknown_kinds_are_refused_with_the_known():
  with pytest.raises(ValueError, match="unknown augmentation 'flip': choose among color, trans"):
    augment(_images(0), KEY, ("flip",))


DISCRIMINATORS = {
  "patch": PatchDiscriminator(num_layers=1, features=2, norm="none", augment=AUGMENTATIONS),
  "pixel": PixelDiscriminator(features=2, norm="none", augment=AUGMENTATIONS),
  "multiscale": MultiScaleDiscriminator(num_layers=1, features=2, augment=AUGMENTATIONS),
  "convolutional": ConvolutionalDiscriminator(
    num_layers=2, features=2, norm="none", augment=AUGMENTATIONS
  ),
}


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_discriminators_draw_anew_in_each_training_pass(name):
  module, images = DISCRIMINATORS[name], _images(0)
  bare = module.clone(augment=())

  @jax.jit
  def run():
    variables = module.init(KEY, images, train=True)

    def judge(variables):
      logits, state = module.apply(variables, images, train=True, mutable=["augmentation"])
      return logits, {**variables, **state}

    first, moved = judge(variables)
    used = module.apply(variables, images, train=False)
    without = bare.apply({"params": variables["params"]}, images, train=False)
    return first, judge(variables)[0], judge(moved)[0], used, without

  first, again, second, used, without = (jax.tree.leaves(logits)[-1] for logits in run())
  np.testing.assert_array_equal(first, again)
  assert bool(jnp.any(first != second))
  np.testing.assert_allclose(used, without, rtol=1e-6)


def test_methods_carry_the_key_in_their_extras():
  discriminator = PatchDiscriminator(
    num_layers=1, features=2, norm="none", augment=("translation",), color_channels=3
  )
  method = pix2pix(UNet(num_levels=2, features=2, norm="none", dropout=0.0), discriminator)
  batch = {"source": _images(0), "target": _images(1)}

  @jax.jit
  def judged(key):
    params, extras = method.init(key, batch)
    outputs, extras = method.generate(params["generator"], extras, batch, key)
    judges = params["discriminator"]
    _, (moved, _) = method.discriminator_loss(judges, extras, outputs, batch, key)
    slope = jax.grad(lambda own: method.generator_loss(judges, moved, own, batch, key)[0])(outputs)
    return extras["discriminator"], moved["discriminator"], slope["fake"]

  before, after, slope = judged(KEY)
  keys = [state["augmentation"]["augmentation"]["key"] for state in (before, after)]
  assert keys[0].shape == keys[1].shape == (2,) and bool(jnp.any(keys[0] != keys[1]))
  assert bool(jnp.all(jnp.isfinite(slope))) and bool(jnp.any(slope != 0.0))


def test_probability_rises_while_real_images_are_known_for_sure():
  """By a hundredth for a batch of four in a ramp of 400, between 0 and 1."""
  module = PatchDiscriminator(
    num_layers=1,
    features=2,
    norm="none",
    augment=AUGMENTATIONS,
    augment_ramp=400,
    augment_probability=0.5,
  )
  variables = dict(jax.jit(lambda: module.init(KEY, _images(0), train=True))())
  del variables["params"]
  sure, unsure, fakes = (
    jnp.full((4, 1), 2.0),
    jnp.array([[2.0], [2.0], [2.0], [-1.0]]),
    -jnp.ones(4),
  )

  def probability(logits, state=variables, adversarial="vanilla"):
    moved = adapted(module, state, [(logits, fakes)], count=4, adversarial=adversarial)
    return moved, float(moved["augmentation"]["augmentation"]["probability"])

  assert probability(sure)[1] == pytest.approx(0.51)
  assert probability(unsure)[1] == pytest.approx(0.49)  # Three of four: a mean sign of 1/2.
  assert probability(0.25 * sure, adversarial="least_squares")[1] == pytest.approx(0.49)  # At 1/2.
  state = variables
  for _ in range(60):
    state, value = probability(sure, state)
  assert value == 1.0
  plain = module.clone(augment_ramp=0)
  same = adapted(plain, variables, [(sure, fakes)], count=4, adversarial="vanilla")
  assert same is variables
  # Of two scales the coarse one, of few patches, counts as much as the fine one.
  fine, coarse = (jnp.full((4, 8), 2.0), -jnp.ones((4, 8))), (-sure, fakes)
  moved = adapted(module, variables, [fine, coarse], count=4, adversarial="vanilla")
  assert moved["augmentation"]["augmentation"]["probability"] == pytest.approx(0.49)


def test_parts_of_a_batch_draw_for_themselves_and_their_moves_add_up():
  key = jax.random.key_data(KEY)
  own = {"augmentation": {"key": key, "probability": jnp.float32(0.5)}}
  extras = {"discriminator": {"augmentation": own}, "key": key}

  def moved(extras, part, own_key):
    state = extras["discriminator"]["augmentation"]["augmentation"]
    probability = state["probability"] + 0.01 * jnp.sign(jnp.mean(part["source"]))
    state = {**state, "probability": probability}
    made = {"discriminator": {"augmentation": {"augmentation": state}}, "key": extras["key"]}
    return jax.random.uniform(jax.random.wrap_key_data(state["key"])), made

  def over(values):
    batch = {"source": jnp.array(values)}
    drawn, made = over_parts(moved, extras, batch, KEY, count=4, unroll=True)
    return drawn, made["discriminator"]["augmentation"]["augmentation"]["probability"], made["key"]

  drawn, up, untouched = over([1.0, 1.0, 1.0, 1.0])
  alone = jax.random.uniform(KEY)
  assert float(drawn) != pytest.approx(float(alone))
  assert up == pytest.approx(0.54)
  np.testing.assert_array_equal(untouched, key)  # Of no augmentation.
  assert over([1.0, 1.0, 1.0, -1.0])[1] == pytest.approx(0.52)
  assert over([-1.0] * 4)[1] == pytest.approx(0.46)

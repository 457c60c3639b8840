"""gan and cgan: conditions, losses by hand, players that leave each other alone, an overfit."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.stats import norm

from imtrans.methods import cgan, gan
from imtrans.methods.adversary import adversary
from imtrans.methods.conditions import labels_of_plane, normal_of_static, read_condition
from imtrans.methods.penalties import LECAM_DECAY
from imtrans.networks import (
  ConvolutionalDiscriminator,
  ConvolutionalGenerator,
  PatchDiscriminator,
  PerceptronDiscriminator,
  PerceptronGenerator,
  UNet,
)
from imtrans.training.optimization import adam
from imtrans.training.state import create_state
from imtrans.training.step import make_train_step

KEY = jax.random.key(0)
PALETTE = ((0, 0, 0), (255, 255, 255))


def _static(seed, batch=4, side=8):
  levels = np.random.default_rng(seed).integers(0, 65536, (batch, side, side, 1))
  return jnp.asarray(2.0 * levels / 65535.0 - 1.0, jnp.float32)


def _images(seed, batch=4, side=8, channels=3):
  coarse = jax.random.uniform(jax.random.key(seed), (batch, 2, 2, channels), minval=-1.0)
  return jax.image.resize(coarse, (batch, side, side, channels), "linear")


def _plane(labels, num_classes, side=8):
  values = 2.0 * jnp.asarray(labels, jnp.float32) / (num_classes - 1) - 1.0
  return jnp.broadcast_to(values[:, None, None, None], (len(labels), side, side, 1))


def _dense(**options):
  generator = PerceptronGenerator(out_channels=3, size=8, num_layers=1, features=16)
  return gan(generator, PerceptronDiscriminator(num_layers=1, features=8), latent_size=5, **options)


def _convolutional(norm="none", **options):
  generator = ConvolutionalGenerator(size=8, num_levels=1, features=4)
  discriminator = ConvolutionalDiscriminator(num_layers=1, features=4, norm=norm)
  return gan(generator, discriminator, latent_size=5, **options)


def _by_class(judged_label="projection", **options):
  generator = ConvolutionalGenerator(size=8, num_levels=1, features=4)
  discriminator = ConvolutionalDiscriminator(num_layers=1, features=4, norm="none")
  options = {"static": True, "num_classes": 3, "latent_size": 5, **options}
  return cgan(generator, discriminator, judged_label=judged_label, **options)


def _by_picture(**options):
  generator = UNet(num_levels=2, features=8, norm="instance", dropout=0.0, skips=False)
  discriminator = ConvolutionalDiscriminator(num_layers=1, features=4, norm="none")
  return cgan(generator, discriminator, **{"l1_weight": 10.0, **options})


NOISE = {"source": _static(0), "target": _images(1)}
LABELLED = {
  "source": jnp.concatenate([_static(0), _plane([0, 1, 2, 1], 3)], axis=-1),
  "target": _images(1),
}
PICTURES = {"source": _images(0), "target": _images(1)}
BOTH = {"source": jnp.concatenate([_images(0), _plane([0, 1, 2, 1], 3)], axis=-1)} | {
  "target": _images(1)
}
CASES = {
  "perceptrons": (_dense, NOISE),
  "hinge": (lambda: _convolutional(adversarial="hinge"), NOISE),
  "wgan_gp": (
    lambda: _convolutional(adversarial="wasserstein", gradient_penalty_weight=10.0),
    NOISE,
  ),
  "lecam": (lambda: _convolutional(lecam_weight=0.1, r1_weight=1.0, r2_weight=1.0), NOISE),
  "projection": (_by_class, LABELLED),
  "embedding": (lambda: _by_class("embedding", label_features=2), LABELLED),
  "picture": (_by_picture, PICTURES),
  "both": (lambda: _by_picture(num_classes=3, latent_size=2), BOTH),
}


def _norm(tree):
  return float(optax.tree.norm(tree))


def _at_rate():
  """Gradient descent whose rate is its state, so that one compiled step serves every rate."""
  return optax.GradientTransformation(
    lambda params: jnp.float32(0.0),
    lambda updates, rate, params: (jax.tree.map(lambda u: -rate * u, updates), rate),
  )


@pytest.mark.parametrize("name", CASES)
def test_each_loss_moves_its_own_player_alone(name):
  """One step in which a player rests leaves it where it is, whatever moves its opponent."""
  build, batch = CASES[name]
  method, players = build(), ("generator", "discriminator")
  optimizers = {player: _at_rate() for player in players}
  start = jax.jit(lambda batch: create_state(method, optimizers, batch, seed=0, keep_ema=False))
  state, step = start(batch), jax.jit(make_train_step(method, optimizers))
  for mover in players:
    rates = {player: jnp.float32(0.1 if player == mover else 0.0) for player in players}
    after, metrics = step(state.replace(opt_state=rates), batch)
    change = jax.tree.map(jnp.subtract, after.params, state.params)
    for player in players:
      assert (_norm(change[player]) > 0.0) == (player == mover)
    for metric, value in metrics.items():
      assert metric.split("/")[0] in players and np.isfinite(value), metric


def test_static_is_standard_normal_and_read_row_by_row():
  plane = _static(3, batch=200)[..., 0]
  codes = normal_of_static(plane, 64)
  levels = np.rint((np.asarray(plane, np.float64) + 1.0) * 0.5 * 65535).reshape(200, 64)
  np.testing.assert_allclose(codes, norm.ppf((levels + 0.5) / 65536), atol=2e-2)
  assert abs(float(codes.mean())) < 0.03 and abs(float(codes.std()) - 1.0) < 0.03
  np.testing.assert_array_equal(codes[:, :9], normal_of_static(plane, 9))
  ends = normal_of_static(jnp.array([[[-1.0, 1.0]]]), 2)[0]
  assert np.isfinite(ends).all() and ends[0] < -4.0 and ends[1] > 4.0
  for size in (0, 65):
    with pytest.raises(ValueError, match=f"from 1 to 64 for static of 8x8 pixels, got {size}"):
      normal_of_static(plane, size)


def test_a_source_is_taken_apart():
  source = jnp.concatenate([_static(0), _images(0), _plane([2, 0, 1, 1], 3)], axis=-1)
  found = read_condition(source, latent_size=5, static=True, num_classes=3)
  np.testing.assert_array_equal(found.image, _images(0))
  np.testing.assert_array_equal(jnp.argmax(found.labels, axis=1), [2, 0, 1, 1])
  assert found.latent.shape == (4, 5)
  nothing = read_condition(_images(0), latent_size=5, static=False, num_classes=0)
  assert nothing.latent is None and nothing.labels is None


@pytest.mark.parametrize("num_classes", [2, 7, 256])
def test_every_class_survives_8_bits(num_classes):
  stored = np.rint(255 * np.arange(num_classes) / (num_classes - 1))
  planes = jnp.asarray(2.0 * stored / 255.0 - 1.0, jnp.float32)[:, None, None]
  found = jnp.argmax(labels_of_plane(planes, num_classes), axis=1)
  np.testing.assert_array_equal(found, np.arange(num_classes))


class Linear(PerceptronDiscriminator):
  """Logit = sum of the image times `slope`, without parameters but one that does nothing."""

  slope: float = 0.5

  def setup(self):
    self.idle = self.param("idle", lambda key: jnp.zeros(()))

  def __call__(self, images, *, train):
    del train
    return self.slope * jnp.sum(images, axis=(1, 2, 3))[:, None] + 0.0 * self.idle


def _opponent(**options):
  module = Linear()
  variables = module.init(KEY, jnp.zeros((1, 2, 2, 1)), train=True)
  opponent = adversary(module, **options)
  return opponent, variables["params"], opponent.start({})


REALS, FAKES = jnp.full((2, 2, 2, 1), 0.25), jnp.full((2, 2, 2, 1), -0.5)  # Logits 0.5 and -1.


@pytest.mark.parametrize(
  ("options", "discriminator", "generator"),
  [
    (
      {"adversarial": "minimax"},
      np.log1p(np.exp(-0.5)) + np.log1p(np.exp(-1.0)),
      -np.log1p(np.exp(-1.0)),
    ),
    (
      {"adversarial": "vanilla", "discriminator_weight": 0.5},
      0.5 * (np.log1p(np.exp(-0.5)) + np.log1p(np.exp(-1.0))),
      np.log1p(np.exp(1.0)),
    ),
    ({"adversarial": "least_squares"}, 0.5 * (0.25 + 1.0), 4.0),
    ({"adversarial": "hinge"}, 0.5 + 0.0, 1.0),
    ({"adversarial": "wasserstein"}, -1.5, 1.0),
    # Four weights of 0.5: |w| = 1 and |w|^2 / 2 = 0.5.
    ({"adversarial": "wasserstein", "gradient_penalty_weight": 10.0}, -1.5, 1.0),
    ({"adversarial": "wasserstein", "r1_weight": 3.0}, -1.5 + 1.5, 1.0),
    ({"adversarial": "wasserstein", "r2_weight": 2.0}, -1.5 + 1.0, 1.0),
    ({"adversarial": "wasserstein", "lecam_weight": 0.1}, -1.5 + 0.1 * 2 * 1.5**2, 1.0),
  ],
)
def test_losses_by_hand(options, discriminator, generator):
  opponent, params, extras = _opponent(**options)
  loss, (extras, metrics) = opponent.discriminator_loss(
    params, extras, REALS, FAKES, None, None, KEY
  )
  np.testing.assert_allclose(loss, discriminator, rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(metrics["discriminator/real_logits"], 0.5, rtol=1e-6)
  np.testing.assert_allclose(metrics["discriminator/fake_logits"], -1.0, rtol=1e-6)
  score = opponent.generator_loss(params, extras, FAKES, None, None)
  np.testing.assert_allclose(score, generator, rtol=1e-5, atol=1e-6)
  if "lecam_weight" in options:
    moved = {"real": (1 - LECAM_DECAY) * 0.5, "fake": (1 - LECAM_DECAY) * -1.0}
    for kind, value in moved.items():
      np.testing.assert_allclose(extras["lecam"][kind], value, rtol=1e-5)


def test_penalties_are_of_the_image_and_not_of_the_condition():
  """Planes beside the image would double the slope of this critic if they counted."""
  opponent, params, extras = _opponent(adversarial="wasserstein", gradient_penalty_weight=10.0)
  planes = jnp.zeros_like(REALS)
  loss, _ = opponent.discriminator_loss(params, extras, REALS, FAKES, planes, None, KEY)
  np.testing.assert_allclose(loss, -1.5, rtol=1e-5)


def test_terms_of_cgan_by_hand():
  method, (_, batch) = _by_picture(l1_weight=7.0), CASES["picture"]
  params, extras = jax.jit(method.init)(KEY, batch)
  outputs, extras = jax.jit(method.generate)(params["generator"], extras, batch, KEY)
  loss, metrics = jax.jit(method.generator_loss)(
    params["discriminator"], extras, outputs, batch, KEY
  )
  l1 = np.mean(np.abs(np.asarray(outputs["fake"]) - np.asarray(batch["target"])))
  np.testing.assert_allclose(metrics["generator/l1"], l1, rtol=1e-5)
  np.testing.assert_allclose(loss, metrics["generator/adversarial"] + 7.0 * l1, rtol=1e-5)
  # Logits near zero at the start: -log sigmoid(0).
  np.testing.assert_allclose(metrics["generator/adversarial"], np.log(2.0), atol=0.05)


@pytest.mark.parametrize("judged_label", ["concatenation", "embedding", "projection"])
def test_the_discriminator_is_told_the_class(judged_label):
  method = _by_class(judged_label)
  params, extras = jax.jit(method.init)(KEY, LABELLED)
  params = jax.tree.map(lambda leaf: 10.0 * leaf, params)
  swapped = {**LABELLED, "source": LABELLED["source"].at[..., 1:].set(_plane([2, 2, 0, 0], 3))}
  outputs = {"fake": LABELLED["target"]}

  def score(batch):
    return method.generator_loss(params["discriminator"], extras, outputs, batch, KEY)[0]

  assert abs(float(score(LABELLED) - score(swapped))) > 1e-4


@pytest.mark.parametrize("label_code", ["concatenation", "embedding"])
def test_the_generator_is_told_the_class_and_the_noise(label_code):
  method = _by_class(label_code=label_code, label_features=4)
  params, extras = jax.jit(method.init)(KEY, LABELLED)
  dense = params["generator"]["network"]["dense"]["kernel"]
  assert dense.shape[2] == 5 + (3 if label_code == "concatenation" else 4)
  same = jnp.broadcast_to(LABELLED["source"][:1], LABELLED["source"].shape)
  for source in (
    same.at[..., 1:].set(_plane([0, 1, 2, 1], 3)),  # Of one noise.
    LABELLED["source"].at[..., 1:].set(_plane([1, 1, 1, 1], 3)),  # Of one class.
  ):
    images = method.translate(params["generator"], extras, source, KEY, direction="ab", mode="test")
    assert float(jnp.max(jnp.abs(images[0] - images[2]))) > 1e-5
  again = method.translate(
    params["generator"], extras, same, jax.random.key(1), direction="ab", mode="test"
  )
  np.testing.assert_allclose(again[0], again[3], atol=1e-6)  # The key draws nothing.


def test_a_semantic_map_is_seen_as_planes():
  labels = jnp.where(_images(0)[..., :1] > 0, 1.0, -1.0) * jnp.ones((1, 1, 1, 3))
  method = _by_picture(colors=PALETTE)
  params, _ = jax.jit(method.init)(KEY, {"source": labels, "target": _images(1)})
  assert params["generator"]["network"]["encoder_0"]["kernel"].shape[2] == 2
  assert params["discriminator"]["network"]["layer_0"]["kernel"].shape[2] == 2 + 3


def test_it_learns_to_make_the_one_picture_there_is():
  batch = {"source": _static(0, 8), "target": jnp.broadcast_to(_images(1, 1), (8, 8, 8, 3))}
  method = _dense(r1_weight=10.0)  # Without it the players circle each other.
  optimizers = {p: adam(optax.constant_schedule(1e-2)) for p in ("generator", "discriminator")}
  start = jax.jit(lambda batch: create_state(method, optimizers, batch, seed=0, keep_ema=False))
  state, step = start(batch), jax.jit(make_train_step(method, optimizers))

  @jax.jit
  def distance(state):
    fake = method.generate(state.params["generator"], state.extras, batch, KEY)[0]["fake"]
    return jnp.mean(jnp.abs(fake - batch["target"]))

  first = distance(state)
  for _ in range(200):
    state, _ = step(state, batch)
  assert distance(state) < 0.45 * first


def test_a_conditional_one_overfits_its_pairs():
  method, (_, batch) = _by_picture(num_classes=3, l1_weight=100.0), CASES["both"]
  optimizers = {p: adam(optax.constant_schedule(1e-2)) for p in ("generator", "discriminator")}
  start = jax.jit(lambda batch: create_state(method, optimizers, batch, seed=0, keep_ema=False))
  state, step = start(batch), jax.jit(make_train_step(method, optimizers))
  state, first = step(state, batch)
  for _ in range(150):
    state, last = step(state, batch)
  assert last["generator/l1"] < 0.5 * first["generator/l1"]


def test_what_does_not_fit_is_refused():
  for weights in ({"gradient_penalty_weight": 10.0}, {"r1_weight": 1.0}, {"r2_weight": 1.0}):
    with pytest.raises(ValueError, match=r"which batch normalisation mixes: set discriminator\.n"):
      _convolutional("batch", **weights)
  with pytest.raises(ValueError, match="judged_label must be one of concatenation, embedding, pro"):
    _by_class("sum")
  with pytest.raises(ValueError, match="from 1 to 64 for static of 8x8 pixels, got 65"):
    _by_class(latent_size=65).init(KEY, LABELLED)
  with pytest.raises(ValueError, match="no condition"):
    _by_picture().init(KEY, {**BOTH, "source": BOTH["source"][..., :0]})
  method = _dense()
  params, extras = method.init(KEY, NOISE)
  with pytest.raises(ValueError, match="must be static of that size, got 4x4: make pictures with"):
    method.translate(
      params["generator"], extras, _static(0, side=4), KEY, direction="ab", mode="test"
    )


def test_projection_needs_a_discriminator_that_takes_labels():
  discriminator = PatchDiscriminator(num_layers=1, features=4, norm="none")
  generator = ConvolutionalGenerator(size=8, num_levels=1, features=4)
  with pytest.raises(ValueError, match=r"projection needs discriminator\.name=convolutional"):
    cgan(generator, discriminator, static=True, num_classes=3, latent_size=5)

from inspect import signature

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from imtrans.commands.configuration import load_config
from imtrans.methods import (
  METHODS,
  bicyclegan,
  cut,
  cyclegan,
  munit,
  neural_transport,
  pix2pix,
  pix2pixhd,
  sinkhorn,
  spade,
  stargan2,
  unit,
  unsb,
)
from imtrans.networks import (
  AdaINGenerator,
  ContentGenerator,
  ContentStyleGenerator,
  ConvEncoder,
  DomainDiscriminator,
  DomainEncoder,
  MultiScaleDiscriminator,
  PatchDiscriminator,
  ResNet,
  ResNetEncoder,
  SPADEGenerator,
  UNet,
)
from imtrans.training.assembly import build_method
from imtrans.training.optimization import adam
from imtrans.training.state import create_state
from imtrans.training.step import make_train_step

pytestmark = pytest.mark.usefixtures("lowered_for_accelerators")

KEY = jax.random.key(0)


def _images(seed, batch=2, channels=3):
  coarse = jax.random.uniform(jax.random.key(seed), (batch, 4, 4, channels), minval=-1.0)
  return jax.image.resize(coarse, (batch, 16, 16, channels), "linear")


def _pix2pix(norm="batch", dropout=0.5, **weights):
  generator = UNet(num_levels=4, features=4, norm=norm, dropout=dropout)
  return pix2pix(generator, PatchDiscriminator(num_layers=1, features=4, norm=norm), **weights)


def _cyclegan(spectral_norm=False, **weights):
  generator = ResNet(num_blocks=1, features=4)
  discriminator = PatchDiscriminator(
    num_layers=1, features=4, norm="instance", spectral_norm=spectral_norm
  )
  return cyclegan(generator, generator, discriminator, **{"pool_size": 4, **weights})


def _cut(**options):
  generator = ResNet(num_blocks=1, features=4)
  discriminator = PatchDiscriminator(num_layers=1, features=4, norm="instance")
  options = {"layers": ("image", "down_1", "block_0"), "head_features": 8, **options}
  return cut(generator, discriminator, num_patches=16, **options)


def _bicyclegan(**options):
  generator = UNet(num_levels=2, features=4, norm="instance", dropout=0.0, latent_at="all")
  discriminator = MultiScaleDiscriminator(num_layers=1, features=4, padding=1, shrink=2)
  encoder = ResNetEncoder(latent_size=3, num_levels=2, features=4)
  return bicyclegan(generator, encoder, discriminator, latent_size=3, **options)


def _pix2pixhd():
  generator = ResNet(num_blocks=1, num_levels=1, features=4)
  return pix2pixhd(generator, MultiScaleDiscriminator(num_layers=1, features=4))


def _spade():
  # A generator this small learns nothing in a few steps under spectral normalisation.
  generator = SPADEGenerator(
    widths=(2, 1, 1), num_levels=1, features=4, hidden_features=8, size=16, spectral_norm=False
  )
  encoder = ConvEncoder(latent_size=2, num_levels=2, features=4)
  discriminator = MultiScaleDiscriminator(num_layers=1, features=4, spectral_norm=True)
  return spade(generator, encoder, discriminator, latent_size=2)


def _munit():
  generator = ContentStyleGenerator(
    latent_size=3, num_blocks=1, num_levels=1, num_style_levels=1, features=4, style_features=4
  )
  discriminator = PatchDiscriminator(num_layers=1, features=4, norm="none")
  return munit(generator, generator, discriminator, latent_size=3)


def _unit():
  generator = ContentGenerator(num_blocks=1, num_levels=1, features=4)
  return unit(generator, generator, PatchDiscriminator(num_layers=1, features=4, norm="none"))


def _stargan2():
  generator = AdaINGenerator(num_levels=1, num_blocks=1, features=4)
  encoder = DomainEncoder(style_size=4, num_levels=2, features=4)
  discriminator = DomainDiscriminator(num_levels=2, features=4)
  options = {"latent_size": 3, "mapping_features": 4, "cycle_weight": 10.0}
  return stargan2(generator, encoder, discriminator, **options, diversity_weight=0.1)


def _of_domain(seed, domain):
  """Images with the planes of one of two domains."""
  plane = jnp.full((2, 16, 16, 1), 2.0 * domain - 1.0)
  return jnp.concatenate([_images(seed), plane], axis=-1)


def _unsb():
  generator = ResNet(num_blocks=1, num_levels=1, features=4, latent_at="blocks")
  critic = PatchDiscriminator(num_layers=1, features=4, norm="instance")
  options = {"layers": ("image", "block_0"), "head_features": 8, "num_patches": 16}
  return unsb(generator, critic, num_times=2, latent_size=3, **options)


def _sinkhorn():
  return sinkhorn(ResNet(num_blocks=1, num_levels=1, features=4), patch_size=2, num_points=16)


def _neural_transport():
  generator = UNet(num_levels=2, features=4, norm="instance", dropout=0.0)
  potential = PatchDiscriminator(num_layers=1, features=4, norm="none")
  return neural_transport(generator, potential, transport_weight=100.0)


DOMAINS = {
  "source": _of_domain(0, 0),
  "target": _of_domain(1, 1),
  "reference": _of_domain(2, 1),
}
PAIR = {"source": _images(0), "target": _images(1)}
# A method, a batch, and what falls by two fifths and more when the batch is learned; None is not
# tried.
CASES = {
  "pix2pix": (lambda: _pix2pix(dropout=0.0), PAIR, "generator/l1"),
  "cyclegan": (_cyclegan, {"a": _images(0), "b": _images(1)}, "generator/cycle_a"),
  "cut": (_cut, PAIR, "generator/nce"),
  "bicyclegan": (_bicyclegan, PAIR, "generator/l1"),
  "pix2pixhd": (_pix2pixhd, PAIR, None),
  "spade": (_spade, PAIR, None),
  "munit": (_munit, {"a": _images(0), "b": _images(1)}, "generator/image_a"),
  "unit": (_unit, {"a": _images(0), "b": _images(1)}, "generator/image_a"),
  "stargan2": (_stargan2, DOMAINS, "generator/cycle"),
  "unsb": (_unsb, PAIR, "generator/nce"),
  "sinkhorn": (_sinkhorn, PAIR, None),
  "neural_transport": (_neural_transport, PAIR, None),
}
# Learned without a term that compares pixels: how near the outputs come to their targets.
BY_PIXELS = ("pix2pixhd", "spade")


@pytest.fixture(params=["pix2pix", "cyclegan", "cut", "bicyclegan"])
def case(request):
  """What the step does with a method, told by four that differ in what they carry."""
  build, batch, _ = CASES[request.param]
  method = build()
  params, extras = jax.jit(method.init)(KEY, batch)
  return method, batch, params, extras


def test_every_method_keeps_the_contract_here():
  assert {*CASES, "gan", "cgan"} == set(METHODS)  # These two: tests/methods/test_gan.py.


@pytest.mark.parametrize(
  "name",
  [name for name, own in METHODS.items() if "adversarial" in signature(own.build).parameters],
)
def test_an_unknown_loss_is_refused_before_anything_is_written(name):
  config = load_config(f"configs/{name}_openmoji.py:tiny", ["--config.method.adversarial=none"])
  with pytest.raises(ValueError, match="unknown adversarial loss 'none': choose one of minimax"):
    build_method(config, {"a": 3, "b": 3})


def _state(method, optimizers, batch, keep_ema=False):
  def create(batch):
    return create_state(method, optimizers, batch, seed=0, keep_ema=keep_ema)

  return jax.jit(create)(batch)


def _norm(tree):
  return float(optax.tree.norm(tree))


def _step_function(method, learning_rate=1e-2, **options):
  optimizers = {
    player: adam(optax.constant_schedule(learning_rate))
    for player in ("generator", "discriminator")
  }
  return optimizers, jax.jit(make_train_step(method, optimizers, **options))


@pytest.mark.parametrize("name", CASES)
def test_every_method_trains(name):
  """Metrics are finite and named by player, both players move, and a batch can be learned."""
  build, batch, held = CASES[name]
  method = build()
  rate = 3e-3 if name in BY_PIXELS else 1e-2
  optimizers, step = _step_function(method, rate, ema_decay=0.9)
  start = _state(method, optimizers, batch, keep_ema=True)
  state, first = step(start, batch)
  for metric, value in first.items():
    assert metric.split("/")[0] in ("generator", "discriminator"), metric
    assert value.shape == () and np.isfinite(value), metric
  assert {"generator/loss", "discriminator/loss"} <= first.keys()
  assert int(state.step) == 1
  change = jax.tree.map(jnp.subtract, state.params, start.params)
  for player in ("generator", "discriminator"):
    owns = bool(jax.tree.leaves(state.params[player]))  # Transport has no discriminator.
    assert (_norm(change[player]) > 0.0) == owns
  if held or name in BY_PIXELS:
    for _ in range(200):
      state, last = step(state, batch)
  if held:
    assert last[held] < 0.5 * first[held]
  if name in BY_PIXELS:
    generate = jax.jit(method.generate)
    before, after = (
      jnp.mean(jnp.abs(outputs["fake"] - batch["target"]))
      for outputs, _ in (
        generate(own.params["generator"], own.extras, batch, KEY) for own in (start, state)
      )
    )
    assert after < 0.5 * before


def test_the_step_updates_as_two_separate_gradients_would(case):
  """One forward pass and a pull-back give the gradients of the losses written out in full.

  So neither player is moved by the other's loss, whatever path it takes.
  """
  method, batch, *_ = case
  sgd = {player: optax.sgd(0.1) for player in ("generator", "discriminator")}
  state = _state(method, sgd, batch)
  keys = jax.random.split(jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step), 3)
  for rule in ("alternating", "simultaneous"):
    after, _ = jax.jit(make_train_step(method, sgd, update_rule=rule))(state, batch)

    outputs, extras = jax.jit(method.generate)(
      state.params["generator"], state.extras, batch, keys[0]
    )
    d_gradient, (extras, _) = jax.jit(jax.grad(method.discriminator_loss, has_aux=True))(
      state.params["discriminator"], extras, outputs, batch, keys[1]
    )
    moved = jax.tree.map(lambda p, g: p - 0.1 * g, state.params["discriminator"], d_gradient)
    opponent = moved if rule == "alternating" else state.params["discriminator"]

    def generator_loss(params, opponent=opponent, extras=extras):
      outputs, _ = method.generate(params, state.extras, batch, keys[0])
      return method.generator_loss(opponent, extras, outputs, batch, keys[2])[0]

    g_gradient = jax.jit(jax.grad(generator_loss))(state.params["generator"])
    expected = jax.tree.map(lambda p, g: p - 0.1 * g, state.params["generator"], g_gradient)
    for player, tree in (("generator", expected), ("discriminator", moved)):
      jax.tree.map(
        lambda got, want: np.testing.assert_allclose(got, want, atol=2e-5),
        after.params[player],
        tree,
      )


def test_pix2pix_terms_by_hand():
  method = _pix2pix(norm="none", l1_weight=7.0, l2_weight=3.0, adversarial_weight=2.0)
  batch = CASES["pix2pix"][1]
  params, extras = jax.jit(method.init)(KEY, batch)
  outputs, extras = jax.jit(method.generate)(params["generator"], extras, batch, KEY)
  loss, metrics = jax.jit(method.generator_loss)(
    params["discriminator"], extras, outputs, batch, KEY
  )
  l1 = np.mean(np.abs(np.asarray(outputs["fake"]) - np.asarray(batch["target"])))
  np.testing.assert_allclose(metrics["generator/l1"], l1, rtol=1e-5)
  l2 = np.mean(np.square(np.asarray(outputs["fake"]) - np.asarray(batch["target"])))
  expected = 2.0 * metrics["generator/adversarial"] + 7.0 * l1 + 3.0 * l2
  np.testing.assert_allclose(loss, expected, rtol=1e-5)
  # Logits near zero at the start: -log sigmoid(0) each, and half of two of them.
  np.testing.assert_allclose(metrics["generator/adversarial"], np.log(2.0), atol=0.02)
  d_loss, _ = method.discriminator_loss(params["discriminator"], extras, outputs, batch, KEY)
  np.testing.assert_allclose(d_loss, np.log(2.0), atol=0.02)


def test_cyclegan_terms_by_hand():
  method = _cyclegan(cycle_weight=3.0, identity_weight=2.0, adversarial_weight=0.5)
  batch = CASES["cyclegan"][1]
  params, extras = jax.jit(method.init)(KEY, batch)
  outputs, extras = jax.jit(method.generate)(params["generator"], extras, batch, KEY)
  loss, metrics = jax.jit(method.generator_loss)(
    params["discriminator"], extras, outputs, batch, KEY
  )

  def distance(name, domain):
    return np.mean(np.abs(np.asarray(outputs[name]) - np.asarray(batch[domain])))

  expected = sum(
    0.5 * metrics[f"generator/adversarial_{name}"]
    + 3.0 * distance(f"reconstructed_{name}", name)
    + 2.0 * distance(f"identity_{name}", name)
    for name in ("a", "b")
  )
  np.testing.assert_allclose(loss, expected, rtol=1e-5)
  # The reconstruction goes through the other domain, the identity does not.
  translate = jax.jit(method.translate, static_argnames=("direction", "mode"))
  there = translate(params["generator"], extras, batch["a"], KEY, direction="ab", mode="test")
  np.testing.assert_allclose(outputs["fake_b"], there, atol=1e-5)
  back = translate(params["generator"], extras, there, KEY, direction="ba", mode="test")
  np.testing.assert_allclose(outputs["reconstructed_a"], back, atol=1e-5)
  straight = translate(params["generator"], extras, batch["a"], KEY, direction="ba", mode="test")
  np.testing.assert_allclose(outputs["identity_a"], straight, atol=1e-5)


@pytest.mark.parametrize(
  ("cycles", "made"), [(("forward",), ["a"]), (("backward",), ["b"]), ((), [])]
)
def test_a_cycle_may_be_left_out(cycles, made):
  """The ablation of the paper: the loss has the terms of the cycles that are there."""
  options = {"identity_weight": 0.0, "adversarial_weight": 2.0, "cycle_weight": 3.0}
  method, batch = _cyclegan(cycles=cycles, **options), CASES["cyclegan"][1]

  @jax.jit
  def losses(key):
    params, extras = method.init(key, batch)
    outputs, extras = method.generate(params["generator"], extras, batch, key)
    return outputs, method.generator_loss(params["discriminator"], extras, outputs, batch, key)

  outputs, (loss, metrics) = losses(KEY)
  assert sorted(outputs) == ["fake_a", "fake_b", *(f"reconstructed_{name}" for name in made)]
  terms = {name: 3.0 for name in metrics if "cycle" in name}
  assert sorted(terms) == [f"generator/cycle_{name}" for name in made]
  terms |= {f"generator/adversarial_{name}": 2.0 for name in "ab"}
  expected = sum(weight * metrics[name] for name, weight in terms.items())
  np.testing.assert_allclose(loss, expected, rtol=1e-5)
  with pytest.raises(ValueError, match=r"must be some of forward, backward, got 'forward'"):
    _cyclegan(cycles="forward")


@pytest.mark.parametrize("name", ["facades", "horse2zebra"])
def test_cyclegan_configs_offer_the_ablation_and_the_noise(name):
  changes = ["--config.method.cycles=('backward',)", "--config.method.cycle_noise=4.0"]
  method = load_config(f"configs/cyclegan_{name}.py:tiny", changes).method
  assert (method.cycles, method.cycle_noise) == (("backward",), 4.0)


def test_identity_weight_zero_makes_no_identity_images():
  method = _cyclegan(identity_weight=0.0)
  batch = CASES["cyclegan"][1]
  params, extras = jax.jit(method.init)(KEY, batch)
  outputs, _ = method.generate(params["generator"], extras, batch, KEY)
  assert sorted(outputs) == ["fake_a", "fake_b", "reconstructed_a", "reconstructed_b"]


def test_spectral_vectors_travel_in_extras():
  method = _cyclegan(spectral_norm=True)
  batch = CASES["cyclegan"][1]
  optimizers, step = _step_function(method)
  state = _state(method, optimizers, batch)
  before = state.extras["discriminator"]["a"]["spectral"]
  state, _ = step(state, batch)
  after = state.extras["discriminator"]["a"]["spectral"]
  assert _norm(jax.tree.map(jnp.subtract, before, after)) > 1e-3


@pytest.mark.parametrize("mode", ["train", "test"])
def test_translation_of_an_image_does_not_depend_on_its_batch(mode):
  method = _pix2pix(norm="batch", dropout=0.0)
  batch = CASES["pix2pix"][1]
  params, extras = jax.jit(method.init)(KEY, batch)
  translate = jax.jit(method.translate, static_argnames=("direction", "mode"))
  together = translate(params["generator"], extras, batch["source"], KEY, direction="ab", mode=mode)
  for index in range(2):
    alone = translate(
      params["generator"],
      extras,
      batch["source"][index : index + 1],
      KEY,
      direction="ab",
      mode=mode,
    )
    np.testing.assert_allclose(alone[0], together[index], atol=1e-5)


def test_dropout_is_noise_in_train_mode_alone():
  method = _pix2pix(norm="none", dropout=0.5)
  batch = CASES["pix2pix"][1]
  params, extras = jax.jit(method.init)(KEY, batch)
  params = jax.tree.map(lambda leaf: 10.0 * leaf, params)

  def translate(key, mode):
    return np.asarray(
      method.translate(params["generator"], extras, batch["source"], key, direction="ab", mode=mode)
    )

  one, two = jax.random.split(KEY)
  assert np.abs(translate(one, "train") - translate(two, "train")).max() > 1e-3
  np.testing.assert_array_equal(translate(one, "test"), translate(two, "test"))
  with pytest.raises(ValueError, match="mode must be"):
    translate(one, "eval")


@pytest.mark.parametrize("place", ["input", "all"])
def test_a_latent_code_is_drawn_for_every_image_and_heard(place):
  generator = UNet(num_levels=4, features=4, norm="instance", dropout=0.0, latent_at=place)
  method = pix2pix(generator, PatchDiscriminator(num_layers=1, features=4), latent_size=3)
  source = jnp.broadcast_to(_images(0, batch=1), (2, 16, 16, 3))
  batch = {"source": source, "target": _images(1)}
  params, extras = jax.jit(method.init)(KEY, batch)
  widened = [
    name
    for name, layer in params["generator"].items()
    if name.startswith("encoder")
    and layer["kernel"].shape[2] % 4 == (2 if name == "encoder_0" else 3)
  ]
  assert len(widened) == (1 if place == "input" else 4)
  fake = method.generate(params["generator"], extras, batch, KEY)[0]["fake"]
  again = method.generate(params["generator"], extras, batch, jax.random.key(1))[0]["fake"]
  assert float(jnp.max(jnp.abs(fake[0] - fake[1]))) > 1e-3  # Of one source, by two codes.
  assert float(jnp.max(jnp.abs(fake - again))) > 1e-3


@pytest.mark.parametrize("mode", ["train", "test"])
def test_translation_draws_its_code_from_the_key_in_either_mode(mode):
  method = _pix2pix(norm="instance", dropout=0.0, latent_size=3)
  source = _images(0)
  params, extras = jax.jit(method.init)(KEY, {"source": source, "target": source})

  def translate(seed):
    key = jax.random.key(seed)
    return method.translate(params["generator"], extras, source, key, direction="ab", mode=mode)

  assert jnp.array_equal(translate(0), translate(0))
  assert float(jnp.max(jnp.abs(translate(0) - translate(1)))) > 1e-3


def test_a_code_of_the_wrong_shape_is_refused():
  generator = UNet(num_levels=4, features=4)
  with pytest.raises(ValueError, match="latent_size"):
    generator.init(KEY, _images(0), jnp.zeros((3, 5)), train=False)


def test_cycle_noise_disturbs_the_way_back_alone():
  batch = {"a": _images(0), "b": _images(1)}
  quiet, noisy = _cyclegan(), _cyclegan(cycle_noise=8.0)
  params, extras = jax.jit(quiet.init)(KEY, batch)
  calm, _ = quiet.generate(params["generator"], extras, batch, KEY)
  spoilt, _ = noisy.generate(params["generator"], extras, batch, KEY)
  for name in calm:
    assert jnp.array_equal(calm[name], spoilt[name]) == (not name.startswith("reconstructed"))

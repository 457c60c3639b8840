"""UNSB: its terms by hand, the walk along the bridge, and where gradients go."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.methods import unsb
from imtrans.methods.energy import beside, neighbours
from imtrans.networks import MultiScaleDiscriminator, PatchDiscriminator, ResNet

pytestmark = pytest.mark.usefixtures("lowered_for_accelerators")

KEY = jax.random.key(0)
LAYERS = ("image", "down_2", "block_0")
GENERATOR = ResNet(num_blocks=1, features=2, latent_at="blocks")
CRITIC = PatchDiscriminator(num_layers=1, features=2, norm="instance")
SMALL = {"layers": LAYERS, "head_features": 4, "num_patches": 6, "latent_size": 3, "num_times": 2}


def _images(seed):
  return jax.random.uniform(jax.random.key(seed), (2, 8, 8, 3), minval=-1.0)


BATCH = {"source": _images(0), "target": _images(1)}


def _method(generator=GENERATOR, discriminator=CRITIC, **options):
  return unsb(generator, discriminator, **{**SMALL, **options})


def _without_noise(params):
  """Parameters of a generator that reads of its code the time alone, and reads it loudly."""
  images = dict(params["images"])
  kernel = images["code"]["Dense_0"]["kernel"].at[SMALL["num_times"] :].set(0.0)
  images["code"] = {**images["code"], "Dense_0": {**images["code"]["Dense_0"], "kernel": kernel}}
  name = "block_0_modulation"
  images[name] = jax.tree.map(lambda leaf: 30.0 * leaf, images[name])
  return {**params, "images": images}


@pytest.fixture(scope="module")
def start():
  return jax.jit(_method().init)(KEY, BATCH)


@functools.cache
def _generated(seed, **options):
  params, extras = jax.jit(_method().init)(KEY, BATCH)
  own = _without_noise(params["generator"])
  return jax.jit(_method(**options).generate)(own, extras, BATCH, jax.random.key(seed))[0]


def _at(index, **options):
  """What was generated at a time, and the first seed at which it was that time's turn."""
  for seed in range(20):
    outputs = _generated(seed, **options)
    if int(jnp.argmax(outputs["place"])) == index:
      return outputs
  raise AssertionError(f"the time {index} was never drawn")


def _guess(params, points, index):
  code = jnp.zeros((len(points), 5)).at[:, index].set(1.0)
  return GENERATOR.apply({"params": params}, points, code, train=True)


def test_planes_and_neighbours_by_hand():
  shown = beside(jnp.array([0.0, 1.0]), jnp.full((3, 2, 2, 1), 7.0))
  np.testing.assert_array_equal(shown[2, 1, 0], [0.0, 1.0, 7.0])
  np.testing.assert_array_equal(neighbours(jnp.arange(6).reshape(6, 1))[:, 0], [1, 0, 3, 2, 5, 4])
  with pytest.raises(ValueError, match="batch_size must be even, got 3"):
    neighbours(jnp.zeros((3, 1)))


def test_terms_by_hand(start):
  params, extras = start
  weights = {"adversarial_weight": 0.5, "transport_weight": 3.0, "entropy_weight": 2.0}
  method = _method(nce_weight=0.7, identity_nce_weight=0.3, **weights)
  outputs, judges = _at(1), params["discriminator"]
  fake, point, place = (np.asarray(outputs[name]) for name in ("fake", "point", "place"))

  def logits(name, images):
    planes = np.broadcast_to(place, (2, 8, 8, 2))
    shown = np.concatenate([planes, *images], axis=-1)
    return np.asarray(CRITIC.apply({"params": judges[name]}, shown, train=True))

  loss, metrics = method.generator_loss(judges, extras, outputs, BATCH, KEY)
  judged = logits("images", [fake])
  adversarial = np.mean((judged - 1.0) ** 2)
  transport = np.mean((point - fake) ** 2)
  joint = logits("energy", [point, fake, point, fake])
  product = logits("energy", [point, fake, point[::-1], fake[::-1]])
  drift = np.log(np.mean(np.exp(product)))
  entropy = np.mean(joint) - drift
  expected = 0.5 * adversarial + 3.0 * transport - 2.0 * (1.0 - 0.5) * entropy  # At the time 1/2.
  expected += 0.7 * metrics["generator/nce"] + 0.3 * metrics["generator/identity_nce"]
  np.testing.assert_allclose(metrics["generator/adversarial"], adversarial, rtol=1e-4)
  np.testing.assert_allclose(metrics["generator/transport"], transport, rtol=1e-4)
  np.testing.assert_allclose(metrics["generator/entropy"], entropy, rtol=1e-3, atol=1e-6)
  np.testing.assert_allclose(loss, expected, rtol=1e-4)

  loss, (_, metrics) = method.discriminator_loss(judges, extras, outputs, BATCH, KEY)
  real = logits("images", [np.asarray(BATCH["target"])])
  told = 0.5 * (np.mean((real - 1.0) ** 2) + np.mean(judged**2))
  np.testing.assert_allclose(metrics["discriminator/energy"], drift**2 - entropy, atol=1e-5)
  np.testing.assert_allclose(loss, told + drift**2 - entropy, rtol=1e-4)


def test_the_contrast_is_between_translation_and_source():
  """A generator whose features are all alike cannot tell: log of the places, of either kind."""
  outputs = _at(0)
  assert set(outputs["nce_keys"]) == set(LAYERS) and outputs["nce_keys"]["image"].shape == (2, 6, 4)
  same = jax.tree.map(jnp.ones_like, outputs)
  outputs = {**outputs, "nce_keys": same["nce_keys"], "nce_queries": same["nce_queries"]}
  params, extras = jax.jit(_method().init)(KEY, BATCH)
  _, metrics = _method().generator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
  # Six places of the image, and the four that the smaller layers have.
  expected = (np.log(6.0) + 2.0 * np.log(4.0)) / 3.0
  np.testing.assert_allclose(metrics["generator/nce"], expected, rtol=1e-4)


def test_points_lie_on_the_bridge_to_the_guess(start):
  own = _without_noise(start[0]["generator"])["images"]
  source = BATCH["source"]
  first = _at(0)
  np.testing.assert_array_equal(first["point"], source)
  np.testing.assert_allclose(first["fake"], _guess(own, source, 0), atol=1e-4)
  second = _at(1, tau=0.0)
  middle = 0.5 * source + 0.5 * _guess(own, source, 0)
  np.testing.assert_allclose(second["point"], middle, atol=1e-4)
  np.testing.assert_allclose(second["fake"], _guess(own, middle, 1), atol=1e-4)
  assert float(jnp.max(jnp.abs(_guess(own, source, 0) - _guess(own, source, 1)))) > 1e-3
  noise = (_at(1, tau=4.0)["point"] - middle) / 2.0  # Of deviation sqrt(1/2 1/2) at the time 1/2.
  np.testing.assert_allclose(jnp.std(noise), 0.5, rtol=0.1)


def test_translation_takes_as_many_guesses_as_it_is_told(start):
  params, extras = start
  own, source = _without_noise(params["generator"]), BATCH["source"]

  def translated(seed=0, **options):
    key = jax.random.key(seed)
    method = _method(**options)
    return jax.jit(method.translate, static_argnames=("direction", "mode"))(
      own, extras, source, key, direction="ab", mode="test"
    )

  one = _guess(own["images"], source, 0)
  np.testing.assert_allclose(translated(num_refinements=1), one, atol=1e-4)
  two = _guess(own["images"], 0.5 * source + 0.5 * one, 1)
  np.testing.assert_allclose(translated(tau=0.0), two, atol=1e-4)
  np.testing.assert_allclose(translated(tau=0.0, num_refinements=2), two, atol=1e-4)
  assert float(jnp.max(jnp.abs(translated() - translated(seed=1)))) > 1e-4  # The bridge's noise.


def test_gradients_go_through_the_last_guess_alone(start):
  params, extras = start
  method = _method()

  def total(generator_params, name, key):
    outputs, _ = method.generate(generator_params, extras, BATCH, key)
    return sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(outputs[name]))

  gradient = jax.jit(jax.grad(total), static_argnums=1)
  seed = next(s for s in range(20) if int(jnp.argmax(_generated(s)["place"])) == 1)
  key = jax.random.key(seed)
  for name in ("point", "place", "nce_keys"):
    assert not any(leaf.any() for leaf in jax.tree.leaves(gradient(params["generator"], name, key)))
  assert gradient(params["generator"], "fake", key)["images"]["output"]["kernel"].any()

  def opponents(judges, name):
    outputs = _at(1)
    _, metrics = method.generator_loss(judges, extras, outputs, BATCH, KEY)
    return metrics[f"generator/{name}"]

  for name, silent in (("adversarial", "energy"), ("entropy", "images")):
    slopes = jax.grad(opponents)(params["discriminator"], name)
    assert not any(leaf.any() for leaf in jax.tree.leaves(slopes[silent]))


def test_weights_of_zero_leave_their_networks_out(start):
  method = _method(entropy_weight=0.0, nce_weight=0.0, identity_nce_weight=0.0)
  params, extras = jax.jit(method.init)(KEY, BATCH)
  assert set(params["discriminator"]) == {"images"}
  outputs, _ = method.generate(params["generator"], extras, BATCH, KEY)
  assert set(outputs) == {"fake", "point", "place"}
  _, metrics = method.generator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
  assert set(metrics) == {f"generator/{n}" for n in ("loss", "adversarial", "transport")}


def test_what_cannot_be_is_refused():
  with pytest.raises(ValueError, match=r"generator\.latent_at=blocks"):
    _method(ResNet(num_blocks=1, features=2))
  with pytest.raises(ValueError, match="one scale"):
    _method(discriminator=MultiScaleDiscriminator())
  with pytest.raises(ValueError, match="latent_size must be at least 1 for unsb, got 0"):
    _method(latent_size=0)
  with pytest.raises(ValueError, match="from 1 to num_times, 2, or 0 for all of them, got 3"):
    _method(num_refinements=3)
  with pytest.raises(ValueError, match="names of at least one layer"):
    _method(layers="image")
  with pytest.raises(ValueError, match="no layer 'block_9'"):
    jax.eval_shape(_method(layers=("block_9",)).init, KEY, BATCH)
  grey = {**BATCH, "target": BATCH["target"][..., :1]}
  with pytest.raises(ValueError, match="equal channels, got 3 and 1"):
    _method().init(KEY, grey)

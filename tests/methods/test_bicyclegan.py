"""BicycleGAN: its terms by hand, its two games alone and together, and where gradients go."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.commands.configuration import load_config
from imtrans.methods import bicyclegan, pix2pix
from imtrans.methods.bicyclegan import first_half, second_half
from imtrans.networks import MultiScaleDiscriminator, ResNetEncoder, UNet
from imtrans.training.assembly import build_method, draws_noise, latent_size
from imtrans.training.checks import check_config

pytestmark = pytest.mark.usefixtures("lowered_for_accelerators")

KEY = jax.random.key(0)
CONFIGS = Path(__file__).parents[2] / "configs"
DISCRIMINATOR = MultiScaleDiscriminator(num_layers=0, features=4, padding=1, shrink=2)
CVAE = {"random_weight": 0.0, "latent_weight": 0.0}
CLR = {"encoded_weight": 0.0, "l1_weight": 0.0, "kl_weight": 0.0}


def _images(seed):
  return jax.random.uniform(jax.random.key(seed), (4, 8, 8, 3), minval=-1.0)


BATCH = {"source": _images(0), "target": _images(1)}


def _method(encoder_size=3, **options):
  generator = UNet(num_levels=2, features=2, norm="instance", dropout=0.0, latent_at="all")
  encoder = ResNetEncoder(latent_size=encoder_size, num_levels=2, features=2)
  return bicyclegan(generator, encoder, DISCRIMINATOR, latent_size=3, **options)


@pytest.fixture(scope="module")
def start():
  return jax.jit(_method().init)(KEY, BATCH)


@pytest.fixture(scope="module")
def outputs(start):
  params, extras = start
  return jax.jit(_method().generate)(params["generator"], extras, BATCH, KEY)[0]


def _squares(value):
  return float(jnp.mean(jnp.square(value)))


def test_terms_by_hand(start, outputs):
  params, extras = start
  weights = {
    "encoded_weight": 0.5,
    "random_weight": 0.25,
    "l1_weight": 7.0,
    "kl_weight": 0.3,
    "latent_weight": 2.0,
  }
  method = _method(**weights, discriminator_weight=2.0)
  found = jax.random.normal(KEY, (2, 2, 3))  # At the start the divergence is all but zero.
  outputs = {**outputs, "mean": found[0], "log_variance": found[1]}
  loss, metrics = method.generator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
  target = np.asarray(BATCH["target"][::2])
  mean, log_variance = np.asarray(outputs["mean"]), np.asarray(outputs["log_variance"])
  terms = {
    "l1": np.mean(np.abs(np.asarray(outputs["encoded"]) - target)),
    "kl": np.sum(mean**2 + np.exp(log_variance) - 1.0 - log_variance) / 2 / len(mean),
    "latent": np.mean(np.abs(np.asarray(outputs["recovered"]) - np.asarray(outputs["latent"]))),
  }
  for name, term in terms.items():
    np.testing.assert_allclose(metrics[f"generator/{name}"], term, rtol=1e-4)
  d_loss, (_, d_metrics) = method.discriminator_loss(
    params["discriminator"], extras, outputs, BATCH, KEY
  )
  expected = 7.0 * terms["l1"] + 0.3 * terms["kl"] + 2.0 * terms["latent"]
  d_expected = 0.0
  for name, weight, fake, real in (
    ("encoded", 0.5, outputs["encoded"], BATCH["target"][::2]),
    ("random", 0.25, outputs["fake"], BATCH["target"][1::2]),
  ):
    variables = {"params": params["discriminator"][name]}
    fakes, reals = (
      [scale[-1] for scale in DISCRIMINATOR.apply(variables, images, train=True)]
      for images in (fake, real)
    )
    assert len(fakes) == 2
    adversarial = sum(_squares(logits - 1.0) for logits in fakes)
    np.testing.assert_allclose(metrics[f"generator/adversarial_{name}"], adversarial, rtol=1e-4)
    expected += weight * adversarial
    # Not halved: the sum of both squares, where our least-squares loss has a half inside.
    d_expected += sum(_squares(r - 1.0) + _squares(f) for r, f in zip(reals, fakes, strict=True))
  np.testing.assert_allclose(loss, expected, rtol=1e-4)
  np.testing.assert_allclose(d_loss, d_expected, rtol=1e-4)
  assert {"discriminator/accuracy", "discriminator/accuracy_random"} <= d_metrics.keys()


def _pulled_back(method, start, name):
  """Gradient of the sum of one output with respect to the generator player's parameters."""
  params, extras = start

  def total(generator_params):
    return jnp.sum(method.generate(generator_params, extras, BATCH, KEY)[0][name])

  gradient = jax.jit(jax.grad(total))(params["generator"])
  return {
    part: any(leaf.any() for leaf in jax.tree.leaves(tree)) for part, tree in gradient.items()
  }


def test_the_recovery_of_the_code_reaches_the_generator_alone(start):
  assert _pulled_back(_method(), start, "recovered") == {"images": True, "encoder": False}
  # With nobody else to train it, the encoder learns from it.
  assert _pulled_back(_method(**CLR), start, "recovered") == {"images": True, "encoder": True}


def test_the_encoder_learns_from_what_is_made_of_its_code(start):
  assert _pulled_back(_method(), start, "encoded") == {"images": True, "encoder": True}


@pytest.mark.parametrize(
  ("weights", "made", "terms"),
  [
    (CVAE, {"mean", "log_variance", "encoded"}, {"adversarial_encoded", "l1", "kl"}),
    (CLR, {"latent", "recovered", "fake"}, {"adversarial_random", "latent"}),
  ],
)
def test_either_game_alone(start, weights, made, terms):
  params, extras = start
  method = _method(**weights)
  outputs, _ = jax.jit(method.generate)(params["generator"], extras, BATCH, KEY)
  assert set(outputs) == made
  _, metrics = method.generator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
  assert set(metrics) == {"generator/loss", *(f"generator/{term}" for term in terms)}
  _, (_, metrics) = method.discriminator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
  played = "encoded" if weights is CVAE else "random"
  accuracies = {name for name in metrics if name.startswith("discriminator/accuracy_")}
  assert accuracies == {f"discriminator/accuracy_{played}"}


def test_a_translation_draws_its_code_from_the_key(start):
  params, extras = start
  method, source = _method(), jnp.broadcast_to(BATCH["source"][:1], (2, 8, 8, 3))

  def translate(seed):
    key = jax.random.key(seed)
    return method.translate(params["generator"], extras, source, key, direction="ab", mode="test")

  first = translate(0)
  assert jnp.array_equal(first, translate(0))
  for other in (translate(1)[0], first[1]):
    assert float(jnp.max(jnp.abs(first[0] - other))) > 1e-4


def test_the_discriminators_may_see_the_source():
  params, _ = jax.eval_shape(_method(conditional=True).init, KEY, BATCH)
  for name in ("encoded", "random"):
    kernel = params["discriminator"][name]["scale_0"]["layer_0"]["kernel"]
    assert kernel.shape == (4, 4, 6, 4)


def test_halves_are_the_even_and_the_odd_images():
  numbers = jnp.arange(6)
  np.testing.assert_array_equal(first_half(numbers), [0, 2, 4])
  np.testing.assert_array_equal(second_half(numbers), [1, 3, 5])
  with pytest.raises(ValueError, match="batch_size must be even, got 3"):
    first_half(jnp.arange(3))


def test_what_does_not_fit_is_refused():
  with pytest.raises(ValueError, match=r"codes of 5 numbers, method\.latent_size is 3"):
    jax.eval_shape(_method(encoder_size=5).init, KEY, BATCH)
  small = MultiScaleDiscriminator(num_layers=1, features=4, padding=1)
  with pytest.raises(ValueError, match=r"images of 4x4 pixels are too small .*num_layers"):
    jax.eval_shape(lambda: small.init(KEY, jnp.zeros((1, 4, 4, 3)), train=True))
  with pytest.raises(ValueError, match="pix2pix takes a discriminator of one scale"):
    pix2pix(UNet(), small)
  with pytest.raises(ValueError, match="all weights of bicyclegan are 0"):
    _method(**CVAE, **CLR)
  path, channels = f"{CONFIGS / 'bicyclegan_openmoji.py'}:tiny", {"a": 3, "b": 3}
  for override, message in (
    ("method.latent_size=0", "method.latent_size must be at least 1 for bicyclegan, got 0"),
    ("encoder.name=none", "bicyclegan needs an encoder: set encoder.name to resnet or conv"),
    ("encoder.name=unet", "unknown encoder 'unet': choose one of resnet, convolutional"),
  ):
    with pytest.raises(ValueError, match=message):
      build_method(load_config(path, [f"--config.{override}"]), channels)
  with pytest.raises(ValueError, match="batch_size must be a multiple of 2 for bicyclegan"):
    check_config(load_config(path, ["--config.batch_size=3"]))


@pytest.mark.parametrize("name", ["bicyclegan_openmoji", "bicyclegan_facades"])
def test_configs_are_the_authors_recipe_and_its_halves(name):
  weights = ["encoded_weight", "random_weight", "l1_weight", "kl_weight", "latent_weight"]
  found = {}
  for recipe in ("bicyclegan", "cvae", "clr"):
    config = load_config(f"{CONFIGS / name}.py:{recipe}", [])
    found[recipe] = [config.method[weight] for weight in weights]
    assert draws_noise(config) and latent_size(config) == 8
  assert found == {
    "bicyclegan": [1.0, 1.0, 10.0, 0.01, 0.5],
    "cvae": [1.0, 0.0, 10.0, 0.01, 0.0],
    "clr": [0.0, 1.0, 0.0, 0.0, 0.5],
  }

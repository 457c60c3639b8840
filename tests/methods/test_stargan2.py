import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.methods.stargan2 import stargan2
from imtrans.networks import (
  AdaINGenerator,
  DomainDiscriminator,
  DomainEncoder,
  MappingNetwork,
  PatchDiscriminator,
  ResNet,
)

pytestmark = pytest.mark.usefixtures("lowered_for_accelerators")

KEY = jax.random.key(0)
GENERATOR = AdaINGenerator(num_levels=1, num_blocks=1, features=4)
ENCODER = DomainEncoder(style_size=5, num_levels=1, features=4)
DISCRIMINATOR = DomainDiscriminator(num_levels=1, features=4)
MAPPING = MappingNetwork(latent_size=3, style_size=5, features=4)
OWN, WANTED = [0, 2], [1, 2]  # Of three domains.
LABELS = {"source": jnp.eye(3)[jnp.asarray(OWN)], "target": jnp.eye(3)[jnp.asarray(WANTED)]}


def _pictures(seed, labels):
  images = jax.random.uniform(jax.random.key(seed), (2, 8, 8, 3), minval=-1.0)
  plane = jnp.asarray(labels, jnp.float32)[:, None, None, None] - 1.0  # 0, 1, 2 are -1, 0, 1.
  return jnp.concatenate([images, jnp.broadcast_to(plane, (2, 8, 8, 1))], axis=-1)


BATCH = {
  "source": _pictures(1, OWN),
  "target": _pictures(2, WANTED),
  "reference": _pictures(3, WANTED),
}
IMAGES = {name: pictures[..., :3] for name, pictures in BATCH.items()}


def _method(**options):
  networks = (GENERATOR, ENCODER, DISCRIMINATOR)
  return stargan2(*networks, num_classes=3, latent_size=3, mapping_features=4, **options)


@pytest.fixture(scope="module")
def start():
  method = _method()
  params, extras = jax.jit(method.init)(KEY, BATCH)
  outputs, extras = jax.jit(method.generate)(params["generator"], extras, BATCH, KEY)
  return params, extras, outputs


def _error(one, other):
  return np.mean(np.abs(np.asarray(one) - np.asarray(other)))


def _logits(params, images, labels):
  return DISCRIMINATOR.apply({"params": params["discriminator"]}, images, labels, train=True)


def _weights(**steps):
  weights = {"adversarial": 2.0, "style": 3.0, "diversity": 4.0, "cycle": 5.0}
  return weights, _method(**{f"{name}_weight": w for name, w in weights.items()}, **steps)


@pytest.mark.parametrize(("done", "left"), [(0, 1.0), (15, 0.25), (99, 0.0)])
def test_generator_loss_by_hand(start, done, left):
  """The diversity counts less and less, over 20 steps, and then no more."""
  params, extras, outputs = start
  weights, method = _weights(diversity_steps=20)
  extras = {**extras, "step": jnp.int32(done + 1)}  # `generate` has counted this step.
  loss, metrics = method.generator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
  adversarial = [
    np.mean(np.log1p(np.exp(-np.asarray(_logits(params, outputs[name], LABELS["target"])))))
    for name in ("fake", "fake_reference")
  ]
  np.testing.assert_allclose(metrics["generator/adversarial"], np.mean(adversarial), rtol=1e-5)
  expected = weights["adversarial"] * sum(adversarial)
  for end in ("", "_reference"):
    terms = {
      "style": _error(outputs[f"found{end}"], outputs[f"style{end}"]),
      "diversity": _error(outputs[f"fake{end}"], outputs[f"other{end}"]),
      "cycle": _error(outputs[f"reconstructed{end}"], IMAGES["source"]),
    }
    for name, value in terms.items():
      np.testing.assert_allclose(metrics[f"generator/{name}{end}"], value, rtol=1e-5)
      sign = -left if name == "diversity" else 1.0
      expected += sign * weights[name] * value
  np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_discriminator_loss_by_hand(start):
  params, extras, outputs = start
  method = _method(r1_weight=7.0)
  loss, (_, metrics) = jax.jit(method.discriminator_loss)(
    params["discriminator"], extras, outputs, BATCH, KEY
  )
  # Of both games: real images are targets and references, of the domain that is wanted.
  reals = [IMAGES["target"], IMAGES["reference"]]
  fakes = [outputs["fake"], outputs["fake_reference"]]
  wanted, expected = LABELS["target"], 0.0
  for real, fake in zip(reals, fakes, strict=True):
    expected += 0.5 * np.mean(np.log1p(np.exp(-np.asarray(_logits(params, real, wanted)))))
    expected += 0.5 * np.mean(np.log1p(np.exp(np.asarray(_logits(params, fake, wanted)))))
  slopes = [
    jax.grad(lambda images: jnp.sum(_logits(params, images, wanted)))(real) for real in reals
  ]
  penalty = np.mean([0.5 * np.sum(np.square(slope[i])) for slope in slopes for i in range(2)])
  np.testing.assert_allclose(metrics["discriminator/r1"], penalty, rtol=1e-4)
  np.testing.assert_allclose(loss, expected + 7.0 * penalty, rtol=1e-4)


def test_images_have_styles_of_the_domain_that_is_wanted(start):
  params, _, outputs = start
  trees = {name: {"params": tree} for name, tree in params["generator"].items()}

  def paint(images, style):
    return GENERATOR.apply(trees["images"], images, style, train=True)

  def encode(name, labels):
    return ENCODER.apply(trees["encoder"], IMAGES[name], LABELS[labels], train=True)

  close = {"atol": 2e-5}
  np.testing.assert_allclose(outputs["style_reference"], encode("target", "target"), **close)
  source = IMAGES["source"]
  for end in ("", "_reference"):
    np.testing.assert_allclose(
      outputs[f"fake{end}"], paint(source, outputs[f"style{end}"]), **close
    )
    back = paint(outputs[f"fake{end}"], encode("source", "source"))
    np.testing.assert_allclose(outputs[f"reconstructed{end}"], back, **close)
    found = ENCODER.apply(trees["encoder"], outputs[f"fake{end}"], LABELS["target"], train=True)
    np.testing.assert_allclose(outputs[f"found{end}"], found, **close)
  other = paint(source, encode("reference", "target"))
  np.testing.assert_allclose(outputs["other_reference"], other, **close)
  first, _ = jax.random.split(KEY)
  latent = jax.random.normal(first, (2, 3))
  style = MAPPING.apply(trees["mapping"], latent, LABELS["target"], train=True)
  np.testing.assert_allclose(outputs["style"], style, **close)


def test_each_game_moves_what_the_paper_has_it_move(start):
  """Styles of codes move all three networks, styles of pictures G alone, a second image nothing."""
  params, extras, _ = start
  method, networks = _method(), ("images", "mapping", "encoder")

  @jax.jit
  def changes(params):
    def along(direction):  # How outputs change when one of the networks does.
      tangents = {
        name: jax.tree.map(lambda leaf, own=share: own * jnp.cos(leaf), params[name])
        for name, share in zip(networks, direction, strict=True)
      }
      made = jax.jvp(
        lambda params: method.generate(params, extras, BATCH, KEY)[0], (params,), (tangents,)
      )[1]
      return jax.tree.map(lambda leaf: jnp.max(jnp.abs(leaf)), made)

    return jax.vmap(along)(jnp.eye(3))

  found = {
    output: {name for name, size in zip(networks, sizes, strict=True) if size > 0.0}
    for output, sizes in jax.device_get(changes(params["generator"])).items()
  }
  everything = set(networks)
  assert found == {
    "fake": {"images", "mapping"},
    "style": {"mapping"},
    "found": everything,
    "reconstructed": everything,
    "other": set(),
    "fake_reference": {"images"},
    "style_reference": set(),
    "found_reference": {"images"},
    "reconstructed_reference": {"images"},
    "other_reference": set(),
  }


def test_translate_goes_where_the_plane_says_in_a_drawn_or_a_given_style(start):
  params, extras, _ = start
  method = _method()
  translate = jax.jit(method.translate, static_argnames=("direction", "mode"))

  def run(source, key=KEY, **more):
    return translate(
      params["generator"], {**extras, **more}, source, key, direction="ab", mode="test"
    )

  here = BATCH["source"]
  there = here.at[..., 3].set(-here[..., 3])
  np.testing.assert_array_equal(run(here), run(here))
  assert run(here).shape == IMAGES["source"].shape
  assert (
    _error(run(here), run(there)) > 1e-4 and _error(run(here), run(here, jax.random.key(5))) > 1e-4
  )
  example = IMAGES["target"][0]
  styled = run(there, reference=example)
  np.testing.assert_array_equal(styled, run(there, jax.random.key(5), reference=example))
  labels = jnp.eye(3)[jnp.asarray([2, 0])]
  tree = {"params": params["generator"]["encoder"]}
  style = ENCODER.apply(tree, jnp.stack([example, example]), labels, train=True)
  tree = {"params": params["generator"]["images"]}
  expected = GENERATOR.apply(tree, IMAGES["source"], style, train=True)
  np.testing.assert_allclose(styled, expected, atol=2e-5)


def test_what_does_not_fit_is_refused():
  for arguments, message in (
    ((ResNet(), ENCODER, DISCRIMINATOR), "set generator.name to adain"),
    ((GENERATOR, None, DISCRIMINATOR), "set encoder.name to domain"),
    ((GENERATOR, ENCODER, PatchDiscriminator()), "set discriminator.name to domain"),
  ):
    with pytest.raises(ValueError, match=message):
      stargan2(*arguments)
  for options, message in (
    ({"num_classes": 1}, "num_classes must be at least 2 for stargan2, got 1"),
    ({"latent_size": 0}, "latent_size must be at least 1 for stargan2, got 0"),
  ):
    with pytest.raises(ValueError, match=message):
      stargan2(GENERATOR, ENCODER, DISCRIMINATOR, **options)
  with pytest.raises(ValueError, match="sources that have as many and the plane of their domain"):
    _method().init(KEY, IMAGES)

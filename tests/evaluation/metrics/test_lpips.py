"""LPIPS against recorded values and its own properties; see also experiments/metrics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.data import astronaut

from imtrans.evaluation.metrics.lpips import lpips, lpips_distance, unit_length
from imtrans.pretrained.weights import perceptual_weights

FACE = np.float32(astronaut()[:64, 160:224] / 127.5 - 1.0)[None]


@pytest.mark.parametrize(
  "network,mirrored,faded",
  [("alex", 0.44809812, 0.10472295), ("vgg", 0.60948443, 0.08711205)],
)
def test_recorded_values(network, mirrored, faded):
  # Of the authors' formula in PyTorch 2.13 with the same weights, which equal those of lpips 0.1.4.
  others = np.concatenate([FACE[:, ::-1], np.float32(0.5) * FACE])
  distances = lpips_distance(network)(np.repeat(FACE, 2, axis=0), others)
  np.testing.assert_allclose(distances, [mirrored, faded], rtol=1e-5)


def test_equal_images_have_no_distance():
  noise = np.float32(np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)))
  np.testing.assert_allclose(lpips_distance("alex")(noise, noise), [0.0, 0.0], atol=1e-7)


def test_it_is_symmetric_and_grows_with_noise():
  noise = np.float32(np.random.default_rng(0).normal(size=(1, 64, 64, 3)))
  levels = np.float32([0.02, 0.1, 0.5])[:, None, None, None]
  images, noisy = np.repeat(FACE, 3, axis=0), FACE + levels * noise
  there = lpips_distance("alex")(images, noisy)
  np.testing.assert_allclose(there, lpips_distance("alex")(noisy, images), rtol=1e-5)
  assert there[0] < there[1] < there[2]


def test_the_gradient_is_finite_everywhere():
  weights = perceptual_weights("alex")
  blind = weights._replace(convolutions=tuple((k, b * 0 - 1) for k, b in weights.convolutions))

  @jax.jit
  def gradient(weights, images, targets):
    return jax.grad(lambda x: lpips(weights, x, targets, network="alex").sum())(images)

  black = -np.ones((1, 32, 32, 3), np.float32)
  for chosen in (weights, blind):  # The blind network has features nowhere, or nearly.
    for images, targets in ((black, black), (black, FACE[:, :32, :32]), (0 * black, black)):
      assert bool(jnp.all(jnp.isfinite(gradient(chosen, images, targets))))


def test_unit_length_at_zero():
  np.testing.assert_allclose(unit_length(jnp.array([[3.0, 4.0], [0.0, 0.0]]))[0], [0.6, 0.8])
  jacobian = jax.jacobian(unit_length)(jnp.zeros(3))
  np.testing.assert_array_equal(jacobian, np.zeros((3, 3)))


def test_refusals():
  weights = perceptual_weights("alex")
  with pytest.raises(ValueError, match="unknown network 'squeeze'"):
    lpips(weights, FACE, FACE, network="squeeze")
  with pytest.raises(ValueError, match="same shape"):
    lpips(weights, FACE, FACE[:, :32], network="alex")
  with pytest.raises(ValueError, match="repeat the channel"):
    lpips(weights, FACE[..., :1], FACE[..., :1], network="alex")

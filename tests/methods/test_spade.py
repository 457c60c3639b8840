import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.methods.spade import spade
from imtrans.networks import ConvEncoder, MultiScaleDiscriminator
from imtrans.networks.spade import SPADEGenerator
from imtrans.objectives import gaussian_kl

pytestmark = pytest.mark.usefixtures("lowered_for_accelerators")

KEY = jax.random.key(0)
CLASSES = jax.random.randint(jax.random.key(1), (2, 16, 16), 0, 3)
BATCH = {
  "source": jax.nn.one_hot(CLASSES, 3),
  "target": jax.random.uniform(jax.random.key(2), (2, 16, 16, 3), minval=-1.0),
}


def _method(latent_size=2, **weights):
  return spade(
    SPADEGenerator(widths=(2, 1, 1), num_levels=1, features=2, hidden_features=4, size=16),
    ConvEncoder(latent_size, num_levels=2, features=4) if latent_size else None,
    MultiScaleDiscriminator(num_layers=1, features=4, spectral_norm=True),
    latent_size=latent_size,
    **weights,
  )


@pytest.fixture(scope="module")
def start():
  method = _method()
  params, extras = jax.jit(method.init)(KEY, BATCH)
  outputs, extras = jax.jit(method.generate)(params["generator"], extras, BATCH, KEY)
  return params, extras, outputs


def test_losses_add_their_terms(start):
  params, extras, outputs = start
  method = _method(adversarial_weight=2.0, feature_weight=3.0, kl_weight=4.0)
  loss, metrics = method.generator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
  kl = gaussian_kl(outputs["mean"], outputs["log_variance"])
  np.testing.assert_allclose(metrics["generator/kl"], kl, rtol=1e-6)
  expected = 2.0 * metrics["generator/adversarial"] + 3.0 * metrics["generator/features"] + 4.0 * kl
  np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_hinge_is_added_over_scales(start):
  params, extras, outputs = start
  method = _method(discriminator_weight=1.0)
  loss, (after, _) = method.discriminator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
  module = MultiScaleDiscriminator(num_layers=1, features=4, spectral_norm=True)
  # Both images go through in one pass, with one step of the power iteration.
  pairs = [
    jnp.concatenate([BATCH["source"], image], axis=-1)
    for image in (BATCH["target"], outputs["fake"])
  ]
  variables = {"params": params["discriminator"], **extras["discriminator"]}
  scales, _ = module.apply(variables, jnp.concatenate(pairs), train=True, mutable=["spectral"])
  expected = 0.0
  for scale in scales:
    real, fake = np.split(np.asarray(scale[-1]), 2)
    expected += np.mean(np.maximum(0.0, 1.0 - real)) + np.mean(np.maximum(0.0, 1.0 + fake))
  np.testing.assert_allclose(loss, expected, rtol=1e-4)
  old, new = (jax.tree.leaves(tree["discriminator"])[0] for tree in (extras, after))
  assert float(jnp.max(jnp.abs(old - new))) > 0.0


def test_the_style_changes_the_picture_and_the_key_draws_it(start):
  params, extras, _ = start
  translate = jax.jit(_method().translate, static_argnames=("direction", "mode"))
  first, again, other = (
    translate(params["generator"], extras, BATCH["source"], key, direction="ab", mode="test")
    for key in (KEY, KEY, jax.random.key(3))
  )
  np.testing.assert_array_equal(first, again)
  assert float(jnp.max(jnp.abs(first - other))) > 0.0


def test_a_code_makes_pictures_of_any_size(start):
  params, extras, _ = start
  labels = jnp.ones((1, 18, 24, 3))
  image = jax.eval_shape(
    lambda: _method().translate(
      params["generator"], extras, labels, KEY, direction="ab", mode="test"
    )
  )
  assert image.shape == (1, 18, 24, 3)


def test_a_code_needs_an_encoder():
  with pytest.raises(ValueError, match=r"set encoder\.name"):
    spade(SPADEGenerator(), None, MultiScaleDiscriminator(), latent_size=4)
  params, _ = jax.eval_shape(_method(latent_size=0).init, KEY, BATCH)
  assert set(params["generator"]) == {"images"}

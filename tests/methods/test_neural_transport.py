import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.methods.neural_transport import neural_transport, weak_cost
from imtrans.networks import MultiScaleDiscriminator, PatchDiscriminator, ResNet, UNet
from imtrans.training.optimization import adam
from imtrans.training.state import create_state
from imtrans.training.step import make_train_step

KEY = jax.random.key(0)
BATCH = {
  "source": jax.random.uniform(jax.random.key(1), (2, 8, 8, 3), minval=-1.0),
  "target": jax.random.uniform(jax.random.key(2), (2, 8, 8, 3), minval=-1.0),
}
POTENTIAL = PatchDiscriminator(num_layers=1, features=4, norm="none")


def _method(**options):
  return neural_transport(UNet(num_levels=3, features=4, norm="none"), POTENTIAL, **options)


def _outputs(method):
  params, extras = jax.jit(method.init)(KEY, BATCH)
  outputs, extras = jax.jit(method.generate)(params["generator"], extras, BATCH, KEY)
  return params, extras, outputs


def test_losses_are_the_saddle_of_the_paper():
  method = _method(transport_weight=2.0)
  params, extras, outputs = _outputs(method)

  def potential(images):
    return np.mean(POTENTIAL.apply({"params": params["discriminator"]}, images, train=True))

  loss, _ = method.discriminator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
  fake = outputs["fake"]
  np.testing.assert_allclose(
    loss, potential(fake) - potential(BATCH["target"]), rtol=1e-4, atol=1e-6
  )
  cost = np.mean((np.asarray(fake) - np.asarray(BATCH["source"])) ** 2)
  loss, _ = method.generator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
  np.testing.assert_allclose(loss, 2.0 * cost - potential(fake), rtol=1e-5)


def test_weak_cost_is_unbiased():
  """Of answers with mean m and variance v: |x - m|^2 + (1 - gamma) v, whatever their number."""
  source = jnp.zeros((4000, 1, 1, 1))
  for codes in (2, 5):
    answers = 0.5 + 2.0 * jax.random.normal(KEY, (4000, codes, 1, 1, 1))
    for gamma in (0.0, 0.66, 1.0):
      cost, variance = weak_cost(source, answers, weakness=gamma)
      np.testing.assert_allclose(variance, 4.0, atol=0.2)
      np.testing.assert_allclose(cost, 0.25 + (1.0 - gamma) * 4.0, atol=0.25)


def test_weak_cost_by_hand():
  answers = jnp.asarray([1.0, 3.0]).reshape(1, 2, 1, 1, 1)
  cost, variance = weak_cost(jnp.zeros((1, 1, 1, 1)), answers, weakness=0.5)
  assert float(variance) == 2.0  # Unbiased.
  assert float(cost) == 4.0  # |0 - 2|^2 + (1 - 1/2 - 1/2) 2.


def test_weakness_grows_over_the_steps():
  method = _method(latent_size=2, num_codes=2, weakness=0.8, weakness_steps=4)
  params, extras, outputs = _outputs(method)
  assert outputs["fake"].shape[0] == 4 and int(extras["step"]) == 1
  outputs = {"fake": jax.random.normal(KEY, outputs["fake"].shape)}
  costs = {}
  for step in (0, 4, 8):
    extras["step"] = jnp.asarray(step)
    _, metrics = method.generator_loss(params["discriminator"], extras, outputs, BATCH, KEY)
    costs[step] = float(metrics["generator/transport"])
    variance = float(metrics["generator/variance"])
  assert variance > 0.0
  np.testing.assert_allclose(costs[0] - costs[4], 0.8 * variance, rtol=1e-4)
  assert costs[8] == costs[4]


def test_potentials_of_several_scales_and_other_channels_are_refused():
  with pytest.raises(ValueError, match="neural_transport takes a discriminator of one scale"):
    neural_transport(UNet(), MultiScaleDiscriminator())
  grey = {**BATCH, "target": BATCH["target"][..., :1]}
  with pytest.raises(ValueError, match=r"equal channels, got 3 and 1: set data.options.channels"):
    _method().init(KEY, grey)


def test_a_variance_needs_codes():
  with pytest.raises(ValueError, match=r"set method.latent_size, or weakness to 0"):
    _method(weakness=0.5)
  with pytest.raises(ValueError, match="num_codes of at least 2, got 1"):
    _method(latent_size=2, num_codes=1)


def test_a_batch_is_learned():
  """A slow potential and a map that follows it: brightness goes from that of a to that of b."""
  batch = {"source": 0.1 * BATCH["source"] - 0.5, "target": 0.1 * BATCH["target"] + 0.5}
  method = neural_transport(
    ResNet(num_blocks=0, num_levels=1, features=4, norm="none"),
    PatchDiscriminator(num_layers=0, features=4, norm="none"),
    transport_weight=1.0,
  )
  optimizers = {"generator": adam(lambda _: 1e-2), "discriminator": adam(lambda _: 5e-4)}
  state = create_state(method, optimizers, batch, seed=0, keep_ema=False)
  step = jax.jit(make_train_step(method, optimizers, updates={"generator": 2, "discriminator": 1}))
  for _ in range(150):
    state, _ = step(state, batch)
  made, _ = method.generate(state.params["generator"], state.extras, batch, KEY)
  # It began near 0, half a unit away.
  np.testing.assert_allclose(jnp.mean(made["fake"]), 0.5, atol=0.05)

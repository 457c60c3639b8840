import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.methods.unit import unit
from imtrans.networks import ContentGenerator, PatchDiscriminator, ResNet

pytestmark = pytest.mark.usefixtures("lowered_for_accelerators")

KEY = jax.random.key(0)
BATCH = {
  "a": jax.random.uniform(jax.random.key(1), (2, 8, 8, 3), minval=-1.0),
  "b": jax.random.uniform(jax.random.key(2), (2, 8, 8, 3), minval=-1.0),
}
GENERATOR = ContentGenerator(num_blocks=1, num_levels=1, features=4)
DISCRIMINATOR = PatchDiscriminator(num_layers=1, features=4, norm="none")


def _method(**options):
  return unit(GENERATOR, GENERATOR, DISCRIMINATOR, **options)


@pytest.fixture(scope="module")
def start():
  method = _method()
  params, extras = jax.jit(method.init)(KEY, BATCH)
  outputs, extras = jax.jit(method.generate)(params["generator"], extras, BATCH, KEY)
  return params, extras, outputs


def _logits(params, name, images):
  return np.asarray(
    DISCRIMINATOR.apply({"params": params["discriminator"][name]}, images, train=True)
  )


def test_losses_by_hand(start):
  params, extras, outputs = start
  weights = {"image_weight": 2.0, "cycle_weight": 3.0, "kl_weight": 4.0, "cycle_kl_weight": 5.0}
  method = _method(adversarial_weight=6.0, discriminator_weight=7.0, **weights)
  judged = (params["discriminator"], extras, outputs, BATCH, KEY)
  expected = expected_judge = 0.0
  for name in ("a", "b"):
    got = {title: np.asarray(outputs[f"{title}_{name}"]) for title in ("code", "found_code")}
    for title, weight in (("image", 2.0), ("reconstructed", 3.0)):
      error = np.abs(np.asarray(outputs[f"{title}_{name}"]) - np.asarray(BATCH[name]))
      expected += weight * np.mean(error)
    expected += 4.0 * np.mean(got["code"] ** 2) + 5.0 * np.mean(got["found_code"] ** 2)
    fake = _logits(params, name, outputs[f"fake_{name}"])
    real = _logits(params, name, BATCH[name])
    expected += 6.0 * np.mean((fake - 1.0) ** 2)
    expected_judge += 3.5 * (np.mean((real - 1.0) ** 2) + np.mean(fake**2))
  np.testing.assert_allclose(method.generator_loss(*judged)[0], expected, rtol=1e-5)
  np.testing.assert_allclose(method.discriminator_loss(*judged)[0], expected_judge, rtol=1e-5)


def test_a_translation_is_the_code_decoded_in_the_other_domain(start):
  params, extras, outputs = start
  method = _method()

  def part(name, function, values):
    return GENERATOR.apply({"params": params["generator"][name]}, values, method=function)

  for start_domain, end in ("ab", "ba"):
    code = part(start_domain, "encode", BATCH[start_domain])
    np.testing.assert_allclose(outputs[f"code_{start_domain}"], code, atol=1e-5)
    made = method.translate(
      params["generator"],
      extras,
      BATCH[start_domain],
      KEY,
      direction=start_domain + end,
      mode="test",
    )
    np.testing.assert_allclose(made, part(end, "decode", code), atol=1e-5)
    # In training a standard normal stands on the code.
    assert float(jnp.max(jnp.abs(outputs[f"fake_{end}"] - made))) > 1e-3
  with pytest.raises(ValueError, match="direction must be 'ab' or 'ba', got 'aa'"):
    method.translate(params["generator"], extras, BATCH["a"], KEY, direction="aa", mode="test")


def test_generators_that_take_nothing_apart_are_refused():
  with pytest.raises(ValueError, match=r"set generator.name to content"):
    unit(ResNet(), ResNet(), DISCRIMINATOR)

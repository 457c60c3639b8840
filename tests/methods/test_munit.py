import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.methods.method import EXAMPLE
from imtrans.methods.munit import munit
from imtrans.networks import ContentStyleGenerator, PatchDiscriminator, ResNet
from imtrans.networks.content_style import ContentEncoder, StyleDecoder

pytestmark = pytest.mark.usefixtures("lowered_for_accelerators")

KEY = jax.random.key(0)
BATCH = {
  "a": jax.random.uniform(jax.random.key(1), (2, 8, 8, 3), minval=-1.0),
  "b": jax.random.uniform(jax.random.key(2), (2, 8, 8, 3), minval=-1.0),
}
GENERATOR = ContentStyleGenerator(
  latent_size=3, num_blocks=1, num_levels=1, num_style_levels=2, features=4, style_features=8
)
ENCODER = ContentEncoder(num_blocks=1, num_levels=1, features=4)
DECODER = StyleDecoder(num_blocks=1, num_levels=1, style_features=8)
DISCRIMINATOR = PatchDiscriminator(num_layers=1, features=4, norm="none")


def _method(**options):
  return munit(GENERATOR, GENERATOR, DISCRIMINATOR, latent_size=3, **options)


@pytest.fixture(scope="module")
def start():
  method = _method(cycle_weight=10.0)
  params, extras = jax.jit(method.init)(KEY, BATCH)
  outputs, extras = jax.jit(method.generate)(params["generator"], extras, BATCH, KEY)
  return params, extras, outputs


def test_generator_loss_by_hand(start):
  params, extras, outputs = start
  method = _method(
    image_weight=2.0, content_weight=3.0, style_weight=4.0, cycle_weight=5.0, adversarial_weight=6.0
  )
  loss, _ = method.generator_loss(params["discriminator"], extras, outputs, BATCH, KEY)

  def error(x, y):
    return np.mean(np.abs(np.asarray(x) - np.asarray(y)))

  expected = 0.0
  for name in ("a", "b"):
    logits = DISCRIMINATOR.apply(
      {"params": params["discriminator"][name]}, outputs[f"fake_{name}"], train=True
    )
    expected += 6.0 * np.mean((np.asarray(logits) - 1.0) ** 2)
    expected += 2.0 * error(outputs[f"image_{name}"], BATCH[name])
    expected += 3.0 * error(outputs[f"found_content_{name}"], outputs[f"content_{name}"])
    expected += 4.0 * error(outputs[f"found_style_{name}"], outputs[f"drawn_style_{name}"])
    expected += 5.0 * error(outputs[f"reconstructed_{name}"], BATCH[name])
  np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_a_translation_has_the_content_of_its_source_and_a_drawn_style(start):
  params, _, outputs = start
  content = ENCODER.apply({"params": params["generator"]["a"]["content_encoder"]}, BATCH["a"])
  expected = DECODER.apply(
    {"params": params["generator"]["b"]["decoder"]}, content, outputs["drawn_style_b"]
  )
  np.testing.assert_allclose(outputs["fake_b"], expected, atol=1e-5)
  assert outputs["fake_b"].shape == BATCH["a"].shape


def test_translate_has_many_answers_and_repeats_them_by_key(start):
  params, extras, _ = start
  method = _method()
  translate = jax.jit(method.translate, static_argnames=("direction", "mode"))
  first, again, other = (
    translate(params["generator"], extras, BATCH["a"], key, direction="ab", mode="test")
    for key in (KEY, KEY, jax.random.key(9))
  )
  np.testing.assert_array_equal(first, again)
  assert float(jnp.mean(jnp.abs(first - other))) > 1e-4
  with pytest.raises(ValueError, match="direction must be 'ab' or 'ba', got 'aa'"):
    method.translate(params["generator"], extras, BATCH["a"], KEY, direction="aa", mode="test")


def test_a_translation_takes_the_style_of_an_example(start):
  params, extras, _ = start
  translate = jax.jit(_method().translate, static_argnames=("direction", "mode"))
  extras = {**extras, EXAMPLE: BATCH["b"][1]}
  found, again = (
    translate(params["generator"], extras, BATCH["a"], key, direction="ab", mode="test")
    for key in (KEY, jax.random.key(9))
  )
  np.testing.assert_array_equal(found, again)  # Nothing is drawn.
  there = {"params": params["generator"]["b"]}
  _, styles = GENERATOR.apply(there, BATCH["b"], method="encode")
  content = ENCODER.apply({"params": params["generator"]["a"]["content_encoder"]}, BATCH["a"])
  style = jnp.stack([styles[1]] * 2)
  expected = GENERATOR.apply(there, content, style, method="decode")
  np.testing.assert_allclose(found, expected, atol=1e-5)


def test_content_forgets_what_a_channel_scale_changes(start):
  """Instance norm: a contrast that is common to all channels leaves no trace in the content."""
  params, *_ = start
  tree = {"params": params["generator"]["a"]["content_encoder"]}
  plain, scaled = (ENCODER.apply(tree, factor * BATCH["a"]) for factor in (1.0, 0.7))
  assert float(jnp.max(jnp.abs(plain - scaled))) < 0.02 * float(jnp.max(jnp.abs(plain)))


def test_the_style_sets_the_statistics():
  """Without a style the decoder has no dense layers (UNIT), and one answer."""
  content = jnp.ones((1, 4, 4, 8)) * jnp.arange(4.0)[None, :, None, None]
  variables = DECODER.init(KEY, content, None)
  assert not [name for name in variables["params"] if name.startswith("Dense")]
  assert DECODER.apply(variables, content, None).shape == (1, 8, 8, 3)


def test_what_does_not_fit_is_refused():
  with pytest.raises(ValueError, match=r"set generator.name to content_style"):
    munit(ResNet(), ResNet(), DISCRIMINATOR)
  with pytest.raises(ValueError, match="latent_size must be at least 1 for munit, got 0"):
    munit(GENERATOR, GENERATOR, DISCRIMINATOR, latent_size=0)

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from imtrans.analyses import instance_norm
from imtrans.analyses.recoloured_layers import recolourings, watch
from imtrans.analyses.trained import NotForThisRun
from imtrans.networks.normalization import Normalization
from imtrans.networks.resnet import ResNet
from imtrans.theory.normalization import recolouring_leak


def test_the_layer_meets_the_closed_forms(papers):
  finding = papers("instance_norm")
  for row in finding.rows:
    assert row["measured"] == pytest.approx(float(row["closed_form"]), abs=1e-5)
  ordinary = [row for row in finding.rows if row["setting"] == "deviation 0.5"]
  signs = [float(np.sign(row["at"])) for row in ordinary]
  assert np.allclose([row["measured"] for row in ordinary], signs, atol=1e-4)
  labels = {(row["setting"], float(row["at"])): row["measured"] for row in finding.rows}
  assert labels["inside the region", 1.0] == 0.0 and labels["outside", 0.0] == 0.0
  assert labels["inside the region", 0.5] == pytest.approx(1.0, abs=1e-4)
  assert "0.40 levels" in finding.text and "leaves as 0," in finding.text


def _resnet(run):
  config = run.run.config.generator
  return ResNet(out_channels=3, num_blocks=config.num_blocks, features=config.features)


def test_a_cyclegan_shows_what_flax_captures(trained_cyclegan):
  finding = instance_norm.on_run(trained_cyclegan)
  generator = trained_cyclegan.generators[0]
  sources, _ = trained_cyclegan.test_pictures(generator.direction, 16)
  params = generator.generator_params[generator.direction]

  @jax.jit
  def captured(images):
    output, state = _resnet(trained_cyclegan).apply(
      {"params": params},
      images,
      train=False,
      capture_intermediates=lambda module, _: isinstance(module, Normalization),
    )
    layers = {
      name: value["__call__"][0]
      for name, value in state["intermediates"].items()
      if isinstance(value, dict)  # The network notes its own layers too.
    }
    return {**{f"after {name}": value for name, value in layers.items()}, "output": output}

  found = {(row["recolouring"], row["place"]): row["change"] for row in finding.rows}
  for name, (gains, shifts) in recolourings(3).items():
    plain, changed = captured(sources), captured(sources * gains + shifts)
    for place, values in plain.items():
      expected = np.linalg.norm(changed[place] - values) / np.linalg.norm(values)
      assert found[name, place] == pytest.approx(float(expected), rel=1e-3, abs=2e-5)
      rows = [r for r in finding.rows if r["recolouring"] == name and r["place"] == place]
      variance = np.var(changed[place], axis=(1, 2)).mean()
      assert rows[0]["variance"] == pytest.approx(float(variance), rel=1e-3)
  # Without learned scale and shift, the whole style of what leaves a layer is said by theory.
  for row in finding.rows:
    if not str(row["place"]).startswith("after "):
      assert np.isnan(row["mean_closed_form"]) and np.isnan(row["largest_gap"])
      continue
    assert row["mean_closed_form"] == 0.0 and row["mean"] == pytest.approx(0.0, abs=1e-5)
    assert row["variance"] == pytest.approx(row["variance_closed_form"], abs=1e-3)
    assert row["variance"] <= 1.0 and row["largest_gap"] < 1e-3
  assert "from 0 and v / (v + ε) a channel's mean or variance differs" in finding.text
  # One recolouring in the words of the theory.
  name = "half the contrast"
  gains, shifts = (jnp.asarray(values) for values in recolourings(3)[name])
  leak = recolouring_leak(lambda x: captured(x)["output"], jnp.asarray(sources), gains, shifts)
  assert found[name, "output"] == pytest.approx(float(leak), rel=1e-3, abs=2e-5)

  # Shifts and contrast are erased, neither hues nor signs.
  for name in ("colour cast (shift per channel)", "half the contrast"):
    assert found[name, "before input_norm"] > 0.1
    assert found[name, "after input_norm"] < 0.01
    assert found[name, "output"] < 0.02
  assert found["inversion", "after input_norm"] == pytest.approx(2.0, abs=1e-3)
  assert found["white balance (gain per channel)", "after input_norm"] > 0.05
  assert "erases shifts and contrast" in finding.text


def _with_last_shift_and_scale(generator, place):
  """The generator whose last normalisation shifts by 0.5 and doubles."""
  flat = traverse_util.flatten_dict(dict(generator.generator_params), sep="/")
  name = place.removeprefix("after ")
  for key, value in ((f"{name}/bias", 0.5), (f"{name}/scale", 2.0)):
    flat[key] = jnp.full_like(flat[key], value)
  return generator._replace(generator_params=traverse_util.unflatten_dict(flat, sep="/"))


def test_batch_normalisation_erases_only_by_a_picture_s_own_statistics(trained):
  ratios, last = {}, "after decoder_norm_1"
  for mode in ("train", "test"):
    generator = _with_last_shift_and_scale(trained.generators[0]._replace(mode=mode), last)
    finding = instance_norm.on_run(trained._replace(generators=(generator,)))
    found = {(row["recolouring"], row["place"]): row for row in finding.rows}
    place = next(str(row["place"]) for row in finding.rows if "before" in str(row["place"]))
    before = found["half the contrast", place]["change"]
    after = found["half the contrast", place.replace("before", "after")]["change"]
    ratios[mode] = after / before
    assert ("running statistics" in finding.text) == (mode == "test")
    for name in ("none", "inversion"):
      row = found[name, last]
      assert row["mean_closed_form"] == 0.5
      if mode == "train":
        # Of the learned shift and scale alone, but for ε.
        assert row["mean"] == pytest.approx(0.5, abs=1e-5)
        assert row["variance"] == pytest.approx(row["variance_closed_form"], rel=1e-3)
        assert 0.5 < row["variance"] < 4.0
      else:
        # The layers before did not make it larger, and this one does not either.
        assert row["variance"] < 0.1 * row["variance_closed_form"]
        assert row["largest_gap"] > 0.03
  # The values of this hardly trained network are so small that ε keeps some of the contrast.
  assert ratios["train"] < 0.75 and ratios["test"] > 0.9


def test_watching_changes_nothing(trained_cyclegan):
  generator = trained_cyclegan.generators[0]
  sources, _ = trained_cyclegan.test_pictures(generator.direction, 1)
  layers = jax.jit(lambda images: watch(generator, images)[0])(sources)
  np.testing.assert_allclose(layers["output"], generator(sources), atol=1e-5)
  blocks = trained_cyclegan.run.config.generator.num_blocks
  assert len(layers) == 2 + 2 * (5 + 2 * blocks)


def test_a_generator_without_normalisation_is_refused(trained):
  def translate(params, extras, source, key, *, direction, mode):
    del params, extras, key, direction, mode
    return source

  plain = trained.generators[0]._replace(translate=translate)
  with pytest.raises(NotForThisRun, match="no normalisation"):
    instance_norm.on_run(trained._replace(generators=(plain,)))

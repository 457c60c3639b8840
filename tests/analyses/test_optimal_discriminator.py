import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.analyses import optimal_discriminator
from imtrans.analyses.discriminators import trained_discriminators
from imtrans.analyses.trained import NotForThisRun
from imtrans.theory.divergences import jensen_shannon_bound


def _gaussian_jensen_shannon(distance):
  """By numpy's quadrature on a grid of its own."""
  x = np.linspace(-12.0, 12.0, 20_001)
  p, q = (
    np.exp(-0.5 * (x - side * distance / 2) ** 2) / np.sqrt(2.0 * np.pi) for side in (1.0, -1.0)
  )
  m = 0.5 * (p + q)
  return float(np.sum(0.5 * (p * np.log(p / m) + q * np.log(q / m))) * (x[1] - x[0]))


def test_a_trained_discriminator_arrives_at_the_closed_form(papers):
  finding = papers("optimal_discriminator")
  for row in finding.rows:
    expected = _gaussian_jensen_shannon(row["distance"])
    assert row["jensen_shannon"] == pytest.approx(expected, abs=1e-5)
    assert row["closed_form"] == pytest.approx(np.log(4.0) - 2.0 * expected, abs=1e-5)
    assert row["trained"] == pytest.approx(row["closed_form"], abs=6e-3)
    assert row["bound"] <= row["jensen_shannon"] + 1e-5
  assert f"{_gaussian_jensen_shannon(2.0):.4f}" in finding.text
  with pytest.raises(ValueError, match="shown must be one of"):
    optimal_discriminator.on_paper(distances=(1.0,), shown=3.0)


@pytest.mark.parametrize("loss", [0.0, 0.9, 1.5])
def test_the_bound_of_the_vanilla_pair_is_that_of_the_theory(loss):
  bound = optimal_discriminator.divergence_bound("vanilla", loss)
  assert bound == pytest.approx(float(jensen_shannon_bound(loss)), abs=1e-6)


def test_bounds_of_the_other_pairs_by_hand():
  # 1/4 - T / 8 and 2 - 2 TV.
  assert optimal_discriminator.divergence_bound("least_squares", 0.125) == pytest.approx(1.0)
  assert optimal_discriminator.divergence_bound("hinge", 1.5) == pytest.approx(0.25)


def test_the_loss_of_a_run_is_that_of_its_method(trained):
  """pix2pix, picture by picture through the method's own loss."""
  finding = optimal_discriminator.on_run(trained)
  sources, answers = trained.test_pictures("ab", 32)
  fakes = trained.generators[0](sources)
  method, weight = trained.run.method, trained.run.config.method.discriminator_weight
  losses = []
  for source, answer, fake in zip(sources, answers, fakes, strict=True):
    batch = {"source": jnp.asarray(source)[None], "target": jnp.asarray(answer)[None]}
    outputs = {"fake": jnp.asarray(fake)[None]}
    loss, _ = method.discriminator_loss(
      *(trained.players["discriminator"], trained.run.extras, outputs, batch, jax.random.key(0))
    )
    losses.append(float(loss) / weight)
  np.testing.assert_allclose([row["loss"] for row in finding.rows], losses, rtol=1e-4)
  bound = (np.log(4.0) - np.mean(losses)) / 2.0
  assert np.mean([row["bound"] for row in finding.rows]) == pytest.approx(bound, abs=1e-5)
  concluded = f"at least {bound:.3f}" if bound > 0.0 else f"its bound of {bound:.3f}"
  assert concluded in finding.text and f"a loss of {np.mean(losses):.3f}" in finding.text


def test_a_bound_below_zero_concludes_nothing():
  assert (
    optimal_discriminator.conclusion(0.25, 0.01) == "so the divergence is at least 0.250 ± 0.010"
  )
  text = optimal_discriminator.conclusion(-0.25, 0.01)
  assert "its bound of -0.250 ± 0.010 says nothing" in text and "at least" not in text


def test_both_discriminators_of_a_cyclegan(trained_cyclegan):
  finding = optimal_discriminator.on_run(trained_cyclegan)
  titles = [row["discriminator"] for row in finding.rows]
  assert sorted(set(titles)) == ["discriminator of a", "discriminator of b"]
  real, _ = trained_cyclegan.test_pictures("ba", 32)
  sources, _ = trained_cyclegan.test_pictures("ab", 32)
  fake = trained_cyclegan.generator("ab")(sources)
  judge = trained_discriminators(trained_cyclegan, 1)[1].module
  params = trained_cyclegan.players["discriminator"]["b"]
  outputs = [judge.apply({"params": params}, images, train=False) for images in (real, fake)]
  loss = 0.5 * (np.mean(np.square(outputs[0] - 1.0)) + np.mean(np.square(outputs[1])))
  measured = [row["loss"] for row in finding.rows if row["discriminator"] == "discriminator of b"]
  assert np.mean(measured) == pytest.approx(float(loss), rel=1e-4)


def test_a_critic_without_a_bound_is_refused(trained):
  config = trained.run.config.copy_and_resolve_references().unlock()
  config.method.adversarial = "wasserstein"
  with pytest.raises(NotForThisRun, match="wasserstein"):
    optimal_discriminator.on_run(trained._replace(run=trained.run._replace(config=config)))

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import ks_2samp, norm

from imtrans.theory.adaptation import (
  Normal,
  density_crossings,
  divergence_deviation,
  interval_divergence,
  normal_differences,
  sample_differences,
  target_error_bound,
  threshold_divergence,
  threshold_error,
  threshold_joint_error,
)

# Compiled as a whole: a dozen operations on scalars take longer one by one.
_differences = jax.jit(normal_differences)


def _normal(mean, deviation):
  return Normal(jnp.float32(mean), jnp.float32(deviation))


# Unit deviations, means .6 apart, labels that change at 0 in the source and at .2 in the target.
SOURCE, TARGET = _normal(0.0, 1.0), _normal(0.6, 1.0)
LABELS = jnp.float32(0.0), jnp.float32(0.2)
PAIRS = [
  ((0.0, 1.0), (0.6, 1.0)),
  ((0.0, 1.0), (0.0, 2.0)),
  ((1.0, 0.5), (-0.3, 0.8)),
  ((0.2, 2.0), (0.1, 0.3)),
]


def _fine_differences(source, target):
  x = np.linspace(-12.0, 12.0, 100_001)
  return norm.cdf(x, *source) - norm.cdf(x, *target)


def test_the_known_example():
  divergence = interval_divergence(_differences(SOURCE, TARGET))
  np.testing.assert_allclose(0.5 * divergence, 0.23582, atol=1e-5)
  np.testing.assert_allclose(0.5 * divergence, 2 * norm.cdf(0.3) - 1, rtol=1e-5)
  joint = jax.jit(threshold_joint_error)(SOURCE, TARGET, *LABELS)
  np.testing.assert_allclose(joint, 0.07033, atol=1e-5)

  thresholds = jnp.linspace(-6.0, 6.0, 2001)
  source_error = jax.vmap(lambda t: threshold_error(SOURCE, t, LABELS[0]))(thresholds)
  target_error = jax.vmap(lambda t: threshold_error(TARGET, t, LABELS[1]))(thresholds)
  slack = target_error_bound(source_error, divergence, joint) - target_error
  assert float(np.min(slack)) > 0.15


@pytest.mark.parametrize("source, target", PAIRS)
def test_divergences_in_closed_form_are_suprema_over_points_and_intervals(source, target):
  differences = _differences(_normal(*source), _normal(*target))
  fine = _fine_differences(source, target)
  np.testing.assert_allclose(threshold_divergence(differences), 2 * np.abs(fine).max(), atol=1e-5)
  np.testing.assert_allclose(interval_divergence(differences), 2 * np.ptp(fine), atol=1e-5)
  # All pairs of thresholds, literally, on a coarse grid: never more.
  coarse = fine[::500]
  pairs = np.abs(coarse[:, None] - coarse[None, :]).max()
  assert 2 * pairs <= float(interval_divergence(differences)) + 1e-6
  # Thresholds reach the total variation.
  x = np.linspace(-12.0, 12.0, 100_001)
  variation = 0.5 * np.trapezoid(np.abs(norm.pdf(x, *source) - norm.pdf(x, *target)), x)
  np.testing.assert_allclose(0.5 * interval_divergence(differences), variation, atol=1e-5)


@pytest.mark.parametrize("source, target", PAIRS)
def test_densities_are_equal_where_they_cross(source, target):
  crossings = np.asarray(jax.jit(density_crossings)(_normal(*source), _normal(*target)))
  np.testing.assert_allclose(
    norm.logpdf(crossings, *source), norm.logpdf(crossings, *target), atol=1e-4
  )


def test_equal_distributions_do_not_differ_and_have_a_gradient():
  same = _differences(SOURCE, SOURCE)
  np.testing.assert_allclose(interval_divergence(same), 0.0)
  gradient_of = jax.jit(jax.grad(lambda s, t: interval_divergence(normal_differences(s, t))))
  for pair in [*PAIRS, ((0.2, 2.0), (0.2, 2.0))]:
    assert all(np.isfinite(v) for v in gradient_of(*(_normal(*p) for p in pair)))
  # Moving the source away from the target raises it: d(2 Phi(shift / 2) - 1) 2 = 2 phi(.3).
  gradient = gradient_of(SOURCE, TARGET)
  np.testing.assert_allclose(gradient.mean, -2 * norm.pdf(0.3), rtol=1e-4)


def test_samples_have_the_statistics_of_kolmogorov_and_kuiper():
  random = np.random.default_rng(0)
  x, y = random.normal(size=400), 0.6 + random.normal(size=300)
  x[:50] = np.round(x[:50], 1)
  y[:50] = np.round(y[:50], 1)
  differences = jax.jit(sample_differences)(*(jnp.asarray(v, jnp.float32) for v in (x, y)))
  np.testing.assert_allclose(
    threshold_divergence(differences), 2 * ks_2samp(x, y).statistic, rtol=1e-4
  )
  above, below = (ks_2samp(x, y, alternative=side).statistic for side in ("greater", "less"))
  np.testing.assert_allclose(interval_divergence(differences), 2 * (above + below), rtol=1e-4)


def test_the_sample_term_covers_the_divergence():
  random = np.random.default_rng(1)
  true = float(interval_divergence(_differences(SOURCE, TARGET)))
  for samples in (200, 4000):
    term = divergence_deviation(samples, vc_dimension=1, failure_probability=0.05)
    by_hand = 4 * np.sqrt((2 * np.log(2 * samples) + np.log(40)) / samples)
    np.testing.assert_allclose(term, by_hand, rtol=1e-5)
    x = jnp.asarray(random.normal(size=(50, samples)), jnp.float32)
    y = jnp.asarray(0.6 + random.normal(size=(50, samples)), jnp.float32)
    found = jax.vmap(lambda a, b: interval_divergence(sample_differences(a, b)))(x, y)
    assert np.all(true <= np.asarray(found) + float(term))
  # The term is far from tight: the largest of 50 errors is several times smaller.
  assert np.abs(np.asarray(found) - true).max() < 0.3 * float(term)


@pytest.mark.parametrize("source, target", PAIRS)
@pytest.mark.parametrize("labels", [(0.0, 0.2), (-0.5, 1.5), (0.4, 0.1), (0.3, 0.3)])
def test_the_joint_error_is_the_minimum_and_the_bound_holds(source, target, labels):
  thresholds = np.concatenate([np.linspace(-8.0, 8.0, 40_001), labels])
  errors = [
    np.abs(norm.cdf(thresholds, *domain) - norm.cdf(label, *domain))
    for domain, label in zip((source, target), labels, strict=True)
  ]
  domains = _normal(*source), _normal(*target)
  joint = jax.jit(threshold_joint_error)(*domains, *map(jnp.float32, labels))
  np.testing.assert_allclose(joint, np.min(errors[0] + errors[1]), atol=2e-5)
  divergence = float(interval_divergence(_differences(*domains)))
  bound = target_error_bound(errors[0], divergence, float(joint))
  assert np.all(errors[1] <= bound + 1e-5)


@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_labels_that_the_translation_flips_raise_the_bound_by_their_rate(rate):
  # Trained and judged on translated pictures with wrong labels, used on real ones.
  random = np.random.default_rng(2)
  x = random.normal(size=200_000)
  labels = (x > 0.0) ^ (random.uniform(size=x.size) < rate)
  divergence = float(interval_divergence(_differences(SOURCE, TARGET)))
  joint = float(jax.jit(threshold_joint_error)(SOURCE, TARGET, *LABELS))
  for threshold in (-1.0, 0.0, 0.3, 2.0):
    source_error = np.mean((x > threshold) != labels)
    target_error = abs(norm.cdf(threshold - 0.6) - norm.cdf(0.2 - 0.6))
    bound = target_error_bound(source_error, divergence, joint, label_flip_rate=rate)
    assert target_error <= bound
    # The rate is needed: it is what wrong labels can hide of an error on the right ones.
    clean = abs(norm.cdf(threshold) - 0.5)
    assert clean <= source_error + rate + 0.01

"""Distances between sets of pictures: two sets of features in, a number out.

All functions take float64 [pictures, dimension] and are NumPy; features come from
`features/extraction.py`. Which part of a distribution is missed or made up is the question of
`manifolds.py`.
"""

from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
  """A figure that is a mean over random subsets, and their standard deviation."""

  mean: float
  deviation: float


def frechet_distance(real: np.ndarray, fake: np.ndarray, *, minimum: int | None = None) -> float:
  """Frechet (2-Wasserstein) distance, squared, of the normal distributions with the same moments.

  Heusel et al., 2017, "GANs Trained by a Two Time-Scale Update Rule", Eq. 6,
  https://arxiv.org/abs/1706.08500. The covariances are those with n - 1.

  With no more pictures than dimensions a covariance is singular and the distance is biased upwards
  by an amount that depends on the number of pictures, so this is refused. Papers report such
  figures all the same; `minimum=2` gives them (--frechet-minimum of `imtrans evaluate`), to be
  compared only at equal numbers.

  Args:
    real: [pictures, dimension].
    fake: [pictures, dimension].
    minimum: the fewest pictures to accept on either side; dimension + 1 by default.

  Returns:
    The distance, 0 or more, in squared units of the features.

  Raises:
    ValueError: for too few pictures, or features of different dimensions.
  """
  check_features(real, fake)
  needed = real.shape[1] + 1 if minimum is None else max(minimum, 2)
  remedy = "allow fewer with --frechet-minimum (config.frechet_minimum; minimum in Python)"
  require(real, fake, needed, "the Frechet distance of", remedy)
  return frechet_distance_of_moments(*moments(real), *moments(fake))


def moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Mean and covariance, such as statistics files of FID hold.

  Args:
    features: [pictures, dimension], at least two pictures.

  Returns:
    The mean [dimension] and the covariance [dimension, dimension], with n - 1.
  """
  values = np.asarray(features, np.float64)
  mean = np.mean(values, axis=0)
  centred = values - mean
  return mean, centred.T @ centred / (values.shape[0] - 1)


def frechet_distance_of_moments(
  mean_real: np.ndarray, cov_real: np.ndarray, mean_fake: np.ndarray, cov_fake: np.ndarray
) -> float:
  """`frechet_distance` from means and covariances.

  |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2)). The product of two covariances is not
  symmetric, but has the eigenvalues of S1^(1/2) S2 S1^(1/2), which is, and whose root is real also
  where a covariance is singular.

  Args:
    mean_real: [dimension].
    cov_real: [dimension, dimension], symmetric, positive semidefinite.
    mean_fake: [dimension].
    cov_fake: [dimension, dimension].

  Returns:
    The distance, 0 or more.
  """
  values, vectors = np.linalg.eigh(cov_real)
  root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
  product = np.linalg.eigvalsh(root @ cov_fake @ root)
  cross = np.sum(np.sqrt(np.maximum(product, 0.0)))
  shift = np.sum(np.square(mean_real - mean_fake))
  return float(max(shift + np.trace(cov_real) + np.trace(cov_fake) - 2.0 * cross, 0.0))


def kernel_distance(
  real: np.ndarray,
  fake: np.ndarray,
  *,
  subset_size: int = 1000,
  num_subsets: int = 100,
  seed: int = 0,
) -> Estimate:
  """Squared maximum mean discrepancy with a cubic kernel, as a mean over random subsets.

  On Inception features this is KID: Binkowski et al., 2018, "Demystifying MMD GANs", Sec. 4,
  https://arxiv.org/abs/1801.01401, k(x, y) = (x . y / dimension + 1)^3. Unbiased for any number of
  pictures, so it may come out negative. The cubic kernel compares moments up to the third.

  Args:
    real: [pictures, dimension].
    fake: [pictures, dimension].
    subset_size: pictures of each side in a subset, drawn without replacement.
    num_subsets: how many subsets.
    seed: of the draws.

  Returns:
    Mean and standard deviation over the subsets.

  Raises:
    ValueError: for fewer pictures than a subset has, or features of different dimensions.
  """
  check_features(real, fake)
  require(real, fake, max(subset_size, 2), "the kernel distance of", "choose a smaller subset_size")
  random = np.random.default_rng(seed)
  estimates = []
  for _ in range(num_subsets):
    chosen = [x[random.choice(len(x), subset_size, replace=False)] for x in (real, fake)]
    estimates.append(squared_mmd(*chosen))
  return Estimate(float(np.mean(estimates)), float(np.std(estimates)))


def squared_mmd(real: np.ndarray, fake: np.ndarray) -> float:
  """Unbiased estimate of the squared maximum mean discrepancy with the kernel of KID.

  Gretton et al., 2012, "A Kernel Two-Sample Test", Eq. 3,
  https://jmlr.org/papers/v13/gretton12a.html.
  The kernel of a picture with itself is left out.

  Args:
    real: [pictures, dimension], at least two pictures.
    fake: [pictures, dimension], at least two pictures.

  Returns:
    The estimate; its expectation is 0 for equal distributions.
  """

  def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1.0) ** 3

  def within(x: np.ndarray) -> float:
    gram = kernel(x, x)
    return (np.sum(gram) - np.trace(gram)) / (len(x) * (len(x) - 1))

  real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
  return float(within(real) + within(fake) - 2.0 * np.mean(kernel(real, fake)))


def inception_score(logits: np.ndarray, *, num_splits: int = 10, seed: int = 0) -> Estimate:
  """Exponential of the mean divergence of a picture's classes from those of all pictures.

  Salimans et al., 2016, "Improved Techniques for Training GANs", Sec. 4,
  https://arxiv.org/abs/1606.03498. It looks at the generated pictures alone. A split of n pictures
  has a score between 1 and n, so figures are comparable only at equal numbers.

  Args:
    logits: [pictures, classes] of generated pictures.
    num_splits: parts that are scored by themselves.
    seed: of the order in which pictures are dealt to the parts.

  Returns:
    Mean and standard deviation over the parts.

  Raises:
    ValueError: for fewer than two pictures a part.
  """
  if len(logits) < 2 * num_splits:
    raise ValueError(
      f"the Inception score with {num_splits} splits needs at least {2 * num_splits} pictures, got "
      f"{len(logits)}: give more, or choose fewer splits."
    )
  shifted = logits - np.max(logits, axis=1, keepdims=True)
  log_probabilities = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
  order = np.random.default_rng(seed).permutation(len(logits))
  scores = []
  for part in np.array_split(order, num_splits):
    log_p = log_probabilities[part]
    p = np.exp(log_p)
    # A class that no picture has weighs nothing, whatever its logarithm.
    log_marginal = np.log(np.maximum(np.mean(p, axis=0), np.finfo(np.float64).tiny))
    scores.append(np.exp(np.mean(np.sum(p * (log_p - log_marginal), axis=1))))
  return Estimate(float(np.mean(scores)), float(np.std(scores)))


def sliced_wasserstein(
  real: np.ndarray, fake: np.ndarray, *, num_projections: int = 512, seed: int = 0
) -> float:
  """Sliced 2-Wasserstein distance: the root mean square over random directions.

  Bonneel et al., 2015, "Sliced and Radon Wasserstein Barycenters of Measures",
  https://doi.org/10.1007/s10851-014-0506-3. Along each direction the distance of the two sets is
  exact, also if they differ in size. One picture is no distribution, so at least two are asked for.

  Args:
    real: [pictures, dimension], at least two pictures.
    fake: [pictures, dimension], at least two pictures.
    num_projections: directions, uniform on the sphere.
    seed: of the directions.

  Returns:
    The distance, 0 or more, in units of the features.

  Raises:
    ValueError: for fewer than two pictures, or features of different dimensions.
  """
  check_features(real, fake)
  remedy = "compare single pictures one by one"
  require(real, fake, 2, "the sliced Wasserstein distance of", remedy)
  random = np.random.default_rng(seed)
  directions = random.normal(size=(real.shape[1], num_projections))
  directions /= np.linalg.norm(directions, axis=0)
  x, y = np.sort(real @ directions, axis=0), np.sort(fake @ directions, axis=0)
  # Both quantile functions are steps: they change at i / n and j / m, here times n m.
  n, m = len(x), len(y)
  edges = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
  widths = np.diff(edges) / (n * m)
  squares = np.square(x[edges[:-1] // m] - y[edges[:-1] // n])
  return float(np.sqrt(np.mean(widths @ squares)))


def require(real: np.ndarray, fake: np.ndarray, needed: int, what: str, remedy: str) -> None:
  """Raises ValueError if either set has fewer pictures than a figure needs.

  Args:
    real: [pictures, dimension].
    fake: [pictures, dimension].
    needed: pictures.
    what: begins the sentence: "the Frechet distance of".
    remedy: ends it: "choose a smaller subset_size".
  """
  if min(len(real), len(fake)) < needed:
    raise ValueError(
      f"{what} {real.shape[1]} features needs at least {needed} pictures on either side, got "
      f"{len(real)} real and {len(fake)} generated: give more, or {remedy}."
    )


def check_features(real: np.ndarray, fake: np.ndarray) -> None:
  """Raises ValueError unless both are [pictures, dimension] with the same dimension.

  Args:
    real: the features of true pictures.
    fake: those of generated ones.
  """
  if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
    raise ValueError(
      "real and fake must be [pictures, dimension] of the same features, got shapes "
      f"{real.shape} and {fake.shape}."
    )

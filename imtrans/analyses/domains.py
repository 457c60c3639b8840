"""Sources, targets and translations of a trained run, reduced to a few numbers per picture."""

from typing import NamedTuple

import numpy as np

from imtrans.analyses.trained import NotForThisRun, TrainedRun

BATCH = 16  # Pictures that are translated at once; for memory.


class Domains(NamedTuple):
  """Test pictures of a run, float32 [pictures, height, width, channels] in [-1, 1] each.

  sources: of the domain that the run translates from.
  targets: real ones of the other domain.
  translated: the sources' translations, in their order.
  paired: whether the targets are the sources' true answers, in their order.
  """

  sources: np.ndarray
  targets: np.ndarray
  translated: np.ndarray
  paired: bool

  @property
  def comparable(self) -> bool:
    """Whether sources can be compared with targets: both have the same channels."""
    return self.sources.shape[-1] == self.targets.shape[-1]


def read_domains(run: TrainedRun, count: int) -> Domains:
  """Reads test pictures of both domains and translates the sources.

  Args:
    run: the run; its first direction is meant.
    count: at most so many pictures of each domain.

  Returns:
    The pictures.

  Raises:
    NotForThisRun: for fewer than four pictures of either domain.
  """
  generator = run.generators[0]
  sources, answers = run.test_pictures(generator.direction, count)
  if answers is None:
    targets, _ = run.test_pictures(generator.direction[::-1], count)
  else:
    targets = answers
  if min(len(sources), len(targets)) < 4:
    raise NotForThisRun(
      f"it needs at least four test pictures of each domain, got {len(sources)} and {len(targets)}."
    )
  starts = range(0, len(sources), BATCH)
  translated = np.concatenate([generator(sources[start : start + BATCH]) for start in starts])
  return Domains(sources, targets, translated, answers is not None)


class Halves(NamedTuple):
  """One random split: equally many pictures in each field, as indices of their set."""

  sources: np.ndarray  # Also of the translated pictures.
  targets: np.ndarray
  others: np.ndarray  # Of the targets; none of them in `targets`.


def split(domains: Domains, random: np.random.Generator) -> Halves:
  """Halves in which no target is the answer to a source, so that no content is in both.

  Args:
    domains: the pictures.
    random: randomness.

  Returns:
    `sources` to be compared with `targets`, and `others` to be compared with `targets` as
    pictures that surely are from the same domain.
  """
  number = min(len(domains.sources), len(domains.targets)) // 2
  order = random.permutation(len(domains.targets))
  targets, others = order[:number], order[number : 2 * number]
  if domains.paired:
    return Halves(others, targets, others)
  return Halves(random.permutation(len(domains.sources))[:number], targets, others)


def mean_colours(images: np.ndarray, side: int) -> np.ndarray:
  """Pictures reduced to the mean colours of a grid of cells.

  Args:
    images: [pictures, height, width, channels] in [-1, 1].
    side: cells along each axis, at most the height and the width.

  Returns:
    float32 [pictures, side, side, channels] in [0, 1].
  """
  for axis in (1, 2):
    edges = np.linspace(0, images.shape[axis], side + 1).astype(int)
    sums = np.add.reduceat(images.astype(np.float64), edges[:-1], axis=axis)
    shape = [1] * images.ndim
    shape[axis] = side
    images = sums / np.diff(edges).reshape(shape)
  return (0.5 + 0.5 * images).astype(np.float32)

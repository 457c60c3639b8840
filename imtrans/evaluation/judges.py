"""What judges a generator: something that sees its results go by, and then says its figures."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from imtrans.evaluation.figures import Figure, picture_figure
from imtrans.evaluation.pairs import Result

PREFIXES = {"model": "eval", "baseline": "baseline", "real": "real"}


class Score(NamedTuple):
  """A figure and what it is of.

  figure: the number and its protocol.
  of: "model", "baseline" (the source taken for the output) or "real" (true pictures).
  direction: "ab" or "ba".
  """

  figure: Figure
  of: str
  direction: str

  def as_dict(self) -> dict[str, Any]:
    """The figure as nested dictionaries for `json.dumps`."""
    fields = self.figure.as_dict()
    return {"name": fields.pop("name"), "direction": self.direction, "of": self.of, **fields}


class Judge(Protocol):
  """Sees every result of a generator once; then says what it thinks of them."""

  def see(self, result: Result) -> None:
    """Takes a result."""
    ...

  def figures(self) -> Iterable[tuple[str, Figure]]:
    """Returns pairs of `Score.of` and a figure, when all results have been seen."""
    ...


def log_scalars(scores: Sequence[Score], main_direction: str) -> dict[str, float]:
  """Figures under the names that logs and `metrics.json` use.

  Args:
    scores: of all directions.
    main_direction: the direction that the run is about.

  Returns:
    {"eval/l1": ..., "baseline/l1": ..., "real/segmentation_class_iou": ...}; of the other direction
    "eval_ba/l1" (or "_ab") and so on.
  """
  scalars = {}
  for figure, of, direction in scores:
    suffix = "" if direction == main_direction else f"_{direction}"
    scalars[f"{PREFIXES[of]}{suffix}/{figure.name}"] = figure.value
  return scalars


class PictureJudge:
  """Takes the means of what was measured on every picture."""

  def __init__(self, checksums: dict[str, str], *, seed: int, checkpoint: str | None):
    """Starts with no picture.

    Args:
      checksums: SHA-256 of the weights behind a figure, by its name.
      seed: of the noise that some figures use.
      checkpoint: of the generator, for the record.
    """
    self._columns: dict[str, list[float]] = {}
    self._checksums, self._seed, self._checkpoint = checksums, seed, checkpoint

  def see(self, result: Result) -> None:
    """Takes the figures of a picture."""
    for name, value in result.figures.items():
      self._columns.setdefault(name, []).append(value)

  def figures(self) -> Iterable[tuple[str, Figure]]:
    """Yields the mean of each, of the model and of the baseline."""
    for title, values in self._columns.items():
      prefix, _, name = title.rpartition("/")
      yield (
        prefix or "model",
        picture_figure(
          name,
          values,
          seed=self._seed if name == "noise_sensitivity" else None,
          weights=self._checksums.get(name),
          checkpoint=None if prefix else self._checkpoint,
        ),
      )

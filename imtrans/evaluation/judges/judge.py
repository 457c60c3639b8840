"""What judges a generator: something that sees its results go by, and then says its figures."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from imtrans.evaluation.figures import Figure, picture_figure
from imtrans.evaluation.judges.pairs import Result

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

  def __init__(self, checksums: dict[str, str], *, resize: str, seed: int, checkpoint: str | None):
    """Starts with no picture.

    Args:
      checksums: SHA-256 of the weights behind a figure, by its name.
      resize: what happened to the pictures' size.
      seed: of the noise that some figures use.
      checkpoint: of the generator, for the record.
    """
    self._columns: dict[str, list[float]] = {}
    self._checksums, self._resize = checksums, resize
    self._seed, self._checkpoint = seed, checkpoint

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
          resize=self._resize,
          seed=self._seed if name == "noise_sensitivity" else None,
          weights=self._checksums.get(name),
          checkpoint=None if prefix else self._checkpoint,
        ),
      )


class Judgement:
  """The results of one direction, to be gone through once; after that, its scores."""

  def __init__(self, results: Iterator[Result], judges: Sequence[Judge], direction: str):
    """Starts with no result seen."""
    self._results, self._judges, self._direction = results, judges, direction
    self._count = 0

  def __iter__(self) -> Iterator[Result]:
    """Yields every result, after all judges have seen it."""
    for result in self._results:
      self._count += 1
      for judge in self._judges:
        judge.see(result)
      yield result

  def scores(self) -> list[Score]:
    """Returns what the judges say; ValueError if there was no picture that could be used."""
    if not self._count:
      raise ValueError(
        "no test picture could be used: check data.path with `imtrans data inspect`."
      )
    return [
      Score(figure, of, self._direction) for judge in self._judges for of, figure in judge.figures()
    ]

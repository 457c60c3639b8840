"""A trained run as the analyses see it: both players, pictures of both domains, the generators."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from imtrans.data import Dataset
from imtrans.data.dataset import Subset
from imtrans.evaluation.evaluation_set import EvaluationSet, spread_indices
from imtrans.evaluation.translation.generators import (
  check_channels,
  preprocessing,
  trained_generators,
)
from imtrans.evaluation.translation.trained_generator import TrainedGenerator
from imtrans.training.assembly import is_static, method_field
from imtrans.training.input import open_data, training_batches
from imtrans.training.run import Run, load_players, load_run


class NotForThisRun(ValueError):  # noqa: N818 (names what is the matter)
  """The claim cannot be seen in this run; the message says why."""


class TrainedRun(NamedTuple):
  """A run at one of its checkpoints, with the data that it was trained on.

  run: config, method, averaged generator, extras.
  players: {"generator", "discriminator"}, the parameters themselves, as the step left them.
  generators: the averaged generators, one per direction, that of the config first.
  dataset: the test pictures.
  """

  run: Run
  players: dict[str, Any]
  generators: tuple[TrainedGenerator, ...]
  dataset: Dataset

  def training_batch(self, seed: int = 0) -> dict[str, np.ndarray]:
    """A batch as the training step gets it, by the config's batch size and preprocessing."""
    config = self.run.config.copy_and_resolve_references()
    config.seed = seed
    return next(training_batches(config, open_data(config, "train")))

  def test_pictures(self, direction: str, count: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Test sources of a direction, and their true answers where these are known.

    Args:
      direction: "ab" or "ba".
      count: at most so many, spread over the test set.

    Returns:
      float32 [pictures, height, width, channels] in [-1, 1] each; the answers may be None. Pictures
      of another size than the first are left out.

    Raises:
      ValueError: if no picture can be read.
    """
    dataset, target = self.dataset, self.dataset.b
    if target is not None and getattr(target, "view", None) is not None:
      # Answers as the networks know them, such as two channels of colour, and not the whole
      # pictures that they are shown as.
      dataset = dataset._replace(b=Subset(target, range(len(target))))
    pictures = EvaluationSet(dataset, specs=self.run.specs, **preprocessing(self.run.config))
    source, _ = pictures.domains(direction)
    indices = spread_indices(len(source), count)
    generator = self.generators[0]._replace(direction=direction)
    sources: list[np.ndarray] = []
    answers: list[np.ndarray] = []
    for _, images, number in pictures.batches(generator, indices):
      if not sources or images["source"].shape[1:] == sources[0].shape[1:]:
        sources.append(images["source"][:number])
        if "target" in images:
          answers.append(images["target"][:number])
    if not sources:
      raise ValueError("; ".join(pictures.problems.values()) or "the run has no test pictures.")
    return np.concatenate(sources), np.concatenate(answers) if answers else None

  def check_colours(self) -> None:
    """Raises `NotForThisRun` where a source is noise, or holds a class beside its picture."""
    config = self.run.config
    if is_static(config) or method_field(config, "num_classes"):
      raise NotForThisRun(
        f"it needs sources that are pictures alone, those of this run ({config.method.name}) hold "
        f"{'noise' if is_static(config) else 'a class'} too."
      )

  def generator(self, direction: str) -> TrainedGenerator:
    """The averaged generator of a direction; `NotForThisRun` if it has none."""
    for generator in self.generators:
      if generator.direction == direction:
        return generator
    raise NotForThisRun(
      f"it needs a generator from {direction[0]} to {direction[1]}, and the run "
      f"({self.run.config.method.name}) has none: choose a CycleGAN."
    )


def load_trained(workdir: str | Path, checkpoint: str | int = "last") -> TrainedRun:
  """Reads a run for analysis.

  Args:
    workdir: folder that `imtrans train` wrote.
    checkpoint: "best", "last" or a step.

  Returns:
    The run.

  Raises:
    ValueError: if there is no such run, checkpoint or data.
    CheckpointError: if the checkpoint cannot be read.
  """
  run = load_run(workdir, checkpoint)
  dataset = open_data(run.config, "test")
  check_channels(dataset, run.specs)
  generators = trained_generators(run.config, run.method, run.generator_params, run.extras)
  return TrainedRun(run, load_players(run), generators, dataset)

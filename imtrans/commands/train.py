"""`imtrans train`: trains a config in a workdir, or goes on where it stopped."""

import argparse
import logging
from pathlib import Path

from imtrans.commands.configuration import add_config_arguments, load_config

HELP = "train a model; the same command on the same workdir resumes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds the command's arguments."""
  add_config_arguments(parser)
  parser.add_argument("--workdir", required=True, help="folder of the run; made if absent")


def run(arguments: argparse.Namespace) -> None:
  """Trains, scoring the test pictures now and then."""
  config = load_config(arguments.config, arguments.overrides)

  from imtrans.training.checks import check_config

  check_config(config)

  from imtrans.data.palette import parse_palette
  from imtrans.evaluation.criteria import figure_names
  from imtrans.evaluation.evaluate import Evaluation
  from imtrans.evaluation.evaluation_set import EvaluationSet
  from imtrans.evaluation.generators import (
    check_channels,
    noisy_modes,
    preprocessing,
    trained_generators,
  )
  from imtrans.evaluation.previews import contact_sheet
  from imtrans.evaluation.quantities import quantity
  from imtrans.evaluation.sheets import sample_rows
  from imtrans.training.input import domain_specs, is_paired, open_data
  from imtrans.training.loop import Snapshot, train

  dataset, test = open_data(config, "train"), open_data(config, "test")
  check_channels(test, domain_specs(dataset))
  pictures = EvaluationSet(test, **preprocessing(config))
  evaluation = Evaluation(
    pictures,
    config.metrics,
    training=lambda: open_data(config, "train", paired=True),
    inception=config.inception,
    palette=parse_palette(config.palette) if config.palette else None,
    noisy_modes=noisy_modes(config),
  )
  evaluation.check(config.data.direction, mode=config.inference, cycle=not is_paired(config))
  ways = [""] if is_paired(config) else ["", f"_{config.data.direction[::-1]}"]
  measured = [f"eval{way}/{name}" for way in ways for name in figure_names(config.metrics)]
  if config.best_metric not in measured:
    raise ValueError(
      f"best_metric is {config.best_metric}, which is not measured: choose among "
      f"{', '.join(measured)}, or add to config.metrics."
    )

  def generators(snapshot: Snapshot):
    return trained_generators(config, snapshot.method, snapshot.generator_params, snapshot.extras)

  announced: set[str] = set()  # Samples may meet a bad picture before an evaluation does.

  def evaluate(snapshot: Snapshot) -> dict[str, float]:
    scores = evaluation.scalars(generators(snapshot))
    for name in [name for name in pictures.problems if name not in announced]:
      announced.add(name)
      logging.getLogger(__name__).warning("not measured: %s", pictures.problems[name])
    return scores

  train(
    config,
    Path(arguments.workdir),
    dataset,
    evaluate=evaluate,
    sample=lambda snapshot: contact_sheet(sample_rows(generators(snapshot), pictures)),
    larger_is_better=quantity(config.best_metric.rpartition("/")[2]).larger_is_better,
  )

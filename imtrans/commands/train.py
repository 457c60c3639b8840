"""`imtrans train`: trains a config in a workdir, or goes on where it stopped."""

import argparse
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

  from imtrans.evaluation.criteria import figure_names
  from imtrans.evaluation.evaluate import Evaluation
  from imtrans.evaluation.evaluation_set import EvaluationSet
  from imtrans.evaluation.generators import check_channels, preprocessing, trained_generators
  from imtrans.evaluation.previews import contact_sheet
  from imtrans.evaluation.quantities import quantity
  from imtrans.evaluation.sheets import sample_rows
  from imtrans.training.input import domain_specs, is_paired, open_data
  from imtrans.training.loop import Snapshot, train

  dataset, test = open_data(config, "train"), open_data(config, "test")
  check_channels(test, domain_specs(dataset))
  pictures = EvaluationSet(test, **preprocessing(config))
  evaluation = Evaluation(pictures, config.metrics, training=lambda: dataset)
  evaluation.check(config.data.direction, mode=config.inference, cycle=not is_paired(config))
  best = config.best_metric.rpartition("/")[2]
  if best not in figure_names(config.metrics):
    raise ValueError(
      f"best_metric is {config.best_metric}, which is not measured: add it to config.metrics, or "
      f"choose among {', '.join(figure_names(config.metrics))}."
    )

  def generators(snapshot: Snapshot):
    return trained_generators(config, snapshot.method, snapshot.generator_params, snapshot.extras)

  train(
    config,
    Path(arguments.workdir),
    dataset,
    evaluate=lambda snapshot: evaluation.scalars(generators(snapshot)),
    sample=lambda snapshot: contact_sheet(sample_rows(generators(snapshot), pictures)),
    larger_is_better=quantity(best).larger_is_better,
  )

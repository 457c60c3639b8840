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

  from imtrans.evaluation.evaluate import (
    check_channels,
    evaluate,
    preprocessing,
    sample_rows,
    trained_generators,
  )
  from imtrans.evaluation.previews import contact_sheet
  from imtrans.training.input import domain_specs, open_data
  from imtrans.training.loop import Snapshot, train

  dataset, test = open_data(config, "train"), open_data(config, "test")
  check_channels(test, domain_specs(dataset))
  options = preprocessing(config)

  def generators(snapshot: Snapshot):
    return trained_generators(config, snapshot.method, snapshot.generator_params, snapshot.extras)

  train(
    config,
    Path(arguments.workdir),
    dataset,
    evaluate=lambda snapshot: evaluate(generators(snapshot), test, **options),
    sample=lambda snapshot: contact_sheet(sample_rows(generators(snapshot), test, **options)),
  )

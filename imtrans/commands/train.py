"""`imtrans train`: trains a config in a workdir, or goes on where it stopped."""

import argparse
import functools
import logging
import sys
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from imtrans.commands.compilation_cache import keep_compiled_programs, keep_no_programs
from imtrans.commands.configuration import add_config_arguments, load_config

HELP = "train a model; the same command on the same workdir resumes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds the command's arguments."""
  add_config_arguments(parser)
  parser.add_argument("--workdir", required=True, help="folder of the run; made if absent")
  parser.add_argument(
    "--no-compilation-cache",
    action="store_true",
    help="keep no compiled programs; by default they go to JAX_COMPILATION_CACHE_DIR or to "
    "imtrans/jax in the user's cache folder",
  )
  several = parser.add_argument_group(
    "several processes",
    "Run the same command in all of them. Open MPI, SLURM, Cloud TPU and Kubernetes say by "
    "themselves which one this is; see experiments/launch.",
  )
  several.add_argument(
    "--coordinator", default="", metavar="HOST:PORT", help="an address of process 0, a free port"
  )
  several.add_argument(
    "--num-processes", type=int, help="how many there are; 1 trains alone, whoever started it"
  )
  several.add_argument("--process-id", type=int, help="which one this is, from 0")
  several.add_argument(
    "--hosts-timeout",
    type=int,
    default=300,
    metavar="SECONDS",
    help="how long processes wait for each other at the start",
  )


def run(arguments: argparse.Namespace) -> None:
  """Trains, scoring the test pictures now and then."""
  from imtrans.training.parting import joined

  with joined(
    coordinator=arguments.coordinator,
    num_processes=arguments.num_processes,
    process_id=arguments.process_id,
    timeout=arguments.hosts_timeout,
  ):
    _train(arguments)


def _train(arguments: argparse.Namespace) -> None:
  from imtrans.training import hosts
  from imtrans.training.agreement import check_alike, shared_facts, together

  config = together(functools.partial(_config, arguments))
  cache = keep_no_programs if arguments.no_compilation_cache else keep_compiled_programs
  remark = cache()
  if hosts.index() == 0:
    print(remark, file=sys.stderr)

  from imtrans.training.loop import train
  from imtrans.training.mesh import make_mesh, own_mesh

  mesh = together(lambda: make_mesh(tuple(config.mesh)))
  hosts.check_met()
  dataset, functions = together(lambda: _prepared(config, own_mesh(mesh)))
  check_alike(shared_facts(config, dataset))
  train(config, Path(arguments.workdir), dataset, **functions)


def _config(arguments: argparse.Namespace) -> ConfigDict:
  config = load_config(arguments.config, arguments.overrides)

  from imtrans.training.checks import check_config

  check_config(config)
  return config


def _prepared(config: ConfigDict, mesh: Any) -> tuple[Any, dict[str, Any]]:
  """Opens the pictures and whatever measures them.

  Args:
    config: a whole config.
    mesh: of an evaluation.

  Returns:
    The training pictures, and arguments of `imtrans.training.loop.train`.
  """
  from imtrans.data.readable import check_readable
  from imtrans.evaluation.criteria import BASIC, figure_names
  from imtrans.evaluation.evaluate import Evaluation
  from imtrans.evaluation.evaluation_set import EvaluationSet
  from imtrans.evaluation.pages.sheets import sample_sheet
  from imtrans.evaluation.quantities import quantity
  from imtrans.evaluation.translation.generators import (
    check_channels,
    measuring,
    preprocessing,
    trained_generators,
  )
  from imtrans.training.assembly import size_multiple
  from imtrans.training.input import domain_specs, is_two_way, open_data
  from imtrans.training.loop import Snapshot
  from imtrans.training.mesh import divisible

  dataset, test = open_data(config, "train"), open_data(config, "test")
  check_readable(dataset)
  check_channels(test, domain_specs(dataset))
  options = preprocessing(config)
  options["batch_size"] = divisible(options["batch_size"], mesh)
  pictures = EvaluationSet(test, **options)
  evaluation = Evaluation(
    pictures,
    config.metrics,
    training=lambda: open_data(config, "train", paired=True),
    mesh=mesh,
    **measuring(config),
  )
  evaluation.check(
    config.data.direction,
    mode=config.inference,
    cycle=is_two_way(config),
    size_multiple=size_multiple(config),
    # These are there by default, before it is known whether the test pictures are pairs.
    optional=BASIC if tuple(config.metrics) == BASIC else (),
  )
  ways = ["", f"_{config.data.direction[::-1]}"] if is_two_way(config) else [""]
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
    pictures.track = snapshot.track
    scores = evaluation.scalars(generators(snapshot))
    for remark in [remark for remark in pictures.remarks if remark not in announced]:
      announced.add(remark)
      logging.getLogger(__name__).warning("%s", remark)
    for name in [name for name in pictures.problems if name not in announced]:
      announced.add(name)
      logging.getLogger(__name__).warning("not measured: %s", pictures.problems[name])
    return scores

  larger_is_better = quantity(config.best_metric.rpartition("/")[2]).larger_is_better
  return dataset, {
    "evaluate": evaluate,
    "sample": lambda snapshot: sample_sheet(generators(snapshot), pictures),
    "larger_is_better": larger_is_better,
  }

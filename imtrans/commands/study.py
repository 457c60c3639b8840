"""`imtrans study serve` and `report`: can people tell generated pictures from real ones?"""

import argparse
import contextlib
import json
import shlex
import webbrowser
from pathlib import Path

from imtrans.commands.seeds import check_seed

HELP = "ask people which pictures are real, on a local page, and report how often they are fooled"
DATABASE = "study.sqlite"


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds the actions and their arguments."""
  actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

  serve = actions.add_parser("serve", help="open the page of a study on this machine")
  serve.add_argument(
    "--workdir", help="folder of a run: its test pictures are the real ones, its images/ generated"
  )
  serve.add_argument("--real", metavar="DIR", help="folder of real pictures, without --workdir")
  serve.add_argument(
    "--generated",
    nargs="+",
    metavar="[NAME=]DIR",
    help="folders of generated pictures, one for each method; default: images/ of the workdir",
  )
  serve.add_argument(
    "--database",
    metavar="FILE",
    help=f"where answers go; default: {DATABASE} in the workdir, or here",
  )
  serve.add_argument("--port", type=int, default=8000, help="0 takes a free one; default: 8000")
  serve.add_argument("--trials", type=int, default=40, help="without feedback; default: 40")
  serve.add_argument("--practice", type=int, default=10, help="with feedback; default: 10")
  serve.add_argument(
    "--catch", type=float, default=0.1, help="share of trials with a broken picture; default: 0.1"
  )
  serve.add_argument(
    "--exposure", type=float, default=1.0, help="of each picture, seconds; default: 1"
  )
  serve.add_argument(
    "--pairing",
    default="different",
    metavar="different|same",
    help="whether the two pictures of a trial have different names or the same; default: different",
  )
  serve.add_argument("--seed", type=int, default=0, help="of what is shown; default: 0")
  serve.add_argument("--open", action="store_true", help="open the page in a browser")

  report = actions.add_parser("report", help="print and write the figures of a study")
  report.add_argument("--database", required=True, metavar="FILE", help="that `serve` wrote")
  report.add_argument(
    "--output", metavar="FOLDER", help="for the JSON and CSV files; default: beside the database"
  )
  report.add_argument(
    "--catch-threshold",
    type=float,
    metavar="SHARE",
    help="of catch trials in which a participant must be right to count; default: 0.75",
  )


def run(arguments: argparse.Namespace) -> None:
  """Runs the action that was asked for; raises ValueError with one sentence for bad input."""
  {"serve": _serve, "report": _report}[arguments.action](arguments)


def _serve(arguments: argparse.Namespace) -> None:
  from imtrans.commands.study_pictures import read_all
  from imtrans.evaluation.study import (
    Sessions,
    Settings,
    StudyServer,
    check_settings,
    create_store,
  )

  names = ("trials", "practice", "catch", "exposure", "pairing", "seed")
  check_seed(arguments.seed)
  settings = Settings(**{name: getattr(arguments, name) for name in names})
  check_settings(settings)
  database = Path(arguments.database or Path(arguments.workdir or "") / DATABASE)
  # Bound before pictures are read: a port that is taken should not cost that time.
  with StudyServer(arguments.port) as server:
    real, generated = read_all(
      settings,
      workdir=arguments.workdir,
      real=arguments.real,
      generated=arguments.generated,
    )
    description = {
      "settings": settings._asdict(),
      "real": real.describe(),
      "methods": {name: pictures.describe() for name, pictures in generated.items()},
    }
    with create_store(database, description) as store:
      server.sessions = Sessions(
        store, settings, real=real, generated=generated, on_finish=_say_finished
      )
      counts = ", ".join(f"{len(made.files)} of {name}" for name, made in generated.items())
      print(f"{len(real.files)} real pictures; generated: {counts}")
      print(f"answers go to {database}")
      print(f"open {server.url} on this machine; Ctrl-C stops", flush=True)
      if arguments.open:
        webbrowser.open(server.url)
      with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
      server.server_close()  # Before the database, which pages may still ask for.
  print(f"\nstopped; figures: imtrans study report --database {shlex.quote(str(database))}")


def _report(arguments: argparse.Namespace) -> None:
  from rich.console import Console

  from imtrans.commands.study_tables import pictures_table, rates_table, sessions_table
  from imtrans.evaluation.study import (
    CATCH_THRESHOLD,
    Settings,
    answers_csv,
    open_store,
    summarize_study,
  )
  from imtrans.training.files import write_atomically

  database = Path(arguments.database)
  with open_store(database) as store:
    records, description = store.records(), store.description
  if not records:
    raise ValueError(f"nobody has taken part in {database} yet: send people to its page first.")
  settings = Settings(**description["settings"])
  threshold = CATCH_THRESHOLD if arguments.catch_threshold is None else arguments.catch_threshold
  record = summarize_study(
    records, settings, methods=list(description["methods"]), threshold=threshold
  )
  output = Path(arguments.output) if arguments.output else database.parent
  output.mkdir(parents=True, exist_ok=True)
  figures, answers = (output / f"{database.stem}_{name}" for name in ("report.json", "answers.csv"))
  write_atomically(figures, json.dumps(record, indent=2) + "\n")
  write_atomically(answers, answers_csv(records, settings, threshold=threshold))
  console = Console()
  for table in (rates_table(record), sessions_table(record), pictures_table(record)):
    console.print(table)
  for name in ("interval", "participants", "trials"):
    console.print(f"{name}: {record['protocol'][name]}", markup=False, style="dim")
  console.print(f"figures: {figures}; answers: {answers}", markup=False, soft_wrap=True)


def _say_finished(number: int) -> None:
  print(f"participant {number} has finished", flush=True)

"""`imtrans analyze`: the theory, on paper or seen in a trained run, as pictures and numbers."""

import argparse
import os
from pathlib import Path

from imtrans.analyses import ANALYSES, find_analysis

HELP = "show a claim of the theory, on paper or on a trained run, as a picture and a table"


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds the command's arguments."""
  listing = "\n".join(f"  {name:24}{title}" for name, title in ANALYSES.items())
  parser.formatter_class = argparse.RawDescriptionHelpFormatter
  parser.epilog = f"analyses:\n{listing}"
  parser.add_argument("names", nargs="*", metavar="NAME", help="which; default: all")
  parser.add_argument("--workdir", help="analyse this run instead of showing the theory on paper")
  parser.add_argument("--checkpoint", metavar="best|last|STEP", help="of the run; default: last")
  parser.add_argument(
    "--output", metavar="DIR", help="where to write; default: analysis, or WORKDIR/analysis"
  )


def run(arguments: argparse.Namespace) -> None:
  """Writes NAME.png, NAME.csv and NAME.txt of each analysis, and prints what it found."""
  if arguments.checkpoint is not None and arguments.workdir is None:
    raise ValueError("--checkpoint is of a run: name its folder as --workdir, or leave it out.")
  if arguments.workdir is not None and Path(arguments.workdir).is_file():
    raise ValueError(f"{arguments.workdir} is a file: name the folder of a run as --workdir.")
  output = Path(arguments.output or Path(arguments.workdir or "") / "analysis")
  # Before anything is computed: a whole set of analyses takes minutes.
  if any(path.is_file() for path in (output, *output.parents)):
    raise ValueError(f"{output} is a file, or inside one: name a folder as --output.")
  if not os.access(next(path for path in (output, *output.parents) if path.exists()), os.W_OK):
    raise ValueError(f"{output} cannot be written: name another folder as --output.")
  names = list(dict.fromkeys(arguments.names)) or list(ANALYSES)
  analyses = {name: find_analysis(name) for name in names}

  from rich.console import Console

  from imtrans.analyses.finding import write_finding
  from imtrans.analyses.trained import NotForThisRun, load_trained

  console = Console()
  if arguments.workdir is None:
    findings = {name: module.on_paper for name, module in analyses.items()}
  else:
    trained = load_trained(arguments.workdir, arguments.checkpoint or "last")
    seen = {name: module for name, module in analyses.items() if hasattr(module, "on_run")}
    unseen = [name for name in arguments.names if name not in seen]
    if unseen:
      raise ValueError(
        f"{', '.join(unseen)}: there is nothing to see of it in a run; leave out --workdir, or "
        f"choose among {', '.join(n for n in ANALYSES if hasattr(find_analysis(n), 'on_run'))}."
      )
    findings = {name: lambda module=module: module.on_run(trained) for name, module in seen.items()}
  for name, find in findings.items():
    try:
      with console.status(name):
        finding = find()
    except NotForThisRun as error:
      if arguments.names:
        raise ValueError(f"{name}: {error}") from error
      console.print(f"{name}: not for this run: {error}", style="dim", markup=False, soft_wrap=True)
      continue
    try:
      paths = write_finding(finding, output, name)
    except OSError as error:
      raise ValueError(
        f"{output} cannot be written ({error.strerror}): name another folder as --output."
      ) from error
    console.print(f"{name}: {finding.text}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"  {', '.join(map(str, paths))}", style="dim", markup=False, soft_wrap=True)

"""`imtrans evaluate`: figures, pictures and a gallery of a trained run."""

import argparse
import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imtrans.commands.figures_table import figures_table
from imtrans.commands.problems import NAMED
from imtrans.commands.seeds import check_seed

if TYPE_CHECKING:
  from jax.sharding import Mesh
  from ml_collections import ConfigDict
  from rich.console import Console

  from imtrans.data import Dataset
  from imtrans.evaluation.evaluate import Evaluation
  from imtrans.evaluation.translation.generators import Measuring
  from imtrans.evaluation.translation.trained_generator import TrainedGenerator
  from imtrans.training.run import Run

HELP = "score a trained run on its test pictures and write a gallery"


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds the command's arguments."""
  parser.add_argument("--workdir", required=True, help="folder that `imtrans train` wrote")
  parser.add_argument(
    "--checkpoint", default="best", metavar="best|last|STEP", help="default: best"
  )
  parser.add_argument("--split", default="test", choices=("test", "train"), help="default: test")
  parser.add_argument(
    "--domain",
    metavar="NAME",
    help="translate to this domain alone and compare with its pictures, for a run that has several",
  )
  parser.add_argument("--output", metavar="DIR", help="where to write; default: the workdir")
  parser.add_argument(
    "--metrics",
    nargs="+",
    metavar="NAME",
    help="what to measure, such as l1 ssim lpips_alex fd_vgg16; all: whatever can be measured "
    "here; default: config.metrics",
  )
  parser.add_argument(
    "--inception",
    metavar="FILE",
    help="weights of Inception (pt_inception-2015-12-05-6726825d.pth), for fid, kid, "
    "manifolds_inception, sliced_wasserstein_inception and inception_score; default: "
    "config.inception",
  )
  parser.add_argument(
    "--inception-sha256",
    metavar="HEX",
    help="checksum of another file of the same weights that you trust, such as safetensors; "
    "default: config.inception_sha256",
  )
  parser.add_argument(
    "--frechet-minimum",
    type=int,
    metavar="N",
    help="fewest pictures for fid, fd_alexnet and fd_vgg16; by default one more than there are "
    "features (2049, 257, 513): with fewer the distance depends on their number; default: "
    "config.frechet_minimum",
  )
  parser.add_argument(
    "--palette", metavar="COLORS", help='of label pictures, for segmentation: "#0000aa white"'
  )
  parser.add_argument(
    "--samples",
    type=int,
    metavar="N",
    help="outputs for one source, for diversity and mode coverage; default: config.num_samples",
  )
  parser.add_argument(
    "--segmenter-steps",
    type=int,
    metavar="N",
    help="updates of the segmenter that segmentation trains; default: config.segmenter_steps",
  )
  parser.add_argument(
    "--batch-size",
    type=int,
    metavar="N",
    help="pictures per call, rounded up to what the devices can divide evenly; default: "
    "config.eval_batch_size",
  )
  parser.add_argument(
    "--mode",
    choices=("train", "test"),
    help="whether dropout and normalisation act as in training; default: the config's inference",
  )
  parser.add_argument(
    "--refinements",
    type=int,
    metavar="COUNT",
    help="steps of a translation, for a method that refines it (unsb); default: the config's",
  )
  parser.add_argument("--seed", type=int, default=0, help="of all random draws; default: 0")


def run(arguments: argparse.Namespace) -> None:
  """Evaluates, prints a table and says where to look."""
  _check(arguments)

  from rich.console import Console

  from imtrans.evaluation.record import write_evaluation
  from imtrans.evaluation.translation.generators import trained_generators
  from imtrans.training.mesh import place
  from imtrans.training.run import load_run

  console = Console()
  workdir = Path(arguments.workdir)
  output = Path(arguments.output) if arguments.output else workdir
  loaded = load_run(workdir, arguments.checkpoint, refinements=arguments.refinements)
  mesh = _mesh(tuple(loaded.config.mesh), console)
  generators = trained_generators(
    loaded.config,
    loaded.method,
    place(loaded.generator_params, mesh),
    place(loaded.extras, mesh),
    mode=arguments.mode,
    seed=arguments.seed,
  )
  dataset = _open_pictures(loaded.config, arguments.split, arguments.domain or "")
  if dataset.b is None:
    generators = tuple(g for g in generators if g.direction == "ab")
    if not generators:
      raise ValueError(
        "the run translates b to a, but the data is a single folder of pictures a: use "
        "`imtrans translate --input FOLDER`."
      )
  evaluation = _evaluation(arguments, loaded, dataset, generators, mesh, console)
  record = write_evaluation(
    loaded, generators, evaluation, output, workdir=workdir, split=arguments.split
  )
  if "note" in record:
    console.print(record["note"], soft_wrap=True)
  else:
    console.print(figures_table(record["figures"], [g.direction for g in generators]))
  for line in (
    *(f"note: {remark}" for remark in evaluation.pictures.remarks),
    f"step {loaded.step} of {loaded.checkpoint}",
    f"gallery: {output / 'index.html'}",
    f"figures: {output / 'metrics.json'}, {output / 'per_image.csv'}; "
    f"pictures: {output / 'images'}",
  ):
    console.print(line, markup=False, soft_wrap=True)
  _name_problems(list(evaluation.pictures.problems.values()), output, console)


def _open_pictures(config: "ConfigDict", split: str, domain: str) -> "Dataset":
  """The pictures of a split, as the run's config names them, for one domain or all."""
  from imtrans.data.dataset import PairingError
  from imtrans.training.input import open_data

  try:
    return open_data(config, split, wanted=domain) if domain else open_data(config, split)
  except PairingError as error:
    raise ValueError(
      f"{error.facts}, but the run was trained on pairs: give both pictures of a pair the same "
      "name, or translate them without figures by `imtrans translate`."
    ) from None


def _evaluation(
  arguments: argparse.Namespace,
  run: "Run",
  dataset: "Dataset",
  generators: "Sequence[TrainedGenerator]",
  mesh: "Mesh",
  console: "Console",
) -> "Evaluation":
  """What is measured, and that it can be; says what `--metrics all` leaves out."""
  from imtrans.evaluation.evaluate import Evaluation
  from imtrans.evaluation.evaluation_set import EvaluationSet
  from imtrans.evaluation.feasibility import measurable
  from imtrans.evaluation.translation.generators import check_channels, preprocessing
  from imtrans.training.input import open_data
  from imtrans.training.mesh import divisible

  config, main = run.config, generators[0]
  check_channels(dataset, run.specs)
  options = preprocessing(config)
  options["batch_size"] = divisible(arguments.batch_size or options["batch_size"], mesh)
  pictures = EvaluationSet(dataset, specs=run.specs, track=_bar(console), **options)
  if arguments.domain:
    pictures.remark(f"all pictures are translated to {arguments.domain}")
  measuring = functools.partial(
    Evaluation,
    pictures,
    training=lambda: open_data(config, "train", paired=True),
    mesh=mesh,
    seed=arguments.seed,
    **_how(arguments, config),
  )
  there: dict[str, Any] = {
    "mode": main.mode,
    "cycle": len(generators) > 1,
    "size_multiple": main.size_multiple,
  }
  criteria = arguments.metrics or config.metrics
  if arguments.metrics == ["all"]:
    reasons = measurable(measuring(()), main.direction, **there)
    criteria = [name for name, reason in reasons.items() if not reason]
    for reason in filter(None, reasons.values()):
      console.print(f"not measured: {reason}", style="dim", markup=False, soft_wrap=True)
  evaluation = measuring(criteria)
  optional = () if arguments.metrics else config.metrics
  evaluation.check(main.direction, optional=optional, **there)
  return evaluation


def _how(arguments: argparse.Namespace, config: "ConfigDict") -> "Measuring":
  """How figures are measured: as the arguments say, else as the config does."""
  from imtrans.data.palette import parse_palette
  from imtrans.evaluation.translation.generators import measuring

  how = measuring(config)
  return {
    "inception": arguments.inception or how["inception"],
    "inception_sha256": arguments.inception_sha256 or how["inception_sha256"],
    "palette": parse_palette(arguments.palette) if arguments.palette else how["palette"],
    "noisy_modes": how["noisy_modes"],
    "num_samples": arguments.samples or how["num_samples"],
    "segmenter_steps": arguments.segmenter_steps or how["segmenter_steps"],
    "frechet_minimum": arguments.frechet_minimum or how["frechet_minimum"],
  }


def _name_problems(sentences: Sequence[str], output: Path, console: "Console") -> None:
  """Names what was left out; raises ValueError, for the exit code, if anything was."""
  for sentence in sentences[:NAMED]:
    console.print(f"left out: {sentence}", markup=False, soft_wrap=True)
  if sentences:
    named = (
      f"{NAMED} are named above, all" if len(sentences) > NAMED else "they are named above and"
    )
    raise ValueError(
      f"{len(sentences)} picture(s) or figure(s) had to be left out, the rest is scored: {named} "
      f"in {output / 'metrics.json'}."
    )


def _check(arguments: argparse.Namespace) -> None:
  """Refuses what cannot be, before anything is read."""
  least = {"batch_size": 1, "samples": 2, "segmenter_steps": 1, "frechet_minimum": 2}
  for name, number in least.items():
    value = getattr(arguments, name)
    if value is not None and value < number:
      raise ValueError(f"--{name.replace('_', '-')} must be at least {number}, got {value}.")
  check_seed(arguments.seed)
  metrics = arguments.metrics or []
  if "all" in metrics and len(metrics) > 1:
    raise ValueError(
      "--metrics all measures whatever can be measured, and stands alone: leave out the other "
      "names, or all."
    )

  from imtrans.training.fields import is_sha256

  if not is_sha256(arguments.inception_sha256 or ""):
    raise ValueError(
      "--inception-sha256 must be 64 hexadecimal digits, as `sha256sum FILE` prints them, got "
      f"{arguments.inception_sha256!r}."
    )


def _mesh(shape: tuple[int, int], console: "Console") -> "Mesh":
  """The mesh of a run; one over all devices, with a word, where it was trained on others."""
  import jax

  from imtrans.training.mesh import make_mesh

  try:
    return make_mesh(shape)
  except ValueError:  # It says how to train on these devices, which is not what is wanted.
    console.print(
      f"mesh {shape} does not fit {jax.device_count()} device(s): batches are divided over all "
      "there are.",
      style="dim",
      markup=False,
      soft_wrap=True,
    )
    return make_mesh()


def _bar(console: Any) -> Any:
  """A progress bar on the console; silent where nobody watches."""
  from rich.progress import track

  def bar(items: Iterable[Any], total: int, title: str) -> Iterable[Any]:
    return track(
      items, title, total=total, console=console, disable=not console.is_terminal, transient=True
    )

  return bar

"""Which pictures a study is about: those of a run, or those of folders."""

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
  from imtrans.evaluation.study import PictureSet, Settings
  from imtrans.evaluation.study.pictures import Readers


def read_all(
  settings: "Settings", *, workdir: str | None, real: str | None, generated: Sequence[str] | None
) -> tuple["PictureSet", dict[str, "PictureSet"]]:
  """Reads the pictures of a study; those that cannot be read are named on standard error.

  Args:
    settings: of the study.
    workdir: folder of a run, whose test pictures are the real ones; None to name `real`.
    real: folder of real pictures; None to name `workdir`.
    generated: folders, see `method_folders`; None for those that the run's evaluation wrote.

  Returns:
    The real pictures, and the generated ones of each method.

  Raises:
    ValueError: if they are not there, too few, or of sizes by which they could be told.
  """
  from imtrans.evaluation.study import check_comparable, check_enough, read_pictures
  from imtrans.evaluation.study.pictures import NUM_KEPT

  real_readers = _real_readers(workdir, real)
  methods = _generated_readers(workdir, real, generated)
  # So many that participants do not all see the same ones.
  limit = max(NUM_KEPT, 4 * settings.rounds)

  def read(found: "Readers", title: str) -> "PictureSet":
    pictures = read_pictures(found, seed=settings.seed, limit=limit, track=_bar(title))
    for problem in pictures.problems:
      print(f"imtrans: left out: {problem}", file=sys.stderr)
    return pictures

  shown = read(real_readers, "reading real pictures")
  made = {name: read(found, f"reading {name}") for name, found in methods.items()}
  for name, pictures in made.items():
    check_enough(settings, name, shown.files, pictures.files)
    check_comparable(name, shown, pictures)
  return shown, made


def _real_readers(workdir: str | None, real: str | None) -> "Readers":
  """The test pictures of the run's target domain, or those of a folder."""
  from imtrans.evaluation.study import domain_readers, folder_readers
  from imtrans.training.assembly import size_multiple
  from imtrans.training.config import read_config
  from imtrans.training.input import open_data
  from imtrans.training.workdir import CONFIG

  if workdir is None:
    if real is None:
      raise ValueError("name a run by --workdir, or folders by --real and --generated.")
    return folder_readers(Path(real))
  if real is not None:
    raise ValueError("--workdir and --real both say which pictures are real: give one of them.")
  config = read_config(Path(workdir) / CONFIG)
  data = config.data
  dataset = open_data(config, "test")
  domain = dataset.b if data.direction == "ab" else dataset.a
  if domain is None:
    raise ValueError(
      f"the data of {workdir} have no pictures of domain b to compare with: name a folder of them "
      "by --real, without --workdir."
    )
  return domain_readers(
    domain, resize=data.resize, crop_size=data.crop_size, multiple=size_multiple(config)
  )


def _generated_readers(
  workdir: str | None, real: str | None, generated: Sequence[str] | None
) -> dict[str, "Readers"]:
  """The generated pictures of each method, by its name."""
  from imtrans.evaluation.study import folder_readers

  if generated is None:
    if workdir is None:
      raise ValueError("--real goes with --generated: name folders of generated pictures.")
    folder = Path(workdir) / "images"
    if not folder.is_dir():
      raise ValueError(
        f"{folder} does not exist: write it by `imtrans evaluate --workdir {workdir}`, or name "
        "folders by --generated."
      )
    return {Path(workdir).resolve().name: folder_readers(folder)}
  folders = method_folders(generated)
  for folder in folders.values():
    if real is not None and folder.resolve() == Path(real).resolve():
      raise ValueError(f"{folder} is named both by --real and by --generated: name two folders.")
  return {name: folder_readers(folder) for name, folder in folders.items()}


def method_folders(words: Sequence[str]) -> dict[str, Path]:
  """Reads what --generated was given.

  Args:
    words: each NAME=DIR, or DIR, which names the method too: for RUN/images the run does.

  Returns:
    Folders by the names of their methods.

  Raises:
    ValueError: if a name is empty or comes twice.
  """
  folders: dict[str, Path] = {}
  for word in words:
    name, equals, rest = word.partition("=")
    if equals and not Path(word).is_dir():
      folder = Path(rest)
    else:
      folder = Path(word)
      parts = folder.resolve()
      name = parts.parent.name if parts.name == "images" else parts.name
    if not name or name in folders:
      raise ValueError(f"--generated {word} needs a name of its own: write NAME=DIR.")
    folders[name] = folder
  return folders


def _bar(title: str) -> Callable[[Iterable[str]], Iterable[str]]:
  """A progress bar on standard error; silent where nobody watches."""
  from rich.console import Console
  from rich.progress import track

  console = Console(stderr=True)

  def bar(names: Iterable[str]) -> Iterable[str]:
    return track(names, title, console=console, disable=not console.is_terminal, transient=True)

  return bar

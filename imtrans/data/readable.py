"""Looks at the files of a training set before a run does, by their beginning and their end.

A picture that cannot be read would end the run when it is drawn, perhaps after hours. To decode all
pictures takes minutes, so that is left to `inspection`; a file that is missing, empty, cut short or
no picture at all shows at once.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from imtrans.data import tiff
from imtrans.data.dataset import Dataset, file_paths
from imtrans.data.images import ImageError, read_image

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MOST = 50_000  # Files that are looked at: seconds, also over a network.
TAIL = 4096  # Bytes in which a JPEG file must end; some cameras write a little behind the end.
NUM_THREADS = 16  # They wait for the disk, not for the processor.


def check_readable(dataset: Dataset) -> None:
  """Refuses a training set with files that cannot be read.

  Args:
    dataset: of any source; pictures that are not files are not looked at, and of more than `MOST`
      files some, evenly spread.

  Raises:
    ImageError: if files are missing, empty, cut short or no pictures; it names the first.
  """
  domains = (domain for domain in (dataset.a, dataset.b) if domain is not None)
  files = list(dict.fromkeys(path for domain in domains for path in file_paths(domain)))
  if not files:
    return
  files = files[:: -(-len(files) // MOST)]
  problems = _problems(files)
  if problems:
    folder = os.path.commonpath([os.path.dirname(path) for path in files])
    raise ImageError(
      f"{len(problems)} of {len(files)} training pictures cannot be used: {problems[0]} `imtrans "
      f"data inspect {folder}` lists all of them."
    )


def looks_whole(path: str) -> bool:
  """Whether a file begins and ends as a PNG, JPEG, WebP or TIFF file does.

  Args:
    path: the file.

  Returns:
    False does not mean that it cannot be read, nor True that all between is well.

  Raises:
    OSError: if there is no such file, or it may not be read.
  """
  with Path(path).open("rb") as file:
    head = file.read(16)
    size = file.seek(0, os.SEEK_END)
    if head[:4] in TIFF:
      return _holds_all_values(file, size)
    file.seek(max(0, size - TAIL))
    tail = file.read()
  if head.startswith(b"\x89PNG\r\n\x1a\n"):
    return tail.endswith(b"IEND\xaeB`\x82")
  if head.startswith(b"\xff\xd8\xff"):
    return b"\xff\xd9" in tail
  if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
    return size >= 8 + int.from_bytes(head[4:8], "little")
  return False


def _holds_all_values(file: BinaryIO, size: int) -> bool:
  """Whether a TIFF file is as long as its header says."""
  file.seek(0)
  try:
    return tiff.end_of_data(file) <= size
  except Exception:  # As in `images`; whoever reads the picture says what is wrong.
    return False


def _problems(files: Iterable[str]) -> list[str]:
  """What is wrong with files, a sentence each; those that look whole are not decoded."""

  def problem(path: str) -> str:
    try:
      if not looks_whole(path):
        read_image(path)
    except ImageError as error:
      return str(error)
    except OSError as error:
      return f"{path} cannot be read: {error.strerror or error}."
    return ""

  with ThreadPoolExecutor(NUM_THREADS) as pool:
    return [sentence for sentence in pool.map(problem, files) if sentence]

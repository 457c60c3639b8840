"""The pictures that are measured: OpenMoji drawings, and photographs from a folder of the reader.

They are spread evenly over the training split, so that a run is the same on every machine.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from imtrans.data.dataset import Domain
from imtrans.data.openmoji import open_openmoji
from imtrans.data.sources import open_pictures
from imtrans.data.specs import normalize
from imtrans.data.transforms import resize

# ITU-T T.81, Table K.1.
IJG_LUMINANCE = (
  *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
  *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
  *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
  *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
KINDS = {"openmoji": "OpenMoji drawings", "photos": "photographs"}


class Pictures(NamedTuple):
  """Pictures of one kind and size.

  kind: a key of `KINDS`.
  names: of the pictures; what is random about a picture is drawn from its name.
  images: float32 [pictures, size, size, 3] in [-1, 1].
  """

  kind: str
  names: list[str]
  images: np.ndarray


def openmoji(count: int, size: int, *, rendered: int = 256) -> Pictures:
  """Opens colour pictures of OpenMoji, without skin tones and flags.

  Args:
    count: how many.
    size: height and width, pixels.
    rendered: the size at which they are rendered into the cache, pixels.

  Returns:
    The pictures, on white.
  """
  dataset = open_openmoji(split="train", paired=True, size=rendered, tones=False)
  if dataset.b is None:
    raise ValueError("OpenMoji has no colour pictures: clear its cache.")
  return _spread("openmoji", dataset.b, count, size)


def photographs(path: str, count: int, size: int) -> Pictures:
  """Opens photographs.

  Args:
    path: a folder of pictures, or of a data set whose domain a they are (see `imtrans.data`).
    count: how many.
    size: height and width to which they are squeezed, pixels.

  Returns:
    The pictures.

  Raises:
    ValueError: if there are fewer, or the folder has none.
  """
  domain = open_pictures("folders", split="train", domain="a", path=path, channels=3)
  return _spread("photos", domain, count, size)


def describe(path: str, paired_count: int, set_count: int) -> dict[str, Any]:
  """Says which photographs are measured, and how they were compressed before that.

  Args:
    path: as in `photographs`.
    paired_count: how many are measured one by one.
    set_count: how many as sets.

  Returns:
    "paired" and "sets", each {"names": [...], "files": {"JPEG, quality 90": 12}}, and "of" how many
    photographs there are in the training split; "test files" of the other split.
  """
  record: dict[str, Any] = {}
  for split in ("train", "test"):
    domain = open_pictures("folders", split=split, domain="a", path=path, channels=3)
    paths = [Path(file) for file in getattr(domain, "paths", [])]
    if split == "test":
      record["test files"] = kinds_of_files(paths)
      continue
    record["of"] = len(domain)
    for use, count in (("paired", paired_count), ("sets", set_count)):
      chosen = spread(len(domain), count)
      record[use] = {
        "names": [domain.names[index] for index in chosen],
        "files": kinds_of_files([paths[index] for index in chosen]),
      }
  return record


def kinds_of_files(paths: Sequence[Path]) -> dict[str, int]:
  """Counts files by format, JPEG also by quality, the commonest first."""
  kinds: Counter[str] = Counter()
  for path in paths:
    with Image.open(path) as picture:
      tables = getattr(picture, "quantization", None)
      kind = str(picture.format)
    kinds[f"{kind}, quality {jpeg_quality(tables[0])}" if tables else kind] += 1
  return dict(kinds.most_common())


def jpeg_quality(table: Sequence[int]) -> int:
  """Finds the quality by which the IJG library scales its table of luminance to this one.

  Args:
    table: 64 divisors of the coefficients, in any order.

  Returns:
    1 to 100; that of the nearest sum of divisors for a table of another make.
  """

  def total(quality: int) -> int:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return sum(min(max((value * scale + 50) // 100, 1), 255) for value in IJG_LUMINANCE)

  found = sum(table)
  return min(range(100, 0, -1), key=lambda quality: abs(total(quality) - found))


def spread(total: int, count: int) -> list[int]:
  """Returns `count` indices from the first to the last of `total`, evenly spread."""
  return np.linspace(0, total - 1, count).round().astype(int).tolist()


def _spread(kind: str, domain: Domain, count: int, size: int) -> Pictures:
  if len(domain) < count:
    raise ValueError(f"{count} {KINDS[kind]} are needed, there are {len(domain)}: give more.")
  chosen = spread(len(domain), count)
  images = [normalize(resize(domain[index], size, size), domain.spec) for index in chosen]
  return Pictures(kind, [domain.names[index] for index in chosen], np.stack(images))

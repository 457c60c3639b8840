"""The pictures that are measured: OpenMoji drawings, and photographs from a folder of the reader.

They are spread evenly over the training split, so that a run is the same on every machine.
"""

from typing import NamedTuple

import numpy as np

from imtrans.data.dataset import Domain
from imtrans.data.openmoji import open_openmoji
from imtrans.data.sources import open_pictures
from imtrans.data.specs import normalize
from imtrans.data.transforms import resize

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


def _spread(kind: str, domain: Domain, count: int, size: int) -> Pictures:
  if len(domain) < count:
    raise ValueError(f"{count} {KINDS[kind]} are needed, there are {len(domain)}: give more.")
  chosen = np.linspace(0, len(domain) - 1, count).round().astype(int).tolist()
  images = [normalize(resize(domain[index], size, size), domain.spec) for index in chosen]
  return Pictures(kind, [domain.names[index] for index in chosen], np.stack(images))

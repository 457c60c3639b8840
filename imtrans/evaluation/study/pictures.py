"""The pictures of a study, read and checked before the first participant comes.

Real and generated pictures are made alike in all that is not their content: 8-bit RGB of the same
sizes, coded as PNG in the same way without any metadata, and kept in memory, so that during the
study no file is opened and none can go missing.
"""

import functools
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from imtrans.data import EXTENSIONS, Domain, ImageError, ImageSpec, normalize, read_image
from imtrans.data.dataset import common_spec, stable_fraction
from imtrans.data.transforms import fit, resizer
from imtrans.evaluation.pages.previews import preview

NUM_KEPT = 500  # Pictures of a set that are used at most: a few hundred megabytes of 512 x 512.

Readers = Mapping[str, Callable[[], np.ndarray]]


class PictureSet(NamedTuple):
  """Pictures that can be shown.

  files: PNG files by the pictures' names.
  sizes: all (height, width), pixels.
  digest: of names and pixels, to notice that pictures have changed.
  problems: a sentence for each picture that could not be read.
  """

  files: dict[str, bytes]
  sizes: frozenset[tuple[int, int]]
  digest: str
  problems: list[str]

  def describe(self) -> dict[str, object]:
    """Returns what a database remembers of the set."""
    return {"pictures": len(self.files), "digest": self.digest}


def folder_readers(folder: Path) -> Readers:
  """Finds the pictures of a folder and its subfolders.

  Args:
    folder: of files of any format that is read.

  Returns:
    By name, without the extension, functions that read a picture as uint8 [height, width, 3].

  Raises:
    ValueError: if there is no such folder, no picture in it, or two of one name.
  """
  if not folder.is_dir():
    raise ValueError(f"{folder} is no folder: name a folder of pictures.")
  found: dict[str, Path] = {}
  for path in sorted(folder.rglob("*")):
    if path.suffix.lower() in EXTENSIONS and not path.name.startswith(".") and path.is_file():
      name = path.relative_to(folder).with_suffix("").as_posix()
      if name in found:
        raise ValueError(
          f"{folder} holds both {found[name].name} and {path.name}: rename or remove one of them."
        )
      found[name] = path
  if not found:
    raise ValueError(f"{folder} holds no picture that ends in {', '.join(EXTENSIONS)}.")
  return {name: functools.partial(_read_file, path) for name, path in found.items()}


def domain_readers(domain: Domain, *, resize: str, crop_size: int, multiple: int) -> Readers:
  """The pictures of a data set, in the sizes in which its translations are evaluated.

  Args:
    domain: of the data set.
    resize: "square", "scale_width" or "none".
    crop_size: side of "square", width of "scale_width", pixels.
    multiple: heights and widths are cropped to multiples of this, pixels.

  Returns:
    By name, functions that return a picture as uint8 [height, width, 3].
  """
  spec = domain.spec
  sizes = {"resize_to": resize, "crop_size": crop_size, "multiple": multiple}

  def read(index: int) -> np.ndarray:
    return _view(fit(domain[index], **sizes, resampled=resizer(spec)), spec, domain.names[index])

  return {name: functools.partial(read, index) for index, name in enumerate(domain.names)}


def read_pictures(
  readers: Readers,
  *,
  seed: int,
  limit: int = NUM_KEPT,
  track: Callable[[list[str]], Iterable[str]] = iter,
) -> PictureSet:
  """Reads a set; of a large one a part, chosen by the names alone, so pairs are chosen together.

  Args:
    readers: of `folder_readers` or `domain_readers`.
    seed: of the choice.
    limit: how many pictures to keep.
    track: wraps the iteration, for a progress bar.

  Returns:
    The pictures that could be read, and what is wrong with the others.
  """
  files, sizes, problems, digest = {}, set(), [], hashlib.sha256()
  order = sorted(readers, key=lambda name: stable_fraction(name, f"study/{seed}"))
  for name in track(order):
    if len(files) == limit:
      break
    try:
      picture = readers[name]()
    except ImageError as error:
      problems.append(str(error))
      continue
    files[name] = encode(picture)
    sizes.add(picture.shape[:2])
    digest.update(f"{name}\0{picture.shape}\0".encode())
    digest.update(picture.tobytes())
  return PictureSet(files, frozenset(sizes), digest.hexdigest()[:16], problems)


def check_comparable(method: str, real: PictureSet, generated: PictureSet) -> None:
  """Raises ValueError if participants could tell generated pictures by their sizes alone."""
  if not real.sizes & generated.sizes:
    (height, width), (other_height, other_width) = min(real.sizes), min(generated.sizes)
    raise ValueError(
      f"the real pictures are {width} x {height} pixels, those of {method} {other_width} x "
      f"{other_height}, by which they could be told: resize the real ones, or name the run by "
      "--workdir, which does so."
    )


def encode(picture: np.ndarray) -> bytes:
  """Returns uint8 [height, width, 3] as a PNG file."""
  buffer = io.BytesIO()
  Image.fromarray(picture).save(buffer, "PNG", compress_level=1)
  return buffer.getvalue()


def broken(file: bytes, seed: list[int]) -> bytes:
  """Breaks a picture for a catch trial, beyond any doubt.

  Its pixels change places at random and are mixed half with noise; without the noise, a picture of
  one colour would stay as it is.

  Args:
    file: PNG.
    seed: of the noise.

  Returns:
    Another PNG file of the same size.
  """
  random = np.random.default_rng(seed)
  with Image.open(io.BytesIO(file), formats=["PNG"]) as opened:
    picture = np.asarray(opened)
  pixels = random.permutation(picture.reshape(-1, 3)).astype(np.float32)
  mixed = 0.5 * pixels + 0.5 * random.uniform(0.0, 255.0, pixels.shape)
  return encode(mixed.astype(np.uint8).reshape(picture.shape))


def _read_file(path: Path) -> np.ndarray:
  array = read_image(path)
  return _view(array, common_spec([array]), str(path))


def _view(array: np.ndarray, spec: ImageSpec, name: str) -> np.ndarray:
  """Returns a stored picture as uint8 [height, width, 3]."""
  channels = array.shape[2]
  if channels not in (1, 3):
    raise ImageError(f"{name} has {channels} channels: people can look at grey or RGB pictures.")
  return preview(normalize(array, spec))

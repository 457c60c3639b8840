"""Where objects meet: the boundary map of instance maps as one more channel of the sources.

A label map does not say where one car ends and the next begins; pixels of an instance map hold the
number, or the colour, of their object (Wang et al., 2018, Sec. 3.3,
https://arxiv.org/abs/1711.11585). Instance maps are resized by the nearest pixel, and their edges
are found after the crop, so that a boundary is two pixels wide at any size.
"""

from pathlib import Path

import numpy as np

from imtrans.data.dataset import Dataset, Domain, file_paths
from imtrans.data.images import ImageError, read_image
from imtrans.data.layouts import list_images
from imtrans.data.specs import DEFAULT_HIGH, ImageSpec
from imtrans.data.task import Generator, TaskDomain
from imtrans.data.transforms import fit, resize_nearest, resizer

_SPLIT_FOLDERS = {"train": ("train",), "test": ("test", "val")}
_NUM_NAMED = 3


def instance_edges(instances: np.ndarray) -> np.ndarray:
  """Finds the boundaries of objects.

  Args:
    instances: [height, width, channels] of any dtype: two pixels are of one object where all
      channels agree.

  Returns:
    Boolean [height, width]: whether one of the four neighbours is of another object.
  """
  rows = (instances[1:] != instances[:-1]).any(axis=2)
  columns = (instances[:, 1:] != instances[:, :-1]).any(axis=2)
  edges = np.zeros(instances.shape[:2], bool)
  edges[1:] |= rows
  edges[:-1] |= rows
  edges[:, 1:] |= columns
  edges[:, :-1] |= columns
  return edges


def with_edges(picture: np.ndarray, instances: np.ndarray, spec: ImageSpec) -> np.ndarray:
  """Puts a boundary map behind the channels of a picture.

  Args:
    picture: [height, width, spec.channels - 1] of any dtype.
    instances: [height, width, channels].
    spec: of the picture with its map: the highest value at boundaries, else the lowest. Of another
      dtype, they are the ends of its range.

  Returns:
    [height, width, spec.channels].
  """
  ends = spec.low, spec.high
  if picture.dtype.name != spec.dtype:
    ends = 0.0, DEFAULT_HIGH[picture.dtype.name]
  low, high = (np.asarray(value, picture.dtype) for value in ends)
  edges = np.where(instance_edges(instances), high, low)
  return np.concatenate([picture, edges[:, :, None]], axis=2)


class InstanceDomain:
  """Instance maps of any dtype and number of channels, read when asked for."""

  def __init__(self, paths: list[Path], names: list[str], spec: ImageSpec):
    self.spec = spec  # Of the pictures beside them: instances are no pictures.
    self.names = names
    self.paths = [str(path) for path in paths]

  def __len__(self) -> int:
    """Returns the number of maps."""
    return len(self.paths)

  def __getitem__(self, index: int) -> np.ndarray:
    """Returns a map [height, width, channels]; raises ImageError if it cannot be read."""
    return read_image(self.paths[index])


class EdgedDomain:
  """Pictures with the boundary map of their instance maps behind their channels.

  Training takes `parts` and `make`, and finds the boundaries after resizing and cropping.

  Attributes:
    parts: the pictures, and their instance maps.
    spec: of the pictures with the map: the highest value at boundaries, else the lowest.
    names: of the pictures.
  """

  def __init__(self, pictures: Domain, instances: InstanceDomain, *, resize: str, crop_size: int):
    """Makes a domain; for evaluation pictures are resized as by `transforms.fit`."""
    self.parts = (pictures, instances)
    # No palette: what is shown of these pictures is not snapped to colours.
    self.spec = pictures.spec._replace(channels=pictures.spec.channels + 1, palette=None)
    self.names = list(pictures.names)
    self.paths = file_paths(pictures)
    self.resizers = (resizer(pictures.spec), resize_nearest)
    self._sizes = {"resize_to": resize, "crop_size": crop_size}

  def __len__(self) -> int:
    """Returns the number of pictures."""
    return len(self.names)

  def make(self, picture: np.ndarray, instances: np.ndarray, generator: Generator) -> np.ndarray:
    """Returns a picture with its boundary map; nothing is drawn."""
    del generator
    return with_edges(picture, instances, self.spec)

  def __getitem__(self, index: int) -> np.ndarray:
    """Returns a picture [height, width, channels + 1]; raises ImageError if sizes differ."""
    picture, instances = (
      fit(part[index], **self._sizes, resampled=resampled)
      for part, resampled in zip(self.parts, self.resizers, strict=True)
    )
    _check_sizes(picture, instances, self.parts[1].paths[index])
    return self.make(picture, instances, np.random.default_rng(0))


def with_instance_edges(
  dataset: Dataset, path: str | Path, *, split: str, direction: str, resize: str, crop_size: int
) -> Dataset:
  """Gives the sources of a data set the boundaries of their objects.

  Args:
    dataset: of pictures that no task has made.
    path: folder of instance maps with the names of the sources, or of folders train/ and test/
      (or val/) that hold them.
    split: "train" or "test".
    direction: "ab" or "ba"; the first is the source.
    resize: how evaluation resizes.
    crop_size: the evaluation size, in pixels.

  Returns:
    The dataset, its sources with one more channel.

  Raises:
    ValueError: if there is no such folder, a source has no instance map or two of them, one is a
      JPEG, or the sources are made by a task.
  """
  source = dataset.a if direction == "ab" else dataset.b
  if source is None or isinstance(source, TaskDomain):
    raise ValueError(
      "instance maps belong to label maps that lie in a folder: set data.task to none or labels, "
      "or data.edges to none."
    )
  folder = Path(path)
  if not folder.is_dir():
    raise ValueError(f"{path} is no folder: set data.instances to that of the instance maps.")
  inner = [folder / name for name in _SPLIT_FOLDERS[split] if (folder / name).is_dir()]
  files = _by_stem(inner[0] if inner else folder)
  missing = [name for name in source.names if name not in files]
  if missing:
    named = ", ".join(missing[:_NUM_NAMED]) + (", …" if len(missing) > _NUM_NAMED else "")
    raise ValueError(
      f"{len(missing)} of {len(source.names)} sources have no instance map in {path} ({named}): "
      "give each the name of its source, or set data.edges to labels or none."
    )
  names = list(source.names)
  instances = InstanceDomain([files[name] for name in names], names, source.spec)
  edged = EdgedDomain(source, instances, resize=resize, crop_size=crop_size)
  return dataset._replace(a=edged) if direction == "ab" else dataset._replace(b=edged)


def read_with_edges(
  path: Path, folder: str | Path, *, spec: ImageSpec, background: str
) -> np.ndarray:
  """Reads a picture to be translated, and the instance map of the same name.

  Args:
    path: of the picture.
    folder: of the instance maps.
    spec: of the pictures with their boundary maps.
    background: under transparent pixels.

  Returns:
    [height, width, spec.channels].

  Raises:
    ImageError: if one cannot be read, or they differ in size.
    ValueError: if there is no such folder or instance map, or two of one name, or one is a JPEG.
  """
  picture = read_image(path, background=background)
  if picture.shape[2] == 1 and spec.channels == 4:
    picture = np.repeat(picture, 3, axis=2)
  if not Path(folder).is_dir():
    raise ValueError(f"{folder} is no folder: name that of the instance maps.")
  found = _by_stem(Path(folder)).get(path.stem)
  if found is None:
    raise ValueError(f"{path} has no instance map of its name in {folder}: add it there.")
  instances = read_image(found)
  _check_sizes(picture, instances, str(found))
  return with_edges(picture, instances, spec)


def _by_stem(folder: Path) -> dict[str, Path]:
  """The instance maps of a folder, by name without suffix."""
  files = list_images(folder)
  for file in files:
    if file.suffix.lower() in (".jpg", ".jpeg"):
      raise ValueError(
        f"{file} is a JPEG, whose pixels are only nearly those of its objects: save instance maps "
        "as PNG or TIFF."
      )
  return {file.stem: file for file in files}


def _check_sizes(picture: np.ndarray, instances: np.ndarray, name: str) -> None:
  if picture.shape[:2] != instances.shape[:2]:
    raise ImageError(
      f"{name} is an instance map of {instances.shape[1]} x {instances.shape[0]} pixels, its "
      f"picture has {picture.shape[1]} x {picture.shape[0]}: save them with one size, or train "
      'with data.resize="square".'
    )

"""TensorFlow Datasets, read without TensorFlow: the unpaired `cycle_gan/*` and their like.

A set must have been prepared once, as ArrayRecord; that step needs TensorFlow. Its splits must be
trainA, trainB, testA and testB. TFDS shuffles them one by one, so even facades and maps lose their
pairs. A set with the splits train and test, such as mnist, is domain "a" alone, for tasks that make
the other from it; its labels are the classes of the pictures.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from imtrans.data.dataset import Dataset, PairingError, check_split, common_spec, conform
from imtrans.data.images import decode_image
from imtrans.data.specs import ImageSpec

_NUM_PROBES = 16


class TfdsDomain:
  """Encoded pictures of one TFDS split, decoded when asked for.

  Attributes:
    spec: what the pictures are.
    names: the split and a number.
    labels: the number of the class of each; empty where there are none.
    classes: the names of the classes; None where there are none.
  """

  def __init__(
    self, examples: Any, label: str, background: str, classes: Sequence[str] | None = None
  ):
    self._examples = examples
    self._label = label
    self._background = background
    self.names = [f"{label}_{index:06d}" for index in range(len(examples))]
    step = max(1, len(self.names) // _NUM_PROBES)
    probes = [self._read(index) for index in range(0, len(self.names), step)[:_NUM_PROBES]]
    self.spec: ImageSpec = common_spec(probes)
    self.classes = None if classes is None else tuple(classes)
    self.labels = [] if classes is None else [int(example["label"]) for example in examples]

  def __len__(self) -> int:
    """Returns the number of pictures."""
    return len(self.names)

  def __getitem__(self, index: int) -> np.ndarray:
    """Returns a picture [height, width, channels]; raises ImageError if it cannot be used."""
    return conform(self._read(index), self.spec, self.names[index])

  def _read(self, index: int) -> np.ndarray:
    encoded = io.BytesIO(self._examples[index]["image"])
    return decode_image(encoded, self.names[index], background=self._background)


def open_tfds(
  *, split: str, paired: bool, path: str = "", background: str = "white", name: str = ""
) -> Dataset:
  """Opens a prepared TFDS set, such as "cycle_gan/horse2zebra".

  Args:
    split: "train" or "test".
    paired: must be False for the training split.
    path: folder of the TFDS data; by default TFDS's own, ~/tensorflow_datasets.
    background: the colour on which transparent pictures are flattened.
    name: the set, with its config.

  Returns:
    An unpaired `Dataset` of both domains, or of domain "a" alone.

  Raises:
    ValueError: if the set is unknown or not prepared (the message has the command), has other
      splits, or pairs are wanted.
  """
  import tensorflow_datasets as tfds  # Slow to import, and needed by no other source.

  check_split(split)
  try:
    builder = tfds.builder(name, data_dir=path or None, try_gcs=False)
  except Exception as error:  # Of many kinds, with texts of hundreds of lines.
    raise ValueError(
      f"TFDS knows no data set {name!r}: see https://www.tensorflow.org/datasets/catalog/cycle_gan."
    ) from error
  if not builder.info.splits:
    raise ValueError(
      f"tfds:{name} is not prepared in {builder.data_dir}. Prepare it once: {_command(name, path)}"
    )
  sides = [f"{split}A", f"{split}B"]
  single = {"train", "test"} <= set(builder.info.splits)
  if single:
    sides = [split]
  elif paired and split == "train":
    raise PairingError(
      f"tfds:{name} is unpaired", "Train an unpaired method such as cyclegan on it"
    )
  if not set(sides) <= set(builder.info.splits):
    found = ", ".join(sorted(builder.info.splits))
    raise ValueError(
      f"tfds:{name} must have the splits {' and '.join(sides)} (or train and test), it has {found}."
    )
  decoders: Any = {"image": tfds.decode.SkipDecoding()}
  try:
    examples = [builder.as_data_source(split=side, decoders=decoders) for side in sides]
  except NotImplementedError as error:
    raise ValueError(
      f"tfds:{name} in {builder.data_dir} is not in the array_record format. Remove it and "
      f"prepare it anew: {_command(name, path)}"
    ) from error
  if single:
    features = builder.info.features
    classes = features["label"].names if "label" in features else None
    return Dataset(TfdsDomain(examples[0], split, background, classes), None, False)
  a, b = (TfdsDomain(e, side, background) for e, side in zip(examples, sides, strict=True))
  return Dataset(a, b, False)


def _command(name: str, path: str) -> str:
  """Returns the command that prepares a set."""
  folder = f", data_dir={path!r}" if path else ""
  return (
    "pip install 'imtrans[tfds]' && python -c \"import tensorflow_datasets as tfds; "
    f"tfds.builder({name!r}{folder}, file_format='array_record').download_and_prepare()\""
  )

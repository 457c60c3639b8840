"""A trained run as a function of pictures: `imtrans.load(workdir).translate(image)`."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from imtrans.data import ImageSpec, denormalize, normalize
from imtrans.evaluation.evaluate import trained_generators

if TYPE_CHECKING:
  from imtrans.training.run import Run

RANGE_TOLERANCE = 0.1  # Of the range: what bicubic resizing overshoots is clipped, not refused.


class Translator:
  """Translates pictures with a trained run.

  Attributes:
    run: what was loaded.
    directions: "ab" and "ba" as far as the run has them; the first is the default.
  """

  def __init__(self, run: "Run") -> None:
    """Wraps a run that `imtrans.training.run.load_run` read."""
    self.run = run
    self._generators = {
      generator.direction: generator
      for generator in trained_generators(run.config, run.method, run.generator_params, run.extras)
    }
    self.directions = tuple(self._generators)

  def source_spec(self, direction: str | None = None) -> ImageSpec:
    """What the pictures to translate are, as recorded in training."""
    return self.run.specs[self._checked(direction)[0]]

  def target_spec(self, direction: str | None = None) -> ImageSpec:
    """What the translated pictures are, as recorded in training."""
    return self.run.specs[self._checked(direction)[1]]

  def translate(
    self,
    image: ArrayLike,
    *,
    direction: str | None = None,
    mode: str | None = None,
    seed: int = 0,
  ) -> np.ndarray:
    """Translates one picture, or a batch of pictures of one size.

    Any height and width will do: pictures are padded for the network by mirroring, and the result
    is cropped back. The network is compiled once per padded shape. In a batch every picture is
    translated as if it were alone.

    Values of the type that the run was trained on are taken as its training pictures were, which
    matters for 16-bit and float data with a range of their own. All other types are taken
    to fill their range: 0 to 255, 0 to 65535, or 0.0 to 1.0 for floats.

    Args:
      image: [height, width], [height, width, channels] or [batch, height, width, channels] of
        uint8, uint16 or a float type. A grey picture is accepted where RGB is expected.
      direction: "ab" or "ba"; the direction of the run by default.
      mode: "train" keeps dropout on and normalises by each picture's own statistics, "test" does
        not; what the run's config says by default.
      seed: of the dropout noise.

    Returns:
      The translation with the input's type, height and width, and the channels of the target
      domain. [height, width] in gives [height, width] out if the target is grey.

    Raises:
      ValueError: for a type, range or number of channels that the run cannot take, naming the
        remedy; for a direction that the run does not have; for an unknown mode.
    """
    array = np.asarray(image)
    outputs, target = self._run(array, direction, mode, seed)
    result = denormalize(outputs, _stored_spec(array.dtype, target)).astype(array.dtype)
    if array.ndim == 2 and target.channels == 1:
      return result[0, :, :, 0]
    return result if array.ndim == 4 else result[0]

  def translate_to_target(
    self,
    image: ArrayLike,
    *,
    direction: str | None = None,
    mode: str | None = None,
    seed: int = 0,
  ) -> np.ndarray:
    """Translates into the type and the range of the target domain's training pictures.

    Args:
      image: see `translate`.
      direction: see `translate`.
      mode: see `translate`.
      seed: see `translate`.

    Returns:
      [height, width, channels], or a batch for a batch, as `target_spec` says: a 5-channel uint16
      picture if the run was trained to make these, whatever the input's type.

    Raises:
      ValueError: see `translate`.
    """
    array = np.asarray(image)
    outputs, target = self._run(array, direction, mode, seed)
    result = denormalize(outputs, target)
    return result if array.ndim == 4 else result[0]

  def _run(
    self, array: np.ndarray, direction: str | None, mode: str | None, seed: int
  ) -> tuple[np.ndarray, ImageSpec]:
    """The output, float32 [batch, height, width, channels] in [-1, 1], and what its domain is."""
    direction = self._checked(direction)
    if mode not in (None, "train", "test"):
      raise ValueError(f"mode must be 'train' or 'test', got {mode!r}.")
    source, target = (self.run.specs[domain] for domain in direction)
    stored = _stored_spec(array.dtype, source)
    batch = _as_batch(array, source.channels)
    _check_range(batch, stored, array.dtype)
    generator = self._generators[direction]
    generator = generator._replace(mode=mode or generator.mode, seed=seed)
    return generator(normalize(batch, stored)), target

  def _checked(self, direction: str | None) -> str:
    direction = direction or self.directions[0]
    if direction not in self.directions:
      known = " or ".join(self.directions)
      raise ValueError(
        f"this run translates in direction {known}, not {direction!r}: train the other direction, "
        "or an unpaired method, which learns both."
      )
    return direction


def load(workdir: str | Path, checkpoint: str | int = "best") -> Translator:
  """Loads a trained run for use.

  Args:
    workdir: folder that `imtrans train` wrote.
    checkpoint: "best", "last" or a step.

  Returns:
    Its translator: `imtrans.load(workdir).translate(image)`.

  Raises:
    ValueError: if there is no such run or checkpoint.
  """
  from imtrans.training.run import load_run  # Orbax takes seconds to import.

  return Translator(load_run(workdir, checkpoint))


def _as_batch(array: np.ndarray, channels: int) -> np.ndarray:
  """[batch, height, width, channels] of what a user calls an image."""
  if array.ndim not in (2, 3, 4) or array.size == 0:
    raise ValueError(
      "image must be [height, width], [height, width, channels] or [batch, height, width, "
      f"channels] and not empty, got shape {array.shape}."
    )
  batch = array[None, :, :, None] if array.ndim == 2 else array if array.ndim == 4 else array[None]
  found = batch.shape[-1]
  if found == 1 and channels == 3:
    return np.repeat(batch, 3, axis=-1)
  if found != channels:
    if array.ndim == 2:
      remedy = "give [height, width, channels]"
    elif found == 4 and channels == 3:
      remedy = "drop the alpha channel, image[..., :3]"
    elif found == 3 and channels == 1:
      remedy = "convert it to grey, such as image.mean(-1, keepdims=True).astype(image.dtype)"
    else:
      wanted = "1 channel" if channels == 1 else f"{channels} channels"
      remedy = f"give pictures of {wanted}, as in training; in arrays the channels come last"
    raise ValueError(
      f"the run was trained on pictures of {channels} channel(s), this one has {found}: {remedy}."
    )
  return batch


def _stored_spec(dtype: np.dtype, spec: ImageSpec) -> ImageSpec:
  """How values of a type are read: as recorded if it is the recorded type, else the whole range."""
  if dtype.name == spec.dtype:
    return spec
  if dtype in (np.uint8, np.uint16):
    return ImageSpec(spec.channels, dtype.name, 0.0, float(np.iinfo(dtype).max))
  if np.issubdtype(dtype, np.floating):
    return ImageSpec(spec.channels, "float32", 0.0, 1.0)
  raise ValueError(
    f"image must hold uint8, uint16 or float values, got {dtype.name}: convert it, such as with "
    "image.astype('uint8')."
  )


def _check_range(batch: np.ndarray, spec: ImageSpec, dtype: np.dtype) -> None:
  if dtype == np.uint8:
    return
  low, high = float(np.min(batch)), float(np.max(batch))
  slack = RANGE_TOLERANCE * (spec.high - spec.low)
  if not (spec.low - slack <= low and high <= spec.high + slack):
    raise ValueError(
      f"a {dtype.name} image must lie in [{spec.low:g}, {spec.high:g}], this one runs from {low:g} "
      f"to {high:g}: scale it, or pass 8-bit values as uint8."
    )

"""A trained run as a function of pictures: `imtrans.load(workdir).translate(image)`."""

import collections
import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from imtrans.data import ImageSpec, denormalize, normalize
from imtrans.data.task import View
from imtrans.data.tasks import task_view
from imtrans.evaluation.translation.generators import trained_generators
from imtrans.evaluation.translation.pictures import as_stored, prepared, stored_spec
from imtrans.evaluation.translation.stream import attempted, translate_stream
from imtrans.evaluation.translation.tiles import Tiling, plan_tiles, translate_tiled
from imtrans.evaluation.translation.trained_generator import TrainedGenerator

if TYPE_CHECKING:
  from imtrans.training.run import Run


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
    data, source = run.config.data, run.specs["a"]
    self._view = task_view(data.task, source, **data.options.to_dict())

  def source_spec(self, direction: str | None = None) -> ImageSpec:
    """What the pictures to translate are, as recorded in training."""
    return self.run.specs[self._checked(direction)[0]]

  def target_spec(self, direction: str | None = None) -> ImageSpec:
    """What the translated pictures are, as recorded in training.

    Where the network makes a part of a picture alone, as the colours of a grey one, they are the
    whole pictures.
    """
    direction = self._checked(direction)
    view = self._view_of(direction)
    return self.run.specs[direction[1]] if view is None else view.spec

  def translate(
    self,
    image: ArrayLike,
    *,
    direction: str | None = None,
    mode: str | None = None,
    seed: int = 0,
    tiling: Tiling | None = None,
    batch_size: int | None = None,
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
      seed: of latent code and dropout.
      tiling: of `plan_tiles`, for pictures too large for the device; whole pictures by default.
      batch_size: tiles that are translated together; by default as many as have no more pixels
        than `eval_batch_size` pictures of the training size.

    Returns:
      The translation with the input's type, height and width, and the channels of the target
      domain. [height, width] in gives [height, width] out if the target is grey.

    Raises:
      ValueError: for a type, range or number of channels that the run cannot take, naming the
        remedy; for a direction that the run does not have; for an unknown mode.
    """
    array = np.asarray(image)
    generator, source, target = self._ready(direction, mode, seed)
    batch, stored = prepared(array, source)
    wanted = stored_spec(array.dtype, target)

    def store(outputs: np.ndarray) -> np.ndarray:
      if target.palette is not None:
        outputs = as_stored(outputs, target)  # Labels are those of the palette in every type.
      return denormalize(outputs, wanted).astype(array.dtype)

    translate = functools.partial(self._whole, generator, stored)
    result = self._translated(translate, batch, target.channels, store, tiling, batch_size)
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
    tiling: Tiling | None = None,
    batch_size: int | None = None,
  ) -> np.ndarray:
    """Translates into the type and the range of the target domain's training pictures.

    Args:
      image: see `translate`.
      direction: see `translate`.
      mode: see `translate`.
      seed: see `translate`.
      tiling: see `translate`.
      batch_size: see `translate`.

    Returns:
      [height, width, channels], or a batch for a batch, as `target_spec` says: a 5-channel uint16
      picture if the run was trained to make these, whatever the input's type.

    Raises:
      ValueError: see `translate`.
    """
    array = np.asarray(image)
    generator, source, target = self._ready(direction, mode, seed)
    batch, stored = prepared(array, source)
    store = functools.partial(denormalize, spec=target)
    translate = functools.partial(self._whole, generator, stored)
    result = self._translated(translate, batch, target.channels, store, tiling, batch_size)
    return result if array.ndim == 4 else result[0]

  def translate_stream(
    self,
    images: Iterable[ArrayLike | ValueError],
    *,
    direction: str | None = None,
    mode: str | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    tiling: Tiling | None = None,
  ) -> Iterator[np.ndarray | ValueError]:
    """Translates any number of pictures of any sizes, those of one padded shape in batches.

    The network is compiled once per padded shape, or with tiles once for all larger pictures. A
    few batches are held at a time. Batches change no result but by rounding.

    Args:
      images: pictures without a batch axis, see `translate`. An error that stands for a picture,
        such as one that could not be read, comes out in its place.
      direction: see `translate`.
      mode: see `translate`.
      seed: see `translate`.
      batch_size: pictures of the training size that are translated together at most, and as many
        larger ones as have no more pixels; by default the config's `eval_batch_size`. With tiles
        see `translate`.
      tiling: of `plan_tiles`; then pictures are translated one by one, their tiles in batches.

    Returns:
      An iterator: for each picture, in order, what `translate_to_target` returns, or a ValueError
      that says why it could not be translated.

    Raises:
      ValueError: for a direction that the run does not have, an unknown mode or a batch size below
        one.
    """
    size = self.run.config.eval_batch_size if batch_size is None else batch_size
    if size < 1:
      raise ValueError(f"the batch size must be at least 1, got {size}.")
    generator, source, target = self._ready(direction, mode, seed)

    def whole(image: ArrayLike) -> np.ndarray:
      batch, stored = prepared(np.asarray(image), source)
      if len(batch) > 1:
        raise ValueError(f"a stream takes pictures one by one, got a batch of {len(batch)}.")
      return normalize(batch, stored)[0]

    def in_tiles(image: ArrayLike) -> np.ndarray:
      options = {"direction": direction, "mode": mode, "seed": seed}
      return self.translate_to_target(image, tiling=tiling, batch_size=batch_size, **options)

    if tiling is not None:
      return map(attempted(in_tiles), images)
    # A part of a picture is joined with its source when it comes out.
    sources: collections.deque[np.ndarray | ValueError] = collections.deque()
    joins = self._view_of(generator.direction) is not None

    def prepared_one(image: ArrayLike | ValueError) -> np.ndarray | ValueError:
      ready = attempted(whole)(image)
      if joins:
        sources.append(ready)
      return ready

    def finished(result: np.ndarray | ValueError) -> np.ndarray | ValueError:
      source = sources.popleft() if joins else None
      if isinstance(result, ValueError):
        return result
      if isinstance(source, np.ndarray):
        result = self._joined(generator.direction, source, result)
      return denormalize(result, target)

    results = translate_stream(
      generator,
      map(prepared_one, images),
      batch_size=size,
      batch_pixels=size * self.run.config.data.crop_size**2,
    )
    return map(finished, results)

  def plan_tiles(
    self,
    size: int,
    *,
    overlap: int | None = None,
    approximate: bool = False,
    direction: str | None = None,
    mode: str | None = None,
  ) -> Tiling:
    """Plans how pictures too large for the device are cut into tiles.

    A generator of convolutions without normalisation, or with batch normalisation in mode "test",
    gives the same picture in tiles as in one piece. Where normalisation takes its statistics from
    the whole picture, a tile has statistics of its own.

    Args:
      size: side of a tile in pixels.
      overlap: pixels that neighbouring tiles share; by default what the generator sees.
      approximate: accept that colours and contrast may differ from tile to tile.
      direction: see `translate`.
      mode: see `translate`.

    Returns:
      The tiling. Its `reasons` say why the result is approximate; they are empty where it is exact.

    Raises:
      ValueError: if the result would be approximate and `approximate` is not set; if the size or
        the overlap does not fit the generator.
    """
    generator, source, _ = self._ready(direction, mode, 0)
    locality = generator.locality(source.channels)
    when_testing = generator._replace(mode="test").locality(source.channels)
    helps = locality.obstacles and not when_testing.obstacles
    return plan_tiles(
      size,
      locality,
      overlap=overlap,
      multiple=generator.size_multiple,
      approximate=approximate,
      remedy="choose mode 'test' (--mode test), " if helps else "",
    )

  def _whole(
    self, generator: TrainedGenerator, stored: ImageSpec, pictures: np.ndarray
  ) -> np.ndarray:
    """Translates stored pictures [batch, height, width, channels] to whole ones in [-1, 1]."""
    sources = normalize(pictures, stored)
    return self._joined(generator.direction, sources, generator(sources))

  def _joined(self, direction: str, sources: np.ndarray, made: np.ndarray) -> np.ndarray:
    """What a generator made as whole pictures; all of them [..., channels] in [-1, 1]."""
    view = self._view_of(direction)
    if view is None:
      return made
    return view.whole(sources, as_stored(made, self.run.specs[direction[1]]))

  def _view_of(self, direction: str) -> View | None:
    return self._view if direction == "ab" else None

  def _translated(
    self,
    translate: Callable[[np.ndarray], np.ndarray],
    batch: np.ndarray,
    channels: int,
    store: Callable[[np.ndarray], np.ndarray],
    tiling: Tiling | None,
    batch_size: int | None,
  ) -> np.ndarray:
    """What `store` makes of the translations of stored pictures [batch, height, width, channels].

    In tiles each picture is stored piece by piece: all of it in float would need ten times as much
    memory as a picture of 8 bits.
    """
    if tiling is None:
      return store(translate(batch))
    if batch_size is None:
      pixels = self.run.config.eval_batch_size * self.run.config.data.crop_size**2
      batch_size = max(1, pixels // tiling.size**2)
    options = {"batch_size": batch_size, "store": store}
    pictures = [translate_tiled(translate, image, channels, tiling, **options) for image in batch]
    return pictures[0][None] if len(pictures) == 1 else np.stack(pictures)

  def _ready(
    self, direction: str | None, mode: str | None, seed: int
  ) -> tuple[TrainedGenerator, ImageSpec, ImageSpec]:
    """The generator that is asked for, and what its sources and the translated pictures are."""
    direction = self._checked(direction)
    if mode not in (None, "train", "test"):
      raise ValueError(f"mode must be 'train' or 'test', got {mode!r}.")
    generator = self._generators[direction]
    generator = generator._replace(mode=mode or generator.mode, seed=seed)
    return generator, self.run.specs[direction[0]], self.target_spec(direction)

  def _checked(self, direction: str | None) -> str:
    direction = direction or self.directions[0]
    if direction not in self.directions:
      known = " or ".join(self.directions)
      raise ValueError(
        f"this run translates in direction {known}, not {direction!r}: train the other direction, "
        "or cyclegan, which learns both."
      )
    return direction


def load(
  workdir: str | Path, checkpoint: str | int = "best", *, refinements: int | None = None
) -> Translator:
  """Loads a trained run for use.

  Args:
    workdir: folder that `imtrans train` wrote.
    checkpoint: "best", "last" or a step.
    refinements: steps of a translation, for a method that has them; by default the config's.

  Returns:
    Its translator: `imtrans.load(workdir).translate(image)`.

  Raises:
    ValueError: if there is no such run or checkpoint, or its method has no such refinements.
  """
  from imtrans.training.run import load_run  # Orbax takes seconds to import.

  return Translator(load_run(workdir, checkpoint, refinements=refinements))

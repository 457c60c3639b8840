"""From a `Dataset` to training batches: seeded, sharded, prefetched, resumable at any position.

The training iterators are Grain's: `get_state` and `set_state` work, and
`grain.checkpoint.CheckpointSave` stores them. Everything random hangs on the index of an element
in the global order, so the batches are the same whatever the number of threads, workers and
processes: process i of n yields the rows of the global batch that it holds.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import grain
import numpy as np

from imtrans.data.dataset import Dataset, Domain, check_direction
from imtrans.data.images import ImageError
from imtrans.data.instances import EdgedDomain
from imtrans.data.specs import ImageSpec, normalize
from imtrans.data.task import TaskDomain
from imtrans.data.transforms import Resizer, check_sizes, jitter, resizer


class Pictures:
  """A random-access source of tuples of pictures, with errors that name the picture."""

  def __init__(self, *domains: Domain):
    """Makes a source of the pictures of domains of one length."""
    self._domains = domains

  def __len__(self) -> int:
    """Returns the number of tuples."""
    return len(self._domains[0])

  def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
    """Returns a picture of every domain; raises ImageError if one cannot be used."""
    try:
      return tuple(domain[int(index)] for domain in self._domains)
    except ImageError as error:
      raise ImageError(
        f"{error} `imtrans data inspect` lists all pictures that cannot be used."
      ) from error


class _Output(NamedTuple):
  """One entry of an element: which of its pictures it is made of, how, and what it is then."""

  name: str
  origins: tuple[int, ...]
  make: Callable[..., np.ndarray]  # (*pictures, generator) -> picture
  spec: ImageSpec


class _Prepare:
  """`jitter`, a task if there is one, and `normalize` as a random map.

  A class, so that worker processes can load it.
  """

  def __init__(self, outputs: Sequence[_Output], **options: Any):
    self._outputs, self._options = outputs, options

  def __call__(
    self, arrays: tuple[np.ndarray, ...], generator: np.random.Generator
  ) -> dict[str, np.ndarray]:
    arrays = jitter(arrays, generator, **self._options)
    return {
      output.name: normalize(
        output.make(*(arrays[origin] for origin in output.origins), generator), output.spec
      )
      for output in self._outputs
    }


def paired_batches(
  dataset: Dataset,
  *,
  batch_size: int,
  seed: int,
  direction: str = "ab",
  resize: str = "square",
  load_size: int,
  crop_size: int,
  flip: bool = True,
  process_index: int = 0,
  process_count: int = 1,
  num_threads: int = 2,
  num_workers: int = 0,
) -> grain.DatasetIterator[dict[str, np.ndarray]]:
  """Yields training pairs for ever, reshuffled each epoch; a pair shares its crop and flip.

  Args:
    dataset: a paired dataset.
    batch_size: the global batch, in pairs; process i of n gets batch_size / n of them.
    seed: decides order, crops and flips.
    direction: "ab" makes `a` the source and `b` the target, "ba" the reverse.
    resize: "square" (to load_size x load_size), "scale_width" (load_size wide) or "none".
    load_size: size after resizing, in pixels; not used by "none".
    crop_size: side of the random crop, in pixels; smaller pictures are padded by mirroring.
    flip: whether to mirror half of the pairs.
    process_index: this process.
    process_count: how many processes share the global batch.
    num_threads: threads that read and transform; 0 does it in the caller, without prefetching.
    num_workers: processes that do so instead of threads; each takes seconds to start, and pays
      when threads cannot keep up. A saved position can only be restored with the same number.

  Returns:
    A Grain iterator of {"source", "target"}: float32 [local batch, crop_size, crop_size, channels]
    in [-1, 1]. An unreadable picture raises `ImageError` from `next`.

  Raises:
    ValueError: if the dataset is not paired, or an argument does not fit.
  """
  a, b = _both(dataset)
  if not dataset.paired:
    raise ValueError(
      "this method needs pairs, but the dataset is unpaired: open it with paired=True, or train "
      "an unpaired method."
    )
  check_direction(direction)
  source, target = (a, b) if direction == "ab" else (b, a)
  check_sizes(resize, load_size, crop_size)
  options = {"resize_to": resize, "load_size": load_size, "crop_size": crop_size, "flip": flip}
  stream = _stream((source, target), ("source", "target"), seed=seed, options=options)
  stream = local_batches(stream, batch_size, process_index, process_count)
  return read_ahead(stream, num_threads, num_workers)


def unpaired_batches(
  dataset: Dataset,
  *,
  batch_size: int,
  seed: int,
  names: tuple[str, str] = ("a", "b"),
  resize: str = "square",
  load_size: int,
  crop_size: int,
  flip: bool = True,
  process_index: int = 0,
  process_count: int = 1,
  num_threads: int = 2,
  num_workers: int = 0,
) -> grain.DatasetIterator[dict[str, np.ndarray]]:
  """Yields training pictures of both domains for ever, shuffled independently of each other.

  The domains may differ in length: each starts anew, in a new order, when it is through. `names`
  are what the pictures of the two domains are called; the other arguments are those of
  `paired_batches`.

  Returns:
    A Grain iterator of {"a", "b"}: float32 [local batch, crop_size, crop_size, channels] in
    [-1, 1]. An unreadable picture raises `ImageError` from `next`.

  Raises:
    ValueError: if the dataset has no second domain, or an argument does not fit.
  """
  a, b = _both(dataset)
  check_sizes(resize, load_size, crop_size)
  options = {"resize_to": resize, "load_size": load_size, "crop_size": crop_size, "flip": flip}
  # Seeds one apart would give both domains the same order, an epoch apart (Grain adds the epoch).
  seeds = np.random.SeedSequence(seed).generate_state(2)
  streams = [
    _stream((domain,), (name,), seed=int(domain_seed), options=options)
    for domain, name, domain_seed in zip((a, b), names, seeds, strict=True)
  ]
  stream = grain.experimental.ZipMapDataset(streams).map(_merge)
  stream = local_batches(stream, batch_size, process_index, process_count)
  return read_ahead(stream, num_threads, num_workers)


def _stream(
  domains: tuple[Domain, ...], names: tuple[str, ...], *, seed: int, options: dict[str, Any]
) -> grain.MapDataset[dict[str, np.ndarray]]:
  """An endless, shuffled stream of elements by global index.

  The two sides of a task are made of one picture, which is read once and cropped once.
  """
  origins: list[Domain] = []
  resizers: list[Resizer] = []
  outputs = []
  for name, domain in zip(names, domains, strict=True):
    parts, own_resizers, make = _parts(domain)
    places = []
    for part, own in zip(parts, own_resizers, strict=True):
      if not any(part is other for other in origins):
        origins.append(part)
        resizers.append(own)
      places.append(next(i for i, other in enumerate(origins) if other is part))
    outputs.append(_Output(name, tuple(places), make, domain.spec))
  return (
    grain.MapDataset.source(Pictures(*origins))
    .seed(seed)
    .shuffle()
    .repeat()
    .random_map(_Prepare(outputs, resizers=resizers, **options))
  )


def _parts(domain: Domain) -> tuple[tuple[Domain, ...], tuple[Resizer, ...], Callable]:
  """What a picture of a domain is made of, how that is resized, and how it is made then."""
  if isinstance(domain, EdgedDomain):
    return domain.parts, domain.resizers, domain.make
  made = isinstance(domain, TaskDomain)
  origin = domain.clean if made else domain
  return (origin,), (resizer(origin.spec),), domain.make if made else _as_it_is


def _as_it_is(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
  """The picture of a domain that no task has made."""
  del generator
  return picture


def local_batches(
  stream: grain.MapDataset, batch_size: int, process_index: int, process_count: int
) -> grain.MapDataset:
  """Batches a stream so that the processes' batches, laid end to end, are the global batch.

  Args:
    stream: endless, of elements by global index.
    batch_size: the global batch.
    process_index: this process.
    process_count: how many processes share the global batch.

  Returns:
    The batches of this process.

  Raises:
    ValueError: if the batch cannot be shared evenly.
  """
  if batch_size < 1:
    raise ValueError(f"batch_size must be at least 1, got {batch_size}.")
  if not 0 <= process_index < process_count:
    raise ValueError(
      f"process_index must be in 0..process_count - 1, got {process_index} of {process_count}."
    )
  if batch_size % process_count:
    raise ValueError(
      f"batch_size {batch_size} cannot be divided among {process_count} processes: make it a "
      f"multiple of {process_count}."
    )
  # An endless stream has no remainder; to count one, Grain would divide its length as a float, and
  # overflow for batches of one.
  batches = stream.batch(batch_size // process_count, drop_remainder=True)
  return batches[process_index::process_count]


def read_ahead(
  batches: grain.MapDataset, num_threads: int, num_workers: int
) -> grain.DatasetIterator:
  """Reads ahead by a few batches: enough to hide a slow one, little enough to end quickly.

  Args:
    batches: of this process.
    num_threads: that read and transform; 0 does it in the caller.
    num_workers: processes that do so instead of threads.

  Returns:
    A Grain iterator.
  """
  options = grain.ReadOptions(num_threads=num_threads, prefetch_buffer_size=2 * num_threads)
  iterable = batches.to_iter_dataset(options)
  if num_workers:
    from absl import flags

    if not flags.FLAGS.is_parsed():
      flags.FLAGS.mark_as_parsed()  # Grain's workers read absl flags.
    iterable = iterable.mp_prefetch(grain.MultiprocessingOptions(num_workers=num_workers))
  return iter(iterable)


def _merge(parts: Any) -> dict[str, np.ndarray]:
  """Joins the dicts of a tuple, one for each domain."""
  return {name: array for part in parts for name, array in part.items()}


def _both(dataset: Dataset) -> tuple[Domain, Domain]:
  if dataset.b is None:
    raise ValueError(
      "training needs two domains, but this is a single folder of pictures: give a folder with "
      "trainA/ and trainB/, or A/ and B/, or choose a task that makes pairs of them."
    )
  return dataset.a, dataset.b

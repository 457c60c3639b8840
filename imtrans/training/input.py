"""From a config to batches: which dataset, which preprocessing, how images are shaped."""

import json
from pathlib import Path

import grain
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from imtrans.data import Dataset, ImageSpec, open_task, paired_batches, unpaired_batches
from imtrans.data.domains import domain_batches, open_domains
from imtrans.data.instances import with_instance_edges
from imtrans.methods import find_method
from imtrans.training.assembly import method_field
from imtrans.training.files import write_atomically

SPECS = "specs.json"


def is_paired(config: ConfigDict) -> bool:
  """Whether the config's method trains on images that belong together."""
  return find_method(config.method.name).paired


def is_two_way(config: ConfigDict) -> bool:
  """Whether the config's method learns both directions at once."""
  return find_method(config.method.name).two_way


def entry_names(config: ConfigDict) -> dict[str, str]:
  """What the pictures of domains "a" and "b" are called in a batch of the config's method."""
  if is_two_way(config):
    return {"a": "a", "b": "b"}
  source, target = config.data.direction
  return {source: "source", target: "target"}


def has_domains(config: ConfigDict) -> bool:
  """Whether the config's method translates among the classes of its pictures."""
  return find_method(config.method.name).domains


def open_data(
  config: ConfigDict, split: str, *, paired: bool | None = None, wanted: str = ""
) -> Dataset:
  """The dataset that a config names.

  Args:
    config: its sections `data` and `method` are read.
    split: "train" or "test".
    paired: whether pictures belong together; by default as the method is trained.
    wanted: for a method that translates among classes, the one that all pictures of the others are
      to be translated to; by default any.

  Returns:
    Two domains, paired or not; those of the config's task if it has one.

  Raises:
    ValueError: if the pictures are not there, or not as the method needs them.
  """
  data = config.data
  if has_domains(config):
    return open_domains(
      data.source,
      split=split,
      wanted=wanted,
      path=data.path,
      background=data.background,
      **data.options.to_dict(),
    )
  if wanted:
    raise ValueError(f"{config.method.name} has one domain to translate to: leave --domain out.")
  dataset = open_task(
    data.task,
    data.source,
    split=split,
    paired=is_paired(config) if paired is None else paired,
    resize=data.resize,
    crop_size=data.crop_size,
    path=data.path,
    background=data.background,
    **data.options.to_dict(),
  )
  if data.edges != "instances":
    return dataset
  places = {"split": split, "direction": data.direction}
  sizes = {"resize": data.resize, "crop_size": data.crop_size}
  return with_instance_edges(dataset, data.instances, **places, **sizes)


def domain_specs(dataset: Dataset) -> dict[str, ImageSpec]:
  """What the pictures of a training set are.

  Args:
    dataset: from `open_data`.

  Returns:
    {"a": ..., "b": ...}.

  Raises:
    ValueError: if the dataset has one domain alone.
  """
  if dataset.b is None:
    raise ValueError(
      "training needs two domains, but data.path is a single folder of pictures: give a folder "
      "with trainA/ and trainB/, or A/ and B/, or set data.task to make pairs of them."
    )
  return {"a": dataset.a.spec, "b": dataset.b.spec}


def check_classes(config: ConfigDict, specs: dict[str, ImageSpec]) -> None:
  """Raises ValueError unless a method knows as many classes as the sources have, if it does."""
  known = method_field(config, "num_classes")
  if known is None:
    return
  classes = specs[config.data.direction[0]].classes or ()
  if known != len(classes):
    listing = f" ({', '.join(classes)})" if classes else ""
    remedy = f"set method.num_classes to {len(classes)}"
    if not classes:
      remedy = "set data.options.classes=tone (openmoji) or data.options.layout=classes (folders)"
    raise ValueError(
      f"method.num_classes is {known}, but the sources have {len(classes)} classes{listing}: "
      f"{remedy}."
    )


def training_batches(
  config: ConfigDict, dataset: Dataset, *, share: tuple[int, int] = (0, 1)
) -> grain.DatasetIterator:
  """An endless iterator over this process's part of the batches.

  Args:
    config: its `data` section, seed and batch size are read.
    dataset: from `open_data`.
    share: which part of how many it is, from `imtrans.training.shares.batch_share`.

  Returns:
    A Grain iterator of arrays named as in `example_batch`, [local batch, height, width, channels]
    in [-1, 1].
  """
  data = config.data
  options = {
    "batch_size": config.batch_size,
    "seed": config.seed,
    "resize": data.resize,
    "load_size": data.load_size,
    "crop_size": data.crop_size,
    "flip": data.flip,
    "num_threads": data.num_threads,
    "num_workers": data.num_workers,
    "process_index": share[0],
    "process_count": share[1],
  }
  if has_domains(config) and dataset.b is not None:
    return domain_batches(dataset.b, **options)
  if is_paired(config):
    # Noise and a picture are an element of a batch, though they do not belong together.
    related = getattr(dataset.a, "related", True)
    dataset = dataset if related else dataset._replace(paired=True)
    return paired_batches(dataset, direction=data.direction, **options)
  names = entry_names(config)
  return unpaired_batches(dataset, names=(names["a"], names["b"]), **options)


def example_batch(config: ConfigDict, channels: dict[str, int]) -> dict[str, jax.Array]:
  """A batch of one black image per entry, for shapes alone.

  Args:
    config: its `data` and `method` sections are read.
    channels: of the domains, {"a": ..., "b": ...}.

  Returns:
    Arrays [1, crop_size, crop_size, channels].
  """
  side = config.data.crop_size
  if has_domains(config):
    names = ("source", "target", "reference")  # With the planes of their domains, all of them.
    return {name: jnp.zeros((1, side, side, channels["a"]), jnp.float32) for name in names}
  return {
    name: jnp.zeros((1, side, side, channels[domain]), jnp.float32)
    for domain, name in entry_names(config).items()
  }


def save_specs(specs: dict[str, ImageSpec], workdir: Path) -> None:
  """Records what the pictures of each domain are, so that outputs are written the same way."""
  text = json.dumps({name: spec.to_dict() for name, spec in specs.items()}, indent=2)
  write_atomically(workdir / SPECS, text + "\n")


def read_specs(workdir: Path) -> dict[str, ImageSpec]:
  """Reads what `save_specs` wrote; ValueError if it is missing or damaged."""
  path = workdir / SPECS
  try:
    stored = json.loads(path.read_text())
    return {name: ImageSpec.from_dict(stored[name]) for name in ("a", "b")}
  except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
    raise ValueError(
      f"{path} is missing or damaged ({type(error).__name__}: {error}): name a workdir that "
      "`imtrans train` wrote."
    ) from None

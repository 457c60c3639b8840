"""Finds a task by its name, and makes a dataset of pictures and a task.

A config names the task in `data.task`; its options stand in `data.options` beside those of the
source. In training, the degradation is drawn anew whenever a picture is shown, by the same
generator that crops it; everywhere else it hangs on the name of the picture.
"""

import inspect
from collections.abc import Callable
from typing import Any

from imtrans.data.classes import classified, task_with_classes
from imtrans.data.dataset import Dataset, Subset, halves
from imtrans.data.drawings import edges, grayscale, recolor, sketch
from imtrans.data.labels import with_palette
from imtrans.data.noise import noise
from imtrans.data.restorations import deblur, denoise, inpainting, jpeg, super_resolution
from imtrans.data.sources import open_dataset, open_pictures, source_options
from imtrans.data.specs import ImageSpec
from imtrans.data.task import Task, TaskDomain, View
from imtrans.data.transforms import check_sizes

TASKS: dict[str, Callable[..., Task]] = {
  "grayscale": grayscale,
  "super_resolution": super_resolution,
  "inpainting": inpainting,
  "denoise": denoise,
  "deblur": deblur,
  "jpeg": jpeg,
  "edges": edges,
  "sketch": sketch,
  "recolor": recolor,
}
NO_TASK, LABELS, NOISE = "none", "labels", "noise"
TASK_NAMES = (NO_TASK, *TASKS, LABELS, NOISE)


def make_task(name: str, clean: ImageSpec, **options: Any) -> Task:
  """Finds a task.

  Args:
    name: one of `TASKS`.
    clean: what the pictures are that it will be given.
    **options: of the task.

  Returns:
    A `Task`.

  Raises:
    ValueError: if there is no such task or option, or the task cannot be done on such pictures.
  """
  if name not in TASKS:
    raise ValueError(f"the task must be one of {', '.join(TASKS)}, got {name!r}.")
  known = task_options(name)
  unknown = sorted(set(options) - set(known))
  if unknown:
    raise ValueError(
      f"the task {name} has no option {', '.join(unknown)}; it has {', '.join(known)}."
    )
  return TASKS[name](clean, **options)


def task_view(name: str, source: ImageSpec, **options: Any) -> View | None:
  """Finds how what a task's network makes becomes a whole picture, without the pictures.

  Args:
    name: one of `TASK_NAMES`.
    source: what the sources of the task are.
    **options: as a config has them, those of the source among them.

  Returns:
    The view; None where outputs are whole pictures.
  """
  if name != "grayscale":
    return None
  own = {option: options[option] for option in task_options(name) if option in options}
  # Its sources are the greys of RGB pictures of the same values.
  return make_task(name, source._replace(channels=3), **own).view


def task_options(name: str) -> list[str]:
  """Returns the names of the options of a task of `TASK_NAMES`, without "domain"."""
  if name in (NO_TASK, NOISE):
    return []
  function, skipped = (with_palette, 2) if name == LABELS else (TASKS[name], 1)
  return [o for o in list(inspect.signature(function).parameters)[skipped:] if o != "domain"]


def open_task(
  task: str,
  source: str,
  *,
  split: str,
  paired: bool,
  resize: str,
  crop_size: int,
  path: str = "",
  background: str = "white",
  **options: Any,
) -> Dataset:
  """Opens the pictures of a split as a task shows them.

  Domain a holds the sources and domain b the targets, both made of the pictures of one domain of
  the data. In unpaired training they are made of disjoint halves of the pictures, so that no
  source has its target in the data. "labels" is the exception: it needs both domains. "noise" makes
  sources that have nothing to do with their targets, so its data set is never called paired.

  Where the source knows the classes of its pictures, sources have the plane of their class, see
  `classes`.

  Args:
    task: one of `TASK_NAMES`; "none" leaves the data as they are.
    source: see `open_dataset`.
    split: "train" or "test". The test split of a task is always paired.
    paired: whether pairs are wanted.
    resize: "square", "scale_width" or "none": how evaluation resizes, before the degradation.
    crop_size: the evaluation size, pixels; not used by "none".
    path: see `open_dataset`.
    background: see `open_dataset`.
    **options: of the source, of the task, and "domain": "a" or "b", the pictures that the task is
      given ("a" by default), or those that are labels ("b" by default).

  Returns:
    A `Dataset`.

  Raises:
    ValueError: if the task, the source or an option is unknown or does not fit; the message names
      the thing and the remedy.
  """
  if task not in TASK_NAMES:
    raise ValueError(f"data.task must be one of {', '.join(TASK_NAMES)}, got {task!r}.")
  places = {"path": path, "background": background}
  if task == NO_TASK:
    opened = open_dataset(source, split=split, paired=paired, **places, **options)
    return opened._replace(a=classified(opened.a))
  check_sizes(resize, crop_size, crop_size)
  own, rest = _separate(task, source, options)
  domain = {"domain": rest.pop("domain")} if "domain" in rest else {}
  if task == LABELS:
    opened = {
      part: open_dataset(source, split=part, paired=paired, **places, **rest)
      for part in {split, "train"}
    }
    return with_palette(opened[split], opened["train"], **domain, **own)
  plain = open_pictures(source, split=split, **domain, **places, **rest)
  made = noise(plain.spec) if task == NOISE else make_task(task, plain.spec, **own)
  clean = classified(plain)
  if clean is not plain:
    made = task_with_classes(made, clean.spec)
  sides = [clean, clean]
  if split == "train" and not paired:
    sides = [Subset(clean, half) for half in halves(getattr(clean, "groups", clean.names))]
  sizes = {"resize": resize, "crop_size": crop_size}
  a, b = (
    TaskDomain(pictures, made, side, **sizes)
    for pictures, side in zip(sides, ("source", "target"), strict=True)
  )
  return Dataset(a, b, made.related and (paired or split == "test"))


def _separate(
  task: str, source: str, options: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
  """Splits options into those of the task and the others; raises ValueError for unknown ones."""
  own, theirs = task_options(task), [*source_options(source), "domain"]
  unknown = sorted(set(options) - {*own, *theirs})
  if unknown:
    raise ValueError(
      f"neither the task {task} nor the source {source} has an option {', '.join(unknown)}; they "
      f"have {', '.join([*own, *theirs])}."
    )
  return (
    {name: value for name, value in options.items() if name in own},
    {name: value for name, value in options.items() if name not in own},
  )

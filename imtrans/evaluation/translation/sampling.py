"""Sources for a trained run that nobody has to give: noise, classes, and both beside pictures.

What is sampled depends on the seed and the number of the sample alone: the first 8 of 64 samples
are those of a run of 8.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from imtrans.data.classes import class_index, with_class
from imtrans.data.dataset import stable_generator
from imtrans.data.noise import static, static_of
from imtrans.data.specs import ImageSpec
from imtrans.evaluation.translation.translator import Translator


class Sample(NamedTuple):
  """What a sample is made of.

  name: of its file, such as "cat/00003".
  source: [height, width, channels] in the values of the source domain.
  """

  name: str
  source: np.ndarray


def noise_samples(
  translator: Translator,
  count: int,
  *,
  classes: Sequence[str] = (),
  seed: int = 0,
  codes: np.ndarray | None = None,
) -> Iterator[Sample]:
  """Static for a run that makes pictures of noise.

  Args:
    translator: of the run.
    count: samples; of each class, where the run has classes.
    classes: names or numbers of the classes wanted; all of them by default.
    seed: of the static.
    codes: float [count, latent_size], the codes z themselves instead of drawn ones.

  Yields:
    Samples, class by class; each class has the same static.

  Raises:
    ValueError: for a run that needs pictures, a class that there is not, or codes of another size.
  """
  config, spec = translator.run.config, translator.source_spec()
  if config.data.task != "noise":
    raise ValueError("this run translates pictures: name some with --input.")
  side = config.data.crop_size
  if codes is not None:
    codes = np.asarray(codes, np.float64)
    size = config.method.get("latent_size", codes.shape[-1])
    if codes.shape != (count, size):
      raise ValueError(f"codes must have shape [{count}, {size}], got {list(codes.shape)}.")
    drawn = list(static_of(codes, side, side))
  else:
    drawn = [static(side, side, stable_generator(f"{seed}/{i}", "sample")) for i in range(count)]
  for label, folder in _labels(translator, classes):
    for index, plane in enumerate(drawn):
      yield Sample(f"{folder}{index:05d}", _labelled(plane, label, spec))


def picture_samples(
  translator: Translator, name: str, picture: np.ndarray, *, classes: Sequence[str] = ()
) -> Iterator[Sample]:
  """A picture as the source of a run, once for each class where the run has classes.

  Args:
    translator: of the run.
    name: of the picture.
    picture: [height, width, channels], of the type of the run's pictures.
    classes: names or numbers of the classes wanted; all of them by default.

  Yields:
    Samples.

  Raises:
    ValueError: for a run that needs no pictures, or a picture of other channels or type.
  """
  spec = translator.source_spec()
  if translator.run.config.data.task == "noise":
    raise ValueError("this run makes pictures of noise: leave --input out.")
  wanted = spec.channels - (spec.classes is not None)
  if picture.shape[2] == 1 and wanted == 3:
    picture = np.repeat(picture, 3, axis=2)
  if picture.shape[2] != wanted or picture.dtype.name != spec.dtype:
    raise ValueError(
      f"{name} holds {picture.dtype.name} values of {picture.shape[2]} channel(s), the run was "
      f"trained on {spec.dtype} of {wanted}: convert it."
    )
  for label, folder in _labels(translator, classes):
    yield Sample(f"{folder}{name}", _labelled(picture, label, spec))


def _labels(translator: Translator, classes: Sequence[str]) -> list[tuple[int, str]]:
  """The numbers of the classes wanted, and the folder of each."""
  spec = translator.source_spec()
  # The method gan looks at no class, also where its pictures have some.
  if spec.classes is None or not translator.run.config.method.get("num_classes", 0):
    if classes:
      raise ValueError("this run knows no classes: leave --class out.")
    return [(0, "")]
  numbers = [class_index(name, spec.classes) for name in classes] or range(len(spec.classes))
  return [(number, f"{spec.classes[number]}/") for number in numbers]


def _labelled(picture: np.ndarray, label: int, spec: ImageSpec) -> np.ndarray:
  return picture if spec.classes is None else with_class(picture, label, spec)

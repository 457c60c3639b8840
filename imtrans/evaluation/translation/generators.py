"""The generators of a trained run, and whether pictures fit them."""

from collections.abc import Mapping
from typing import Any, TypedDict

from ml_collections import ConfigDict

from imtrans.data import Dataset, ImageSpec
from imtrans.data.palette import Palette, parse_palette
from imtrans.evaluation.translation.trained_generator import TrainedGenerator
from imtrans.methods import Method
from imtrans.pretrained.weights import INCEPTION_SHA256
from imtrans.training.assembly import is_static, latent_size, size_multiple
from imtrans.training.input import is_two_way


def trained_generators(
  config: ConfigDict,
  method: Method,
  generator_params: Any,
  extras: Any,
  *,
  mode: str | None = None,
  seed: int = 0,
) -> tuple[TrainedGenerator, ...]:
  """All generators of a run, one per direction that it can translate.

  Args:
    config: the run's config.
    method: the method that it describes.
    generator_params: parameters to use, such as their moving average.
    extras: the method's extras.
    mode: "train" or "test", see `Method`; the config's `inference` by default.
    seed: of latent code and dropout, the same for every image.

  Returns:
    The generator of `config.data.direction`, then, for a method that learns both ways, that of the
    other.

  Raises:
    ValueError: for an unknown mode.
  """
  mode = mode or config.inference
  if mode not in ("train", "test"):
    raise ValueError(f"mode must be 'train' or 'test', got {mode!r}.")
  main = TrainedGenerator(
    method.translate,
    generator_params,
    extras,
    direction=config.data.direction,
    mode=mode,
    seed=seed,
    size_multiple=size_multiple(config),
  )
  if not is_two_way(config):
    return (main,)
  return main, main._replace(direction=main.direction[::-1])


def noisy_modes(config: ConfigDict) -> tuple[str, ...]:
  """The modes, "train" and "test", in which a run's outputs for one source differ by seed.

  Args:
    config: of the run.

  Returns:
    Both for a generator with a latent code, ("train",) for one with dropout, none otherwise.
  """
  if latent_size(config) and not is_static(config):
    return ("train", "test")
  return ("train",) if config.generator.get("dropout", 0.0) > 0.0 else ()


def preprocessing(config: ConfigDict) -> dict[str, Any]:
  """The arguments batch_size, resize and crop_size of an evaluation, from a config."""
  return {
    "batch_size": config.eval_batch_size,
    "resize": config.data.resize,
    "crop_size": config.data.crop_size,
  }


class Measuring(TypedDict):
  """How figures are measured: arguments of `imtrans.evaluation.evaluate.Evaluation`."""

  inception: str
  inception_sha256: str
  palette: Palette | None
  noisy_modes: tuple[str, ...]
  num_samples: int
  segmenter_steps: int
  frechet_minimum: int | None


def measuring(config: ConfigDict) -> Measuring:
  """How the figures of a config are measured.

  Args:
    config: of the run.

  Returns:
    All that a config says of it; "training" and "mesh" are left to the caller.

  Raises:
    ValueError: for a palette that is none.
  """
  return {
    "inception": config.inception,
    "inception_sha256": config.inception_sha256 or INCEPTION_SHA256,
    "palette": parse_palette(config.palette) if config.palette else None,
    "noisy_modes": noisy_modes(config),
    "num_samples": config.num_samples,
    "segmenter_steps": config.segmenter_steps,
    "frechet_minimum": config.frechet_minimum or None,
  }


def check_channels(dataset: Dataset, specs: Mapping[str, ImageSpec]) -> None:
  """Raises ValueError if pictures have other channels than those that a run was trained on.

  Args:
    dataset: pictures to translate or to compare with.
    specs: of the run's domains, {"a": ..., "b": ...}.
  """
  for name, domain in (("a", dataset.a), ("b", dataset.b)):
    if domain is not None and domain.spec.channels != specs[name].channels:
      raise ValueError(
        f"the run was trained on pictures of {specs[name].channels} channel(s) in domain {name}, "
        f"these have {domain.spec.channels}: convert them, or choose another data.path."
      )

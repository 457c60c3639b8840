"""The generators of a trained run, and whether pictures fit them."""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from imtrans.data import Dataset, ImageSpec
from imtrans.evaluation.translation import TrainedGenerator
from imtrans.methods import Method
from imtrans.training.assembly import size_multiple
from imtrans.training.input import is_paired


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
    The generator of `config.data.direction`, then, for an unpaired method, that of the other.

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
  if is_paired(config):
    return (main,)
  return main, main._replace(direction=main.direction[::-1])


def noisy_modes(config: ConfigDict) -> tuple[str, ...]:
  """The modes, "train" and "test", in which a run's outputs for one source differ by seed.

  Args:
    config: of the run.

  Returns:
    Both for a generator with a latent code, ("train",) for one with dropout, none otherwise.
  """
  if config.method.get("latent_size", 0):
    return ("train", "test")
  return ("train",) if config.generator.get("dropout", 0.0) > 0.0 else ()


def preprocessing(config: ConfigDict) -> dict[str, Any]:
  """The arguments batch_size, resize and crop_size of an evaluation, from a config."""
  return {
    "batch_size": config.eval_batch_size,
    "resize": config.data.resize,
    "crop_size": config.data.crop_size,
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

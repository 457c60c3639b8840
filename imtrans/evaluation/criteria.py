"""The names of what an evaluation can measure, and what each needs: checked before any work."""

import difflib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from jax import Array

from imtrans.evaluation.metrics import content, fidelity
from imtrans.pretrained.weights import INCEPTION_URL

PIXEL_METRICS: dict[str, Callable[[Array, Array], Array]] = {
  "l1": fidelity.l1,
  "l2": fidelity.l2,
  "psnr": fidelity.psnr,
  "ssim": fidelity.ssim,
  "ms_ssim": fidelity.ms_ssim,
}
BASIC = ("l1", "psnr", "ssim")  # What a run measures by default.
DIMENSIONS = {"alexnet": 256, "vgg16": 512, "inception": 2048}  # Of the features of a picture.
SIDES = {"alexnet": 31, "vgg16": 16, "inception": 1}  # Smallest pictures in pixels.
FRECHET = {"fd_alexnet": "alexnet", "fd_vgg16": "vgg16", "fid": "inception"}
KERNEL = {"alexnet": "kd_alexnet", "vgg16": "kd_vgg16", "inception": "kid"}
LEAST_SEGMENTED = 16  # Pixels.


class Criterion(NamedTuple):
  """Something that can be measured, and what it needs.

  kind: "target" compares an output with its true target, "source" with its source, "cycle" with the
    way back, "set" all outputs with all true pictures, "outputs" looks at all outputs alone,
    "samples" compares outputs for one source with each other, "labels" asks a segmenter for the
    labels that an output was made of.
  side: smallest height and width, in pixels.
  images: fewest pictures: of outputs, and of true ones where these are looked at.
  features: the network of its features; "" for none.
  color: whether it is for pictures of three channels only; networks take one channel too.
  """

  kind: str
  side: int = 1
  images: int = 1
  features: str = ""
  color: bool = False


def _features_of(network: str, fid: str) -> dict[str, Criterion]:
  def on_sets(images: int) -> Criterion:
    return Criterion("set", SIDES[network], images, network)

  return {
    fid: on_sets(DIMENSIONS[network] + 1),
    KERNEL[network]: on_sets(2),
    f"manifolds_{network}": on_sets(6),
    f"sliced_wasserstein_{network}": on_sets(2),
  }


CRITERIA: dict[str, Criterion] = {
  "l1": Criterion("target"),
  "l2": Criterion("target"),
  "psnr": Criterion("target"),
  "ssim": Criterion("target", fidelity.SSIM_WINDOW),
  "ms_ssim": Criterion("target", fidelity.MS_SSIM_LEAST),
  "lpips_alex": Criterion("target", SIDES["alexnet"], features="alexnet"),
  "lpips_vgg": Criterion("target", SIDES["vgg16"], features="vgg16"),
  "content_vgg16": Criterion("source", content.LEAST, features="vgg16"),
  "honesty": Criterion("cycle"),
  "histogram_intersection": Criterion("set", color=True),
  **_features_of("alexnet", "fd_alexnet"),
  **_features_of("vgg16", "fd_vgg16"),
  **_features_of("inception", "fid"),
  "inception_score": Criterion("outputs", images=20, features="inception"),
  "diversity_lpips_alex": Criterion("samples", SIDES["alexnet"], features="alexnet"),
  "mode_coverage": Criterion("samples"),
  "segmentation": Criterion("labels", LEAST_SEGMENTED),
}
# What the figures of a criterion are called, where it is not by its own name.
FIGURES = {
  "honesty": ("reconstruction_error", "quantized_error", "noise_sensitivity"),
  "histogram_intersection": tuple(f"histogram_intersection_{channel}" for channel in "Lab"),
  **{
    f"manifolds_{network}": tuple(
      f"{figure}_{network}" for figure in ("precision", "recall", "density", "coverage")
    )
    for network in DIMENSIONS
  },
  "mode_coverage": ("mode_fraction", "mode_entropy", "mode_error"),
  "segmentation": tuple(
    f"segmentation_{score}" for score in ("pixel_accuracy", "class_accuracy", "class_iou")
  ),
}


class Situation(NamedTuple):
  """What an evaluation has to work with.

  paired: whether true targets are known.
  outputs, reals: how many pictures are translated, and how many of the target domain there are.
  source_channels, target_channels: of the pictures.
  side: smallest height and width in pixels; None where every picture keeps its own size.
  cycle: whether there is a generator back.
  inception: whether there are weights of Inception.
  noise: whether outputs for one source differ by seed.
  palette: whether the colours of label pictures, the sources, are known.
  variants: how many sources have several right answers that are known.
  frechet_minimum: fewest pictures for Frechet distances; None for one more than features.
  """

  paired: bool
  outputs: int
  reals: int
  source_channels: int
  target_channels: int
  side: int | None
  cycle: bool
  inception: bool
  noise: bool
  palette: bool
  variants: int
  frechet_minimum: int | None = None


def figure_names(criteria: Sequence[str]) -> list[str]:
  """The names of the figures that criteria give.

  Args:
    criteria: keys of `CRITERIA`.

  Returns:
    In the same order: "fd_vgg16" gives itself, "manifolds_vgg16" four.
  """
  return [figure for name in criteria for figure in FIGURES.get(name, (name,))]


def check_names(names: Sequence[str]) -> None:
  """Raises ValueError for a name that is no criterion, listing all, or one that is there twice.

  Args:
    names: such as ("l1", "ssim", "fd_vgg16").
  """
  for name in names:
    if name not in CRITERIA:
      close = difflib.get_close_matches(name, CRITERIA, n=1)
      meant = f"did you mean {close[0]}? They are " if close else "choose among "
      raise ValueError(f"unknown metric {name!r}: {meant}{', '.join(CRITERIA)}.")
    if list(names).count(name) > 1:
      raise ValueError(f"the metric {name!r} is listed twice: list it once.")


def obstacle(name: str, situation: Situation) -> str:
  """Says why a criterion cannot be measured.

  Args:
    name: a key of `CRITERIA`.
    situation: what there is.

  Returns:
    A sentence without its full stop, with the remedy; "" if nothing stands in the way.
  """
  criterion, there = CRITERIA[name], situation
  channels = (there.source_channels, there.target_channels)
  if criterion.kind == "target" and not there.paired:
    return unpaired_obstacle([name])
  if criterion.kind == "cycle" and not there.cycle:
    return f"{name} needs a generator in both directions, as of CycleGAN: leave it out"
  if criterion.features == "inception" and not there.inception:
    return (
      f"{name} needs the weights of Inception: download {INCEPTION_URL} and name the file with "
      "--inception (config.inception in training)"
    )
  if criterion.color and there.target_channels != 3:
    return f"{name} is for pictures of 3 channels, not {there.target_channels}: leave it out"
  if criterion.features and there.target_channels not in (1, 3):
    return f"{name} is for pictures of 1 or 3 channels, not {there.target_channels}: leave it out"
  if criterion.kind == "source" and there.source_channels not in (1, 3):
    return f"{name} is for pictures of 1 or 3 channels, not {max(channels)}: leave it out"
  if there.side is not None and there.side < criterion.side:
    return (
      f"{name} needs pictures of at least {criterion.side} x {criterion.side} pixels, these have "
      f"{there.side}: evaluate at a larger size"
    )
  needed = criterion.images
  if name in FRECHET and there.frechet_minimum is not None:
    needed = max(there.frechet_minimum, 2)
  if criterion.kind == "outputs" and there.outputs < needed:
    return (
      f"{name} needs at least {needed} pictures to translate, there are {there.outputs}: add some"
    )
  if criterion.kind == "set" and min(there.outputs, there.reals) < needed:
    return (
      f"{name} needs at least {needed} pictures on either side, there are {there.outputs} to "
      f"translate and {there.reals} true ones: {_remedy_for_few(name, there)}"
    )
  if name == "diversity_lpips_alex" and not there.noise:
    return (
      f"{name} needs outputs that differ by seed: train with method.latent_size, keep dropout on "
      "with --mode train, or leave it out"
    )
  if name == "mode_coverage" and not there.variants:
    return (
      "mode_coverage needs sources with several known answers, such as OpenMoji's line drawings "
      "with tones; these have one each: leave it out"
    )
  if name == "segmentation" and not there.palette:
    return (
      "segmentation needs label pictures as sources whose colours are known: name them with "
      "--palette (config.palette in training)"
    )
  if name == "segmentation" and there.side is None:
    return "segmentation needs pictures of one size: it can be measured with data.resize=square"
  return ""


def unpaired_obstacle(names: Sequence[str]) -> str:
  """Says why criteria of the kind "target" cannot be measured on pictures that are not paired.

  Args:
    names: of the criteria, at least one.

  Returns:
    A sentence without its full stop, with the remedy.
  """
  needs, them = ("needs", "it") if len(names) == 1 else ("need", "them")
  return (
    f"{', '.join(names)} {needs} true targets, and these pictures are not paired: leave {them} "
    "out, or compare the pictures as sets, such as with kd_vgg16"
  )


def _remedy_for_few(name: str, there: Situation) -> str:
  """What to do where a set criterion needs more pictures than there are."""
  remedies = ["add pictures"]
  if name in FRECHET:
    remedies.append("allow fewer with --frechet-minimum (config.frechet_minimum)")
  kernel = KERNEL.get(CRITERIA[name].features, name)
  if kernel != name and not obstacle(kernel, there):
    remedies.append(f"measure {kernel}, which needs 2")
  return f"{', '.join(remedies[:-1])}{', or ' if len(remedies) > 1 else ''}{remedies[-1]}"

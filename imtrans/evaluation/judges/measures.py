"""What is measured on every picture by itself, compiled and divided over the devices."""

import jax
from jax.sharding import Mesh

from imtrans.evaluation.criteria import PIXEL_METRICS
from imtrans.evaluation.judges.pairs import Quantity, SourceJudge, colored
from imtrans.evaluation.metrics.content import trained_content_distance
from imtrans.evaluation.metrics.honesty import cycle_honesty
from imtrans.evaluation.metrics.lpips import lpips_distance
from imtrans.evaluation.translation.trained_generator import TrainedGenerator
from imtrans.pretrained.weights import BACKBONES
from imtrans.training.mesh import divide

# SHA-256 of the weights behind a figure.
CHECKSUMS = {
  name: BACKBONES[network].sha256
  for name, network in (("lpips_alex", "alex"), ("lpips_vgg", "vgg"), ("content_vgg16", "vgg"))
}


def target_quantity(name: str, mesh: Mesh | None = None) -> Quantity:
  """The function of a criterion that compares an output with its target.

  Args:
    name: a key of `imtrans.evaluation.criteria.CRITERIA` of the kind "target".
    mesh: devices over which batches are divided; the default device if None.

  Returns:
    (images, targets) -> [batch], compiled once per shape.

  Raises:
    ValueError: if its weights are missing or altered.
  """
  if name in PIXEL_METRICS:
    compare = _compiled[name]
    return lambda images, targets: compare(divide(images, mesh), divide(targets, mesh))
  distance = lpips_distance(name.removeprefix("lpips_"), mesh)
  return lambda images, targets: distance(
    divide(colored(images), mesh), divide(colored(targets), mesh)
  )


def content_judge(mesh: Mesh | None = None) -> SourceJudge:
  """Measures "content_vgg16" between an output and its source.

  Args:
    mesh: devices over which batches are divided; the default device if None.

  Returns:
    As `imtrans.evaluation.judges.pairs.evaluate_pairs` calls it.

  Raises:
    ValueError: if its weights are missing or altered.
  """
  distance = trained_content_distance(mesh)
  return lambda sources, made, stored: {
    "content_vgg16": distance(divide(colored(stored), mesh), divide(colored(sources), mesh))
  }


def honesty_judge(backward: TrainedGenerator, *, seed: int) -> SourceJudge:
  """Measures what a source and the way back to it tell of hidden messages.

  Args:
    backward: the generator back.
    seed: of the noise.

  Returns:
    As `imtrans.evaluation.judges.pairs.evaluate_pairs` calls it.
  """
  return lambda sources, made, stored: cycle_honesty(backward, sources, made, stored, seed=seed)


_compiled = {name: jax.jit(metric) for name, metric in PIXEL_METRICS.items()}

"""Which criteria can be measured on a test set with what is installed and given."""

from imtrans.evaluation.criteria import CRITERIA, obstacle
from imtrans.evaluation.evaluate import Evaluation
from imtrans.pretrained.weights import perceptual_weights


def measurable(
  evaluation: Evaluation, direction: str, *, mode: str, cycle: bool, size_multiple: int = 1
) -> dict[str, str]:
  """Which criteria can be measured, for `--metrics all`.

  Args:
    evaluation: whose criteria do not matter here.
    direction: that the run is about.
    mode: of its generators, "train" or "test".
    cycle: whether there is a generator back.
    size_multiple: heights and widths are cropped to multiples of so many pixels.

  Returns:
    {criterion: ""} or {criterion: why not}, all of `CRITERIA`.
  """
  situation = evaluation.situation(direction, mode=mode, cycle=cycle, variants=True)
  missing = {}
  for network, features in (("alex", "alexnet"), ("vgg", "vgg16")):
    try:
      perceptual_weights(network)
    except ValueError as error:
      missing[features] = str(error).removesuffix(".")
  return {
    name: obstacle(name, situation)
    or missing.get(criterion.features, "")
    or evaluation.label_obstacle(name, direction, size_multiple)
    for name, criterion in CRITERIA.items()
  }

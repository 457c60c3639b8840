"""An Inception network of a few channels, with made-up weights that are the same everywhere.

The trained weights are a file of the reader's; these have their names and their ranks, so that all
that is done with them can be compared with another implementation.
"""

import re

import numpy as np

from imtrans.evaluation.features.inception import BLOCKS, REDUCTIONS, STEM


def kernel_shape(name: str) -> tuple[int, int]:
  """Returns height and width of a layer's kernel, as its name says."""
  if name.startswith("Conv2d"):
    return (1, 1) if name.endswith("1x1") else (3, 3)
  block, layer = name.split(".")
  if re.fullmatch(r"branch1x1|branch_pool|branch\w+_1", layer):
    return (1, 1)
  if layer.startswith("branch5x5"):
    return (5, 5)
  if block in ("Mixed_7b", "Mixed_7c"):
    return {"a": (1, 3), "b": (3, 1)}.get(layer[-1], (3, 3))
  if layer.startswith("branch7x7dbl"):
    return (7, 1) if layer[-1] in "24" else (1, 7)
  if layer.startswith("branch7x7") and layer != "branch7x7x3_4":
    return (1, 7) if layer[-1] == "2" else (7, 1)
  return (3, 3)


def wave(
  shape: int | tuple[int, ...], phase: float, *, low: float = -1.0, high: float = 1.0
) -> np.ndarray:
  """Returns numbers in [low, high] without a random generator, whose stream may change."""
  count = np.arange(int(np.prod(shape)), dtype=np.float64)
  values = 0.5 * (1.0 + np.sin(phase + 12.9898 * count + 0.001 * count**2))
  return (low + (high - low) * values).astype(np.float32).reshape(shape)


def state_dict(width: int = 4, classes: int = 6) -> dict[str, np.ndarray]:
  """Makes up weights.

  Args:
    width: channels of a layer, or up to two more.
    classes: of the classifier; the original has 1008.

  Returns:
    Arrays under the names of the PyTorch port.
  """
  arrays: dict[str, np.ndarray] = {}
  phase = 0

  def layer(name: str, channels: int) -> int:
    nonlocal phase
    phase += 1
    out = width + phase % 3
    shape = (out, channels, *kernel_shape(name))
    arrays[f"{name}.conv.weight"] = wave(shape, phase) * np.float32(
      2.0 / np.sqrt(np.prod(shape[1:]))
    )
    arrays[f"{name}.bn.weight"] = wave(out, phase + 0.1, low=0.5, high=1.5)
    arrays[f"{name}.bn.bias"] = wave(out, phase + 0.2, low=0.0, high=0.5)
    arrays[f"{name}.bn.running_mean"] = wave(out, phase + 0.3, low=-0.3, high=0.3)
    arrays[f"{name}.bn.running_var"] = wave(out, phase + 0.4, low=0.5, high=2.0)
    arrays[f"{name}.bn.num_batches_tracked"] = np.array(0)
    return out

  channels = 3
  for name in STEM:
    channels = layer(name, channels)
  for block, branches in BLOCKS.items():
    total = channels if block in REDUCTIONS else 0
    widths: dict[tuple[str, ...], int] = {}
    for chain in branches:
      hidden = channels
      for index, name in enumerate(chain):
        if chain[: index + 1] not in widths:
          widths[chain[: index + 1]] = layer(f"{block}.{name}", hidden)
        hidden = widths[chain[: index + 1]]
      total += hidden
    channels = total
  arrays["fc.weight"] = wave((classes, channels), 0.5)
  arrays["fc.bias"] = wave(classes, 0.6)
  return arrays

"""The Inception of FID in PyTorch and Pillow: the reference of `imtrans.evaluation.features`.

PyTorch may be absent, so this is imported where it is needed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch  # pyrefly: ignore
from PIL import Image
from torch.nn import functional  # pyrefly: ignore

SIDE = 299  # Pixels.
BATCH = 16


def features_and_logits(
  arrays: Mapping[str, np.ndarray], images: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Looks at pictures as clean-fid does, with the network in float64.

  Args:
    arrays: weights under the names of the PyTorch port.
    images: float32 [pictures, height, width, 3] in [-1, 1].

  Returns:
    Features [pictures, dimension] and logits [pictures, classes], float64.
  """
  network = TorchInception({name: np.asarray(a, np.float64) for name, a in arrays.items()})
  found = []
  for start in range(0, len(images), BATCH):
    seen = resize(images[start : start + BATCH]).transpose(0, 3, 1, 2)
    found.append([part.numpy() for part in network(torch.tensor((seen - 128.0) / 128.0))])
  features, logits = (np.concatenate(parts) for parts in zip(*found, strict=True))
  return features, logits


def resize(images: np.ndarray) -> np.ndarray:
  """Resizes pictures as clean-fid 0.1.35 does: channels in floating point by Pillow, then clipped.

  Args:
    images: [pictures, height, width, 3] in [-1, 1].

  Returns:
    float64 [pictures, 299, 299, 3] in [0, 255].
  """
  stored = np.clip(np.rint(127.5 * (images + 1.0)), 0.0, 255.0).astype(np.float32)
  resized = [
    [
      np.asarray(Image.fromarray(channel).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
      for channel in picture
    ]
    for picture in stored.transpose(0, 3, 1, 2)
  ]
  return np.clip(np.asarray(resized, np.float64), 0.0, 255.0).transpose(0, 2, 3, 1)


class TorchInception:
  """The FID variant of Inception-v3, block by block as its PyTorch port has it."""

  def __init__(self, arrays: Mapping[str, np.ndarray]):
    """Takes weights under the names of the port, of the type that it is to compute in."""
    self.tensors = {name: torch.tensor(array) for name, array in arrays.items()}

  def layer(self, name: str, x: Any, stride: int = 1, padding: Any = 0) -> Any:
    """Returns convolution, normalisation and ReLU."""
    norm = [self.tensors[f"{name}.bn.{part}"] for part in ("running_mean", "running_var")]
    norm += [self.tensors[f"{name}.bn.{part}"] for part in ("weight", "bias")]
    x = functional.conv2d(x, self.tensors[f"{name}.conv.weight"], None, stride, padding)
    return functional.relu(functional.batch_norm(x, *norm, training=False, eps=0.001))

  def average(self, x: Any) -> Any:
    """Returns the mean over 3 x 3 windows, at the border over the pixels that are there."""
    return functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)

  def stem(self, x: Any) -> Any:
    """Returns the map before the first block."""
    x = self.layer("Conv2d_1a_3x3", x, 2)
    x = self.layer("Conv2d_2b_3x3", self.layer("Conv2d_2a_3x3", x), padding=1)
    x = self.layer("Conv2d_3b_1x1", functional.max_pool2d(x, 3, 2))
    return functional.max_pool2d(self.layer("Conv2d_4a_3x3", x), 3, 2)

  def a(self, m: str, x: Any) -> Any:
    """Returns the map after Mixed_5b, 5c or 5d."""
    five = self.layer(f"{m}.branch5x5_2", self.layer(f"{m}.branch5x5_1", x), padding=2)
    double = self.layer(f"{m}.branch3x3dbl_2", self.layer(f"{m}.branch3x3dbl_1", x), padding=1)
    double = self.layer(f"{m}.branch3x3dbl_3", double, padding=1)
    pool = self.layer(f"{m}.branch_pool", self.average(x))
    return torch.cat([self.layer(f"{m}.branch1x1", x), five, double, pool], 1)

  def b(self, m: str, x: Any) -> Any:
    """Returns the map after Mixed_6a."""
    double = self.layer(f"{m}.branch3x3dbl_2", self.layer(f"{m}.branch3x3dbl_1", x), padding=1)
    double = self.layer(f"{m}.branch3x3dbl_3", double, 2)
    return torch.cat(
      [self.layer(f"{m}.branch3x3", x, 2), double, functional.max_pool2d(x, 3, 2)], 1
    )

  def c(self, m: str, x: Any) -> Any:
    """Returns the map after Mixed_6b, 6c, 6d or 6e."""
    seven = self.layer(f"{m}.branch7x7_2", self.layer(f"{m}.branch7x7_1", x), padding=(0, 3))
    seven = self.layer(f"{m}.branch7x7_3", seven, padding=(3, 0))
    double = self.layer(f"{m}.branch7x7dbl_1", x)
    for index, padding in ((2, (3, 0)), (3, (0, 3)), (4, (3, 0)), (5, (0, 3))):
      double = self.layer(f"{m}.branch7x7dbl_{index}", double, padding=padding)
    pool = self.layer(f"{m}.branch_pool", self.average(x))
    return torch.cat([self.layer(f"{m}.branch1x1", x), seven, double, pool], 1)

  def d(self, m: str, x: Any) -> Any:
    """Returns the map after Mixed_7a."""
    three = self.layer(f"{m}.branch3x3_2", self.layer(f"{m}.branch3x3_1", x), 2)
    seven = self.layer(f"{m}.branch7x7x3_2", self.layer(f"{m}.branch7x7x3_1", x), padding=(0, 3))
    seven = self.layer(f"{m}.branch7x7x3_3", seven, padding=(3, 0))
    seven = self.layer(f"{m}.branch7x7x3_4", seven, 2)
    return torch.cat([three, seven, functional.max_pool2d(x, 3, 2)], 1)

  def e(self, m: str, x: Any) -> Any:
    """Returns the map after Mixed_7b or 7c."""

    def both(name: str, y: Any) -> Any:
      one = self.layer(f"{m}.{name}a", y, padding=(0, 1))
      return torch.cat([one, self.layer(f"{m}.{name}b", y, padding=(1, 0))], 1)

    three = both("branch3x3_2", self.layer(f"{m}.branch3x3_1", x))
    double = self.layer(f"{m}.branch3x3dbl_2", self.layer(f"{m}.branch3x3dbl_1", x), padding=1)
    double = both("branch3x3dbl_3", double)
    last = m == "Mixed_7c"
    pool = functional.max_pool2d(x, 3, stride=1, padding=1) if last else self.average(x)
    pool = self.layer(f"{m}.branch_pool", pool)
    return torch.cat([self.layer(f"{m}.branch1x1", x), three, double, pool], 1)

  def blocks(self) -> dict[str, Any]:
    """Returns the blocks by their names, in order."""
    kinds = {"Mixed_6a": self.b, "Mixed_7a": self.d, "Mixed_7b": self.e, "Mixed_7c": self.e}
    kinds |= dict.fromkeys(("Mixed_5b", "Mixed_5c", "Mixed_5d"), self.a)
    kinds |= dict.fromkeys(("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"), self.c)
    return {name: kinds[name] for name in sorted(kinds)}

  def __call__(self, x: Any) -> tuple[Any, Any]:
    """Returns features and logits of images [batch, 3, height, width]."""
    x = self.stem(x)
    for name, block in self.blocks().items():
      x = block(name, x)
    features = x.mean((2, 3))
    return features, features @ self.tensors["fc.weight"].T

"""Inception-v3 of 2015, the network whose features define the Frechet inception distance.

It differs from torchvision's in its weights, in average pooling that does not count the padding,
and in a maximum instead of an average in its last block. Szegedy et al., 2016, "Rethinking the
Inception Architecture for Computer Vision", Sec. 6, https://arxiv.org/abs/1512.00567, and Heusel et
al., 2017, https://arxiv.org/abs/1706.08500. Names of layers are those of the PyTorch port
pt_inception-2015-12-05. The weights decide on the widths, so a test can use a narrow copy.
"""

from collections.abc import Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from imtrans.evaluation.features.extraction import FeatureNetwork
from imtrans.pretrained.features import check_color, convolve, max_pool
from imtrans.pretrained.weights import INCEPTION_SHA256, read_weights

SIDE = 299  # Pixels.
CLASSES = 1008  # Of the original graph; torchvision's network has 1000.
EPSILON = 1e-3  # Of the batch normalisation.
RESIZE = "299 x 299, bicubic with antialiasing from 8-bit values, clipped, not rounded"

Weights = Mapping[str, Array | np.ndarray]

# The branches of each kind of block as chains of layers, in the order in which they are joined.
A_BRANCHES = (
  ("branch1x1",),
  ("branch5x5_1", "branch5x5_2"),
  ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
  ("branch_pool",),
)
B_BRANCHES = (("branch3x3",), ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"))
C_BRANCHES = (
  ("branch1x1",),
  ("branch7x7_1", "branch7x7_2", "branch7x7_3"),
  ("branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5"),
  ("branch_pool",),
)
D_BRANCHES = (
  ("branch3x3_1", "branch3x3_2"),
  ("branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3", "branch7x7x3_4"),
)
E_BRANCHES = (  # XLA computes a beginning that two branches share once.
  ("branch1x1",),
  ("branch3x3_1", "branch3x3_2a"),
  ("branch3x3_1", "branch3x3_2b"),
  ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3a"),
  ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3b"),
  ("branch_pool",),
)
STEM = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
BLOCKS = {
  **dict.fromkeys(("Mixed_5b", "Mixed_5c", "Mixed_5d"), A_BRANCHES),
  "Mixed_6a": B_BRANCHES,
  **dict.fromkeys(("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"), C_BRANCHES),
  "Mixed_7a": D_BRANCHES,
  **dict.fromkeys(("Mixed_7b", "Mixed_7c"), E_BRANCHES),
}
REDUCTIONS = ("Mixed_6a", "Mixed_7a")  # These halve height and width.
LAYERS = STEM + tuple(
  dict.fromkeys(
    f"{block}.{layer}"
    for block, branches in BLOCKS.items()
    for chain in branches
    for layer in chain
  )
)
NORM = ("weight", "bias", "running_mean", "running_var")


def inception(path: str | Path, *, sha256: str | None = INCEPTION_SHA256) -> FeatureNetwork:
  """Reads the network from pt_inception-2015-12-05-6726825d.pth or a conversion of it.

  The file is the one that pytorch-fid, torch-fidelity and their like download; it is in no package.

  Args:
    path: a .pth or .safetensors file with the names of the PyTorch port.
    sha256: what the file's SHA-256 must be; that of the original .pth by default. None accepts any
      file with arrays of the right names and shapes, and the figures carry the sum that was found.

  Returns:
    "inception", 2048 features and 1008 logits.

  Raises:
    ValueError: if the file cannot be read, is another one, or is not an Inception network.
  """
  arrays, found = read_weights(path, sha256=sha256)
  try:
    weights = fold(arrays)
    classes = _num_classes(weights)
    if classes != CLASSES:
      raise ValueError(f"it tells {classes} classes apart instead of {CLASSES}")
  except ValueError as error:
    raise ValueError(f"{path} does not hold the Inception network of FID: {error}.") from error
  return FeatureNetwork("inception", _features, weights, RESIZE, found)


def fold(arrays: Weights) -> dict[str, np.ndarray]:
  """Turns a state dict into kernels and biases, with the batch normalisation multiplied in.

  Args:
    arrays: names of the PyTorch port to arrays: "NAME.conv.weight" [out, in, height, width],
      "NAME.bn.weight", "bias", "running_mean" and "running_var" [out], "fc.weight" [classes, in].

  Returns:
    "NAME/kernel" [height, width, in, out] and "NAME/bias" [out] for every layer, and
    "logits/kernel" [in, classes], float32. The classifier's bias is left out: the Inception score
    was defined without it (Salimans et al., 2016, in the authors' code).

  Raises:
    ValueError: if an array is missing or has another rank.
  """
  folded = {}
  for name in LAYERS:
    kernel = _array(arrays, f"{name}.conv.weight", 4)
    scale, shift, mean, variance = (_array(arrays, f"{name}.bn.{part}", 1) for part in NORM)
    factor = scale / np.sqrt(variance + EPSILON)
    folded[f"{name}/kernel"] = (kernel * factor[:, None, None, None]).transpose(2, 3, 1, 0)
    folded[f"{name}/bias"] = shift - mean * factor
  folded["logits/kernel"] = _array(arrays, "fc.weight", 2).T
  return {name: array.astype(np.float32) for name, array in folded.items()}


def _num_classes(weights: Weights) -> int:
  """Traces the network without computing anything, to see that its layers fit together."""
  try:
    image = jax.ShapeDtypeStruct((1, 75, 75, 3), jnp.float32)
    return jax.eval_shape(inception_v3, weights, image)[1].shape[-1]
  except (TypeError, ValueError) as error:
    raise ValueError("the channels of its layers do not fit together") from error


def _array(arrays: Weights, name: str, rank: int) -> np.ndarray:
  if name not in arrays or np.ndim(arrays[name]) != rank:
    raise ValueError(f"it has no array {name!r} with {rank} axes")
  return np.asarray(arrays[name], np.float64)


def resize(images: Array) -> Array:
  """Brings images to 299 x 299 pixels as clean-fid does.

  Parmar et al., 2022, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation",
  https://arxiv.org/abs/2104.11222: the values are first rounded to 8 bits, as those of a picture
  file are, then resized with an antialiased bicubic filter in floating point, and clipped to
  [0, 255] without rounding, as in version 0.1.35 of their package (older ones did not clip).

  Args:
    images: [batch, height, width, 3] in [-1, 1].

  Returns:
    [batch, 299, 299, 3] in [0, 255].
  """
  values = jnp.clip(jnp.round(127.5 * (images + 1.0)), 0.0, 255.0)
  shape = (images.shape[0], SIDE, SIDE, images.shape[3])
  highest = lax.Precision.HIGHEST
  resized = jax.image.resize(values, shape, "cubic", antialias=True, precision=highest)
  return jnp.clip(resized, 0.0, 255.0)


def _features(weights: Weights, images: Array) -> tuple[Array, Array]:
  check_color(images, 1)
  return inception_v3(weights, (resize(images) - 128.0) / 128.0)


def inception_v3(weights: Weights, images: Array) -> tuple[Array, Array]:
  """The network itself.

  Args:
    weights: see `fold`.
    images: [batch, height, width, 3], at least 75 pixels a side and 299 for FID, scaled to
      (value - 128) / 128 for 8-bit values as in the original graph (pytorch-fid's own
      2 value / 255 - 1 differs by up to 1 / 128).

  Returns:
    Features [batch, 2048], the mean over the last map, and logits [batch, 1008].
  """
  hidden = _layer(weights, "Conv2d_1a_3x3", images, stride=2, same=False)
  hidden = _layer(weights, "Conv2d_2a_3x3", hidden, same=False)
  hidden = max_pool(_layer(weights, "Conv2d_2b_3x3", hidden), side=3, stride=2)
  hidden = _layer(weights, "Conv2d_3b_1x1", hidden)
  hidden = max_pool(_layer(weights, "Conv2d_4a_3x3", hidden, same=False), side=3, stride=2)
  for block in BLOCKS:
    if block in REDUCTIONS:
      hidden = reduction(weights, block, hidden)
    elif block == "Mixed_7c":
      hidden = mixed(weights, block, hidden, max_pool(hidden, side=3, stride=1, padding=1))
    else:
      hidden = mixed(weights, block, hidden, average_pool(hidden))
  features = jnp.mean(hidden, axis=(1, 2))
  logits = jnp.matmul(
    features, jnp.asarray(weights["logits/kernel"]), precision=lax.Precision.HIGHEST
  )
  return features, logits


def _layer(
  weights: Weights, name: str, images: Array, *, stride: int = 1, same: bool = True
) -> Array:
  """Convolution, folded normalisation and ReLU; `same` keeps height and width."""
  kernel = weights[f"{name}/kernel"]
  padding = (kernel.shape[0] // 2, kernel.shape[1] // 2) if same else (0, 0)
  bias = weights[f"{name}/bias"]
  return jnp.maximum(convolve(images, kernel, bias, stride=stride, padding=padding), 0.0)


def average_pool(images: Array) -> Array:
  """Mean over 3 x 3 windows; at the border, over the pixels that are there.

  Args:
    images: [batch, height, width, channels].

  Returns:
    The same shape.
  """
  window = ((1, 3, 3, 1), (1, 1, 1, 1), "SAME")
  counts = lax.reduce_window(jnp.ones((1, *images.shape[1:3], 1)), 0.0, lax.add, *window)
  return lax.reduce_window(images, 0.0, lax.add, *window) / counts


def mixed(weights: Weights, block: str, images: Array, pooled: Array) -> Array:
  """A block that keeps height and width: branches side by side, the last of them on `pooled`.

  Args:
    weights: see `fold`.
    block: a key of `BLOCKS`.
    images: [batch, height, width, channels].
    pooled: the same shape, pooled with stride 1.

  Returns:
    [batch, height, width, sum of the branches' channels].
  """
  *chains, last = BLOCKS[block]
  outputs = []
  for chain in chains:
    hidden = images
    for name in chain:
      hidden = _layer(weights, f"{block}.{name}", hidden)
    outputs.append(hidden)
  return jnp.concatenate([*outputs, _layer(weights, f"{block}.{last[0]}", pooled)], axis=-1)


def reduction(weights: Weights, block: str, images: Array) -> Array:
  """A block that halves height and width: every branch ends in a stride of 2, beside a maximum.

  Args:
    weights: see `fold`.
    block: one of `REDUCTIONS`.
    images: [batch, height, width, channels].

  Returns:
    [batch, (height - 1) // 2, (width - 1) // 2, sum of the branches' channels + channels].
  """
  outputs = []
  for chain in BLOCKS[block]:
    hidden = images
    for name in chain[:-1]:
      hidden = _layer(weights, f"{block}.{name}", hidden)
    outputs.append(_layer(weights, f"{block}.{chain[-1]}", hidden, stride=2, same=False))
  return jnp.concatenate([*outputs, max_pool(images, side=3, stride=2)], axis=-1)

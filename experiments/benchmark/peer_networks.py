"""The peer's networks: U-Net, ResNet and PatchGAN in plain PyTorch, from the papers.

Layers carry the names of their counterparts in imtrans, so that a test can copy the weights and
compare the outputs. Activations work in place wherever nothing else reads their input, and instance
normalisation is the fastest of those that PyTorch has.
"""

import torch  # pyrefly: ignore
import torch.nn.functional as F  # pyrefly: ignore
from torch import Tensor, nn  # pyrefly: ignore


class UNet(nn.Module):
  """U-Net generator (Isola et al., 2017, Appendix 6.1.1) with batch normalisation."""

  def __init__(self, num_levels: int, features: int = 64, dropout: float = 0.5):
    super().__init__()
    widths = [features * min(2**level, 8) for level in range(num_levels)]
    self.num_levels, self.dropout = num_levels, dropout
    self.layers = nn.ModuleDict()
    for level, width in enumerate(widths):
      before = 3 if level == 0 else widths[level - 1]
      self.layers[f"encoder_{level}"] = nn.Conv2d(before, width, 4, 2, 1, bias=False)
      if 0 < level < num_levels - 1:
        self.layers[f"encoder_norm_{level}"] = nn.BatchNorm2d(width)
    for level in reversed(range(1, num_levels)):
      before = widths[level] * (1 if level == num_levels - 1 else 2)
      self.layers[f"decoder_{level}"] = nn.ConvTranspose2d(
        before, widths[level - 1], 4, 2, 1, bias=False
      )
      self.layers[f"decoder_norm_{level}"] = nn.BatchNorm2d(widths[level - 1])
    self.layers["decoder_0"] = nn.ConvTranspose2d(2 * features, 3, 4, 2, 1)

  def forward(self, images: Tensor) -> Tensor:
    """Maps [batch, 3, height, width] in [-1, 1] to the same."""
    hidden, encoded = images, []
    for level in range(self.num_levels):
      hidden = F.leaky_relu(hidden, 0.2) if level else hidden
      hidden = self.layers[f"encoder_{level}"](hidden)
      if 0 < level < self.num_levels - 1:
        hidden = self.layers[f"encoder_norm_{level}"](hidden)
      encoded.append(hidden)
    for level in reversed(range(1, self.num_levels)):
      hidden = self.layers[f"decoder_{level}"](F.relu(hidden))
      hidden = self.layers[f"decoder_norm_{level}"](hidden)
      if level > self.num_levels - 4:
        hidden = F.dropout(hidden, self.dropout, training=self.training)
      hidden = torch.cat([hidden, encoded[level - 1]], 1)
    return torch.tanh(self.layers["decoder_0"](F.relu(hidden)).float())


class ResNet(nn.Module):
  """ResNet generator (Zhu et al., 2017, Appendix 7.2): c7s1-64, d128, d256, R256 ..., c7s1-3."""

  def __init__(self, num_blocks: int = 9, features: int = 64):
    super().__init__()
    self.num_blocks, width = num_blocks, 4 * features
    self.layers = nn.ModuleDict({"input": nn.Conv2d(3, features, 7)})
    for index in (1, 2):
      after = features * 2**index
      self.layers[f"down_{index}"] = nn.Conv2d(after // 2, after, 3, 2, 1)
    for index in range(num_blocks):
      self.layers[f"block_{index}_first"] = nn.Conv2d(width, width, 3)
      self.layers[f"block_{index}_second"] = nn.Conv2d(width, width, 3)
    for index in (1, 0):
      after = features * 2**index
      self.layers[f"up_{index}"] = nn.ConvTranspose2d(2 * after, after, 3, 2, 1, 1)
    self.layers["output"] = nn.Conv2d(features, 3, 7)

  def forward(self, images: Tensor) -> Tensor:
    """Maps [batch, 3, height, width] in [-1, 1] to the same."""

    def reflected(name: str, hidden: Tensor, padding: int) -> Tensor:
      return self.layers[name](F.pad(hidden, (padding,) * 4, mode="reflect"))

    def activated(hidden: Tensor) -> Tensor:
      return F.relu(instance_norm(hidden), inplace=True)

    hidden = activated(reflected("input", images, 3))
    for index in (1, 2):
      hidden = activated(self.layers[f"down_{index}"](hidden))
    for index in range(self.num_blocks):
      residual = activated(reflected(f"block_{index}_first", hidden, 1))
      hidden = hidden + instance_norm(reflected(f"block_{index}_second", residual, 1))
    for index in (1, 0):
      hidden = activated(self.layers[f"up_{index}"](hidden))
    return torch.tanh(reflected("output", hidden, 3).float())


class PatchDiscriminator(nn.Module):
  """PatchGAN (Isola et al., 2017, Sec. 3.2.2); three strided layers see 70 x 70 pixels."""

  def __init__(self, channels: int, norm: str, features: int = 64, num_layers: int = 3):
    super().__init__()
    self.norm, self.num_layers = norm, num_layers
    self.layers = nn.ModuleDict()
    before = channels
    for index in range(num_layers + 1):
      after = features * min(2**index, 8)
      stride = 2 if index < num_layers else 1
      bias = index == 0 or norm == "instance"
      self.layers[f"layer_{index}"] = nn.Conv2d(before, after, 4, stride, 1, bias=bias)
      if index and norm == "batch":
        self.layers[f"norm_{index}"] = nn.BatchNorm2d(after)
      before = after
    self.layers["logits"] = nn.Conv2d(before, 1, 4, 1, 1)

  def forward(self, images: Tensor) -> Tensor:
    """Maps [batch, channels, height, width] in [-1, 1] to logits [batch, 1, height', width']."""
    hidden = images
    for index in range(self.num_layers + 1):
      hidden = self.layers[f"layer_{index}"](hidden)
      if index:
        hidden = (
          self.layers[f"norm_{index}"](hidden) if self.norm == "batch" else instance_norm(hidden)
        )
      hidden = F.leaky_relu(hidden, 0.2, inplace=True)
    return self.layers["logits"](hidden).float()


def instance_norm(images: Tensor) -> Tensor:
  """`F.instance_norm`, by the fastest operator of PyTorch that computes it on this device.

  On CPU `F.instance_norm` is slower than `F.group_norm` with a group for each channel, and in
  channels-last, which it copies away, much slower than `F.batch_norm` of each image. On a GPU it is
  cuDNN's own.

  Args:
    images: [batch, channels, height, width] in either memory format.

  Returns:
    The same shape and memory format.
  """
  if images.is_cuda:
    return F.instance_norm(images)
  if images.is_contiguous():
    return F.group_norm(images, images.shape[1])
  parts = [F.batch_norm(image, None, None, training=True) for image in images.split(1)]
  return torch.cat(parts) if len(parts) > 1 else parts[0]


def initialize(module: nn.Module) -> None:
  """Draws weights from N(0, 0.02) and scales from N(1, 0.02); biases start at zero."""
  for layer in module.modules():
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
      nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
      nn.init.normal_(layer.weight, 1.0, 0.02)
    if getattr(layer, "bias", None) is not None:
      nn.init.zeros_(layer.bias)  # pyrefly: ignore

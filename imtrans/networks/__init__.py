"""Generators and discriminators: Flax modules from arrays to arrays."""

from imtrans.networks.patch_discriminator import PatchDiscriminator, PixelDiscriminator
from imtrans.networks.resnet import ResNet
from imtrans.networks.unet import UNet

GENERATORS = {"unet": UNet, "resnet": ResNet}
DISCRIMINATORS = {"patch": PatchDiscriminator, "pixel": PixelDiscriminator}

__all__ = [
  "DISCRIMINATORS",
  "GENERATORS",
  "PatchDiscriminator",
  "PixelDiscriminator",
  "ResNet",
  "UNet",
]

"""Generators and discriminators: Flax modules from arrays to arrays."""

from imtrans.networks.adain import AdaINGenerator
from imtrans.networks.autoencoders import ContentGenerator, ContentStyleGenerator
from imtrans.networks.convolutional import ConvolutionalDiscriminator, ConvolutionalGenerator
from imtrans.networks.domains import DomainDiscriminator, DomainEncoder, MappingNetwork
from imtrans.networks.enhancer import LocalEnhancer
from imtrans.networks.latent_encoder import ConvEncoder, ResNetEncoder
from imtrans.networks.multiscale_discriminator import MultiScaleDiscriminator
from imtrans.networks.patch_discriminator import PatchDiscriminator, PixelDiscriminator
from imtrans.networks.patch_head import PatchHead
from imtrans.networks.perceptron import PerceptronDiscriminator, PerceptronGenerator
from imtrans.networks.resnet import ResNet
from imtrans.networks.spade import SPADEGenerator
from imtrans.networks.unet import UNet

GENERATORS = {
  "unet": UNet,
  "resnet": ResNet,
  "local_enhancer": LocalEnhancer,
  "spade": SPADEGenerator,
  "content_style": ContentStyleGenerator,
  "content": ContentGenerator,
  "adain": AdaINGenerator,
}
DISCRIMINATORS = {
  "multiscale": MultiScaleDiscriminator,
  "patch": PatchDiscriminator,
  "pixel": PixelDiscriminator,
  "domain": DomainDiscriminator,
}
ENCODERS = {"resnet": ResNetEncoder, "convolutional": ConvEncoder, "domain": DomainEncoder}

# Of codes alone, not of images.
CODE_GENERATORS = {"convolutional": ConvolutionalGenerator, "perceptron": PerceptronGenerator}
GENERATORS |= CODE_GENERATORS
DISCRIMINATORS |= {
  "convolutional": ConvolutionalDiscriminator,
  "perceptron": PerceptronDiscriminator,
}

__all__ = [
  "CODE_GENERATORS",
  "DISCRIMINATORS",
  "ENCODERS",
  "GENERATORS",
  "AdaINGenerator",
  "ContentGenerator",
  "ContentStyleGenerator",
  "ConvEncoder",
  "ConvolutionalDiscriminator",
  "ConvolutionalGenerator",
  "DomainDiscriminator",
  "DomainEncoder",
  "LocalEnhancer",
  "MappingNetwork",
  "MultiScaleDiscriminator",
  "PatchDiscriminator",
  "PatchHead",
  "PerceptronDiscriminator",
  "PerceptronGenerator",
  "PixelDiscriminator",
  "ResNet",
  "ResNetEncoder",
  "SPADEGenerator",
  "UNet",
]

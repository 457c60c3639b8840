"""pix2pix_openmoji with a latent code: the command line changes only what a config states."""

from pathlib import Path

import ml_collections

import imtrans
from imtrans.commands.configuration import load_config

PIX2PIX = Path(imtrans.__file__).parents[1] / "configs" / "pix2pix_openmoji.py"


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = load_config(f"{PIX2PIX}:{variant}", [])
  with config.unlocked():
    config.method.latent_size = 2
  return config

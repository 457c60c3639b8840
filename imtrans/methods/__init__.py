"""Methods: one file per paper, wiring networks and objectives into pure functions."""

from imtrans.methods.bicyclegan import bicyclegan
from imtrans.methods.cgan import cgan
from imtrans.methods.cut import cut
from imtrans.methods.cyclegan import cyclegan
from imtrans.methods.gan import gan
from imtrans.methods.method import Method
from imtrans.methods.pix2pix import pix2pix

METHODS = {
  "bicyclegan": bicyclegan,
  "cgan": cgan,
  "cut": cut,
  "cyclegan": cyclegan,
  "gan": gan,
  "pix2pix": pix2pix,
}

__all__ = ["METHODS", "Method", "bicyclegan", "cgan", "cut", "cyclegan", "gan", "pix2pix"]

"""Methods: one file per paper, wiring networks and objectives into pure functions."""

from imtrans.methods.cyclegan import cyclegan
from imtrans.methods.method import Method
from imtrans.methods.pix2pix import pix2pix

METHODS = {"cyclegan": cyclegan, "pix2pix": pix2pix}

__all__ = ["METHODS", "Method", "cyclegan", "pix2pix"]

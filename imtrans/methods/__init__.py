"""Methods: one file per paper, wiring networks and objectives into pure functions.

`METHODS` lists those that a config can name. A new one is a file, a line there, a config and a
test; CONTRIBUTING.md goes through it.
"""

from collections.abc import Callable
from typing import NamedTuple

from imtrans.methods.bicyclegan import bicyclegan
from imtrans.methods.cgan import cgan
from imtrans.methods.cut import cut
from imtrans.methods.cyclegan import cyclegan
from imtrans.methods.gan import gan
from imtrans.methods.method import Method
from imtrans.methods.munit import munit
from imtrans.methods.neural_transport import neural_transport
from imtrans.methods.pix2pix import pix2pix
from imtrans.methods.pix2pixhd import pix2pixhd
from imtrans.methods.sinkhorn import sinkhorn
from imtrans.methods.spade import spade
from imtrans.methods.stargan2 import stargan2
from imtrans.methods.unit import unit
from imtrans.methods.unsb import unsb


class Entry(NamedTuple):
  """A method, and what is to be known of it before its networks are there.

  build: networks first, under the names that `imtrans.training.assembly` makes them by, then
    keyword-only the fields of `config.method` -> Method.
  title: what people call it.
  paired: whether the images of a batch belong together.
  two_way: whether it learns both directions at once: its batches hold "a" and "b", those of the
    others "source" and "target".
  sources: what it makes pictures of: "picture", "noise", or either.
  batch_multiple: into how many groups it divides the images of a batch, for as many games or pairs.
  domains: whether it translates among the classes of its pictures: its batches hold "source",
    "target" and "reference", see `imtrans.data.domains`.
  styles: whether `translate` takes the style of an example, see `imtrans.methods.method`.
  """

  build: Callable[..., Method]
  title: str
  paired: bool = True
  two_way: bool = False
  sources: tuple[str, ...] = ("picture",)
  batch_multiple: int = 1
  domains: bool = False
  styles: bool = False


METHODS = {
  "bicyclegan": Entry(bicyclegan, "BicycleGAN", batch_multiple=2),
  "cgan": Entry(cgan, "Conditional GAN", sources=("noise", "picture")),
  "cut": Entry(cut, "CUT", paired=False),
  "cyclegan": Entry(cyclegan, "CycleGAN", paired=False, two_way=True),
  "gan": Entry(gan, "GAN", sources=("noise",)),
  "munit": Entry(munit, "MUNIT", paired=False, two_way=True, styles=True),
  "neural_transport": Entry(neural_transport, "Neural optimal transport", paired=False),
  "pix2pix": Entry(pix2pix, "pix2pix"),
  "pix2pixhd": Entry(pix2pixhd, "pix2pixHD"),
  "sinkhorn": Entry(sinkhorn, "Sinkhorn divergence", paired=False),
  "spade": Entry(spade, "SPADE"),
  "stargan2": Entry(stargan2, "StarGAN v2", paired=False, domains=True, styles=True),
  "unit": Entry(unit, "UNIT", paired=False, two_way=True),
  "unsb": Entry(unsb, "UNSB", paired=False, batch_multiple=2),
}


def find_method(name: str) -> Entry:
  """Looks up a method.

  Args:
    name: as in `config.method.name`.

  Returns:
    Its entry.

  Raises:
    ValueError: for an unknown name, listing the known ones.
  """
  if name not in METHODS:
    raise ValueError(f"unknown method {name!r}: choose one of {', '.join(METHODS)}.")
  return METHODS[name]


__all__ = [
  "METHODS",
  "Entry",
  "Method",
  "bicyclegan",
  "cgan",
  "cut",
  "cyclegan",
  "find_method",
  "gan",
  "munit",
  "neural_transport",
  "pix2pix",
  "pix2pixhd",
  "sinkhorn",
  "spade",
  "stargan2",
  "unit",
  "unsb",
]

"""The changes of the lowerings on CPU, each with the way to take it out of a process again."""

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

NOTHING = "nothing"  # The whole step against itself: what two processes differ by.
SMALL_PAGES = "small pages"
Patches = list[tuple[ModuleType, str, Any]]


class Change(NamedTuple):
  """One change of the CPU lowerings.

  what: for the table.
  reason: what was seen in the trace, or computed, before.
  prediction: what was expected from it.
  undo: () -> [(module, name, value)], what to set there before the step is traced to be without it.
  """

  what: str
  reason: str
  prediction: str
  undo: Callable[[], Patches]


def _products() -> Patches:
  from imtrans.networks import convolution

  return [(convolution, "gather_convolve", convolution.direct_convolve)]


def _narrow() -> Patches:
  from imtrans.networks import convolution

  direct = functools.partial(convolution.direct_convolve, stride=1)
  return [(convolution, "scatter_convolve", direct)]


def _transposed() -> Patches:
  from imtrans.networks import convolution

  return [(convolution, "scatter_transposed", convolution.phased_transposed)]


def _halving() -> Patches:
  from imtrans.networks import convolution

  direct = functools.partial(convolution.direct_convolve, stride=2)
  return [(convolution, "halved_convolve", direct)]


def _own_ways() -> Patches:
  from imtrans.networks import convolution

  return [(convolution, "WIDE", sys.maxsize)]


def _filtering() -> Patches:
  from imtrans.networks import convolution

  direct = functools.partial(convolution.direct_convolve, stride=1, padding=0)
  return [(convolution, "winograd_convolve", direct)]


def _sums() -> Patches:
  import jax.numpy as jnp

  from imtrans.networks import normalization

  return [
    (normalization, "_sum", functools.partial(jnp.sum, keepdims=True)),
    (normalization, "_spread", jnp.broadcast_to),
  ]


def _idle_biases() -> Patches:
  from imtrans.networks import patch_discriminator, resnet
  from imtrans.networks.normalization import convolution_bias

  def added(kind: str, *, normalized: bool = True) -> str:
    return convolution_bias(kind, normalized=normalized).replace("idle", "added")

  return [(module, "convolution_bias", added) for module in (patch_discriminator, resnet)]


def _one_pass() -> Patches:
  from imtrans.methods import cyclegan, judging
  from imtrans.methods.method import apply

  def one_by_one(network: Any, params: Any, state: Any, images: Any, key: Any = None) -> Any:
    outputs = []
    for batch in images:
      output, state = apply(network, params, state, batch, key)
      outputs.append(output)
    return outputs, state

  # In the package the name of the method is its function; its module holds the call.
  modules = (sys.modules[cyclegan.__module__], judging)
  return [(module, "apply_together", one_by_one) for module in modules]


CHANGES: dict[str, Change] = {
  "gathered products": Change(
    "Few output positions (and 3×3 of stride two): patches times the kernel as it lies in memory",
    "half of a pix2pix step went into transposing and reversing kernels, which the gradients of "
    "XLA's convolution need and a product does not",
    "that half, together with the next line",
    _products,
  ),
  "scattered transposed convolution": Change(
    "Transposed convolution: one product with the kernel, then sums, instead of four phases; its "
    "kernel is stored [height, width, out, in] so that no product transposes it",
    "as above, and weight gradients of phases with few outputs that take fifty times their "
    "arithmetic",
    "as above",
    _transposed,
  ),
  "scattered narrow convolution": Change(
    "At most four output channels (7×7, 64→3; logits): products first, sums over the kernel after",
    "both forward and for the weights nine times its arithmetic",
    "CycleGAN becomes 5 % faster",
    _narrow,
  ),
  "halving": Change(
    "4×4 of stride two as 2×2 of stride one: four pixels become one of four times the channels",
    "weight gradients of strided convolutions take three to five times their arithmetic",
    "pix2pix becomes 10 % faster",
    _halving,
  ),
  "own ways": Change(
    "From 4096 positions on, strided 3×3 and transposed convolutions by XLA's operator on phases; "
    "the weight gradient of fewer than four images stays a product",
    "each product of training timed alone: a gathered or scattered value takes two to three times "
    "as long as XLA's operator there, the gradient of the images 1.2 to 1.5 times, but XLA's "
    "weight gradient of one image twice as long",
    "CycleGAN 256² becomes 6 % faster, translation by ResNet 13 %, pix2pix 128² of 16 images 15 %",
    _own_ways,
  ),
  "minimal filtering": Change(
    "3×3 and 4×4 of stride one by F(2 × 2, r × r)",
    "3×3 convolutions are seven eighths of the arithmetic of CycleGAN and ran close to the matrix "
    "peak: only fewer multiplications help, 2.25 times fewer here",
    "half of the gain survives the transforms: CycleGAN becomes 1.4 times faster",
    _filtering,
  ),
  "sums as products": Change(
    "Means and variances of the normalisation, and the gradients of its scale and shift, as "
    "products with ones",
    "sums over pixels took a sixth of a CycleGAN step, far from what memory allows; those of batch "
    "normalisation a fifth of a pix2pix step of 16 images, each making its images once more",
    "most of that",
    _sums,
  ),
  "idle biases": Change(
    "A bias that instance normalisation takes away again is not computed with",
    "adding it and summing its gradient are passes over every activation",
    "CycleGAN becomes 3 % faster",
    _idle_biases,
  ),
  "one pass": Change(
    "Real and generated images through the discriminator, and both images of a generator, in one "
    "pass where there are no batch statistics",
    "larger products, fewer launches; a third fewer operations to compile",
    "5 % on CPU, more on a GPU at batch 1",
    _one_pass,
  ),
}

NAMES = (NOTHING, *CHANGES, SMALL_PAGES)


def undo(name: str) -> None:
  """Takes a change out of this process, before the step is traced.

  Args:
    name: a key of CHANGES, or NOTHING or SMALL_PAGES, which change nothing in Python.

  Raises:
    ValueError: for another name.
  """
  if name in (NOTHING, SMALL_PAGES):
    return
  if name not in CHANGES:
    raise ValueError(f"no contender and no change is called {name!r}.")
  for module, attribute, value in CHANGES[name].undo():
    setattr(module, attribute, value)

"""Useful arithmetic of a train step, counted on the networks that are timed.

Multiply-accumulates (MACs) of the convolutions as the textbook has them: a transposed convolution
multiplies every input pixel with its kernel once. Norms, activations and the optimizer are free,
and taps that fall on padding count. A lowering that does more than this gains nothing here.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from experiments.benchmark.cases import Case
from imtrans.networks.convolution import Convolution, TransposedConvolution


def forward_macs(module: nn.Module, shape: tuple[int, int, int, int]) -> int:
  """MACs of one forward pass, without running it.

  Args:
    module: takes images and `train`.
    shape: of the images, [batch, height, width, channels].

  Returns:
    Multiply-accumulates of all convolutions.
  """
  counts: list[int] = []

  def count(call: Any, arguments: Any, keywords: Any, context: Any) -> Any:
    outputs = call(*arguments, **keywords)
    layer = context.module
    if context.method_name == "__call__" and isinstance(layer, Convolution | TransposedConvolution):
      inputs = arguments[0]
      pixels = (outputs if isinstance(layer, Convolution) else inputs).shape[:3]
      taps = layer.kernel_size**2 * inputs.shape[3] * layer.features
      counts.append(taps * pixels[0] * pixels[1] * pixels[2])
    return outputs

  def run() -> Any:
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    return module.init(keys, jnp.zeros(shape, jnp.float32), train=True)

  with nn.intercept_methods(count):
    jax.eval_shape(run)
  return sum(counts)


def step_flops(case: Case, generator: nn.Module, discriminator: nn.Module) -> int:
  """Floating-point operations of one useful train step, two per MAC.

  A forward pass, the gradient of its weights and that of its input cost the same; a discriminator
  that only passes a gradient on to the generator has no gradient of weights. The gradient with
  respect to the images themselves, below half a percent, is counted.

  Args:
    case: method, size and batch.
    generator: one of the method's generators.
    discriminator: one of its discriminators.

  Returns:
    Operations per step.
  """
  shape = (case.batch, case.size, case.size)
  generated = forward_macs(generator, (*shape, 3))
  if case.method == "pix2pix":
    judged = forward_macs(discriminator, (*shape, 6))
    return 2 * (3 * generated + 2 * 3 * judged + 2 * judged)
  judged = forward_macs(discriminator, (*shape, 3))
  # Fakes, reconstructions and identities, each in two directions; two discriminators.
  return 2 * (6 * 3 * generated + 4 * 3 * judged + 2 * 2 * judged)

"""Which pixels a trained patch discriminator looks at: the gradient of one of its logits."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from imtrans.analyses.discriminators import patch_network
from imtrans.analyses.trained import TrainedRun
from imtrans.networks.normalization import Normalization


def gradient_profile(
  module: nn.Module, variables: Any, images: np.ndarray, *, frozen: bool
) -> np.ndarray:
  """How much each row of pixels counts for the middle logit.

  Args:
    module: a discriminator.
    variables: its parameters and other collections.
    images: [batch, side, side, channels] in [-1, 1], each judged by itself.
    frozen: whether means and variances of the normalisation are held fixed, at their values.

  Returns:
    [side]: absolute gradients summed over batch, columns and channels.
  """
  mutable = [name for name in variables if name != "params"]

  def middle(image: Array) -> Array:
    with nn.intercept_methods(_fixed_statistics if frozen else _as_it_is):
      logits, _ = module.apply(variables, image[None], train=True, mutable=mutable)
    return logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0].astype(jnp.float32)

  gradients = jax.jit(lambda images: jax.lax.map(jax.grad(middle), images))(jnp.asarray(images))
  return np.abs(np.asarray(gradients, np.float64)).sum(axis=(0, 2, 3))


def judged_pictures(run: TrainedRun, count: int) -> tuple[Any, dict[str, Any], np.ndarray]:
  """A run's discriminator, that of the first direction's target, and real pictures for it.

  Args:
    run: of pix2pix or a CycleGAN, with a patch or pixel discriminator.
    count: at most so many pictures.

  Returns:
    Its module, its variables, and [pictures, height, width, channels] in [-1, 1]; a source beside
    its answer where it judges pairs, beside itself where there are none.

  Raises:
    NotForThisRun: for another method or discriminator.
  """
  module = patch_network(run)
  params, collections = run.players["discriminator"], run.run.extras["discriminator"]
  direction = run.generators[0].direction
  if run.run.config.method.name == "cyclegan":
    params, collections = params[direction[1]], collections[direction[1]]
    pictures, _ = run.test_pictures(direction[::-1], count)
  else:
    sources, answers = run.test_pictures(direction, count)
    pictures = np.concatenate([sources, sources if answers is None else answers], axis=-1)
  return module, {"params": params, **collections}, pictures


def tile(pictures: np.ndarray, size: int) -> np.ndarray:
  """Repeats pictures by their mirror images, or crops them, to squares.

  Args:
    pictures: [pictures, height, width, channels].
    size: of the squares, pixels.

  Returns:
    [pictures, size, size, channels].
  """
  missing = [max(0, size - side) for side in pictures.shape[1:3]]
  widths = [(0, 0), *((0, amount) for amount in missing), (0, 0)]
  return np.pad(pictures, widths, mode="symmetric")[:, :size, :size]


def _fixed_statistics(next_function, arguments, keywords, context):
  """Makes a normalisation the affine function of its input that it is at this input."""
  outputs = next_function(*arguments, **keywords)
  if not isinstance(context.module, Normalization) or context.method_name != "__call__":
    return outputs
  (inputs,) = arguments
  values = inputs.astype(jnp.float32)
  centred = values - jnp.mean(values, axis=(1, 2), keepdims=True)
  products = jnp.mean(centred * outputs.astype(jnp.float32), axis=(1, 2), keepdims=True)
  variances = jnp.mean(jnp.square(centred), axis=(1, 2), keepdims=True)
  gains = jax.lax.stop_gradient(products / jnp.maximum(variances, 1e-12)).astype(inputs.dtype)
  fixed = jax.lax.stop_gradient(outputs.astype(inputs.dtype) - gains * inputs)
  return (gains * inputs + fixed).astype(outputs.dtype)


def _as_it_is(next_function, arguments, keywords, context):
  del context
  return next_function(*arguments, **keywords)

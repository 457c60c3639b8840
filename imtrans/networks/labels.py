"""Class labels as numbers that a network takes."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from imtrans.networks.latent import check_code

Colors = tuple[tuple[int, int, int], ...]  # A palette: 8-bit RGB, one a class.
LABEL_CODES = ("concatenation", "embedding")


class LabelCode(nn.Module):
  """A code for each class, to be concatenated with other inputs.

  "concatenation" is the one-hot vector itself (Mirza and Osindero, 2014,
  https://arxiv.org/abs/1411.1784); "embedding" learns `features` numbers a class.
  """

  kind: str = "embedding"
  features: int = 16

  @nn.compact
  def __call__(self, labels: Array, *, train: bool) -> Array:
    """Maps one-hot labels [batch, num_classes] to codes [batch, num_classes or features]."""
    del train
    check_code(labels)
    if self.kind == "concatenation":
      return labels
    if self.kind != "embedding":
      raise ValueError(f"the code of a label must be {' or '.join(LABEL_CODES)}, got {self.kind}.")
    shape = (labels.shape[1], self.features)
    return labels @ self.param("table", nn.initializers.normal(1.0), shape, jnp.float32)


def label_planes(images: Array, colors: Colors) -> Array:
  """Returns a semantic map that has a palette as one plane a class, any other picture as it is."""
  return one_hot_colors(images, colors) if colors else images


def one_hot_colors(images: Array, colors: Colors) -> Array:
  """A semantic map as one plane a class: one-hot labels of the nearest colour of a palette.

  Args:
    images: label pictures [batch, height, width, 3] in [-1, 1].
    colors: 8-bit RGB, one a class.

  Returns:
    [batch, height, width, classes], 1 for the class of a pixel and -1 for the others.

  Raises:
    ValueError: unless the pictures have three channels.
  """
  if images.shape[-1] != 3:
    raise ValueError(
      f"a semantic map must be RGB, got {images.shape[-1]} channel(s): leave config.palette empty, "
      "or set data.options.channels=3."
    )
  table = jnp.asarray(np.asarray(colors, np.float32) / 127.5 - 1.0)
  difference = images[..., None, :] - table[None, None, None]
  nearest = jnp.argmin(jnp.sum(jnp.square(difference), axis=-1), axis=-1)
  return 2.0 * jax.nn.one_hot(nearest, len(colors), dtype=jnp.float32) - 1.0

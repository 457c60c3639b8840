"""Class labels as numbers that a network takes, and where they meet."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from imtrans.networks.latent import check_code

Colors = tuple[tuple[int, int, int], ...]  # A palette: 8-bit RGB, one a class.
LABEL_CODES = ("concatenation", "embedding")
# Of a semantic map: none, between its classes, or those that come with the data as a last channel.
EDGES = ("none", "labels", "instances")


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


def label_planes(images: Array, colors: Colors, edges: str = "none") -> Array:
  """What networks see of a semantic map, or of another picture.

  Args:
    images: label pictures, or any others if there are no colours, [batch, height, width, channels]
      in [-1, 1]. With edges of instances their last channel is the edge map.
    colors: palette, 8-bit RGB, or empty.
    edges: one of `EDGES`.

  Returns:
    One plane a class where there is a palette, else the picture; then the edge map, if any.

  Raises:
    ValueError: for edges of labels without a palette, or what `one_hot_colors` refuses.
  """
  if edges == "labels":
    if not colors:
      raise ValueError(
        'edges between labels need to know the labels: set config.palette, or data.edges="none".'
      )
    planes = one_hot_colors(images, colors)
    return jnp.concatenate([planes, label_edges(jnp.argmax(planes, axis=-1))], axis=-1)
  if not colors:
    return images
  if edges == "instances":
    planes = one_hot_colors(images[..., :-1], colors)
    return jnp.concatenate([planes, images[..., -1:]], axis=-1)
  return one_hot_colors(images, colors)


def label_edges(labels: Array) -> Array:
  """The boundary map of a label map (Wang et al., 2018, Sec. 3.3).

  https://arxiv.org/abs/1711.11585, there of instances, which `imtrans.data.instances` has.

  Args:
    labels: integers [batch, height, width].

  Returns:
    [batch, height, width, 1]: 1 where one of the four neighbours has another label, else -1.
  """
  rows = labels[:, 1:] != labels[:, :-1]
  columns = labels[:, :, 1:] != labels[:, :, :-1]
  edges = jnp.pad(rows, ((0, 0), (1, 0), (0, 0))) | jnp.pad(rows, ((0, 0), (0, 1), (0, 0)))
  edges |= jnp.pad(columns, ((0, 0), (0, 0), (1, 0)))
  edges |= jnp.pad(columns, ((0, 0), (0, 0), (0, 1)))
  return jnp.where(edges, 1.0, -1.0)[..., None]


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

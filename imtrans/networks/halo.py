"""Images whose rows are split over devices: how a network knows, and padding across the cuts.

The mesh is the one that surrounds the tracing of a program (`jax.sharding.get_abstract_mesh`, set
by `imtrans.training.mesh.on_mesh`); only this module asks for it. Without one, or with whole images
on every device, padding is `jnp.pad` and nothing else here acts.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.sharding import PartitionSpec

AXES = ("data", "height")  # Of every mesh: along a batch, and along the rows of its images.
BATCH, ROWS = AXES


def num_row_shards() -> int:
  """Returns the number of devices that rows of an image are split over; one without a mesh."""
  return dict(jax.sharding.get_abstract_mesh().shape).get(ROWS, 1)


def reflect_pad(images: Array, padding: int) -> Array:
  """Pads height and width by reflection without repeating the edge.

  Args:
    images: [batch, height, width, channels], height and width larger than `padding`.
    padding: pixels on each side.

  Returns:
    [batch, height + 2 padding, width + 2 padding, channels].
  """
  return _pad(images, padding, (1, 2), "reflect")


def apply_padded(
  function: Callable[..., Array],
  images: Array,
  *operands: Array,
  padding: int,
  mode: str = "reflect",
) -> Array:
  """Applies a local function to padded images; where rows are split, each device does its own.

  A padded image has no rows to split evenly, and XLA moves it around in many pieces. So padding and
  what follows are one: a device takes `padding` rows from each neighbour, pads at the edges of the
  image and makes the rows that it keeps. That is two exchanges, and two on the way back.

  Args:
    function: of padded images and operands. From the padded rows of a part of an image it must make
      the rows of that part of its result, as a convolution with a kernel of 2 padding + 1 does, of
      any stride that divides the rows of a part.
    images: [batch, height, width, channels].
    *operands: the same for all images, such as a kernel.
    padding: pixels on each side.
    mode: of `jnp.pad`, "reflect", "edge" or "constant", which is zero.

  Returns:
    What the function makes of the images padded in height and width.

  Raises:
    ValueError: if the devices cannot have the same number of rows, and enough to reflect.
  """
  if num_row_shards() == 1 or padding == 0:
    return function(_pad(images, padding, (1, 2), mode), *operands)

  def widened(tall: Array, *operands: Array) -> Array:
    return function(_pad(tall, padding, (2,), mode), *operands)

  return apply_with_neighbours(widened, images, *operands, padding=padding, mode=mode)


def apply_with_neighbours(
  function: Callable[..., Array], images: Array, *operands: Array, padding: int, mode: str
) -> Array:
  """Applies a function to images with more rows: on every device to its own and its neighbours'.

  Args:
    function: as that of `apply_padded`, which pads columns by itself.
    images: [batch, height, width, channels].
    *operands: the same for all images, such as a kernel.
    padding: rows on each side: a neighbour's where rows are split, the mode's at an image's edges.
    mode: as in `apply_padded`.

  Returns:
    What the function makes of the images padded in height.

  Raises:
    ValueError: as `apply_padded`.
  """
  shards, height, least = num_row_shards(), images.shape[1], padding + (mode == "reflect")
  if shards == 1:
    return function(_pad(images, padding, (1,), mode), *operands)
  if height % shards or height // shards < least:
    raise ValueError(
      f"an activation of {height} rows cannot be split over {shards} devices where it is padded by "
      f"{padding}: each needs the same number of rows, at least {least}. Choose larger images, or "
      f"fewer devices along {ROWS!r}."
    )

  def on_own_rows(images: Array, *operands: Array) -> Array:
    seen = _with_neighbours(images, padding, mode, shards) if padding else images
    return function(seen, *operands)

  # A part of a batch that the other axis cannot split is whole along it.
  along_batch = None if images.shape[0] % jax.sharding.get_abstract_mesh().shape[BATCH] else BATCH
  rows, everywhere = PartitionSpec(along_batch, ROWS), PartitionSpec()
  specs = (rows, *(everywhere for _ in operands))
  return jax.shard_map(on_own_rows, in_specs=specs, out_specs=rows)(images, *operands)


def _with_neighbours(images: Array, padding: int, mode: str, shards: int) -> Array:
  """A device's rows and `padding` more on each side: its neighbours', or at an edge its own."""
  down = [(shard, shard + 1) for shard in range(shards - 1)]
  up = [(after, before) for before, after in down]
  above = lax.ppermute(images[:, -padding:], ROWS, down)
  below = lax.ppermute(images[:, :padding], ROWS, up)
  edges, shard = _pad(images, padding, (1,), mode), lax.axis_index(ROWS)
  above = jnp.where(shard == 0, edges[:, :padding], above)
  below = jnp.where(shard == shards - 1, edges[:, -padding:], below)
  return jnp.concatenate([above, images, below], axis=1)


def _pad(images: Array, padding: int, axes: tuple[int, ...], mode: str) -> Array:
  sides = [(padding, padding) if axis in axes else (0, 0) for axis in range(images.ndim)]
  return jnp.pad(images, sides, mode=mode)

"""Translation by optimal transport between batches: no discriminator at all."""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.method import (
  Method,
  apply,
  check_equal_channels,
  initialize,
  translate_each,
)
from imtrans.methods.perceptual import STAGES, Perception
from imtrans.objectives import mean_squared_error
from imtrans.theory.transport import (
  random_directions,
  sinkhorn_divergence,
  sliced_transport_cost,
  squared_distances,
)

DIVERGENCES = ("sinkhorn", "sliced")
TINY = 1e-6  # Keeps features that are all zero, and their gradient, finite.


def sinkhorn(
  generator: nn.Module,
  *,
  divergence: str = "sinkhorn",
  divergence_weight: float = 1.0,
  transport_weight: float = 0.1,
  patch_size: int = 8,
  num_points: int = 256,
  epsilon: float = 0.02,
  max_steps: int = 100,
  num_directions: int = 128,
  feature_layers: Sequence[str] = (),
  perceptual_features: Perception | None = None,
) -> Method:
  """A generator that moves one distribution of patches onto another, as cheaply as it can.

  Genevay et al., 2018, "Learning Generative Models with Sinkhorn Divergences",
  https://arxiv.org/abs/1706.00292, with the source in the place of noise and a transport cost to
  it, so that of all maps between the domains the one that changes least is sought (Monge's).

  Batches hold "source" and "target", [batch, height, width, channels] in [-1, 1], that do not
  belong together. Points are patches drawn at random from the whole batch: a batch of pictures is
  far too small a sample of pictures, but a large one of patches. Or they are what a trained network
  finds at random places, as in Kolkin et al., 2019, "Style Transfer by Relaxed Optimal Transport
  and Self-Similarity", Sec. 2, https://arxiv.org/abs/1904.12785: layer by layer, and by the angle
  between two feature vectors. These are scaled to a mean square of 1, so that the mean squared
  difference per value is 2 - 2 cos, and temperature and weight mean what they do for pixels.

  Args:
    generator: source to target, which have the same channels.
    divergence: "sinkhorn", entropic transport without its bias, or "sliced", the mean over random
      projections, which needs no temperature.
    divergence_weight: of the divergence, a mean squared difference per value; with features, the
      mean over layers.
    transport_weight: of the mean squared difference between source and translation.
    patch_size: side of a patch in pixels; that of the image makes every image one point. Features
      have a reach of their own.
    num_points: patches, or places of each layer, drawn from each side per step.
    epsilon: temperature of "sinkhorn", in units of the mean squared difference per value.
    max_steps: Sinkhorn iterations at most.
    num_directions: of "sliced".
    feature_layers: some of `STAGES` of `imtrans.methods.perceptual`; none compares pixels.
    perceptual_features: images -> activations of those stages, needed with layers.

  Returns:
    The method; its discriminator has no parameters.

  Raises:
    ValueError: for another divergence, unknown layers, or layers without features; by `init`, for
      domains of different channels, or patches larger than the images.
  """
  if divergence not in DIVERGENCES:
    raise ValueError(f"unknown divergence {divergence!r}: choose one of {', '.join(DIVERGENCES)}.")
  if isinstance(feature_layers, str) or not set(feature_layers) <= set(STAGES):
    raise ValueError(
      f"method.feature_layers must be some of {', '.join(STAGES)}, got {feature_layers!r}: set it "
      "to such as ('relu2_1', 'relu3_1'), or to () to compare pixels."
    )
  if feature_layers and perceptual_features is None:
    raise ValueError(
      "feature_layers of sinkhorn needs perceptual_features, such as those of "
      "imtrans.methods.perceptual.stage_features: give them, or set method.feature_layers to ()."
    )

  def clouds(images: Array, key: Array) -> list[Array]:
    """The points of images, [num_points, dimension]: a cloud of patches, or one for each layer."""
    if perceptual_features is None or not feature_layers:
      return [draw_patches(images, key, size=patch_size, count=num_points)]
    maps = dict(zip(STAGES, perceptual_features(images), strict=True))
    keys = jax.random.split(key, len(feature_layers))
    return [
      of_equal_length(draw_patches(maps[name], own, size=1, count=num_points))
      for name, own in zip(feature_layers, keys, strict=True)
    ]

  def distance(points: Array, targets: Array, key: Array) -> Array:
    dimension = points.shape[1]
    if divergence == "sliced":
      directions = random_directions(key, num_directions, dimension)
      # A projection keeps 1 / dimension of a squared distance: already a mean per value.
      return sliced_transport_cost(points, targets, directions)
    return sinkhorn_divergence(
      points,
      targets,
      epsilon=epsilon,
      cost=lambda x, y: squared_distances(x, y) / dimension,
      max_steps=max_steps,
    )

  def init(key, batch):
    check_equal_channels(
      batch["source"], batch["target"], "the transport cost", "set data.options.channels"
    )
    if not feature_layers:
      check_patch_size(batch["source"], patch_size)
    params, state = initialize(generator, key, batch["source"])
    return {"generator": params, "discriminator": {}}, {"generator": state}

  def generate(generator_params, extras, batch, key):
    fake, state = apply(generator, generator_params, extras["generator"], batch["source"], key)
    return {"fake": fake}, {**extras, "generator": state}

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    del discriminator_params, outputs, batch, key  # There is none.
    return jnp.zeros(()), (extras, {"discriminator/loss": jnp.zeros(())})

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del discriminator_params, extras
    fake_key, real_key, direction_key = jax.random.split(key, 3)
    both = zip(clouds(outputs["fake"], fake_key), clouds(batch["target"], real_key), strict=True)
    divergences = [distance(points, targets, direction_key) for points, targets in both]
    divergence_term = jnp.mean(jnp.stack(divergences))
    transport = mean_squared_error(outputs["fake"], batch["source"])
    loss = divergence_weight * divergence_term + transport_weight * transport
    return loss, {
      "generator/loss": loss,
      "generator/divergence": divergence_term,
      "generator/transport": transport,
    }

  def translate(generator_params, extras, source, key, *, direction, mode):
    del direction  # One generator: the data decided which way it goes.
    return translate_each(generator, generator_params, extras["generator"], source, key, mode=mode)

  return Method(init, generate, discriminator_loss, generator_loss, translate)


def draw_patches(images: Array, key: Array, *, size: int, count: int) -> Array:
  """Patches from random places of random images, with replacement.

  Args:
    images: [batch, height, width, channels].
    key: randomness.
    size: side in pixels, at most that of the images.
    count: how many.

  Returns:
    [count, size * size * channels].

  Raises:
    ValueError: if the patches are larger than the images.
  """
  check_patch_size(images, size)
  batch, height, width, channels = images.shape
  keys = jax.random.split(key, 3)
  rows = jax.random.randint(keys[1], (count, 1, 1), 0, height - size + 1)
  columns = jax.random.randint(keys[2], (count, 1, 1), 0, width - size + 1)
  owners = jax.random.randint(keys[0], (count, 1, 1), 0, batch)
  side = jnp.arange(size)
  # Pixel by pixel: of whole patches, devices that split the rows would gather the images.
  patches = images[owners, rows + side[None, :, None], columns + side[None, None, :]]
  return patches.reshape(count, size * size * channels)


def of_equal_length(points: Array) -> Array:
  """Returns points [count, dimension] scaled to a mean square of 1; those at the origin stay."""
  return points * jax.lax.rsqrt(jnp.mean(jnp.square(points), axis=1, keepdims=True) + TINY)


def check_patch_size(images: Array, size: int) -> None:
  """Raises ValueError if patches are larger than the images [batch, height, width, channels]."""
  height, width = images.shape[1:3]
  if size > min(height, width):
    raise ValueError(
      f"patch_size {size} is larger than the images, {height}x{width}: set method.patch_size to at "
      f"most {min(height, width)}."
    )

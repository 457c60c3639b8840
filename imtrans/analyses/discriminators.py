"""The discriminators of a trained run, with the real and the generated pictures they judge."""

from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from imtrans.analyses.trained import NotForThisRun, TrainedRun
from imtrans.methods.method import apply
from imtrans.methods.pix2pix import pair
from imtrans.networks import DISCRIMINATORS
from imtrans.training.input import is_paired

PATCH_METHODS = ("pix2pix", "cyclegan")
PATCH_NETWORKS = ("patch", "pixel")


class TrainedDiscriminator(NamedTuple):
  """One discriminator and test pictures as it sees them, beside their source if it is conditional.

  title: what to call it.
  module, params, collections: the network.
  mode: "train" (batch norm uses each picture's own statistics) or "test", as for the generators.
  real, fake: float32 [pictures, height, width, channels].
  """

  title: str
  module: nn.Module
  params: Any
  collections: Any
  mode: str
  real: np.ndarray
  fake: np.ndarray

  def judge(self, image: Array) -> Array:
    """The logits [height', width'] of one picture [height, width, channels]."""
    if self.mode == "train":
      logits, _ = apply(self.module, self.params, self.collections, image[None])
    else:
      variables = {"params": self.params, **self.collections}
      logits = cast(Array, self.module.apply(variables, image[None], train=False))
    return logits[0, :, :, 0]

  def logits(self) -> tuple[np.ndarray, np.ndarray]:
    """The logits of its real and its generated pictures, [pictures, height', width'] each."""
    judge = jax.jit(jax.vmap(self.judge))
    return np.asarray(judge(self.real)), np.asarray(judge(self.fake))


def patch_network(run: TrainedRun) -> Any:
  """The discriminator of a run's config, without parameters and without augmentations.

  Args:
    run: a trained run.

  Returns:
    A module that judges patches of the pictures as they are.

  Raises:
    NotForThisRun: if the method is another than pix2pix and CycleGAN, or the discriminator one
      that judges no patches.
  """
  config = run.run.config
  if config.method.name not in PATCH_METHODS:
    raise NotForThisRun(
      f"it needs the discriminators of pix2pix or CycleGAN, the run is of {config.method.name}."
    )
  fields: dict[str, Any] = {**config.discriminator.to_dict(), "augment": ()}
  name = fields.pop("name")
  if name not in PATCH_NETWORKS:
    raise NotForThisRun(
      f"it needs a discriminator of patches ({' or '.join(PATCH_NETWORKS)}), the run has {name}."
    )
  return DISCRIMINATORS[name](**fields)


def trained_discriminators(run: TrainedRun, count: int) -> tuple[TrainedDiscriminator, ...]:
  """The discriminators of a run; the fakes are those of the averaged generators.

  Args:
    run: a trained run.
    count: at most so many test pictures of each kind.

  Returns:
    One discriminator of pairs, or for an unpaired method those of domains "a" and "b".

  Raises:
    NotForThisRun: as `patch_network`; if the discriminator judges pairs and the test pictures have
      no answers.
  """
  config, module = run.run.config, patch_network(run)
  params, collections = run.players["discriminator"], run.run.extras["discriminator"]
  mode = run.generators[0].mode
  if is_paired(config):
    generator = run.generators[0]
    sources, answers = run.test_pictures(generator.direction, count)
    if answers is None:
      raise NotForThisRun("its discriminator judges pairs, and the test pictures have no answers.")
    real, fake = (
      np.asarray(pair(jnp.asarray(sources), jnp.asarray(images)))
      for images in (answers, generator(sources))
    )
    return (TrainedDiscriminator("discriminator", module, params, collections, mode, real, fake),)
  pictures = {"a": run.test_pictures("ab", count)[0], "b": run.test_pictures("ba", count)[0]}
  fakes = {
    "a": run.generator("ba")(pictures["b"]),
    "b": run.generator("ab")(pictures["a"]),
  }
  return tuple(
    TrainedDiscriminator(
      *(f"discriminator of {name}", module, params[name], collections[name], mode),
      *(pictures[name], fakes[name]),
    )
    for name in ("a", "b")
  )


def mean_logit(discriminator: TrainedDiscriminator):
  """The function from one picture [height, width, channels] to the mean of its logits."""
  return lambda image: jnp.mean(discriminator.judge(image))

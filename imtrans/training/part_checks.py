"""Whether what a config may leave out fits the rest: enhancer, edges, augmentation, perception."""

import inspect

from ml_collections import ConfigDict

from imtrans.methods import METHODS
from imtrans.methods.perceptual import check_weights
from imtrans.training.assembly import method_field

LEAST = 16  # Pixels that VGG16 needs, which halves an image four times.
# Fields by which a method looks at its features, with the values by which it does not.
PERCEIVING = {"perceptual_weight": "0", "feature_layers": "()"}


def check_parts(config: ConfigDict) -> None:
  """Raises ValueError for a part that does not fit, or whose weights are missing.

  Args:
    config: a whole config, every field of which has an allowed value.
  """
  _check_enhancer(config)
  _check_edges(config)
  _check_augmentation(config)
  for name, nothing in PERCEIVING.items():
    if not method_field(config, name):
      continue
    if config.data.crop_size < LEAST:
      raise ValueError(
        f"method.{name} needs a data.crop_size of at least {LEAST}, got {config.data.crop_size}: "
        f"set it to {nothing}, or choose another crop_size."
      )
    check_weights(f"method.{name}", nothing)


def _check_enhancer(config: ConfigDict) -> None:
  kind = config.generator.name
  if kind == "local_enhancer":
    fixed = config.optimizer.fix_global_steps
    if fixed and not config.init_from:
      raise ValueError(
        f"optimizer.fix_global_steps is {fixed}, but there is nothing learned to keep: set "
        "init_from to a run of the global generator, or fix_global_steps to 0."
      )
    if fixed >= config.num_steps:
      raise ValueError(
        f"optimizer.fix_global_steps must be less than the {config.num_steps} steps of the run, "
        f"got {fixed}: the global part would never learn."
      )
    return
  for name, value in (
    ("init_from", config.init_from),
    ("optimizer.fix_global_steps", config.optimizer.fix_global_steps),
  ):
    if value:
      raise ValueError(
        f"{name} is about the global part of a local enhancer, and generator.name is {kind}: set "
        f"that to local_enhancer, or leave {name} out."
      )


def _check_augmentation(config: ConfigDict) -> None:
  given = config.get("discriminator") or ConfigDict()
  if "augment" not in given or given.augment:
    return
  if given.augment_probability < 1.0 or given.augment_ramp > 0:
    raise ValueError(
      "discriminator.augment_probability and augment_ramp are about augmentations, and "
      "discriminator.augment names none: choose some, such as \"('color','translation','cutout')\"."
    )


def _check_edges(config: ConfigDict) -> None:
  edges, method = config.data.edges, config.method.name
  if edges != "none" and method_field(config, "edges") is None:
    fitting = [
      name
      for name, entry in METHODS.items()
      if "edges" in inspect.signature(entry.build).parameters
    ]
    raise ValueError(
      f"data.edges is for the methods {' and '.join(fitting)}, not for {method}: set it to none."
    )
  if edges == "labels" and not config.palette:
    raise ValueError(
      "data.edges=labels needs to know the labels: set config.palette to their colours, or "
      "data.edges to none."
    )
  if (edges == "instances") != bool(config.data.instances):
    raise ValueError(
      "data.edges=instances and data.instances, the folder of the instance maps, go together: set "
      "both, or neither."
    )

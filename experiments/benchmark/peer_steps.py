"""The peer's train steps: pix2pix and CycleGAN in plain PyTorch, in the order of their authors.

No moving average of the generator, as in the timed step of imtrans: the work is equal.
"""

import random
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import torch  # pyrefly: ignore
import torch.nn.functional as F  # pyrefly: ignore
from torch import Tensor  # pyrefly: ignore

from experiments.benchmark.cases import BETAS, LEARNING_RATE, WEIGHTS

Step = Callable[[dict[str, Tensor]], dict[str, Tensor]]


class ImagePool:
  """A history of generated images (Shrivastava et al., 2017, Sec. 2.3), as CycleGAN has it."""

  def __init__(self, size: int):
    self._size = size
    self._images: list[Tensor] = []

  def query(self, images: Tensor) -> Tensor:
    """Returns as many images, half of them older ones once the pool is full."""
    returned = []
    for image in images.detach().split(1):
      if len(self._images) < self._size:
        self._images.append(image.clone())
      elif random.random() < 0.5:
        slot = random.randrange(self._size)
        image, self._images[slot] = self._images[slot], image.clone()
      returned.append(image)
    return torch.cat(returned)


def pix2pix_step(
  generator: Callable, discriminator: Callable, autocast: Callable[[], AbstractContextManager]
) -> Step:
  """One update of the discriminator, then one of the generator against the updated one.

  Args:
    generator: from images to images, a module or a compiled one.
    discriminator: of source and image, concatenated in the channels.
    autocast: makes the context in which networks and losses run.

  Returns:
    Batch of "source" and "target" -> losses.
  """
  weights = WEIGHTS["pix2pix"]
  generator_adam, discriminator_adam = _adam([generator]), _adam([discriminator])

  def step(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    source, target = batch["source"], batch["target"]
    with autocast():
      fake = generator(source)

    _require_gradients([discriminator], True)
    discriminator_adam.zero_grad(set_to_none=True)
    with autocast():
      real_logits = discriminator(torch.cat([source, target], 1))
      fake_logits = discriminator(torch.cat([source, fake.detach()], 1))
      judged = _vanilla(real_logits, 1.0) + _vanilla(fake_logits, 0.0)
      judged = weights["discriminator_weight"] * judged
    judged.backward()
    discriminator_adam.step()

    _require_gradients([discriminator], False)
    generator_adam.zero_grad(set_to_none=True)
    with autocast():
      adversarial = _vanilla(discriminator(torch.cat([source, fake], 1)), 1.0)
      generated = adversarial + weights["l1_weight"] * F.l1_loss(fake, target)
    generated.backward()
    generator_adam.step()
    return {"generator/loss": generated.detach(), "discriminator/loss": judged.detach()}

  return step


def cyclegan_step(
  generators: dict[str, Callable],
  discriminators: dict[str, Callable],
  autocast: Callable[[], AbstractContextManager],
) -> Step:
  """Both generators in one update, then both discriminators, on fakes from before the update.

  Args:
    generators: "ab" and "ba".
    discriminators: "a" and "b".
    autocast: makes the context in which networks and losses run.

  Returns:
    Batch of "a" and "b" -> losses.
  """
  weights = WEIGHTS["cyclegan"]
  pools = {name: ImagePool(weights["pool_size"]) for name in ("a", "b")}
  generator_adam = _adam(generators.values())
  discriminator_adam = _adam(discriminators.values())

  def step(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    _require_gradients(discriminators.values(), False)
    generator_adam.zero_grad(set_to_none=True)
    generated = torch.zeros((), device=batch["a"].device)
    with autocast():
      fakes = {"b": generators["ab"](batch["a"]), "a": generators["ba"](batch["b"])}
      for name, direction, other in (("a", "ba", "b"), ("b", "ab", "a")):
        reconstructed = generators[direction](fakes[other])
        identity = generators[direction](batch[name])
        logits = discriminators[name](fakes[name])
        generated = (
          generated
          + F.mse_loss(logits, torch.ones_like(logits))
          + weights["cycle_weight"] * F.l1_loss(reconstructed, batch[name])
          + weights["identity_weight"] * F.l1_loss(identity, batch[name])
        )
    generated.backward()
    generator_adam.step()

    _require_gradients(discriminators.values(), True)
    discriminator_adam.zero_grad(set_to_none=True)
    judged = torch.zeros_like(generated)
    for name, discriminator in discriminators.items():
      with autocast():
        real_logits = discriminator(batch[name])
        fake_logits = discriminator(pools[name].query(fakes[name]))
        loss = 0.5 * (
          F.mse_loss(real_logits, torch.ones_like(real_logits))
          + F.mse_loss(fake_logits, torch.zeros_like(fake_logits))
        )
      loss.backward()
      judged = judged + loss.detach()
    discriminator_adam.step()
    return {"generator/loss": generated.detach(), "discriminator/loss": judged.detach()}

  return step


def _adam(modules: Iterable[Any]) -> torch.optim.Adam:
  parameters = [parameter for module in modules for parameter in module.parameters()]
  return torch.optim.Adam(parameters, lr=LEARNING_RATE, betas=BETAS, eps=1e-8, fused=True)


def _require_gradients(modules: Iterable[Any], required: bool) -> None:
  for module in modules:
    for parameter in module.parameters():
      parameter.requires_grad_(required)


def _vanilla(logits: Tensor, target: float) -> Tensor:
  return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))

"""Cycle honesty: is the source kept in what one sees of its translation, or hidden below that?

A generator pair trained to close a cycle may write the source into its output with an amplitude
below what the eye, or a picture file, resolves. An honest reconstruction survives small changes of
the translation; a hidden message does not.
"""

from collections.abc import Callable, Mapping

import numpy as np

# Standard deviations of the noise, in levels of an 8-bit file: around its rounding, and above.
NOISE_LEVELS = (1.0, 2.0, 4.0, 8.0)

Translate = Callable[[np.ndarray], np.ndarray]


def cycle_honesty(
  backward: Translate,
  sources: np.ndarray,
  outputs: np.ndarray,
  stored: np.ndarray,
  *,
  seed: int = 0,
) -> Mapping[str, np.ndarray]:
  """How well sources are reconstructed from translations, and how much of it is fragile.

  Reconstruction honesty and sensitivity to noise of Bashkirova et al., 2019, "Adversarial
  Self-Defense for Cycle-Consistent GANs", Sec. 5, https://arxiv.org/abs/1908.01517; the effect was
  found by Chu et al., 2017, "CycleGAN, a Master of Steganography",
  https://arxiv.org/abs/1712.02950. Errors are mean absolute ones, black 0 and white 1.

  Args:
    backward: the generator back, [batch, height, width, channels] in [-1, 1] to the same.
    sources: [batch, height, width, channels] in [-1, 1].
    outputs: their translations, as the generator gives them.
    stored: the same as a picture file gives them back.
    seed: of the noise.

  Returns:
    [batch] each: "reconstruction_error" from the outputs, "quantized_error" from the stored ones
    (what it is larger by was hidden below the file's resolution), and "noise_sensitivity": by how
    much the reconstruction changes under noise of 1, 2, 4 and 8 levels, on average over these.
  """
  closed = backward(outputs)
  # The same for every picture, so that a figure does not depend on the others of a batch.
  noise = np.random.default_rng(seed).standard_normal(outputs.shape[1:], np.float32)[None]
  changes = [
    _distance(backward(outputs + np.float32(2.0 * level / 255.0) * noise), closed)
    for level in NOISE_LEVELS
  ]
  return {
    "reconstruction_error": _distance(closed, sources),
    "quantized_error": _distance(backward(stored), sources),
    "noise_sensitivity": np.mean(changes, axis=0),
  }


def _distance(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
  """The mean absolute error of each image, [batch]."""
  return 0.5 * np.mean(np.abs(images - targets), axis=(1, 2, 3))

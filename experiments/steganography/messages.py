"""What a cycle colour → drawing → colour hides in the drawing, and what survives of it.

The six skin tones of one emoji share one drawing. Whatever differs between the six drawings that a
generator makes of them is a message about the tone, and nothing else.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.multimodality.tones import NUM_TONES, Tones, find_tones
from imtrans.analyses import hidden_messages
from imtrans.analyses.trained import TrainedRun
from imtrans.data.color import luma
from imtrans.data.degradations import gauss_blur, gauss_noise, jpeg_artefacts
from imtrans.evaluation.metrics.diversity import nearest_variants
from imtrans.evaluation.metrics.honesty import cycle_honesty
from imtrans.evaluation.translation.pictures import as_stored

LEVELS = 255.0
NUM_PICTURES = 64
NOISE = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # Standard deviations in 8-bit levels.

Disturb = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _rounded(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
  del generator
  return np.rint(LEVELS * image) / np.float32(LEVELS)


def _grey(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
  """Takes the colours away, which a drawing of black lines has none of."""
  del generator
  return np.broadcast_to(luma(image), image.shape)


# On pictures in [0, 1]; each result is clipped.
DISTURBANCES: dict[str, Disturb] = {
  "rounded to 8 bits": _rounded,
  "in grey": _grey,
  "noise, 8 levels": functools.partial(gauss_noise, 8.0 / LEVELS),
  "blur, σ = 0.5 px": functools.partial(gauss_blur, 0.5),
  "JPEG, quality 75": functools.partial(jpeg_artefacts, (75, 75)),
}


def measure_cycle(trained: TrainedRun) -> dict[str, Any]:
  """All figures of a run, in levels of an 8-bit picture where nothing else is said.

  Returns:
    "drawing_error": of the drawings made, against the true ones; "copy_error": of the colour
    pictures themselves in the place of drawings. "reconstruction_error", "quantized_error" and
    "noise_sensitivity": see `cycle_honesty`. "curves": the reconstruction error against each
    disturbance, rows of `imtrans.analyses.hidden_messages.on_run`. "message": root mean square of
    what six drawings of one emoji differ by from their mean, "message_skin": the same on the skin.
    "tones": disturbance to the share of tones that are found again, chance being 1/6. "contrast":
    [noises], share of the difference between tones that is there again after noise, 1 for a perfect
    cycle.
  """
  forward, backward = trained.generator("ba"), trained.generator("ab")
  sources, drawings = trained.test_pictures("ba", NUM_PICTURES)
  outputs = forward(sources)
  stored = as_stored(outputs, trained.run.specs["a"])
  honesty = cycle_honesty(backward, sources, outputs, stored)
  tones = find_tones(trained)
  lines = draw_tones(trained, tones)
  return {
    "drawing_error": 0.5 * LEVELS * float(np.mean(np.abs(outputs - drawings))),
    "copy_error": 0.5 * LEVELS * float(np.mean(np.abs(sources - drawings))),
    **{name: LEVELS * float(np.mean(values)) for name, values in honesty.items()},
    "curves": [row for row in hidden_messages.on_run(trained).rows if row["direction"] == "ba"],
    **measure_message(tones, lines),
    "tones": {
      name: tones_found(tones, reconstruct(trained, lines, disturb))
      for name, disturb in {"undisturbed": None, **DISTURBANCES}.items()
    },
    "noise": list(NOISE),
    "contrast": [
      contrast(tones, reconstruct(trained, lines, functools.partial(gauss_noise, level / LEVELS)))
      for level in NOISE
    ],
  }


def draw_tones(trained: TrainedRun, tones: list[Tones]) -> np.ndarray:
  """The drawings that a run makes of each emoji in six tones, [emoji, 6, height, width, 3]."""
  pictures = np.concatenate([drawing.answers for drawing in tones])
  lines = trained.generator("ba")(pictures)
  return lines.reshape(len(tones), NUM_TONES, *lines.shape[1:])


def messages(lines: np.ndarray) -> np.ndarray:
  """What the drawings of one emoji differ by from their mean, the shape of `lines`."""
  return lines - np.mean(lines, axis=1, keepdims=True)


def measure_message(tones: list[Tones], lines: np.ndarray) -> dict[str, float]:
  """Root mean squares of the messages in drawings in [-1, 1], in 8-bit levels."""
  found = 0.5 * LEVELS * messages(lines)
  skin = np.concatenate([f[:, t.skin].ravel() for f, t in zip(found, tones, strict=True)])
  return {
    "message": float(np.sqrt(np.mean(np.square(found)))),
    "message_skin": float(np.sqrt(np.mean(np.square(skin)))),
  }


def reconstruct(trained: TrainedRun, lines: np.ndarray, disturb: Disturb | None) -> np.ndarray:
  """Colours from drawings [..., height, width, 3] in [-1, 1], disturbed; the same shape."""
  flat = lines.reshape(-1, *lines.shape[-3:])
  if disturb is not None:
    generator = np.random.default_rng(0)
    flat = np.stack([2.0 * disturb(0.5 + 0.5 * line, generator) - 1.0 for line in flat])
    flat = np.clip(flat, -1.0, 1.0).astype(np.float32)
  return trained.generator("ab")(flat).reshape(lines.shape)


def tones_found(tones: list[Tones], reconstructed: np.ndarray) -> float:
  """Share of the pictures whose skin is nearest to that of their own tone, of the six.

  Args:
    tones: the emoji.
    reconstructed: [emoji, 6, height, width, 3] in [-1, 1], in the order of their answers.
  """
  right = []
  for drawing, made in zip(tones, reconstructed, strict=True):
    nearest, _ = nearest_variants(drawing.colors(made), drawing.colors(drawing.answers))
    right.append(nearest == np.arange(NUM_TONES))
  return float(np.mean(right))


def contrast(tones: list[Tones], reconstructed: np.ndarray) -> float:
  """Share of the difference between tones that reconstructions have.

  The least-squares factor from each answer's deviation from the mean of the six, on the skin, to
  the same of the reconstructions: 1 where they are right, 0 where all six are alike.
  """
  products, squares = 0.0, 0.0
  for drawing, made in zip(tones, reconstructed, strict=True):
    wanted = messages(drawing.colors(drawing.answers)[None])[0]
    found = messages(drawing.colors(made)[None])[0]
    products += float(np.sum(wanted * found))
    squares += float(np.sum(np.square(wanted)))
  return products / squares

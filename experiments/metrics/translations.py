"""What figures of a translation, which compare it with its source, say to every damage.

The content distance asks what a translation keeps of its source, so its translation is the picture
itself, spoiled. Honesty asks for a way there and back: two pairs are measured whose answer is
known. One keeps everything in sight, the other writes colours into a grey picture so faintly that
nobody sees them. The damage is done to the translation, in between.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.metrics.damage import STORED, decibels, levels, spoil, spoil_values
from experiments.metrics.paired import mean_and_deviation, of_each
from experiments.metrics.pictures import Pictures
from imtrans.evaluation.metrics.content import trained_content_distance
from imtrans.evaluation.metrics.honesty import cycle_honesty
from imtrans.evaluation.translation.pictures import as_stored

CONTENT = "content_vgg16"
HONESTY = ("reconstruction_error", "quantized_error", "noise_sensitivity")
HIDDEN = 3.0  # Levels of an 8-bit picture that a full colour is hidden in.
FAINTNESS = HIDDEN / 127.5
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601.


class Pair(NamedTuple):
  """A translator there and one back, float32 images in [-1, 1] to the same.

  title: what it does, in words.
  there: the translation.
  back: what undoes it, if nothing happens in between.
  """

  title: str
  there: Callable[[np.ndarray], np.ndarray]
  back: Callable[[np.ndarray], np.ndarray]


def hide_colors(images: np.ndarray) -> np.ndarray:
  """Returns grey pictures in which colours are left, `FAINTNESS` times as strong."""
  grey = _grey(images)
  return grey + np.float32(FAINTNESS) * (images - grey)


def read_colors(images: np.ndarray) -> np.ndarray:
  """Returns the coloured pictures that `hide_colors` made grey."""
  grey = _grey(images)
  return np.clip(grey + (images - grey) / np.float32(FAINTNESS), -1.0, 1.0)


def _grey(images: np.ndarray) -> np.ndarray:
  return np.sum(LUMA * images, axis=-1, keepdims=True)


PAIRS = {
  "open": Pair("in sight: the negative, and its negative", np.negative, np.negative),
  "hiding": Pair(
    f"hidden: colours in {HIDDEN:g} levels of a grey picture", hide_colors, read_colors
  ),
}


def measure(
  pictures: Pictures, psnrs: Sequence[float], *, damages: Sequence[str], num_natural: int = 1
) -> dict[str, Any]:
  """Spoils translations in every way and compares them with their sources.

  Args:
    pictures: the sources, at least 32 pixels high and wide.
    psnrs: decibels that damages shall cost the sources themselves; translations are damaged as
      strongly, whatever it costs them.
    damages: keys of `damage.DAMAGES`.
    num_natural: how many natural strengths of each to add.

  Returns:
    "size", "pictures", "psnrs"; "hidden", levels that a colour is hidden in; "floor", {name: [mean,
    0]} without damage; and "levels" as in `paired.measure`. Names of figures are "content_vgg16"
    and, for each of `PAIRS` and of `HONESTY`, such as "hiding/quantized_error".
  """
  images, names = pictures.images, pictures.names
  content = trained_content_distance()
  made = {key: pair.there(images) for key, pair in PAIRS.items()}
  rows = []
  for level in levels(images, names, psnrs, num_natural=num_natural, damages=damages):
    spoiled = spoil(level.damage, level.strength, images, names)
    figures = {CONTENT: mean_and_deviation(of_each(content, spoiled, images))}
    outputs = {
      key: spoil_values(level.damage, level.strength, output, names) for key, output in made.items()
    }
    figures |= honesty(images, outputs)
    rows.append(
      {**level._asdict(), "decibels": round(decibels(images, spoiled), 2), "figures": figures}
    )
  floor = {CONTENT: mean_and_deviation(of_each(content, images, images)), **honesty(images, made)}
  return {
    "size": images.shape[1],
    "pictures": len(images),
    "psnrs": list(psnrs),
    "hidden": HIDDEN,
    "floor": {name: [mean, 0.0] for name, (mean, _) in floor.items()},
    "levels": rows,
  }


def honesty(images: np.ndarray, outputs: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
  """Asks how honest pairs are.

  Args:
    images: the sources, float32 [pictures, height, width, 3] in [-1, 1].
    outputs: their translations by every one of `PAIRS`, damaged or not.

  Returns:
    {"open/reconstruction_error": [mean, standard deviation over pictures], ...}.
  """
  figures = {}
  for key, output in outputs.items():
    found = cycle_honesty(PAIRS[key].back, images, output, as_stored(output, STORED))
    figures |= {f"{key}/{name}": mean_and_deviation(found[name]) for name in HONESTY}
  return figures

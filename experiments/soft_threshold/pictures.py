"""The pictures of the study: OpenMoji as it is drawn, or with hues that are smeared.

OpenMoji has a palette of a few colours, and a turn of the hue leads to others: a generator can tell
the domains apart by colour alone. Turning each picture by a random angle beforehand makes the two
domains share their colours, as the simple form of the law supposes.
"""

import shutil
from pathlib import Path

import numpy as np

from imtrans.data import write_image
from imtrans.data.color import rotate_hue
from imtrans.data.dataset import stable_generator
from imtrans.data.sources import open_pictures


def make_pictures(folder: Path, deviation: float, *, size: int, most: int | None = None) -> None:
  """Writes the colour pictures of OpenMoji as PNG files, once.

  Args:
    folder: made if absent; left alone if it is there.
    deviation: standard deviation of the angle by which the hue of a picture is turned, degrees; the
      angle depends on the picture's name alone.
    size: pixels.
    most: pictures to write; all by default.
  """
  if folder.is_dir():
    return
  partial = folder.with_name(folder.name + ".partial")
  shutil.rmtree(partial, ignore_errors=True)
  partial.mkdir(parents=True)
  for split in ("train", "test"):
    pictures = open_pictures("openmoji", split=split, domain="b", size=size, tones=False)
    for index, name in list(enumerate(pictures.names))[:most]:
      angle = deviation * stable_generator(name, "smear").standard_normal()
      turned = rotate_hue(pictures[index] / np.float32(255.0), float(angle))
      write_image(partial / f"{name}.png", np.rint(255.0 * turned).astype(np.uint8))
  partial.rename(folder)

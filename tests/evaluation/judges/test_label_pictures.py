"""Label pictures whose colours are not those of the palette."""

import numpy as np
import pytest

from imtrans.evaluation.judges.label_pictures import OffPalette, off_palette_remark
from imtrans.evaluation.metrics.confusion import labels_from_colors

COLORS = np.float32([[-1, -1, -1], [1, -1, -1]])  # Black and red.


def _counted(*pictures, colors=COLORS):
  off = OffPalette(colors)
  for picture in pictures:
    images = np.float32(picture) / np.float32(127.5) - 1
    off.add(images, labels_from_colors(images, colors).distances)
  return off.settings()


def test_pixels_of_no_colour_are_counted_and_the_commonest_is_named():
  first, second = np.zeros((2, 1, 10, 10, 3), np.uint8)
  first[0, :2] = (0, 128, 0)  # Two tenths of one picture,
  first[0, 2, :5] = (0, 126, 4)  # half a row on the other side of a step,
  second[0, 0, :3] = (255, 255, 255)  # and three pixels of another.
  second[0, 5] = (40, 0, 0)  # Near black.
  found = _counted(first, second)
  assert found["off_palette"] == pytest.approx((25 + 3) / 200)
  assert found["off_palette_color_share"] == pytest.approx(25 / 200)
  assert found["off_palette_color"] == "#008001"  # (0, 127.6, 0.8) on average.


def test_between_two_near_colours_there_is_room_for_a_third():
  """Where the palette is wide, 21 levels (root mean square) are near; here half a gap is 17."""
  near = np.float32([[0, 0, 0], [0, 60, 0]]) / 127.5 - 1
  picture = np.zeros((1, 4, 4, 3), np.uint8)
  picture[0, 0] = (0, 30, 20)
  picture[0, 1] = (0, 20, 0)
  assert _counted(picture, colors=near)["off_palette"] == pytest.approx(4 / 16)
  assert _counted(picture) == {}


def test_label_pictures_of_the_palette_say_nothing():
  picture = np.zeros((1, 4, 4, 3), np.uint8)
  picture[0, 0] = (255, 0, 0)
  assert _counted(picture) == {} == OffPalette(COLORS).settings()
  assert off_palette_remark({}, split="test") == ""


def test_the_remark_has_share_colour_and_remedy():
  found = {
    "off_palette": 0.0213,
    "off_palette_color": "#00ff00",
    "off_palette_color_share": 0.0188,
  }
  said = off_palette_remark(found, split="test")
  assert said.startswith("2.1 % of the pixels of the test label pictures are of no colour of the ")
  assert "1.9 % of all pixels are about #00ff00: if that is a class, name it too with" in said
  rare = off_palette_remark({**found, "off_palette_color_share": 0.002}, split="training")
  assert "training label pictures" in rare and "none of their colours is common" in rare
  assert off_palette_remark({**found, "off_palette": 0.0009}, split="test") == ""

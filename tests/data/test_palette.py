import numpy as np
import pytest

from imtrans.data import denormalize, image_spec, normalize
from imtrans.data.palette import (
  find_palette,
  indices_to_labels,
  labels_to_indices,
  nearest,
  nearest_color,
  parse_palette,
)
from imtrans.data.specs import ImageSpec

PALETTE = ((0, 0, 0), (255, 0, 0), (0, 0, 200))


def labels(indices):
  return indices_to_labels(np.array(indices), PALETTE)


def test_palettes_can_be_written_in_many_ways():
  assert parse_palette("black red #0000c8") == PALETTE
  assert parse_palette(["black", (255, 0, 0), [0, 0, 200]]) == PALETTE


@pytest.mark.parametrize(
  ("colors", "message"),
  [
    ("black", "2 to 256 colours, got 1"),
    ("black white black", r"the colour \(0, 0, 0\) twice"),
    ("black whit", "not 'whit'"),
    ([(0, 0, 0), (0, 0)], r"not \(0, 0\)"),
    ([(0, 0, 0), (0, 0, 256)], "must be 0 to 255"),
    ([(0, 0, 0), 7], "not 7"),
  ],
)
def test_bad_palettes(colors, message):
  with pytest.raises(ValueError, match=message):
    parse_palette(colors)


def test_labels_and_indices_are_inverse():
  indices = np.array([[0, 1, 2], [2, 1, 0]])
  picture = labels(indices)
  assert picture.shape == (2, 3, 3) and picture.dtype == np.uint8
  assert picture[0, 2].tolist() == [0, 0, 200]
  back = labels_to_indices(picture, PALETTE)
  assert back.dtype == np.uint8
  np.testing.assert_array_equal(back, indices)
  with pytest.raises(ValueError, match="indices must be 0 to 2, the colours of the palette, got 0"):
    indices_to_labels(np.array([0, 3]), PALETTE)
  with pytest.raises(ValueError, match="got -1 to 0"):
    indices_to_labels(np.array([0, -1]), PALETTE)


def test_other_colours_are_refused_by_name_beyond_the_tolerance():
  picture = labels(np.zeros((10, 10), int))
  picture[3, 4] = (250, 3, 4)  # sqrt(25 + 9 + 16) = 7.07 from red.
  assert labels_to_indices(picture, PALETTE, tolerance=7.1)[3, 4] == 1
  assert labels_to_indices(picture, PALETTE, outliers=0.01)[3, 4] == 1
  with pytest.raises(ValueError) as caught:
    labels_to_indices(picture, PALETTE, tolerance=7.0, name="maps/7.png")
  message = str(caught.value)
  for words in (
    "maps/7.png has the colour (250, 3, 4) at column 4, row 3, 7 from (255, 0, 0)",
    "1 % of its pixels are farther than 7",
    "complete data.options.palette, or raise data.options.tolerance or data.options.outliers",
  ):
    assert words in message
  with pytest.raises(
    ValueError, match=r"x must be 8-bit RGB to have a palette, got uint8 \(2, 2, 1"
  ):
    labels_to_indices(np.zeros((2, 2, 1), np.uint8), PALETTE, name="x")


def test_palettes_are_found_in_pictures():
  pictures = [("one", labels([[1, 2]])), ("two", labels([[0, 0]]))]
  assert find_palette(pictures, max_colors=3) == ((0, 0, 0), (0, 0, 200), (255, 0, 0))
  assert find_palette(pictures[::-1], max_colors=3) == find_palette(pictures, max_colors=3)
  with pytest.raises(
    ValueError, match="up to two the label pictures hold 3 colours, more than max"
  ):
    find_palette(pictures, max_colors=2)


def test_outputs_are_snapped_where_they_are_stored():
  spec = image_spec(3)._replace(palette=PALETTE)
  drawn = np.array([[[0.9, -1.0, -0.8], [-1.0, -0.9, 0.2]]], np.float32)
  stored = denormalize(drawn, spec)
  assert stored.dtype == np.uint8 and stored.tolist() == [[[255, 0, 0], [0, 0, 200]]]
  np.testing.assert_array_equal(denormalize(normalize(stored, spec), spec), stored)
  np.testing.assert_array_equal(
    nearest_color(np.array([[200.0, 90.0, 0.0]]), PALETTE), [[255, 0, 0]]
  )
  with pytest.raises(ValueError, match="to have a palette"):
    nearest_color(np.zeros((2, 1)), PALETTE)


def test_the_nearest_of_any_channels_and_the_first_of_equals():
  colors = np.array([[[0.0, 0.0], [3.0, 4.0], [1.0, 0.0]]])
  indices, squares = nearest(colors, np.array([[0.0, 0.0], [2.0, 0.0], [3.0, 5.0]]))
  np.testing.assert_array_equal(indices, [[0, 2, 0]])  # (1, 0) is as near to both.
  np.testing.assert_allclose(squares, [[0.0, 1.0, 1.0]])
  with pytest.raises(ValueError, match="to have a palette of so many channels"):
    nearest(colors, PALETTE)


def test_specs_with_palettes_survive_json():
  import json

  spec = image_spec(3)._replace(palette=PALETTE)
  assert ImageSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
  plain = image_spec(3)
  assert "palette" not in plain.to_dict()
  assert ImageSpec.from_dict(json.loads(json.dumps(plain.to_dict()))) == plain


def test_what_is_no_sequence_is_no_palette():
  with pytest.raises(ValueError, match="a palette must be colours"):
    parse_palette(5)

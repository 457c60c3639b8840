"""Pictures for people."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from imtrans.evaluation.pages.previews import contact_sheet, data_uri, preview


def test_preview_maps_the_range_to_bytes():
  image = np.float32([[[-1.0, 0.0, 1.0], [-3.0, 9.0, np.nan]]])
  np.testing.assert_array_equal(preview(image), [[[0, 128, 255], [0, 255, 0]]])


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_preview_is_rgb_whatever_the_channels(channels):
  image = np.linspace(-1, 1, 4 * 4 * channels).reshape(4, 4, channels)
  view = preview(image)
  assert view.shape == (4, 4, 3)
  assert view.dtype == np.uint8
  if channels == 1:
    assert (view == view[..., :1]).all()


def test_preview_refuses_a_batch():
  with pytest.raises(ValueError, match="height, width, channels"):
    preview(np.zeros((1, 4, 4, 3)))


def test_contact_sheet_places_pictures():
  black, grey = -np.ones((4, 6, 3)), np.zeros((4, 6, 1))
  sheet = contact_sheet([[black, grey], [grey, black]], gap=2)
  assert sheet.dtype == np.uint8
  assert sheet.shape == (2 * (4 + 4) + 4, 2 * (6 + 2) + 2 + 4, 3)
  assert (sheet[4:8, 4:10] == 0).all()
  assert (sheet[4:8, 12:18] == 128).all()
  assert (sheet[12:16, 12:18] == 0).all()
  # Nothing but white around them, equally wide on all sides.
  assert (sheet == 255).all(axis=2).sum() == sheet.shape[0] * sheet.shape[1] - 4 * 24
  assert (sheet[:4] == 255).all() and (sheet[-4:] == 255).all() and (sheet[:, -4:] == 255).all()


def test_contact_sheet_in_columns_and_of_different_sizes():
  rows = [[-np.ones((8, 8, 1))], [-np.ones((4, 4, 1))], [-np.ones((8, 8, 1))]]
  sheet = contact_sheet(rows, gap=1, sheet_columns=2)
  assert (sheet == 0).all(axis=2).sum() == 64 + 16 + 64
  assert sheet.shape[0] < 3 * 8


def test_contact_sheet_of_nothing_is_refused():
  with pytest.raises(ValueError, match="at least one"):
    contact_sheet([])


@pytest.mark.parametrize("side,kind", [(64, "png"), (300, "webp"), (900, "webp")])
def test_data_uri_can_be_read_back(side, kind):
  view = np.random.default_rng(0).integers(0, 256, (side, side // 2, 3)).astype(np.uint8)
  head, data = data_uri(view).split(",")
  assert head == f"data:image/{kind};base64"
  picture = Image.open(io.BytesIO(base64.b64decode(data)))
  assert max(picture.size) == min(side, 512)
  if kind == "png":
    np.testing.assert_array_equal(np.asarray(picture), view)

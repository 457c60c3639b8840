import numpy as np
import pytest
from PIL import ExifTags, Image

from imtrans.data import ImageError, write_image
from imtrans.data.holes import FolderHoles, box_hole, center_hole, stroke_hole


def seeded(seed=0):
  return np.random.default_rng(seed)


def test_the_center_is_half_as_high_and_wide():
  hole = center_hole(0.25, 64, 96, seeded())
  assert hole.dtype == bool and hole.sum() == 32 * 48
  assert hole[16:48, 24:72].all()


@pytest.mark.parametrize("area", [0.05, 0.25, 0.6, 0.9])
def test_boxes_have_their_area_and_go_everywhere(area):
  covered = np.zeros((50, 70), int)
  shapes = set()
  for seed in range(200):
    hole = box_hole(area, 50, 70, seeded(seed))
    rows, columns = hole.any(1).sum(), hole.any(0).sum()
    assert hole.sum() == rows * columns  # A full box.
    assert abs(hole.mean() - area) < 0.04
    shapes.add((rows, columns))
    covered += hole
  assert len(shapes) > 5 and covered.any(0).all() and covered.any(1).all()


@pytest.mark.parametrize("area", [0.1, 0.3, 0.5])
def test_strokes_reach_their_area_and_little_more(area):
  areas = [stroke_hole(area, 64, 80, seeded(seed)).mean() for seed in range(20)]
  assert min(areas) >= area and np.mean(areas) < area + 0.1
  assert stroke_hole(area, 64, 80, seeded()).shape == (64, 80)
  np.testing.assert_array_equal(
    stroke_hole(area, 64, 80, seeded(3)), stroke_hole(area, 64, 80, seeded(3))
  )


def test_small_pictures_have_holes_and_rests():
  for make in (center_hole, box_hole):
    for area in (0.001, 0.999):
      hole = make(area, 2, 2, seeded())
      assert hole.any() and not hole.all()
    assert make(0.5, 1, 1, seeded()).all()
  assert stroke_hole(0.5, 1, 1, seeded()).all()


def test_masks_of_a_folder(tmp_path):
  for i, dtype in enumerate(("uint8", "uint16", "float32")):
    mask = np.zeros((8, 10, 3 if i == 0 else 1), dtype)
    mask[i] = 1.0 if dtype == "float32" else np.iinfo(dtype).max
    write_image(tmp_path / f"{i}.{'tif' if i else 'png'}", mask)
  maker = FolderHoles(str(tmp_path))
  found = {tuple(np.flatnonzero(maker(8, 10, seeded(s)).any(1))) for s in range(30)}
  assert found == {(0,), (1,), (2,)}
  with pytest.raises(
    ImageError, match=r"the mask .*\.(png|tif) is 10 x 8 pixels, the picture is 16 x 16: "
  ):
    maker(16, 16, seeded())


def test_all_masks_are_compared_at_once_by_their_headers(tmp_path):
  for index in range(40):
    write_image(tmp_path / f"{index:02}.png", np.zeros((8, 10, 1), np.uint8))
  write_image(tmp_path / "40.tif", np.zeros((8, 10, 2), np.float32))
  turned = Image.Exif()
  turned[ExifTags.Base.Orientation] = 6
  Image.new("L", (8, 10)).save(tmp_path / "41.jpg", exif=turned)
  maker = FolderHoles(str(tmp_path))
  maker.check(None)
  with pytest.raises(
    ImageError,
    match=r"00\.png is 10 x 8 pixels, the pictures are 8 x 8: resize the mask to this size, "
    r"data\.crop_size\.$",
  ):
    maker.check(8)
  write_image(tmp_path / "17.png", np.zeros((8, 9, 1), np.uint8))
  with pytest.raises(
    ImageError, match=r"17\.png is 9 x 8 pixels, .*00\.png is 10 x 8: resize the mask to this size"
  ):
    maker.check(None)
  (tmp_path / "17.png").write_bytes(b"")
  with pytest.raises(ImageError, match=r"17\.png cannot be read as an image: it is empty"):
    maker.check(None)


def test_no_masks(tmp_path):
  with pytest.raises(ValueError, match=r"set data\.options\.masks"):
    FolderHoles("")
  with pytest.raises(ValueError, match=r"nowhere is no folder: set data\.options\.masks"):
    FolderHoles(str(tmp_path / "nowhere"))
  with pytest.raises(ValueError, match="holds no pictures"):
    FolderHoles(str(tmp_path))

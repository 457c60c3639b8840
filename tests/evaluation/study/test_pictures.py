"""Real and generated pictures are alike in all but their content."""

import io

import numpy as np
import pytest
from PIL import Image

from imtrans.data import from_arrays, write_image
from imtrans.evaluation.study.pictures import (
  broken,
  check_comparable,
  domain_readers,
  encode,
  folder_readers,
  read_pictures,
)


def _pixels(file):
  with Image.open(io.BytesIO(file)) as picture:
    assert (picture.format, picture.mode) == ("PNG", "RGB")
    assert picture.info == {}
    return np.asarray(picture)


def _picture(seed=0, shape=(8, 12, 3)):
  return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_files_of_every_kind_become_the_same_kind(tmp_path):
  array = _picture()
  write_image(tmp_path / "a.png", array)
  write_image(tmp_path / "b.webp", array)
  write_image(tmp_path / "c.tif", array.astype(np.uint16) * 257)
  write_image(tmp_path / "d.tif", (array / 255.0).astype(np.float32))
  (tmp_path / "deep").mkdir()
  Image.fromarray(array).save(tmp_path / "deep" / "f.jpg", comment=b"made by a network")
  (tmp_path / ".hidden.png").write_bytes(b"")
  found = read_pictures(folder_readers(tmp_path), seed=0)
  assert set(found.files) == {"a", "b", "c", "d", "deep/f"}
  assert found.sizes == {(8, 12)} and found.problems == []
  for name in "abcd":
    np.testing.assert_array_equal(_pixels(found.files[name]), array)
  assert b"made by" not in found.files["deep/f"] and _pixels(found.files["deep/f"]).shape == (
    8,
    12,
    3,
  )


def test_grey_is_shown_and_what_people_cannot_see_is_named(tmp_path):
  write_image(tmp_path / "grey.png", _picture(shape=(8, 8, 1)))
  write_image(tmp_path / "five.tif", _picture(shape=(8, 8, 5)))
  (tmp_path / "empty.png").write_bytes(b"")
  found = read_pictures(folder_readers(tmp_path), seed=0)
  assert list(found.files) == ["grey"]
  grey = _pixels(found.files["grey"])
  assert np.all(grey == grey[:, :, :1])
  problems = sorted(found.problems)
  assert "empty.png cannot be read as an image: it is empty" in problems[0]
  assert "five.tif has 5 channels" in problems[1]


def test_folders_that_hold_nothing_to_show(tmp_path):
  with pytest.raises(ValueError, match=r"absent is no folder"):
    folder_readers(tmp_path / "absent")
  with pytest.raises(ValueError, match=r"holds no picture that ends in \.jpg"):
    folder_readers(tmp_path)
  for name in ("x.png", "x.webp"):
    write_image(tmp_path / name, _picture())
  with pytest.raises(ValueError, match=r"both x\.png and x\.webp"):
    folder_readers(tmp_path)


def test_a_part_of_a_large_set_is_chosen_by_name():
  readers = {f"n{i}": (lambda i=i: _picture(i)) for i in range(60)}
  few = read_pictures(readers, seed=0, limit=20)
  assert len(few.files) == 20
  assert set(few.files) == set(
    read_pictures(dict(reversed(readers.items())), seed=0, limit=20).files
  )
  assert set(few.files) != set(read_pictures(readers, seed=1, limit=20).files)
  other = {name: (lambda: _picture(99)) for name in readers}
  made = read_pictures(other, seed=0, limit=20)
  assert set(made.files) == set(few.files)  # Pairs stay together.
  assert made.digest != few.digest == read_pictures(readers, seed=0, limit=20).digest


def test_a_set_is_filled_up_after_pictures_that_cannot_be_read():
  def fail():
    from imtrans.data import ImageError

    raise ImageError("x cannot be read.")

  readers = {f"n{i}": (lambda i=i: _picture(i)) for i in range(20)}
  names = list(read_pictures(readers, seed=0, limit=3).files)
  found = read_pictures({**readers, names[1]: fail}, seed=0, limit=3)
  assert len(found.files) == 3 and names[1] not in found.files
  assert found.problems == ["x cannot be read."]


def test_test_pictures_have_the_size_of_their_translations():
  arrays = [_picture(i, (30, 40, 3)) for i in range(2)]
  domain = from_arrays(arrays, names=["x", "y"], paired=False).a
  found = read_pictures(domain_readers(domain, resize="none", crop_size=1, multiple=8), seed=0)
  np.testing.assert_array_equal(_pixels(found.files["y"]), arrays[1][3:27])
  square = read_pictures(domain_readers(domain, resize="square", crop_size=16, multiple=8), seed=0)
  assert square.sizes == {(16, 16)}


def test_sizes_must_not_tell():
  def pictures(*sizes):
    readers = {f"{size}": (lambda size=size: _picture(shape=(*size, 3))) for size in sizes}
    return read_pictures(readers, seed=0)

  check_comparable("m", pictures((8, 8), (9, 9)), pictures((9, 9)))
  with pytest.raises(ValueError, match="real pictures are 12 x 8 pixels, those of m 4 x 4"):
    check_comparable("m", pictures((8, 12)), pictures((4, 4)))


@pytest.mark.parametrize("level", [None, 0, 255])
def test_a_broken_picture_is_beyond_doubt(level):
  """Nothing is left of it, even if it was of one colour."""
  rows = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8)[:, None, None], (64, 64, 3))
  array = np.ascontiguousarray(rows) if level is None else np.full((64, 64, 3), level, np.uint8)
  file = broken(encode(array), [0, 1])
  found = _pixels(file).astype(float)
  assert found.shape == array.shape
  assert file == broken(encode(array), [0, 1]) != broken(encode(array), [0, 2])
  neighbours = np.corrcoef(found[1:].ravel(), found[:-1].ravel())[0, 1]
  assert abs(neighbours) < 0.1 and found.std() > 30

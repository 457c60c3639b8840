"""Files that cannot be read are found before a run, by their first and last bytes."""

import numpy as np
import pytest

from imtrans.data import ImageError, from_arrays, open_dataset, open_task, readable, write_image
from imtrans.data.readable import check_readable, looks_whole


@pytest.fixture
def folder(tmp_path):
  """Pairs in trainA and trainB, of every kind of file."""
  for side in "AB":
    (tmp_path / f"train{side}").mkdir()
    for i, suffix in enumerate((".png", ".jpg", ".webp", ".tif") * 10):
      picture = np.random.default_rng(i).integers(0, 256, (12, 16, 3), np.uint8)
      write_image(tmp_path / f"train{side}" / f"{i:02d}{suffix}", picture)
  return tmp_path


def _opened(folder):
  return open_dataset("folders", split="train", paired=True, path=str(folder), holdout=0.0)


def _cut(path):
  path.write_bytes(path.read_bytes()[:40])


def test_whole_files_are_not_decoded(folder, monkeypatch):
  dataset = _opened(folder)
  monkeypatch.setattr(readable, "read_image", lambda path: pytest.fail(f"{path} was decoded"))
  check_readable(dataset)
  check_readable(from_arrays(np.zeros((2, 4, 4, 3), np.uint8)))  # No files.


@pytest.mark.parametrize("name", ["05.jpg", "04.png", "06.webp", "07.tif"])
def test_a_file_cut_short_is_named_with_what_to_do(folder, name):
  dataset = _opened(folder)
  path = folder / "trainB" / name
  _cut(path)
  words = rf"^1 of 80 training pictures cannot be used: .*trainB/{name} cannot .*inspect {folder}`"
  with pytest.raises(ImageError, match=words):
    check_readable(dataset)


def test_missing_empty_and_other_files_are_counted(folder):
  dataset = _opened(folder)
  (folder / "trainA" / "00.png").unlink()
  (folder / "trainA" / "01.jpg").write_bytes(b"")
  (folder / "trainB" / "02.webp").write_text("no picture")
  with pytest.raises(ImageError, match=r"^3 of 80 .*00\.png cannot be read: No such file"):
    check_readable(dataset)


def test_bytes_behind_the_end_are_no_damage(folder):
  for name in ("00.png", "01.jpg", "02.webp"):
    with (folder / "trainA" / name).open("ab") as file:
      file.write(b"\0" * 5000)
  assert not looks_whole(str(folder / "trainA" / "01.jpg"))
  check_readable(_opened(folder))  # The decoder has the last word.


def test_tasks_and_labels_are_looked_through(folder):
  for task, paired in (("denoise", True), ("denoise", False), ("labels", True)):
    options = {"palette": "black white", "outliers": 1.0} if task == "labels" else {}
    sizes = {"resize": "square", "crop_size": 8}
    where = {"split": "train", "paired": paired, "path": str(folder), "holdout": 0.0}
    dataset = open_task(task, "folders", **where, **sizes, **options)
    check_readable(dataset)
    path = folder / "trainA" / "13.jpg"
    whole = path.read_bytes()
    _cut(path)
    with pytest.raises(ImageError, match=r"13\.jpg"):
      check_readable(dataset)
    path.write_bytes(whole)


def test_of_very_many_some_are_looked_at(folder, monkeypatch):
  seen = []
  monkeypatch.setattr(readable, "MOST", 30)
  monkeypatch.setattr(readable, "looks_whole", lambda path: seen.append(path) or True)
  check_readable(_opened(folder))
  assert len(set(seen)) == 27 and any("trainB" in path for path in seen)  # Every third of 80.

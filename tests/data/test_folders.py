import numpy as np
import pytest

from imtrans.data import ImageError, ImageSpec, image_spec, open_dataset, write_image
from imtrans.data.dataset import conform, hold_out, stable_fraction


def colour(value, channels=3, size=(8, 8), dtype="uint8"):
  return np.full((*size, channels), value, dtype)


def fill(folder, names, *, offset=0, extension=".png", **options):
  folder.mkdir(parents=True, exist_ok=True)
  for i, name in enumerate(names):
    write_image(folder / f"{name}{extension}", colour(i + offset, **options))


def open_folder(path, split="train", paired=True, **options):
  return open_dataset("folders", split=split, paired=paired, path=str(path), **options)


NAMES = [f"n{i}" for i in range(5)]


@pytest.mark.parametrize(
  "places",
  [
    ("trainA", "trainB", "testA", "testB"),
    ("train/A", "train/B", "test/A", "test/B"),
    ("A/train", "B/train", "A/val", "B/val"),
  ],
)
def test_layouts_of_two_folders(tmp_path, places):
  contents = ((0, NAMES), (100, NAMES), (50, "xy"), (150, "xy"))
  for place, (offset, names) in zip(places, contents, strict=True):
    fill(tmp_path / place, names, offset=offset)
  train, test = open_folder(tmp_path), open_folder(tmp_path, "test", paired=False)
  assert train.paired and train.a.names == train.b.names == NAMES
  assert [int(train.a[i][0, 0, 0]) for i in range(5)] == [0, 1, 2, 3, 4]
  assert [int(train.b[i][0, 0, 0]) for i in range(5)] == [100, 101, 102, 103, 104]
  assert test.paired and test.a.names == ["x", "y"]  # The names allow it.
  assert int(test.b[1][0, 0, 0]) == 151
  assert not open_folder(tmp_path, paired=False).paired


def test_side_by_side(tmp_path):
  (tmp_path / "train").mkdir()
  for i in range(20):
    both = np.concatenate([colour(i), colour(100 + i)], axis=1)
    write_image(tmp_path / "train" / f"{i:02d}.png", both)
  train, test = open_folder(tmp_path), open_folder(tmp_path, "test")
  assert (len(train.a), len(test.a)) == (18, 2)  # A tenth is held out.
  assert not set(train.a.names) & set(test.a.names)
  for dataset in (train, test):
    assert dataset.paired and dataset.a.names == dataset.b.names
    for i, name in enumerate(dataset.a.names):
      assert dataset.a[i].shape == (8, 8, 3)
      assert (dataset.a[i] == int(name)).all() and (dataset.b[i] == 100 + int(name)).all()
  write_image(tmp_path / "train" / "99.png", colour(0, size=(8, 9)))
  with pytest.raises(ImageError, match=r"99\.png is 9 pixels wide, which is odd"):
    open_folder(tmp_path, holdout=0.0).a[20]


def test_a_changed_side_by_side_file_is_read_anew(tmp_path):
  write_image(tmp_path / "x.png", colour(1, size=(8, 16)))
  dataset = open_folder(tmp_path, layout="side_by_side", holdout=0.0)
  assert dataset.a[0].max() == 1
  import os

  write_image(tmp_path / "x.png", colour(2, size=(8, 16)))
  os.utime(tmp_path / "x.png", ns=(1, 1))
  assert dataset.a[0].max() == 2


def test_single_folder(tmp_path):
  fill(tmp_path, NAMES)
  for split in ("train", "test"):
    dataset = open_folder(tmp_path, split)
    assert dataset.b is None and not dataset.paired and dataset.a.names == NAMES


def test_aligned_folders_hold_out_pairs(tmp_path):
  names = [f"{i}" for i in range(30)]
  fill(tmp_path / "A", names, offset=0)
  fill(tmp_path / "B", names, offset=100, extension=".tif")  # Extensions may differ.
  train, test = open_folder(tmp_path), open_folder(tmp_path, "test")
  assert (len(train.a), len(test.a)) == (27, 3)
  assert sorted([*train.a.names, *test.a.names], key=int) == names
  for i in range(3):
    assert (test.b[i] == test.a[i] + 100).all()
  assert len(open_folder(tmp_path, "test", holdout=0.0).a) == 30


def test_endings_a_and_b_are_no_part_of_the_name(tmp_path):
  fill(tmp_path / "trainA", ["1_A", "2_A"])
  fill(tmp_path / "trainB", ["1_B", "2_B"])
  assert open_folder(tmp_path, holdout=0.0).a.names == ["1", "2"]


def test_names_that_do_not_pair(tmp_path):
  fill(tmp_path / "trainA", ["same", *(f"only{i}" for i in range(5))])
  fill(tmp_path / "trainB", ["same", "other"])
  with pytest.raises(ValueError, match="do not pair") as caught:
    open_folder(tmp_path)
  message = str(caught.value)
  assert "5 in" in message and "only0, only1, only2, …" in message and "(other)" in message
  assert "same name" in message and "unpaired method" in message
  unpaired = open_folder(tmp_path, paired=False, holdout=0.0)
  assert (len(unpaired.a), len(unpaired.b), unpaired.paired) == (6, 2, False)
  assert not open_folder(tmp_path, "test", paired=False).paired


def test_missing_and_empty_folders(tmp_path):
  with pytest.raises(ValueError, match=r"nowhere does not exist: set data\.path"):
    open_folder(tmp_path / "nowhere")
  with pytest.raises(ValueError, match="holds no pictures"):
    open_folder(tmp_path)
  with pytest.raises(ValueError, match=r"set data\.path"):
    open_folder("")
  (tmp_path / "trainA").mkdir()
  fill(tmp_path / "trainB", NAMES)
  with pytest.raises(ValueError, match="trainA holds no pictures"):
    open_folder(tmp_path)
  (tmp_path / "file").write_text("")
  with pytest.raises(ValueError, match="is a file"):
    open_folder(tmp_path / "file")
  with pytest.raises(ValueError, match="layout must be one of auto"):
    open_folder(tmp_path, layout="diagonal")


def test_one_name_twice(tmp_path):
  fill(tmp_path, ["x"])
  fill(tmp_path, ["x"], extension=".tif")
  with pytest.raises(ValueError, match=r"both x\.png and x\.tif"):
    open_folder(tmp_path)


def test_grey_among_rgb_becomes_rgb(tmp_path):
  fill(tmp_path, ["a", "c"])
  fill(tmp_path, ["b"], channels=1, offset=7)
  dataset = open_folder(tmp_path)
  assert dataset.a.spec == ImageSpec(3, "uint8", 0.0, 255.0)
  assert dataset.a[1].shape == (8, 8, 3) and (dataset.a[1] == 7).all()


def test_pictures_that_differ_from_the_others_are_named(tmp_path):
  fill(tmp_path, ["a", "b"])
  fill(tmp_path, ["c"], dtype="uint16")
  with pytest.raises(ImageError, match=r"c\.png holds uint16 values"):
    open_folder(tmp_path).a[2]
  with pytest.raises(ImageError, match=r"x has 3 channel\(s\).*channels=3"):
    conform(colour(0), image_spec(1), "x")


def test_specs_of_scientific_pictures(tmp_path):
  fill(tmp_path / "A", ["x"], channels=5, dtype="uint16", extension=".tif", offset=4000)
  fill(tmp_path / "B", ["x"])
  dataset = open_folder(tmp_path, holdout=0.0, high=4095.0)
  assert dataset.a.spec == ImageSpec(5, "uint16", 0.0, 4095.0)
  assert dataset.b.spec == ImageSpec(3, "uint8", 0.0, 255.0)  # 8 bits are always 0..255.
  assert dataset.a[0].shape == (8, 8, 5)


@pytest.mark.parametrize(
  ("value", "words"), [(1.5, "from 1.5 to 1.5, outside 0 to 1"), (np.nan, "NaN")]
)
def test_floats_outside_the_range_are_refused(tmp_path, value, words):
  write_image(tmp_path / "x.tif", np.full((4, 4, 1), value, np.float32))
  with pytest.raises(ImageError, match=words) as caught:
    open_folder(tmp_path).a[0]
  assert "x.tif" in str(caught.value)
  if value == 1.5:
    assert "data.options.high" in str(caught.value)
    assert open_folder(tmp_path, high=2.0).a[0].max() == 1.5


def test_unknown_sources_and_options(tmp_path):
  with pytest.raises(
    ValueError, match="source must be one of openmoji, folders, arrays, tfds:NAME"
  ):
    open_dataset("imagenet", split="train", paired=True)
  with pytest.raises(ValueError, match="source must be one of"):
    open_dataset("tfds", split="train", paired=False)
  with pytest.raises(ValueError, match="no option tones; it has channels, high, holdout"):
    open_folder(tmp_path, tones=True)
  with pytest.raises(ValueError, match="split must be one of train, test"):
    open_folder(tmp_path, "validation")


def test_hold_out_is_stable_and_bounded():
  # A change here would move test pictures of existing runs into their training sets.
  assert stable_fraction("1F600", "holdout") == pytest.approx(0.28806394296965504, abs=1e-15)
  names = [f"{i}" for i in range(100)]
  test = hold_out(names, "test", 0.1)
  assert len(test) == 10 and sorted(test + hold_out(names, "train", 0.1)) == list(range(100))
  with pytest.raises(ValueError, match="too few"):
    hold_out(["one"], "train", 0.1)
  with pytest.raises(ValueError, match="holdout must be"):
    hold_out(names, "train", 1.0)

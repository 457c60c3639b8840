import numpy as np
import pytest

from imtrans.data import (
  ImageError,
  ImageSpec,
  evaluation_batches,
  open_dataset,
  paired_batches,
  prepared,
  write_image,
)
from imtrans.data.prepared import prepare_arrays


def noise(seed, shape=(20, 30, 3), dtype="uint8"):
  return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.fixture
def originals(tmp_path):
  for side, offset in (("trainA", 0), ("trainB", 50), ("testA", 100), ("testB", 150)):
    (tmp_path / "in" / side).mkdir(parents=True)
    for i in range(4):
      write_image(tmp_path / "in" / side / f"p{i}.png", noise(offset + i, (20, 24 + i, 3)))
  return tmp_path / "in"


def opener(path, **options):
  return lambda split: open_dataset("folders", split=split, paired=True, path=str(path), **options)


def prepare(open_split, output, **options):
  prepare_arrays(
    open_split, output, **{"resize": "square", "load_size": 14, "crop_size": 12, **options}
  )


@pytest.mark.parametrize("resize", ["square", "scale_width", "none"])
def test_prepared_pictures_give_the_same_batches_bit_for_bit(tmp_path, originals, resize):
  open_original = opener(originals)
  prepare(open_original, tmp_path / "out", resize=resize)
  sizes = {"resize": resize, "crop_size": 12}

  def batches(open_split):
    training = paired_batches(open_split("train"), batch_size=3, seed=0, load_size=14, **sizes)
    yield from (next(training) for _ in range(4))
    for _, batch, _ in evaluation_batches(open_split("test"), batch_size=1, **sizes):
      yield batch

  def open_prepared(split):
    return open_dataset("arrays", split=split, paired=True, path=str(tmp_path / "out"))

  pairs = list(zip(batches(open_original), batches(open_prepared), strict=True))
  assert len(pairs) == 8
  for first, second in pairs:
    np.testing.assert_array_equal(first["source"], second["source"])
    np.testing.assert_array_equal(first["target"], second["target"])
  assert open_prepared("test").a.names == ["p0", "p1", "p2", "p3"]


def test_many_channels_keep_their_type_and_range(tmp_path):
  for side in "AB":
    (tmp_path / "in" / side).mkdir(parents=True)
    for i in range(3):
      array = noise(i, (9, 9, 5), "uint16") // 16
      write_image(tmp_path / "in" / side / f"{i}.tif", array)
  prepare(opener(tmp_path / "in", high=4095.0), tmp_path / "out", resize="none")
  train = open_dataset("arrays", split="train", paired=True, path=str(tmp_path / "out"))
  assert train.a.spec == ImageSpec(5, "uint16", 0.0, 4095.0) and train.paired
  np.testing.assert_array_equal(train.a[0], noise(int(train.a.names[0]), (9, 9, 5), "uint16") // 16)


def test_a_broken_picture_leaves_nothing_behind(tmp_path, originals):
  (originals / "testB" / "p3.png").write_bytes(b"")
  with pytest.raises(ImageError, match=r"p3\.png cannot be read as an image: it is empty"):
    prepare(opener(originals), tmp_path / "out")
  assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_full_disk_leaves_nothing_behind(tmp_path, originals, monkeypatch):
  class FullDisk:
    def __init__(self, path, options):
      pass

    def write(self, record):
      pass

    def close(self):
      raise RuntimeError("write() failed: No space left on device")

  monkeypatch.setattr(prepared.array_record_module, "ArrayRecordWriter", FullDisk)
  with pytest.raises(OSError, match=r"out could not be written: .*No space left"):
    prepare(opener(originals), tmp_path / "out")
  assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_refuses_what_is_there_already_and_single_folders(tmp_path, originals):
  (tmp_path / "out").mkdir()
  with pytest.raises(ValueError, match="out exists already"):
    prepare(opener(originals), tmp_path / "out")
  with pytest.raises(ValueError, match="no second domain"):
    single = lambda split: open_dataset(  # noqa: E731
      "folders", split=split, paired=False, path=str(originals / "trainA")
    )
    prepare(single, tmp_path / "new")


def test_damaged_prepared_folders(tmp_path, originals):
  with pytest.raises(ValueError, match="not a folder that `imtrans data prepare` wrote"):
    open_dataset("arrays", split="train", paired=True, path=str(tmp_path))
  prepare(opener(originals), tmp_path / "out")
  file = tmp_path / "out" / "train_b.arrayrecord"
  file.write_bytes(file.read_bytes()[:100])
  with pytest.raises(ImageError, match=r"train_b\.arrayrecord .*prepare the pictures again"):
    open_dataset("arrays", split="train", paired=True, path=str(tmp_path / "out"))
  file.unlink()
  with pytest.raises(ImageError, match="missing or damaged"):
    open_dataset("arrays", split="train", paired=True, path=str(tmp_path / "out"))


def test_unpaired_pictures_stay_unpaired(tmp_path, originals):
  (originals / "trainB" / "p3.png").rename(originals / "trainB" / "other.png")
  prepare(
    lambda split: open_dataset("folders", split=split, paired=False, path=str(originals)),
    tmp_path / "out",
  )
  path = str(tmp_path / "out")
  assert not open_dataset("arrays", split="train", paired=False, path=path).paired
  assert open_dataset("arrays", split="test", paired=False, path=path).paired
  with pytest.raises(ValueError, match="prepared without pairs"):
    open_dataset("arrays", split="train", paired=True, path=path)

"""The task "labels": palettes of label pictures, from the file to the stored output."""

import numpy as np
import pytest

from imtrans.data import (
  ImageError,
  evaluation_batches,
  open_task,
  paired_batches,
  unpaired_batches,
  write_image,
)
from imtrans.data.palette import indices_to_labels

PALETTE = ((0, 0, 0), (0, 0, 255), (250, 250, 0), (255, 0, 0))
TEXT = "black blue #fafa00 red"
SIZES = {"load_size": 20, "crop_size": 16}


def write_pairs(folder, count=6, size=24):
  generator = np.random.default_rng(0)
  for side in "AB":
    (folder / side).mkdir(parents=True, exist_ok=True)
  for i in range(count):
    photo = generator.integers(0, 256, (size, size, 3), np.uint8)
    classes = generator.integers(0, len(PALETTE), (size, size))
    write_image(folder / "A" / f"{i}.png", photo)
    write_image(folder / "B" / f"{i}.png", indices_to_labels(classes, PALETTE))
  return folder


def opened(path, split="train", paired=True, **options):
  places = {"path": str(path), "resize": "square", "crop_size": 16, "holdout": 0.2}
  return open_task("labels", "folders", split=split, paired=paired, **places, **options)


def colors(batch):
  """The colours of a batch, as the palette writes them."""
  return {tuple(int(v) for v in color) for color in np.rint((batch.reshape(-1, 3) + 1) * 127.5)}


def test_labels_keep_their_colours_through_resize_and_crop(tmp_path):
  write_pairs(tmp_path)
  train, test = opened(tmp_path), opened(tmp_path, split="test")
  assert train.b.spec.palette == test.b.spec.palette == PALETTE
  assert train.a.spec.palette is None and train.paired and test.paired
  for batch in (
    next(paired_batches(train, batch_size=4, seed=0, **SIZES)),
    next(evaluation_batches(test, batch_size=1, crop_size=16))[1],
  ):
    assert colors(batch["target"]) == set(PALETTE)
    assert len(colors(batch["source"])) > 100
  unpaired = opened(tmp_path, paired=False)
  assert colors(next(unpaired_batches(unpaired, batch_size=2, seed=0, **SIZES))["b"]) == set(
    PALETTE
  )


def test_the_other_domain_can_be_labels_too(tmp_path):
  write_pairs(tmp_path)
  (tmp_path / "A").rename(tmp_path / "photos")
  (tmp_path / "B").rename(tmp_path / "A")
  (tmp_path / "photos").rename(tmp_path / "B")
  train = opened(tmp_path, domain="a", palette=TEXT)
  assert train.a.spec.palette == PALETTE and train.b.spec.palette is None


def test_colours_beyond_the_tolerance_name_the_file(tmp_path):
  write_pairs(tmp_path)
  damaged = np.zeros((24, 24, 3), np.uint8)
  damaged[2, 3] = (9, 8, 7)
  for i in range(6):
    write_image(tmp_path / "B" / f"{i}.png", damaged)
  train = opened(tmp_path, palette=TEXT)
  with pytest.raises(
    ImageError, match=r"B/\d\.png has the colour \(9, 8, 7\) at column 3, row 2, 14"
  ):
    next(paired_batches(train, batch_size=2, seed=0, **SIZES))
  for limits in ({"tolerance": 14.0}, {"outliers": 0.002}):
    assert (opened(tmp_path, palette=TEXT, **limits).b[0] == 0).all()


def test_photographs_are_no_labels(tmp_path):
  write_pairs(tmp_path)
  with pytest.raises(
    ValueError, match=r"up to .*A/\d\.png the label pictures hold \d+ colours, more"
  ):
    opened(tmp_path, domain="a")
  assert len(opened(tmp_path, max_colors=4).b.spec.palette) == 4
  with pytest.raises(ValueError, match="more than max_colors=3"):
    opened(tmp_path, max_colors=3)


@pytest.mark.parametrize(
  ("options", "message"),
  [
    ({"palette": "black whit"}, "not 'whit'"),
    ({"tolerance": -1}, r"data\.options\.tolerance must be a number from 0 to 442"),
    ({"outliers": 2}, r"data\.options\.outliers must be a number from 0 to 1"),
    ({"max_colors": 1}, r"data\.options\.max_colors must be a number from 2 to 256"),
    ({"domain": "c"}, r"data\.options\.domain must be one of a, b, got 'c'"),
    ({"sigma": 1}, "neither the task labels nor the source folders has an option sigma; they have"),
  ],
)
def test_bad_options(tmp_path, options, message):
  with pytest.raises(ValueError, match=message):
    opened(write_pairs(tmp_path), **options)


def test_labels_need_a_second_domain_of_8_bit_rgb(tmp_path):
  write_pairs(tmp_path)
  with pytest.raises(ValueError, match="needs pictures and their labels, but this is a single"):
    opened(tmp_path / "A", paired=False)
  for i in range(6):
    write_image(tmp_path / "B" / f"{i}.png", np.zeros((24, 24, 1), np.uint8))
  with pytest.raises(ValueError, match=r"uint8 of 1 channel\(s\).*channels=3"):
    opened(tmp_path)
  assert opened(tmp_path, channels=3, palette=TEXT).b[0].shape == (24, 24, 3)

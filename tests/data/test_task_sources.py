"""Tasks on folders, OpenMoji and prepared pictures; halves; what bad options get."""

import numpy as np
import pytest

from imtrans.data import from_arrays, open_dataset, open_task, unpaired_batches, write_image
from imtrans.data.dataset import Subset, halves

SIZES = {"load_size": 20, "crop_size": 16}


def pictures(count, size=24):
  return list(np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8))


def photos(folder, count=9):
  folder.mkdir(parents=True, exist_ok=True)
  for index, picture in enumerate(pictures(count)):
    write_image(folder / f"{index}.png", picture)
  return folder


def opened(path, task="denoise", split="train", paired=True, **options):
  places = {"path": str(path), "resize": "square", "crop_size": 16}
  return open_task(task, "folders", split=split, paired=paired, **places, **options)


def test_unpaired_training_shows_no_picture_with_its_target(tmp_path):
  photos(tmp_path, 20)
  train = opened(tmp_path, "recolor", paired=False)
  assert not train.paired and not set(train.a.names) & set(train.b.names)
  assert len(train.a) == len(train.b) == 9
  test = opened(tmp_path, "recolor", split="test", paired=False)
  assert test.paired and list(test.a.names) == list(test.b.names) and len(test.a) == 2
  assert not set(test.a.names) & {*train.a.names, *train.b.names}
  batch = next(unpaired_batches(train, batch_size=4, seed=0, **SIZES))
  assert batch["a"].shape == batch["b"].shape == (4, 16, 16, 3)


def test_halves_keep_groups_together():
  groups = [f"g{i // 3}" for i in range(30)]
  first, second = halves(groups)
  assert sorted(first + second) == list(range(30))
  assert not {groups[i] for i in first} & {groups[i] for i in second}
  assert len(first) == len(second) == 15
  with pytest.raises(ValueError, match="one picture cannot be halved"):
    halves(["x", "x"])


def test_openmoji_variants_of_a_drawing_stay_on_one_side():
  options = {"paired": False, "resize": "square", "crop_size": 18}
  data = open_task("recolor", "openmoji", split="train", size=18, domain="b", **options)
  plain = open_dataset("openmoji", split="train", paired=True, size=18).b
  group = dict(zip(plain.names, plain.groups, strict=True))
  assert {*data.a.names, *data.b.names} == set(plain.names)
  assert not {group[name] for name in data.a.names} & {group[name] for name in data.b.names}
  paired = open_task("denoise", "openmoji", split="train", size=18, domain="b",
                     **{**options, "paired": True})  # fmt: skip
  np.testing.assert_array_equal(paired.b[5], plain[5])


def test_a_folder_of_photographs_in_every_layout(tmp_path):
  flat = photos(tmp_path / "flat", 20)
  train, test = (opened(flat, split=split) for split in ("train", "test"))
  assert (len(train.a), len(test.a)) == (18, 2) and train.paired and test.paired
  photos(tmp_path / "split" / "train", 5)
  photos(tmp_path / "split" / "val", 3)
  train, test = (opened(tmp_path / "split", split=split) for split in ("train", "test"))
  assert (len(train.a), len(test.a)) == (5, 3) and train.b[0].shape == (16, 16, 3)
  photos(tmp_path / "two" / "trainA", 5)
  photos(tmp_path / "two" / "trainB", 4)
  photos(tmp_path / "two" / "testA", 1)
  photos(tmp_path / "two" / "testB", 2)
  sizes = [
    len(opened(tmp_path / "two", domain=d, split=s).a) for d in "ab" for s in ("train", "test")
  ]
  assert sizes == [5, 1, 4, 2]
  halves_ = opened(tmp_path / "split", layout="side_by_side", domain="b")
  assert halves_.a.clean[0].shape == (24, 12, 3)
  with pytest.raises(ValueError, match=r'its only domain is "a": set data\.options\.domain=a'):
    opened(flat, domain="b")


def test_prepared_pictures_can_have_a_task(tmp_path):
  from imtrans.data.prepared import prepare_arrays

  photos(tmp_path / "in" / "A")
  photos(tmp_path / "in" / "B")
  prepare_arrays(
    lambda split: open_dataset("folders", split=split, paired=True, path=str(tmp_path / "in")),
    tmp_path / "out",
    resize="square",
    load_size=20,
    crop_size=16,
  )
  options = {"paired": True, "path": str(tmp_path / "out"), "resize": "square", "crop_size": 16}
  for domain in "ab":
    data = open_task("denoise", "arrays", split="test", domain=domain, **options)
    assert data.a[0].shape == (16, 16, 3)
  single = open_task("none", "folders", split="train", **{**options, "paired": False,
                     "path": str(tmp_path / "in" / "A")})  # fmt: skip
  assert single.b is None


def test_a_subset_is_a_domain():
  clean = from_arrays(pictures(3)).a
  some = Subset(clean, [2, 0])
  assert len(some) == 2 and some.names == ["000002", "000000"] and some.spec == clean.spec
  np.testing.assert_array_equal(some[1], clean[0])


@pytest.mark.parametrize(
  ("task", "options", "message"),
  [
    ("colorize", {}, r"data\.task must be one of none, grayscale, .*labels, noise, got 'colorize'"),
    ("denoise", {"sigm": 1}, "neither the task denoise nor the source folders has an option sigm"),
    ("denoise", {"sigma": -1}, r"data\.options\.sigma must be a number from 0 to 1, got -1"),
    ("denoise", {"sigma": "big"}, r"data\.options\.sigma must be a number"),
    ("denoise", {"sigma": 0}, r"sigma=0 adds no noise, .*: choose a larger one, such as 0\.1"),
    ("denoise", {"noise": "laplace", "sigma": 0.0}, "sigma=0 adds no noise"),
    ("denoise", {"noise": "salt"}, r"noise must be one of gauss, laplace, poisson, got 'salt'"),
    ("denoise", {"peak": 0}, r"peak must be a number above 0"),
    ("denoise", {"domain": "c"}, r"data\.options\.domain must be one of a, b, got 'c'"),
    ("inpainting", {"hole": "round"}, "hole must be one of center, box, strokes, folder"),
    ("inpainting", {"area": 1.0}, r"area must be a number above 0 and below 1, got 1\.0"),
    ("inpainting", {"fill": "red"}, "fill must be one of grey, mean"),
    ("inpainting", {"hole": "folder"}, r"set data\.options\.masks"),
    ("super_resolution", {"factor": 0}, "factor must be a number from 1 to 64"),
    ("super_resolution", {"factor": 1}, "factor=1 leaves every picture .*: choose a larger one"),
    ("super_resolution", {"factor": 1.0}, "factor=1 leaves every picture as it is"),
    ("deblur", {"blur": "lens"}, "blur must be one of gauss, motion"),
    ("deblur", {"sigma": 0.0}, "sigma must be a number above 0"),
    ("deblur", {"length": 0.5}, "length must be a number from 1"),
    ("deblur", {"blur": "motion", "angle": "up"}, "angle must be a number from -360 to 360"),
    ("jpeg", {"quality": (30, 10)}, r"quality must be an integer from 1 to 95, or \(lowest"),
    ("jpeg", {"quality": 96}, "quality must be an integer from 1 to 95"),
    ("jpeg", {"quality": (1, 2, 3)}, "quality must be an integer from 1 to 95"),
    ("edges", {"detector": "sobel"}, "detector must be one of canny, soft"),
    ("edges", {"weak": 0.9}, r"weak must be a number from 0 to 0\.5, got 0\.9"),
    ("sketch", {"shading": 2.0}, "shading must be a number from 0 to 1"),
    ("recolor", {"degrees": 361}, "degrees must be a number from -360 to 360"),
    ("grayscale", {"target": "hsv"}, "target must be one of rgb, lab"),
  ],
)
def test_bad_options_are_refused_in_one_sentence(tmp_path, task, options, message):
  with pytest.raises(ValueError, match=message) as caught:
    opened(photos(tmp_path), task, **options)
  assert "\n" not in str(caught.value)

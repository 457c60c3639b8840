"""Tasks in the pipeline: pairs, specs, randomness, positions."""

import numpy as np
import pytest

from imtrans.data import (
  TASKS,
  Dataset,
  ImageError,
  denormalize,
  evaluation_batches,
  from_arrays,
  image_spec,
  make_task,
  paired_batches,
  write_image,
)
from imtrans.data.color import colorize, rotate_hue
from imtrans.data.dataset import stable_generator
from imtrans.data.task import TaskDomain
from imtrans.data.transforms import fit

SIZES = {"load_size": 20, "crop_size": 16}
RANDOM = {
  "inpainting": {"hole": "strokes"},
  "denoise": {},
  "deblur": {"blur": "motion"},
  "jpeg": {"quality": (5, 60)},
  "sketch": {},
}
ALL = {name: RANDOM.get(name, {}) for name in TASKS}


def pictures(count=7, size=24, channels=3, dtype="uint8"):
  generator = np.random.default_rng(0)
  most = {"uint8": 256, "uint16": 65536, "float32": 1}[dtype]
  return [(generator.random((size, size, channels)) * most).astype(dtype) for _ in range(count)]


def photos(folder, count=9, size=24):
  folder.mkdir(parents=True, exist_ok=True)
  for index, picture in enumerate(pictures(count, size)):
    write_image(folder / f"{index}.png", picture)
  return folder


def dataset(name, arrays=None, **options):
  clean = from_arrays(pictures() if arrays is None else arrays).a
  task = make_task(name, clean.spec, **options)
  sides = (TaskDomain(clean, task, s, resize="square", crop_size=16) for s in ("source", "target"))
  return Dataset(*sides, True)


def take(iterator, count):
  return [next(iterator) for _ in range(count)]


def assert_equal(first, second):
  for one, other in zip(first, second, strict=True):
    assert one.keys() == other.keys()
    for name in one:
      np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize("name", TASKS)
def test_pairs_have_what_the_specs_say(name):
  data = dataset(name, **ALL[name])
  batch = next(paired_batches(data, batch_size=3, seed=0, **SIZES))
  for side, domain in (("source", data.a), ("target", data.b)):
    assert batch[side].shape == (3, 16, 16, domain.spec.channels)
    assert batch[side].dtype == np.float32 and np.abs(batch[side]).max() <= 1
    stored = domain[0]
    assert stored.dtype.name == domain.spec.dtype and stored.shape[2] == domain.spec.channels
    assert stored.shape[:2] == (16, 16)
  assert data.b.spec == image_spec(3)
  backward = next(paired_batches(data, batch_size=3, seed=0, direction="ba", **SIZES))
  assert_equal([{"source": batch["target"], "target": batch["source"]}], [backward])


@pytest.mark.parametrize("name", sorted(set(TASKS) - {"recolor"}))
def test_the_target_is_the_clean_picture(name):
  arrays = pictures()
  data = dataset(name, arrays, **ALL[name])
  clean = from_arrays(arrays, arrays)
  made = next(paired_batches(data, batch_size=7, seed=3, **SIZES))
  plain = next(paired_batches(clean, batch_size=7, seed=3, **SIZES))
  np.testing.assert_array_equal(made["target"], plain["target"])  # The same order and crops.
  np.testing.assert_array_equal(data.b[2], fit(arrays[2], resize_to="square", crop_size=16))


@pytest.mark.parametrize("name", RANDOM)
def test_training_draws_anew_and_evaluation_never(name):
  data = dataset(name, pictures(1), **RANDOM[name])
  options = {"resize": "none", "load_size": 0, "crop_size": 24, "flip": False}
  batches = take(paired_batches(data, batch_size=1, seed=0, **options), 3)
  np.testing.assert_array_equal(batches[0]["target"], batches[1]["target"])
  assert np.abs(batches[0]["source"] - batches[1]["source"]).max() > 0
  again, other_seed = (
    take(paired_batches(data, batch_size=1, seed=seed, **options), 3) for seed in (0, 1)
  )
  assert_equal(batches, again)
  assert np.abs(batches[0]["source"] - other_seed[0]["source"]).max() > 0
  np.testing.assert_array_equal(data.a[0], data.a[0])


def test_a_degradation_in_evaluation_hangs_on_the_name_alone():
  arrays = pictures(1) * 3
  task = make_task("denoise", image_spec(3))

  def sources(names):
    clean = from_arrays(arrays, names=names).a
    domain = TaskDomain(clean, task, "source", resize="none", crop_size=1)
    return [domain[index] for index in range(3)]

  first, second = sources(["x", "y", "z"]), sources(["z", "x", "q"])
  np.testing.assert_array_equal(first[0], second[1])
  np.testing.assert_array_equal(first[2], second[0])
  assert (first[0] != first[1]).any() and (second[2] != first[0]).any()
  # Recorded, so that figures of one version can be compared with those of another.
  assert stable_generator("x", "task").integers(1000, size=3).tolist() == [274, 220, 531]


def test_evaluation_shows_every_pair_alike_each_time():
  data = dataset("denoise")
  one, two = (list(evaluation_batches(data, batch_size=size, crop_size=16)) for size in (3, 7))
  assert [names for names, _, _ in two] == [list(data.a.names)]
  together = np.concatenate([batch["source"][:count] for _, batch, count in one])
  np.testing.assert_array_equal(together, two[0][1]["source"])


def test_evaluation_degrades_at_the_final_size():
  clean = from_arrays([np.full((20, 40, 3), 128, np.uint8)]).a
  task = make_task("denoise", clean.spec)
  options = {"resize": "scale_width", "crop_size": 16}
  sides = (TaskDomain(clean, task, side, **options) for side in ("source", "target"))
  batches = evaluation_batches(Dataset(*sides, True), batch_size=1, multiple=4, **options)
  ((_, batch, _),) = batches
  assert batch["source"].shape == batch["target"].shape == (1, 8, 16, 3)
  assert abs((batch["source"] - batch["target"]).std() / 2.0 - 0.1) < 0.01


@pytest.mark.parametrize("name", RANDOM)
def test_threads_and_position_do_not_change_the_degradations(name):
  data = dataset(name, **RANDOM[name])
  options = {"batch_size": 4, "seed": 3, **SIZES}
  expected = take(paired_batches(data, num_threads=0, **options), 6)
  assert_equal(take(paired_batches(data, num_threads=4, **options), 6), expected)
  iterator = paired_batches(data, **options)
  take(iterator, 4)
  resumed = paired_batches(data, **options)
  resumed.set_state(iterator.get_state())
  assert_equal(take(resumed, 2), expected[4:])
  parts = [
    take(paired_batches(data, process_index=i, process_count=2, **options), 2) for i in (0, 1)
  ]
  for whole, first, second in zip(expected, *parts, strict=False):
    joined = np.concatenate([first["source"], second["source"]])
    np.testing.assert_array_equal(joined, whole["source"])


def test_worker_processes_make_the_same_pairs(tmp_path):
  masks = photos(tmp_path / "masks", count=3, size=16)
  data = dataset("inpainting", hole="folder", masks=str(masks), mask_channel=True)
  options = {"batch_size": 4, "seed": 0, **SIZES}
  expected = take(paired_batches(data, num_threads=0, **options), 2)
  workers = paired_batches(data, num_threads=1, num_workers=1, **options)
  assert_equal(take(workers, 2), expected)
  workers.close()


def test_16_bit_and_many_channels_can_be_restored():
  for name in ("super_resolution", "inpainting", "denoise", "deblur", "edges", "sketch"):
    data = dataset(name, pictures(2, channels=5, dtype="uint16"))
    assert data.b.spec == image_spec(5, "uint16") and data.a.spec.dtype == "uint16"
    assert data.a.spec.channels == (1 if name in ("edges", "sketch") else 5)
    batch = next(paired_batches(data, batch_size=2, seed=0, **SIZES))
    assert batch["source"].shape[:3] == batch["target"].shape[:3] == (2, 16, 16)
  noisy = dataset("denoise", pictures(1, channels=2, dtype="float32"), sigma=1e-8)
  np.testing.assert_allclose(noisy.a[0], noisy.b[0], atol=1e-6)


def test_the_noise_in_a_batch_has_its_sigma():
  data = dataset("denoise", [np.full((64, 64, 3), 128, np.uint8)] * 4, sigma=0.1)
  batch = next(paired_batches(data, batch_size=4, seed=0, load_size=64, crop_size=64))
  difference = (batch["source"] - batch["target"]) / 2.0  # From [-1, 1] to the scale of sigma.
  assert abs(difference.std() - 0.1) < 0.001


def test_inpainting_fills_and_marks_the_hole():
  arrays = [np.full((24, 24, 3), (10, 20, 30), np.uint8)]
  grey = dataset("inpainting", arrays).a[0]
  assert (grey[4:12, 4:12] == 128).all() and (grey != 128).all(-1).sum() == 192
  assert (dataset("inpainting", arrays, fill="mean").a[0] == arrays[0][0, 0]).all()
  marked = dataset("inpainting", arrays, mask_channel=True)
  assert marked.a.spec == image_spec(4) and marked.b.spec == image_spec(3)
  np.testing.assert_array_equal(marked.a[0][:, :, 3] == 255, (grey == 128).all(-1))


def test_lab_targets_and_their_sources_are_the_picture():
  arrays = pictures(2)
  data = dataset("grayscale", arrays, target="lab")
  assert data.b.spec.channels == 2 and data.b.spec.dtype == "float32"
  joined = denormalize(2 * colorize(data.a[1] / 255.0, data.b[1]) - 1, image_spec(3))
  clean = fit(arrays[1], resize_to="square", crop_size=16)
  assert np.abs(joined.astype(int) - clean).max() <= 3  # The grey is rounded to 8 bits.
  neutral = dataset("grayscale", [np.full((16, 16, 3), 77, np.uint8)])
  assert (neutral.a[0] == 77).all()


def test_recolor_turns_the_target():
  arrays = pictures(1)
  data = dataset("recolor", arrays, degrees=40.0)
  clean = fit(arrays[0], resize_to="square", crop_size=16)
  np.testing.assert_array_equal(data.a[0], clean)
  expected = np.rint(255 * rotate_hue(clean / 255.0, 40.0))
  assert np.abs(data.b[0] - expected).max() <= 1


@pytest.mark.parametrize(
  ("task", "channels", "message"),
  [
    ("grayscale", 1, "the task grayscale needs RGB pictures, these have 1"),
    ("recolor", 5, "the task recolor needs RGB pictures, these have 5"),
    ("jpeg", 5, "the task jpeg needs pictures of 1 or 3 channels, these have 5"),
    ("blend", 3, "the task must be one of grayscale"),
  ],
)
def test_pictures_that_a_task_cannot_take(task, channels, message):
  with pytest.raises(ValueError, match=message):
    make_task(task, image_spec(channels))
  with pytest.raises(ValueError, match="the task jpeg has no option sigma; it has quality"):
    make_task("jpeg", image_spec(3), sigma=1)


def test_masks_of_another_size_are_named_from_the_iterator(tmp_path):
  masks = photos(tmp_path / "masks", count=1, size=12)
  options = {"hole": "folder", "masks": str(masks)}
  with pytest.raises(ImageError, match=r"masks/0\.png is 12 x 12 pixels, the pictures are 16 x 16"):
    dataset("inpainting", **options)
  photos(tmp_path / "masks", count=1, size=16)
  data = dataset("inpainting", **options)
  photos(tmp_path / "masks", count=1, size=12)  # While it is open.
  with pytest.raises(ImageError, match=r"masks/0\.png is 12 x 12 pixels, the picture is 16 x 16"):
    next(paired_batches(data, batch_size=2, seed=0, **SIZES))
  with pytest.raises(ImageError, match=r"masks/0\.png is 12 x 12 pixels"):
    data.a[0]


def test_one_number_for_a_pair_of_qualities_means_it():
  clean = image_spec(3)
  picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
  generator = np.random.default_rng(0)
  made = [
    make_task("jpeg", clean, quality=quality).make_source(picture, generator)
    for quality in (30, (30,), (30, 30))
  ]
  np.testing.assert_array_equal(made[0], made[1])
  np.testing.assert_array_equal(made[0], made[2])
  with pytest.raises(ValueError, match=r"quality must be an integer .* got \(10, 20, 30\)"):
    make_task("jpeg", clean, quality=(10, 20, 30))


def test_a_mask_of_another_size_is_left_out_and_the_others_are_read():
  random = np.random.default_rng(0)
  sources = [random.integers(0, 256, (16, 16, 3)).astype(np.uint8) for _ in range(3)]
  targets = [sources[0], sources[1][:12], sources[2]]
  pairs = from_arrays(sources, targets, names=["x", "y", "z"])
  problems = {}
  options = {"batch_size": 2, "resize": "none", "crop_size": 1}
  batches = list(
    evaluation_batches(pairs, **options, on_problem=lambda name, e: problems.update({name: str(e)}))
  )
  assert [names for names, _, _ in batches] == [["x", "z"]]
  assert "the source 16 x 16 and the target 16 x 12 pixels" in problems["y"]
  assert 'set data.resize="square"' in problems["y"]
  with pytest.raises(ImageError, match="the pair 'y' differ in size"):
    list(evaluation_batches(pairs, **options))

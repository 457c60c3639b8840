import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from imtrans.data import (
  Dataset,
  ImageError,
  evaluation_batches,
  from_arrays,
  image_spec,
  open_dataset,
  paired_batches,
  unpaired_batches,
  write_image,
)

SIZES = {"load_size": 10, "crop_size": 8}


def numbered(count, offset=0, size=10):
  """Pictures of one value each, so that a batch tells which ones it holds."""
  values = np.arange(offset, offset + count, dtype=np.uint8)
  return np.broadcast_to(values[:, None, None, None], (count, size, size, 1))


def noise(count, seed=0, channels=3):
  return np.random.default_rng(seed).integers(0, 256, (count, 12, 12, channels), np.uint8)


def values(batch):
  """The stored value at the corner of each picture of a batch."""
  return np.rint((batch[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


def all_values(batches, side):
  return [value for batch in batches for value in values(batch[side])]


def take(iterator, count):
  return [next(iterator) for _ in range(count)]


def assert_equal(first, second):
  for one, other in zip(first, second, strict=True):
    assert one.keys() == other.keys()
    for name in one:
      np.testing.assert_array_equal(one[name], other[name])


def test_paired_batches_share_their_randomness_and_follow_the_direction():
  pictures = noise(6)
  dataset = from_arrays(pictures, 255 - pictures)
  for batch in take(paired_batches(dataset, batch_size=4, seed=0, **SIZES), 5):
    assert batch["source"].shape == (4, 8, 8, 3) and batch["source"].dtype == np.float32
    assert batch["source"].min() >= -1 and batch["source"].max() <= 1
    # The resize rounds to 8 bits on both sides.
    np.testing.assert_allclose(batch["source"], -batch["target"], atol=1.01 / 127.5)
  forward = next(paired_batches(dataset, batch_size=4, seed=0, **SIZES))
  backward = next(paired_batches(dataset, batch_size=4, seed=0, direction="ba", **SIZES))
  np.testing.assert_array_equal(forward["source"], backward["target"])
  np.testing.assert_array_equal(forward["target"], backward["source"])


def test_each_epoch_holds_every_picture_once_in_a_new_order():
  dataset = from_arrays(numbered(12), numbered(12, 100))
  batches = take(paired_batches(dataset, batch_size=4, seed=1, **SIZES), 9)
  for batch in batches:
    assert values(batch["target"]) == [value + 100 for value in values(batch["source"])]
  epochs = [all_values(batches[i : i + 3], "source") for i in (0, 3, 6)]
  assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
  assert len({tuple(epoch) for epoch in epochs}) == 3
  other_seed = take(paired_batches(dataset, batch_size=4, seed=2, **SIZES), 3)
  assert all_values(other_seed, "source") != epochs[0]


def test_unpaired_batches_shuffle_the_domains_apart():
  dataset = from_arrays(numbered(5), numbered(7, 100), paired=False)
  batches = take(unpaired_batches(dataset, batch_size=5, seed=0, **SIZES), 21)
  a = all_values(batches, "a")
  b = all_values(batches, "b")
  for start in range(0, 105, 5):
    assert sorted(a[start : start + 5]) == [0, 1, 2, 3, 4]
  for start in range(0, 105, 7):
    assert sorted(b[start : start + 7]) == list(range(100, 107))
  assert len(set(zip(a, b, strict=True))) == 35  # All combinations turn up.


def test_equal_domains_do_not_get_the_same_order_an_epoch_apart():
  dataset = from_arrays(numbered(20), numbered(20), paired=False)
  batches = take(unpaired_batches(dataset, batch_size=20, seed=0, **SIZES), 6)
  orders_a, orders_b = ({tuple(values(b[side])) for b in batches} for side in "ab")
  assert len(orders_a) == len(orders_b) == 6 and not orders_a & orders_b


@pytest.mark.parametrize("make", [paired_batches, unpaired_batches])
def test_threads_and_position_do_not_change_the_batches(make):
  dataset = from_arrays(noise(7), noise(7, seed=1))
  options = {"batch_size": 4, "seed": 3, **SIZES}
  expected = take(make(dataset, num_threads=0, **options), 8)
  for num_threads in (1, 4):
    assert_equal(take(make(dataset, num_threads=num_threads, **options), 8), expected)
  iterator = make(dataset, **options)
  take(iterator, 5)
  state = iterator.get_state()
  resumed = make(dataset, **options)
  resumed.set_state(state)
  assert_equal(take(resumed, 3), expected[5:])
  iterator.set_state(state)  # Also backwards and forwards in a running one.
  assert_equal(take(iterator, 3), expected[5:])


@pytest.mark.parametrize("make", [paired_batches, unpaired_batches])
@pytest.mark.parametrize("count", [1, 3])
def test_batches_of_one_picture(make, count):
  dataset = from_arrays(noise(count), noise(count, seed=1))
  single = take(make(dataset, batch_size=1, seed=3, **SIZES), 6)
  whole = take(make(dataset, batch_size=3, seed=3, **SIZES), 2)
  for index, batch in enumerate(single):
    for name, array in batch.items():
      np.testing.assert_array_equal(array[0], whole[index // 3][name][index % 3])


@pytest.mark.parametrize("make", [paired_batches, unpaired_batches])
def test_processes_share_the_global_batch(make):
  dataset = from_arrays(noise(7), noise(7, seed=1))
  options = {"batch_size": 4, "seed": 3, **SIZES}
  whole = take(make(dataset, **options), 5)
  parts = [take(make(dataset, process_index=i, process_count=2, **options), 5) for i in (0, 1)]
  joined = [
    {name: np.concatenate([first[name], second[name]]) for name in first}
    for first, second in zip(*parts, strict=True)
  ]
  assert_equal(joined, whole)


def test_the_position_survives_an_orbax_checkpoint(tmp_path):
  import grain
  import orbax.checkpoint as ocp

  dataset = from_arrays(noise(5), noise(5, seed=1))
  options = {"batch_size": 2, "seed": 0, **SIZES}
  iterator = paired_batches(dataset, **options)
  take(iterator, 4)
  with ocp.CheckpointManager(tmp_path) as manager:
    manager.save(4, args=ocp.args.Composite(data=grain.checkpoint.CheckpointSave(iterator)))
    manager.wait_until_finished()
    expected = take(iterator, 3)
    resumed = paired_batches(dataset, **options)
    manager.restore(4, args=ocp.args.Composite(data=grain.checkpoint.CheckpointRestore(resumed)))
  assert_equal(take(resumed, 3), expected)


def damaged_folder(tmp_path, count=40):
  for side in ("trainA", "trainB", "testA", "testB"):
    (tmp_path / side).mkdir()
    for i in range(count if side.startswith("train") else 1):
      write_image(tmp_path / side / f"{i:02d}.png", noise(1, seed=i)[0])
  # No probe: opening reads every second picture.
  (tmp_path / "trainB" / "07.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
  return open_dataset("folders", split="train", paired=True, path=str(tmp_path))


@pytest.mark.parametrize("num_threads", [0, 2])
def test_an_unreadable_picture_in_the_middle_is_named(tmp_path, num_threads):
  dataset = damaged_folder(tmp_path)
  iterator = paired_batches(dataset, batch_size=8, seed=0, num_threads=num_threads, **SIZES)
  words = r"trainB/07\.png cannot be read as an image.*`imtrans data inspect` lists all"
  with pytest.raises(ImageError, match=words):
    take(iterator, 6)


def test_worker_processes_give_the_same_batches_and_errors(tmp_path):
  dataset = damaged_folder(tmp_path)
  options = {"batch_size": 8, "seed": 0, "process_count": 4, **SIZES}
  expected = []
  iterator = paired_batches(dataset, num_threads=0, **options)
  try:
    while True:
      expected.append(next(iterator))
  except ImageError:
    pass
  workers = paired_batches(dataset, num_threads=1, num_workers=1, **options)
  assert_equal(take(workers, len(expected)), expected)
  with pytest.raises(ImageError, match=r"trainB/07\.png cannot be read"):
    next(workers)
  workers.close()


def test_a_program_that_stops_early_ends_at_once():
  program = textwrap.dedent("""
    import numpy as np
    from imtrans.data import from_arrays, paired_batches
    pictures = np.zeros((50, 64, 64, 3), np.uint8)
    batches = paired_batches(from_arrays(pictures, pictures), batch_size=16, seed=0, load_size=72,
                             crop_size=64, num_threads=4)
    next(batches)
    print("read", flush=True)
  """)
  start = time.monotonic()
  done = subprocess.run(
    [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
  )
  assert done.stdout == "read\n" and done.stderr == ""
  assert time.monotonic() - start < 30


def test_16_bit_and_many_channels_reach_the_batch():
  a = np.random.default_rng(0).integers(0, 4096, (3, 12, 12, 5), np.uint16)
  dataset = from_arrays(a, noise(3), high=4095)
  options = {"resize": "none", "load_size": 0, "crop_size": 12, "flip": False}
  batch = next(paired_batches(dataset, batch_size=3, seed=0, **options))
  assert batch["source"].shape == (3, 12, 12, 5)
  expected = a.astype(np.float64) / 4095 * 2 - 1
  for picture in batch["source"]:
    assert min(np.abs(picture - other).max() for other in expected) < 1e-6


@pytest.mark.parametrize(
  ("options", "words"),
  [
    ({"batch_size": 0}, "batch_size must be at least 1"),
    ({"batch_size": 3, "process_count": 2}, "cannot be divided among 2 processes"),
    ({"process_index": 1}, "process_index must be in"),
    ({"direction": "aa"}, "direction must be one of ab, ba"),
    ({"resize": "stretch"}, "resize must be one of square"),
    ({"crop_size": 11}, "load_size must be at least crop_size"),
    ({"crop_size": 0}, "crop_size must be at least 1"),
  ],
)
def test_wrong_arguments(options, words):
  dataset = from_arrays(numbered(3), numbered(3))
  with pytest.raises(ValueError, match=words):
    paired_batches(dataset, **{"batch_size": 2, "seed": 0, **SIZES, **options})


def test_wrong_datasets():
  unpaired = from_arrays(numbered(3), numbered(3), paired=False)
  with pytest.raises(ValueError, match="needs pairs"):
    paired_batches(unpaired, batch_size=1, seed=0, **SIZES)
  single = from_arrays(numbered(3))
  with pytest.raises(ValueError, match="single folder"):
    unpaired_batches(single, batch_size=1, seed=0, **SIZES)
  with pytest.raises(ValueError, match="as many pictures"):
    from_arrays(numbered(3), numbered(2))
  with pytest.raises(ValueError, match="must be arrays"):
    from_arrays(np.zeros((3, 4, 4)))


def test_evaluation_yields_every_picture_once_under_its_name():
  dataset = from_arrays(numbered(7), numbered(7, 100), names=list("abcdefg"))
  batches = list(evaluation_batches(dataset, batch_size=3, crop_size=8))
  assert [names for names, _, _ in batches] == [["a", "b", "c"], ["d", "e", "f"], ["g"]]
  assert [count for _, _, count in batches] == [3, 3, 1]
  assert all(batch["source"].shape == (3, 8, 8, 1) for _, batch, _ in batches)
  assert values(batches[2][1]["source"]) == [6, 6, 6]  # Padded by repeating the last one.
  assert values(batches[1][1]["target"]) == [103, 104, 105]
  _, backward, _ = next(evaluation_batches(dataset, batch_size=3, crop_size=8, direction="ba"))
  assert values(backward["source"]) == [100, 101, 102] and values(backward["target"]) == [0, 1, 2]


def test_evaluation_without_targets():
  unpaired = from_arrays(numbered(2), numbered(3, 100), paired=False)
  for direction, count in (("ab", 2), ("ba", 3)):
    ((names, batch, real),) = evaluation_batches(
      unpaired, batch_size=4, crop_size=8, direction=direction
    )
    assert real == len(names) == count and batch.keys() == {"source"}
  single = from_arrays(numbered(2))
  assert len(list(evaluation_batches(single, batch_size=2, crop_size=8))) == 1
  with pytest.raises(ValueError, match='direction must be "ab"'):
    evaluation_batches(single, batch_size=2, crop_size=8, direction="ba")


def test_evaluation_groups_pictures_of_one_size():
  pictures = [np.zeros((h, w, 1), np.uint8) for h, w in ((8, 8), (8, 8), (8, 13), (21, 9))]
  batches = list(
    evaluation_batches(from_arrays(pictures), batch_size=2, resize="none", crop_size=1, multiple=4)
  )
  assert [batch["source"].shape for _, batch, _ in batches] == [
    (2, 8, 8, 1),
    (2, 8, 12, 1),
    (2, 20, 8, 1),
  ]
  assert [count for _, _, count in batches] == [2, 1, 1]


def test_a_domain_of_ones_own():
  class Squares:
    spec = image_spec(1)
    names = ("zero", "one")

    def __len__(self):
      return 2

    def __getitem__(self, index):
      return np.full((8, 8, 1), 255 * index, np.uint8)

  batch = next(paired_batches(Dataset(Squares(), Squares(), True), batch_size=2, seed=0, **SIZES))
  assert sorted(values(batch["source"])) == [0, 255]

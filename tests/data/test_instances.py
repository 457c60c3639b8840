"""Boundary maps of instance maps: by hand, through training batches and evaluation."""

import numpy as np
import pytest

from imtrans.data import evaluation_batches, open_dataset, open_task, paired_batches, write_image
from imtrans.data.instances import instance_edges, with_instance_edges

# Two objects of one class side by side, on a ground.
OBJECTS = np.array(
  [
    [0, 0, 0, 0, 0, 0],
    [0, 7, 7, 9, 9, 0],
    [0, 7, 7, 9, 9, 0],
    [0, 0, 0, 0, 0, 0],
  ]
)
EDGES = np.array(
  [
    [0, 1, 1, 1, 1, 0],
    [1, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 1, 1],
    [0, 1, 1, 1, 1, 0],
  ],
  bool,
)
SIZES = {"resize": "none", "crop_size": 8}


def test_edges_by_hand():
  np.testing.assert_array_equal(instance_edges(OBJECTS[:, :, None]), EDGES)
  # Numbers of 16 bits that agree in their lower byte, and colours that agree in two channels.
  np.testing.assert_array_equal(
    instance_edges((256 * OBJECTS[:, :, None]).astype(np.uint16)), EDGES
  )
  colors = np.stack([OBJECTS, 0 * OBJECTS, 0 * OBJECTS], axis=2).astype(np.uint8)
  np.testing.assert_array_equal(instance_edges(colors), EDGES)
  # The inside of a larger object is no edge.
  large = np.kron(OBJECTS, np.ones((4, 4), int))[:, :, None]
  edges = instance_edges(large)
  assert not edges[6:10, 6:10].any() and edges[4, 4:20].all() and edges[8, 11:13].all()
  assert not instance_edges(np.zeros((3, 3, 1))).any()


@pytest.fixture
def folder(tmp_path):
  """A and B of 8x8 pictures; I with instance maps of 16 bits named like those of B."""
  generator = np.random.default_rng(0)
  for name in "ABI":
    (tmp_path / "data" / name).mkdir(parents=True) if name != "I" else (tmp_path / "I").mkdir()
  for index in range(6):
    for name in "AB":
      picture = generator.integers(0, 256, (8, 8, 3)).astype(np.uint8)
      write_image(tmp_path / "data" / name / f"{index}.png", picture)
    ids = np.full((8, 8, 1), 1000 + index, np.uint16)
    ids[:, 4:] = 2000
    write_image(tmp_path / "I" / f"{index}.png", ids)
  return tmp_path


def _opened(folder, split="train", task="none", instances="I", **sizes):
  sizes = {**SIZES, **sizes}
  path = str(folder / "data")
  dataset = open_task(task, "folders", split=split, paired=True, path=path, **sizes)
  places = {"split": split, "direction": "ba"}
  return with_instance_edges(dataset, folder / instances, **places, **sizes)


def test_batches_have_the_edges_behind_the_channels(folder):
  dataset = _opened(folder)
  assert dataset.b.spec.channels == 4 and dataset.a.spec.channels == 3
  options = {"batch_size": 2, "seed": 0, "direction": "ba", "load_size": 8, "num_threads": 0}
  batch = next(paired_batches(dataset, **options, **SIZES))
  assert batch["source"].shape == (2, 8, 8, 4) and batch["target"].shape == (2, 8, 8, 3)
  expected = np.full((8, 8), -1.0)
  expected[:, 3:5] = 1.0
  for plane in batch["source"][..., 3]:
    np.testing.assert_array_equal(plane, expected)
  plain = open_dataset("folders", split="train", paired=True, path=str(folder / "data"))
  same = next(paired_batches(plain, **options, **SIZES))
  np.testing.assert_array_equal(same["source"], batch["source"][..., :3])
  np.testing.assert_array_equal(same["target"], batch["target"])


def test_edges_are_found_after_resizing(folder):
  """At four times the size a boundary is two pixels wide, in training and in evaluation."""
  sizes = {"resize": "square", "crop_size": 32}
  for split in ("train", "test"):
    dataset = _opened(folder, split=split, **sizes)
    if split == "train":
      options = {"batch_size": 1, "seed": 0, "direction": "ba", "load_size": 32, "num_threads": 0}
      batch = next(paired_batches(dataset, **options, **sizes))
    else:
      _, batch, _ = next(evaluation_batches(dataset, batch_size=1, direction="ba", **sizes))
    plane = batch["source"][0, :, :, 3]
    assert set(np.unique(plane)) == {-1.0, 1.0}
    np.testing.assert_array_equal(np.flatnonzero(plane[0] > 0), [15, 16])


def test_what_does_not_fit_is_named(folder):
  with pytest.raises(ValueError, match=r"nowhere is no folder: set data.instances"):
    _opened(folder, instances="nowhere")
  with pytest.raises(ValueError, match=r"set data\.task to none or labels"):
    _opened(folder, task="denoise")
  (folder / "I" / "3.png").unlink()
  with pytest.raises(
    ValueError, match=r"1 of 5 sources have no instance map in .*\(3\): give each"
  ):
    _opened(folder)
  write_image(folder / "I" / "3.png", np.zeros((9, 8, 1), np.uint8))
  dataset = _opened(folder)
  with pytest.raises(
    ValueError, match=r"3.png is an instance map of 8 x 9 pixels, its picture has"
  ):
    dataset.b[dataset.b.names.index("3")]


def test_a_map_that_is_no_exact_one_is_refused(folder):
  tiff, ids = folder / "I" / "3.tif", np.zeros((8, 8, 1), np.uint8)
  write_image(tiff, ids)
  with pytest.raises(ValueError, match=r"holds both 3\.png and 3\.tif: rename or remove one"):
    _opened(folder)
  tiff.unlink()
  (folder / "I" / "3.png").unlink()
  write_image(folder / "I" / "3.jpg", ids)
  with pytest.raises(ValueError, match=r"3\.jpg is a JPEG, .* as PNG or TIFF"):
    _opened(folder)


def test_maps_of_a_split_lie_in_a_folder_of_their_own(folder):
  names = _opened(folder).b.names
  (folder / "split" / "train").mkdir(parents=True)
  for name in names:
    (folder / "I" / f"{name}.png").rename(folder / "split" / "train" / f"{name}.png")
  dataset = _opened(folder, instances="split")
  assert len(dataset.b) == len(names) and dataset.b[0].shape == (8, 8, 4)

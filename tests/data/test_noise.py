"""Static as sources, and the planes of classes."""

import numpy as np
import pytest
from PIL import Image
from scipy.stats import norm

from imtrans.data import image_spec, normalize, open_dataset, open_task, paired_batches
from imtrans.data.classes import ClassDomain, class_index, with_class
from imtrans.data.noise import STATIC, static_of
from imtrans.data.openmoji import TONES, tone
from imtrans.data.specs import ImageSpec

SIZES = {"resize": "square", "crop_size": 8}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
  """train/ and test/ with folders of the classes 0, 1 and 2; test has no picture of 1."""
  folder = tmp_path_factory.mktemp("digits")
  for split, classes, count in (("train", "012", 5), ("test", "02", 2)):
    for name in classes:
      place = folder / split / name
      place.mkdir(parents=True)
      for index in range(count):
        value = 100 * int(name) + index
        Image.fromarray(np.full((8, 8), value, np.uint8)).save(place / f"{index}.png")
  return folder


def _open(folder, split="train", task="noise", **options):
  path = {"path": str(folder)}
  return open_task(
    task, "folders", split=split, paired=True, layout="classes", **path, **SIZES, **options
  )


def test_noise_and_pictures_share_a_batch_and_no_more(digits):
  dataset = _open(digits)
  assert not dataset.paired and not dataset.a.related
  classes = ("0", "1", "2")
  assert dataset.a.spec == STATIC._replace(channels=2, classes=classes)
  assert dataset.b.spec == image_spec(1)
  options = {"batch_size": 8, "seed": 0, "load_size": 8, "crop_size": 8, "flip": False}
  batches = paired_batches(dataset._replace(paired=True), **options)
  first, second = next(batches), next(batches)
  assert first["source"].shape == (8, 8, 8, 2) and first["target"].shape == (8, 8, 8, 1)
  # The plane of the class is that of the picture beside it, and constant.
  planes = first["source"][..., 1]
  np.testing.assert_allclose(planes, planes[:, :1, :1] * np.ones((1, 8, 8)), atol=1e-6)
  levels = np.rint((first["target"][:, 0, 0, 0] + 1) * 127.5)
  np.testing.assert_allclose(planes[:, 0, 0], np.floor(levels / 100) - 1.0, atol=0.01)
  # Static is drawn anew for every picture.
  drawn = np.concatenate([first["source"], second["source"]])[..., 0].reshape(16, -1)
  assert len(np.unique(drawn[:, 0])) == 16
  assert abs(drawn.mean()) < 0.1 and abs(drawn.std() - np.sqrt(1 / 3)) < 0.05


def test_static_of_a_test_picture_hangs_on_its_name(digits):
  one, two = _open(digits, "test"), _open(digits, "test")
  assert one.a.names == ["0/0", "0/1", "2/0", "2/1"]
  np.testing.assert_array_equal(one.a[1], two.a[1])
  assert (one.a[0] != one.a[1]).any()
  assert one.a[0].dtype == np.uint16 and one.a[3][0, 0, 1] == 65535


def test_classes_of_pairs_and_tasks(digits):
  edges = _open(digits, task="edges")
  assert edges.paired and edges.a.spec.channels == 2 and edges.a.spec.classes == ("0", "1", "2")
  assert edges.b.spec.channels == 1 and edges.a[14].shape == (8, 8, 2)
  assert set(np.unique(edges.a[6][..., 1])) == {128}  # Class 1 of 3 in 8 bits.


def test_codes_become_the_static_that_means_them():
  codes = np.random.default_rng(0).normal(size=(3, 10))
  planes = static_of(codes, 4, 4)
  assert planes.shape == (3, 4, 4, 1) and planes.dtype == np.uint16
  levels = planes.reshape(3, 16)[:, :10].astype(np.float64)
  np.testing.assert_allclose(norm.ppf((levels + 0.5) / 65536), codes, atol=1e-3)
  assert static_of(np.array([[-99.0, 99.0]]), 1, 2).ravel().tolist() == [0, 65535]
  with pytest.raises(ValueError, match=r"at most 16 numbers for 4x4 pixels, got \(3, 17\)"):
    static_of(np.zeros((3, 17)), 4, 4)


def test_class_planes_by_hand():
  spec = ImageSpec(2, "uint8", 0.0, 255.0, classes=("x", "y", "z"))
  picture = with_class(np.zeros((2, 2, 1), np.uint8), 1, spec)
  assert picture[..., 1].tolist() == [[128, 128], [128, 128]]
  np.testing.assert_allclose(normalize(picture, spec)[..., 1], 1 / 255, atol=1e-6)
  with pytest.raises(ValueError, match="the class must be a number from 0 to 2, got 3"):
    with_class(np.zeros((2, 2, 1), np.uint8), 3, spec)
  assert ImageSpec.from_dict(spec.to_dict()) == spec
  assert "classes" not in image_spec(3).to_dict()


def test_classes_are_found_by_name_or_number():
  names = ("cat", "dog", "7")
  assert [class_index(name, names) for name in ("dog", "0", 2, "7")] == [1, 0, 2, 2]
  for wrong in ("cow", "3", -1):
    with pytest.raises(ValueError, match="is none of the 3 classes: choose among cat, dog, 7"):
      class_index(wrong, names)


def test_labels_outside_the_classes_are_refused():
  class Pictures:
    spec, names = image_spec(1), ["a", "b"]

    def __len__(self):
      return 2

  with pytest.raises(ValueError, match=r"labels from 0 to 1, got 2, among them 2"):
    ClassDomain(Pictures(), [0, 2], ("x", "y"))
  with pytest.raises(ValueError, match=r"labels from 0 to 1, got 1\."):
    ClassDomain(Pictures(), [0], ("x", "y"))


def test_class_folders_that_do_not_fit_are_named(digits, tmp_path):
  with pytest.raises(ValueError, match=r"is not a folder: set data\.path"):
    _open(tmp_path / "nowhere")
  (tmp_path / "cat").mkdir()
  with pytest.raises(ValueError, match=r"has 1 class\(es\), and it must be 2 to 256"):
    _open(tmp_path)
  (tmp_path / "dog").mkdir()
  with pytest.raises(ValueError, match=r"cat holds no pictures"):
    _open(tmp_path)
  for name in ("cat", "dog"):
    for index in range(10):
      Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / name / f"{index}.png")
  # Without a folder of test pictures a tenth is held out.
  sizes = [len(_open(tmp_path, split).a) for split in ("train", "test")]
  assert sizes == [18, 2]
  (digits / "test" / "9").mkdir(exist_ok=True)
  with pytest.raises(ValueError, match=r"9 is none of the 3 classes in .*train: remove it, or add"):
    _open(digits, "test")
  (digits / "test" / "9").rmdir()


def test_tones_of_openmoji():
  assert TONES[tone("1F44B")] == "plain"
  assert TONES[tone("1F44B-1F3FB")] == "light" and TONES[tone("1F44B-1F3FF")] == "dark"
  assert TONES[tone("1F9D1-1F3FB-200D-1F9D1-1F3FD")] == "mixed"
  with pytest.raises(ValueError, match=r"needs data\.options\.tones=True, got 'tone'"):
    open_dataset("openmoji", split="train", paired=True, tones=False, classes="tone")
  with pytest.raises(ValueError, match="must be none, tone or people, got 'shape'"):
    open_dataset("openmoji", split="train", paired=True, classes="shape")

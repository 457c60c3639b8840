"""Domains to translate among: what a batch draws, and what a test picture is to become."""

import collections
import itertools

import numpy as np
import pytest
from PIL import Image

from imtrans.data import openmoji
from imtrans.data.domains import domain_batches, open_domains

NAMES = ("bird", "cat", "dog")
LEVELS = {"bird": 0, "cat": 80, "dog": 160}
SIZES = {"load_size": 8, "crop_size": 8}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
  """train/ and test/ with a folder a domain; the brightness says which picture it is."""
  root = tmp_path_factory.mktemp("animals")
  for split, counts in (("train", (2, 30, 5)), ("test", (4, 4, 4))):
    for name, count in zip(NAMES, counts, strict=True):
      (root / split / name).mkdir(parents=True)
      for index in range(count):
        picture = np.full((8, 8, 3), LEVELS[name] + index, np.uint8)
        Image.fromarray(picture).save(root / split / name / f"{index}.png")
  return root


def _open(root, split="train", **options):
  return open_domains("folders", split=split, path=str(root), layout="classes", **options)


def _read(batch):
  """The stored value and the domain of every picture of a batch, by its entry."""
  found = {}
  for name, pictures in batch.items():
    values = np.rint((pictures[:, 0, 0, 0] + 1.0) * 127.5).astype(int)
    planes = np.rint(pictures[:, 0, 0, 3] + 1.0).astype(int)  # 0, 1 and 2 are -1, 0 and 1.
    found[name] = list(zip(values.tolist(), planes.tolist(), strict=True))
  return found


def _drawn(root, count=300, **options):
  batches = domain_batches(_open(root).b, batch_size=1, seed=0, **SIZES, **options)
  return [
    {name: entries[0] for name, entries in _read(batch).items()}
    for batch in itertools.islice(batches, count)
  ]


def test_every_domain_is_drawn_as_often_and_pictures_have_their_own_plane(folders):
  drawn = _drawn(folders)
  for name in ("source", "target", "reference"):
    for value, plane in (element[name] for element in drawn):
      assert value // 80 == plane
    counts = collections.Counter(element[name][1] for element in drawn)
    assert all(70 <= counts[index] <= 130 for index in range(3)), counts  # Of 300, though 2 to 30.
  assert all(element["target"][1] == element["reference"][1] for element in drawn)
  assert all(element["target"][0] != element["reference"][0] for element in drawn)
  pairs = collections.Counter((e["source"][1], e["target"][1]) for e in drawn)
  assert len(pairs) == 9  # A picture may also go where it is.
  assert len({element["source"][0] for element in drawn}) > 30  # Of 37 pictures.


def test_batches_hang_on_the_seed_and_can_be_gone_on_with(folders):
  def batches(seed, **share):
    return domain_batches(_open(folders).b, batch_size=4, seed=seed, **SIZES, **share)

  first = batches(1)
  before = [_read(next(first)) for _ in range(2)]
  position = first.get_state()
  after = [_read(next(first)) for _ in range(12)]  # Beyond as many elements as there are pictures.
  assert before + after == [_read(next(again)) for again in [batches(1)] for _ in range(14)]
  assert [_read(next(other)) for other in [batches(2)] for _ in range(2)] != before
  resumed = batches(1)
  resumed.set_state(position)
  assert [_read(next(resumed)) for _ in range(12)] == after
  assert len({str(batch) for batch in before + after}) == 14
  # Two processes have a half each.
  halves = [_read(next(batches(1, process_index=index, process_count=2))) for index in range(2)]
  joined = {name: halves[0][name] + halves[1][name] for name in halves[0]}
  assert joined == before[0]


def test_a_domain_of_one_picture_is_its_own_reference(folders, tmp_path):
  for name, count in (("a", 1), ("b", 2)):
    (tmp_path / name).mkdir()
    for index in range(count):
      Image.new("RGB", (8, 8), (index,) * 3).save(tmp_path / name / f"{index}.png")
  drawn = open_domains(
    "folders", split="train", path=str(tmp_path), layout="classes", holdout=0.0
  ).b
  batch = next(domain_batches(drawn, batch_size=8, seed=0, **SIZES))
  assert batch["source"].shape == (8, 8, 8, 4) and batch["source"].dtype == np.float32


def test_test_pictures_go_to_another_domain_for_ever(folders):
  test, again = _open(folders, "test"), _open(folders, "test")
  assert not test.paired and len(test.a) == len(test.b) == 12
  assert test.a.spec.channels == 4 and test.a.spec.classes == NAMES and test.b.spec.channels == 3
  goals = []
  for index, name in enumerate(test.a.names):
    picture = test.a[index]
    np.testing.assert_array_equal(picture, again.a[index])
    goal = NAMES[round(picture[0, 0, 3] / 127.5)]
    assert goal != name.split("/")[0] and picture[0, 0, 0] // 80 == NAMES.index(name.split("/")[0])
    goals.append(goal)
  assert set(goals) == set(NAMES)


def test_one_domain_may_be_wanted(folders):
  test = _open(folders, "test", wanted="cat")
  assert {name.split("/")[0] for name in test.a.names} == {"bird", "dog"}
  assert {name.split("/")[0] for name in test.b.names} == {"cat"}
  assert {test.a[index][0, 0, 3] for index in range(len(test.a))} == {128}


def test_what_does_not_fit_is_refused(folders, tmp_path):
  with pytest.raises(
    ValueError, match="'cow' is none of the 3 classes: choose among bird, cat, dog"
  ):
    _open(folders, "test", wanted="cow")
  with pytest.raises(
    ValueError, match=r"of folders have no domains to translate among: set data.opt"
  ):
    open_domains("folders", split="test", path=str(folders / "test" / "cat"), layout="single")
  with pytest.raises(ValueError, match="the source folders has no option tones; it has channels"):
    _open(folders, tones=True)
  (tmp_path / "cat").mkdir()
  (tmp_path / "dog").mkdir()
  Image.new("RGB", (8, 8)).save(tmp_path / "cat" / "0.png")
  with pytest.raises(ValueError, match=r"dog holds no pictures"):
    _open(tmp_path)
  Image.new("RGB", (8, 8)).save(tmp_path / "dog" / "0.png")
  with pytest.raises(ValueError, match=r"the domain (cat|dog) has no training pictures: add some"):
    _open(tmp_path)  # One of two is held out.


def test_people_come_in_six_tones_with_known_answers():
  """Of the drawings' codes alone: rendering them takes a while."""
  hand = [f"1F44B-{code:X}" for code in range(0x1F3FB, 0x1F400)]
  codes = ["1F44B", *hand, "1F600", "1F46B-1F3FB", "1F468-1F3FB-200D-1F91D-200D-1F468-1F3FC"]
  kept = openmoji._in_all_tones([{"code": code} for code in codes])
  assert [item["code"] for item in kept] == ["1F44B", *hand]


def test_a_tone_has_its_answer_in_the_test_split():
  test = open_domains("openmoji", split="test", domain="b", size=18, classes="people")
  train = open_domains("openmoji", split="train", domain="b", size=18, classes="people")
  assert test.paired and not train.paired and test.a.spec.classes == openmoji.SINGLE_TONES
  assert len(test.a) == len(test.b) and len(train.b) % 6 == 0
  for index in range(0, len(test.a), 7):
    source, target = test.a.names[index], test.b.names[index]
    wanted = round(test.a[index][0, 0, 3] / 255 * 5)
    assert openmoji._plain(source) == openmoji._plain(target)
    assert openmoji.tone(target) == wanted != openmoji.tone(source)
  assert not {openmoji._plain(n) for n in test.a.names} & {
    openmoji._plain(n) for n in train.b.names
  }

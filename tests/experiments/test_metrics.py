"""The study of the metrics runs at tiny size, and its damages do what they say."""

import functools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.metrics import __main__ as study
from experiments.metrics import (
  answers,
  cells,
  comparisons,
  damage,
  figures,
  pictures,
  references,
  sets,
  several,
  tables,
  translation_tables,
  translations,
)
from experiments.metrics.segmentation import (
  ITSELF,
  OTHER,
  PALETTE,
  SCORES,
  always_the_most_common,
  conditions,
  gather,
  open_split,
)
from imtrans.evaluation import evaluate as measuring
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.judges import photographs
from imtrans.evaluation.translation.trained_generator import TrainedGenerator

FOLDER = Path(study.__file__).parent
ORIGIN = {
  "command": "x",
  "seconds": 1.0,
  "machine": "m",
  "python": "3",
  "versions": {},
  "date": "2026",
}
RANDOM = np.random.default_rng(0)
NAMES = [f"picture {index}" for index in range(4)]


@pytest.fixture(scope="module")
def images():
  """Smooth colour pictures with room above and below, [4, 48, 40, 3] in [-1, 1]."""
  y, x = np.mgrid[:48, :40] / 8.0
  waves = [
    [np.sin(x * (1 + index) + phase) * np.cos(y + index + phase) for phase in (0.0, 1.0, 2.5)]
    for index in range(4)
  ]
  return np.float32(0.6 * np.moveaxis(np.array(waves), 1, -1))


@pytest.fixture(scope="module")
def facades(tmp_path_factory):
  """Pairs of blocks in class colours, JPEG, and the same blocks in grey."""
  folder = tmp_path_factory.mktemp("facades")
  random = np.random.default_rng(0)
  for split, count in (("train", 16), ("test", 3)):
    for side in "AB":
      (folder / f"{split}{side}").mkdir()
    for index in range(count):
      classes = np.kron(random.integers(0, 12, (4, 4)), np.ones((16, 16), int))
      labels = np.asarray(PALETTE, np.uint8)[classes]
      photo = np.uint8(20 * classes[..., None] + random.integers(0, 15, (64, 64, 3)))
      Image.fromarray(photo).save(folder / f"{split}A" / f"{index}.jpg", quality=95)
      Image.fromarray(labels).save(folder / f"{split}B" / f"{index}.jpg", quality=95)
  return folder


@pytest.fixture(scope="module")
def small_segmenter():
  """A segmenter that compiles sooner."""
  small = functools.partial(photographs.train_segmenter, features=2)
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(photographs, "train_segmenter", small)
    yield


@pytest.fixture(scope="module")
def tiny(facades, small_segmenter, tmp_path_factory):
  """All records of a tiny run, and the folder that it wrote."""
  folder = tmp_path_factory.mktemp("tiny")
  arguments = ["--tiny", "--facades", str(facades), "--seeds", "0", "--output", str(folder)]
  return study.main(arguments), folder


def test_tiny_runs_from_end_to_end(tiny, facades):
  records, folder = tiny
  assert records == json.loads((folder / "results.json").read_text())
  kinds = ("openmoji", "photos")
  parts = {f"{part}-{kind}" for part in ("pictures", "sets", "translations") for kind in kinds}
  assert set(records) == {"files", "references", "outputs-openmoji", "segmentation-32"} | parts
  readme = (folder / "README.md").read_text()
  assert str(facades) not in json.dumps(records) + readme
  assert cells.NOT_RUN not in readme
  for record in records.values():
    assert record["command"] == "python -m experiments.metrics --facades DIR --seeds 0 --tiny"
  drawn = {path.name for path in folder.glob("*.png")}
  assert drawn == {path.name for path in FOLDER.glob("*.png")}
  for row in records["references"]["rows"]:
    scale = max(1.0, *map(abs, row["theirs"]))
    assert row["difference"] < 2e-4 * scale, row


def test_tiny_never_touches_what_is_recorded(capsys):
  with pytest.raises(SystemExit):
    study.main(["--tiny"])
  assert "--output FOLDER" in capsys.readouterr().err


def test_a_seed_that_is_none_is_refused(capsys):
  with pytest.raises(SystemExit):
    study.main(["--parts", "files", "--seeds", "0", "-1"])
  assert "--seeds must be from 0 to 4294967295, got -1" in capsys.readouterr().err


def test_the_tables_are_those_of_the_records():
  records = json.loads((FOLDER / "results.json").read_text())
  readme = (FOLDER / "README.md").read_text()
  for name, text in tables.sections(records).items():
    assert f"<!-- {name} -->\n{text.rstrip()}\n<!-- /{name} -->" in readme


def test_the_recorded_figures_equal_their_references():
  rows = json.loads((FOLDER / "results.json").read_text())["references"]["rows"]
  assert {row["figure"] for row in rows} == {c.figure for c in comparisons.COMPARISONS}
  for row in rows:
    scale = max(1.0, *map(abs, row["theirs"]))
    assert row["difference"] < 2e-4 * scale, row


@pytest.mark.parametrize("name", damage.DAMAGES)
def test_mild_is_nothing_and_harsh_is_more_than_natural(name, images):
  spec = damage.DAMAGES[name]
  weak, strong = spec.natural
  found = [
    damage.decibels(images, damage.spoil(name, strength, images, NAMES))
    for strength in (spec.mild, weak, strong, spec.harsh)
  ]
  assert found[:3] == sorted(found[:3], reverse=True)
  assert found[0] > 35.0 and found[3] < found[1]


def test_noise_has_its_deviation(images):
  spoiled = damage.spoil("noise", 0.1, 0.5 * images, NAMES)
  np.testing.assert_allclose(0.5 * np.std(spoiled - 0.5 * images), 0.1, rtol=0.02)
  np.testing.assert_allclose(damage.decibels(0.5 * images, spoiled), 20.0, atol=0.2)


def test_a_shift_moves_by_whole_pixels_and_by_parts_of_one(images):
  spoiled = damage.spoil("shift", 3.0, images, NAMES)
  stored = damage.spoil("shift", 0.0, images, NAMES)
  np.testing.assert_allclose(spoiled[:, :, 3:], stored[:, :, :-3], atol=1.01 * 2 / 255)
  np.testing.assert_allclose(spoiled[:, :, :3], stored[:, :, 2::-1], atol=1.01 * 2 / 255)
  x = np.linspace(0.0, 1.0, 40, dtype=np.float32)
  ramp = np.broadcast_to(x[None, :, None], (4, 40, 3))
  part = damage.shift(0.4, ramp, RANDOM)
  np.testing.assert_allclose(part[:, 2:-2], ramp[:, 2:-2] - 0.4 / 39, atol=1e-6)


def test_a_shift_by_parts_of_a_pixel_does_not_ring():
  edge = np.zeros((2, 32, 3), np.float32)
  edge[:, 16:24] = 1.0
  moved = damage.shift(0.5, edge, RANDOM)
  row = np.float32([*[0.0] * 16, 0.5, *[1.0] * 7, 0.5, *[0.0] * 7])
  np.testing.assert_allclose(moved, np.broadcast_to(row[None, :, None], moved.shape), atol=1e-6)


def test_colour_damages_do_what_they_say(images):
  grey = damage.spoil("saturation", 0.0, images, NAMES)
  assert np.ptp(grey, axis=-1).max() == 0.0
  dark = damage.spoil("brightness", 0.5, images, NAMES)
  np.testing.assert_allclose(0.5 * (dark + 1.0), 0.25 * (images + 1.0), atol=0.5 / 255 + 1e-6)
  turned = damage.spoil("hue", 120.0, images, NAMES)
  np.testing.assert_allclose(turned[..., [1, 2, 0]], images, atol=1.0 / 255 + 1e-6)


def test_damaged_pictures_are_those_of_files_and_drawn_from_their_names(images):
  spoiled = damage.spoil("noise", 0.3, images, NAMES)
  levels = 127.5 * (spoiled + 1.0)
  np.testing.assert_allclose(levels, np.rint(levels), atol=1e-3)
  alone = damage.spoil("noise", 0.3, images[2:3], NAMES[2:3])
  np.testing.assert_array_equal(alone[0], spoiled[2])


@pytest.mark.parametrize("name", damage.DAMAGES)
def test_the_strength_that_is_found_costs_what_was_asked_for(name, images):
  for asked in (30.0, 24.0):
    strength = damage.find_strength(name, asked, images, NAMES)
    if strength is None:
      assert damage.DAMAGES[name].whole
      continue
    found = damage.decibels(images, damage.spoil(name, strength, images, NAMES))
    assert abs(found - asked) < (damage.TOLERANCE if damage.DAMAGES[name].whole else 0.05)


def test_a_damage_that_cannot_cost_so_much_has_no_strength(images):
  grey = np.repeat(images[..., :1], 3, axis=-1)
  assert damage.find_strength("hue", 20.0, grey, NAMES) is None
  assert damage.decibels(grey, grey) == math.inf
  found = damage.levels(grey, NAMES, (20.0,), num_natural=1)
  assert damage.Level("hue", 180.0, None) in found
  assert all(level.damage not in ("hue", "saturation") or level.asked is None for level in found)


def test_missing_modes_are_fewer_pictures_in_sets_of_the_same_size():
  rows = np.array([7, 3, 1, 9, 5, 0, 2, 8, 6, 4] * 2) + 10 * np.repeat([0, 1], 10)
  brightness = np.arange(20.0)
  found = sets.missing_modes(rows, brightness)
  assert {name: len(set(chosen)) for name, chosen in found.items()} == {
    "half": 10,
    "tenth": 2,
    "darker": 10,
  }
  for chosen in found.values():
    assert len(chosen) == len(rows) and len(set(np.bincount(chosen)[np.unique(chosen)])) == 1
  assert set(found["darker"]) == set(range(10))


def test_a_sample_against_itself_is_as_good_as_can_be(images):
  networks = [sets.pooled_alexnet()]
  sample = sets.look(np.concatenate([images, images[:, ::-1], -images]), networks)
  found = sets.compare(sample, sample)
  assert found["fd_alexnet"] < 1e-9 and found["sliced_wasserstein_alexnet"] == 0.0
  assert found["precision_alexnet"] == found["coverage_alexnet"] == 1.0
  assert abs(found["histogram_intersection_b"] - 1.0) < 1e-12
  twice = sets.choose(sample, np.array([3, 3, 0]))
  np.testing.assert_array_equal(
    twice.features["alexnet"].values, sample.features["alexnet"].values[[3, 3, 0]]
  )


def test_references_that_are_not_installed_are_named(images, monkeypatch):
  comparison = comparisons.Comparison("l9", "no-such-package", "l9", len, len)
  monkeypatch.setattr(references, "COMPARISONS", (comparison,))
  empty = np.zeros((4, 2))
  material = references.Material(images, images, images, *[empty] * 5, images, images, {})
  record = references.compare(material)
  assert record["rows"] == [] and record["left_out"] == {"no-such-package": ["l9"]}
  text = tables.sections({"references": {**ORIGIN, **record}})["references"]
  assert "not installed: l9 (`no-such-package`)" in text


def _pictures(facades, split):
  dataset = open_split(str(facades), split)
  return EvaluationSet(dataset, batch_size=2, resize="square", crop_size=32)


def test_facades_are_read_as_photographs_and_classes(facades):
  photos, labels, names = gather(_pictures(facades, "test"))
  assert photos.shape == (3, 32, 32, 3) and names == ["0", "1", "2"]
  grey = np.mean(127.5 * (photos + 1.0), axis=-1)
  assert np.mean(np.abs(np.rint((grey - 7) / 20) - labels) < 1) > 0.9
  shown = conditions(photos, names, np.mean(photos, axis=0))
  other = shown[OTHER]
  assert all(not np.array_equal(one, two) for one, two in zip(photos, other, strict=True))
  assert sorted(map(np.sum, photos)) == sorted(map(np.sum, other))
  assert len({images.shape for images in shown.values()}) == 1
  guess = always_the_most_common(labels, labels, num_classes=12)
  np.testing.assert_allclose(guess.pixel_accuracy, np.bincount(labels.ravel()).max() / labels.size)


def test_numbers_have_the_digits_that_their_spread_tells_apart():
  assert cells.number(0.123456, 0.0123) == "0.123 ± 0.012"
  assert cells.number(31.4159, 2.7) == "31.4 ± 2.7"
  assert cells.number(1.5, 0.0) == "1.500 ± 0.000"
  assert cells.number(0.25) == "0.25" and cells.number(1234.5) == "1234"


def test_every_damage_has_a_style_and_every_missing_mode_a_title():
  modes = sets.missing_modes(np.arange(20), np.arange(20.0))
  assert set(figures.STYLES) == set(damage.DAMAGES)
  assert set(figures.MODES) == set(tables.MODES) == set(modes)


def test_the_score_is_that_of_imtrans_evaluate(tiny, facades, small_segmenter):
  """What a generator that makes the real photographs would get there, and nothing else."""
  record = tiny[0]["segmentation-32"]
  evaluation = measuring.Evaluation(
    _pictures(facades, "test"),
    ("segmentation",),
    training=lambda: open_split(str(facades), "train"),
    palette=PALETTE,
    segmenter_steps=2,
  )
  generator = TrainedGenerator(_nothing, {}, {}, direction="ba", size_multiple=1)
  judgement = evaluation.judge([generator])
  for _ in judgement:
    pass
  real = {s.figure.name: s.figure.value for s in judgement.scores() if s.of == "real"}
  for name in SCORES:
    np.testing.assert_allclose(record["scores"][ITSELF][name], [real[f"segmentation_{name}"]])
  assert record["protocol"]["segmenter"]["num_steps"] == 2
  assert record["pictures"] == {"train": 16, "test": 3} and len(record["processor_seconds"]) == 1


def _nothing(params, extras, source, key, **options):
  return source


def test_the_quality_of_jpeg_files_is_told_from_their_tables(tmp_path):
  image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8))
  for quality in (10, 49, 50, 75, 92, 100):
    image.save(tmp_path / f"{quality}.jpg", quality=quality)
  image.save(tmp_path / "x.png")
  found = pictures.kinds_of_files(sorted(tmp_path.iterdir()))
  assert found == {f"JPEG, quality {q}": 1 for q in (10, 49, 50, 75, 92, 100)} | {"PNG": 1}


def _record(floor, **values):
  """A record of sets in which damages have these values at 25 dB."""
  levels = [
    {"damage": name, "asked": 25.0, "figures": {"recall_vgg16": [value, 0.1]}}
    for name, value in values.items()
  ]
  floors = {"recall_vgg16": floor}
  return {"psnrs": [30.0, 25.0, 20.0], "levels": levels, "floor": floors, "halvings": 5}


def test_damages_can_be_measured_anew():
  parsed = study._parser().parse_args(["--parts", "sets", "--damages", "hue", "blur"])
  command = "python -m experiments.metrics --parts sets --damages hue blur"
  assert study._command(parsed) == command
  order = ("noise", "blur", "blur", "hue", "saturation")
  floor = {"floor": {"recall_vgg16": [0.8, 0.05]}}
  old = {**ORIGIN, **floor, "levels": [{"damage": name, "strength": 1.0} for name in order]}
  again = ("hue", "blur", "blur")
  close = {"recall_vgg16": [0.8001, 0.0501]}
  levels = [{"damage": name, "strength": 2.0} for name in again]
  new = {"floor": close, "levels": levels, "kernel": 3}
  merged = study._remeasured(old, new, {**ORIGIN, "command": command, "seconds": 7.0})
  assert [level["damage"] for level in merged["levels"]] == list(order)
  assert [level["strength"] for level in merged["levels"]] == [1.0, 2.0, 2.0, 2.0, 1.0]
  assert (merged["command"], merged["kernel"]) == ("x", 3)
  assert merged["floor"] == floor["floor"]
  (rerun,) = merged["reruns"]
  assert rerun["damages"] == ["blur", "hue"] and rerun["seconds"] == 7.0
  text = tables._origin({"sets-openmoji": merged})
  assert "`x`: sets-openmoji 1 s" in text and f"`{command}`: sets-openmoji 7 s" in text
  assert "commit" not in text
  known = {**merged, "commit": 40 * "a" + "+changes"}
  (first, second) = tables._origin({"sets-openmoji": known}).split("\n\n")
  assert "commit" not in first + second.replace("; commit aaaaaaaaaaaa with changes; ", "")
  assert "; commit aaaaaaaaaaaa with changes; " in first + second


def test_one_kind_of_picture_can_be_measured_alone():
  words = ["--facades", "x", "--parts", "translations", "outputs", "--kinds", "photos"]
  parsed = study._parser().parse_args(words)
  assert list(study._work(parsed, study.TINY)) == ["translations-photos"]
  assert study._command(parsed).endswith(" --parts translations outputs --kinds photos")


def test_other_pictures_are_not_merged_into_a_record():
  """The noise floors are the proof that the old and the new damages are of the same pictures."""
  old = {**ORIGIN, "size": 64, "floor": {"recall_vgg16": [0.8, 0.05]}, "levels": []}
  for floor in ({"recall_vgg16": [0.81, 0.05]}, {"recall_vgg16": [0.8, 0.06]}, {}):
    with pytest.raises(ValueError, match="as the noise floor of recall_vgg16 differ: measure all"):
      study._remeasured(old, {"floor": floor, "levels": []}, ORIGIN)
  with pytest.raises(ValueError, match="as size differ: measure all damages, without --damages"):
    study._remeasured(old, {**old, "size": 128}, ORIGIN)


def test_tables_say_which_distances_are_of_few_pictures(tiny):
  records, folder = tiny
  assert records["sets-openmoji"]["features"] == {"alexnet": 256}
  assert records["sets-openmoji"]["kernel"] == {"subset_size": 4, "num_subsets": 20}
  readme = (folder / "README.md").read_text()
  assert "are of 8 pictures a half, fewer than there are features (256 of alexnet)" in readme
  assert "the mean over 20 random subsets of 4 pictures of each half" in readme
  many = {**records["sets-openmoji"], "pictures": 300}
  assert "lack full rank" not in tables.sections({"sets-openmoji": many})["sets openmoji"]


def test_answers_are_read_from_the_records():
  titles = {"recall_vgg16": "recall ↑"}
  drawings = answers.changes(_record([0.8, 0.05], noise=0.5, blur=0.75, hue=0.95), titles)
  photos = answers.changes(_record([0.8, 0.05], noise=0.2, blur=0.6, hue=0.8), titles)
  assert drawings["recall_vgg16"]["noise"].worse == pytest.approx(0.3)
  found = {"openmoji": drawings, "photos": photos}
  assert answers.rankings(found, titles) == [
    ["recall ↑", "noise; +hue (blur)", "noise > blur (hue)"],
  ]
  assert answers.of_damage("noise", {}, found, titles) == (
    "As sets (drawings / photographs): seen by recall 0.5 / 0.2."
  )
  assert answers.of_damage("blur", {}, found, titles).endswith(
    ": seen on photographs alone by recall 0.6."
  )
  assert "called an improvement on drawings alone by recall 0.95" in answers.of_damage(
    "hue", {}, found, titles
  )
  # Nothing is worse on photographs.
  better = answers.changes(_record([0.8, 0.05], noise=0.95, blur=0.8), titles)
  assert answers.rankings({"openmoji": drawings, "photos": better}, titles) == [
    ["recall ↑", "noise; +hue (blur)", "+noise (blur)"],
  ]
  by_picture = answers.of_damage("noise", found, {}, titles)
  assert by_picture == (
    "Picture by picture it is the worst of all for recall (drawings 0.5, photographs 0.2)."
  )


def test_figures_of_pictures_are_judged_by_their_standard_error():
  """Of 25 drawings, so that two standard errors of a deviation of 0.1 are 0.04."""
  titles = {"diversity_lpips_alex": "diversity ↑"}
  values = {"noise": [0.55, 0.1], "shift": [0.539, 0.1], "hue": [0.461, 0.1], "blur": [0.45, 0.1]}
  record = {
    "psnrs": [25.0],
    "pictures": 25,
    "floor": {"diversity_lpips_alex": [0.5, 0.0]},
    "levels": [
      {"damage": damage, "asked": 25.0, "figures": {"diversity_lpips_alex": value}}
      for damage, value in values.items()
    ],
  }
  found = answers.changes(record, titles)
  assert answers.rankings({"openmoji": found}, titles) == [
    ["diversity ↑", "blur; +noise (hue, shift)"]
  ]
  assert found["diversity_lpips_alex"]["blur"].deviations == pytest.approx(2.5)


def test_content_of_another_size_is_said_under_the_ranking():
  def record(size, sigma, **more):
    level = {"damage": "blur", "asked": 25.0, "strength": sigma}
    return {"psnrs": [25.0], "pictures": 20, "size": size, "levels": [level], **more}

  records = {"pictures-photos": record(176, 1.5), "translations-photos": record(128, 0.5)}
  assert translation_tables.other_sizes(records, ["photos"]) == (
    "Content of photographs is measured on 20 at 128², the rows above it on 20 at 176², with "
    "strengths chosen at each size: Gaussian blur σ = 0.50 px rather than σ = 1.50 px."
  )
  assert not translation_tables.other_sizes({**records, "translations-photos": None}, ["photos"])
  records["translations-photos"]["size"] = 176
  assert not translation_tables.other_sizes(records, ["photos"])


def _missing(recall, density):
  """A record of sets with two missing modes, the second one worse by as much again."""
  floor = {"recall_vgg16": [0.8, 0.1], "density_vgg16": [1.0, 0.2]}
  modes = {
    name: {
      "recall_vgg16": [0.8 - part * recall, 0.1],
      "density_vgg16": [1.0 - part * density, 0.1],
    }
    for name, part in (("half", 1), ("tenth", 2))
  }
  return {"psnrs": [25.0], "levels": [], "floor": floor, "modes": modes, "halvings": 5}


def test_missing_pictures_are_counted_in_deviations_of_the_floor():
  titles = {"recall_vgg16": "recall ↑", "density_vgg16": "density ↑"}
  two = {
    kind: answers.changes(_missing(recall, 0.1), titles)
    for kind, recall in (("openmoji", 0.3), ("photos", 0.15))
  }
  assert answers.of_missing({"openmoji": two["openmoji"]}, titles, ["half", "tenth"]) == (
    "seen by recall 3.0 (standard deviations of the noise floor, drawings); none of the missing "
    "modes is seen by density."
  )
  assert answers.of_missing(two, titles, ["half", "tenth"]).startswith(
    "seen on one kind of picture alone by recall 3.0 / 1.5 (standard deviations"
  )


def test_how_equal_the_errors_are_is_read_from_the_records():
  levels = [
    {"damage": damage, "asked": asked, "decibels": reached}
    for damage, asked, reached in (
      ("noise", 30.0, 30.0),
      ("noise", 25.0, 25.1),
      ("noise", 20.0, 20.0),
      ("jpeg", 30.0, 30.2),
      ("jpeg", 25.0, 24.6),
      ("jpeg", None, 31.0),
    )
  ]
  text = tables._reached({"sets-photos": {"psnrs": [30.0, 25.0, 20.0], "levels": levels}})
  assert "in dB: photographs as sets 24.60 to 25.10; so mean squared errors of one" in text
  assert "by up to 12 %" in text  # 10^0.05
  level = {"damage": "blur", "asked": 25.0, "decibels": 25.2}
  both = {f"{part}-openmoji": {"psnrs": [25.0], "levels": [level]} for part in tables.HOW}
  ranges = "drawings as translations 25.20 to 25.20, drawings as several outputs 25.20 to 25.20"
  assert ranges in tables._reached(both)
  assert text.endswith("no strength comes within 0.7 dB: JPEG at 20 dB (photographs as sets).")


def test_a_pair_that_hides_colours_is_found_out(images):
  """What is seen of them differs by no more than `HIDDEN` levels; the way back sees them all."""
  pair = translations.PAIRS["hiding"]
  made = pair.there(images)
  assert np.ptp(made, axis=-1).max() < 2.0 * translations.HIDDEN / 127.5
  np.testing.assert_allclose(pair.back(made), images, atol=1e-4)
  found = translations.honesty(
    images, {key: pair.there(images) for key, pair in translations.PAIRS.items()}
  )
  assert found["open/reconstruction_error"][0] == 0.0
  assert found["open/quantized_error"][0] < 0.5 / 255
  # Rounding by up to half a level, a quarter on average, is as many levels of `HIDDEN`.
  levels = 127.5 * found["hiding/quantized_error"][0] * 2 * translations.HIDDEN / 127.5
  assert 0.1 < levels < 0.5
  # Noise of 1, 2, 4 and 8 levels changes a way back that copies by their mean absolute value.
  expected = 3.75 / 255.0 * math.sqrt(2.0 / math.pi)
  np.testing.assert_allclose(found["open/noise_sensitivity"][0], expected, rtol=0.03)
  assert found["hiding/noise_sensitivity"][0] > 10.0 * expected


def test_missing_answers_are_counted():
  answers = np.float32(np.linspace(-1.0, 1.0, 6))[None, :, None, None, None]
  answers = np.broadcast_to(answers, (2, 6, 32, 32, 3))
  shown = several.missing_answers(answers)
  assert {name: x.shape for name, x in shown.items()} == dict.fromkeys(
    ("half", "one", "mean"), (2, 12, 32, 32, 3)
  )
  whole = several.of_outputs(np.repeat(answers, several.TIMES, axis=1), answers)
  assert whole["mode_fraction"] == [1.0, 0.0] and whole["mode_error"] == [0.0, 0.0]
  assert whole["mode_entropy"][0] == pytest.approx(1.0)
  half, one, mean = (several.of_outputs(x, answers) for x in shown.values())
  assert half["mode_fraction"][0] == 0.5 and one["mode_fraction"][0] == pytest.approx(1 / 6)
  assert half["mode_entropy"][0] == pytest.approx(math.log(3) / math.log(6))
  assert one["diversity_lpips_alex"][0] == mean["diversity_lpips_alex"][0] == 0.0
  assert mean["mode_error"][0] == pytest.approx(0.1)  # In the middle of the third and the fourth.
  assert set(translation_tables.MISSING) == set(shown)
  assert set(translation_tables.OUTPUT_TITLES) == set(several.FIGURES)
  assert set(translation_tables.HONESTY_TITLES) == set(translations.HONESTY)


def test_the_answers_of_openmoji_differ():
  """Six tones of one drawing, the plain one first."""
  found = several.openmoji_answers(2, 32, rendered=64)
  assert found.images.shape == (2, 6, 32, 32, 3) and len(set(found.names)) == 2
  for right in found.images:
    assert len(np.unique(right.reshape(6, -1), axis=0)) == 6

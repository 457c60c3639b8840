"""The files of an evaluation."""

import csv
import json

import numpy as np
import pytest

from imtrans.data import ImageSpec, from_arrays, read_image
from imtrans.evaluation import Evaluation, EvaluationSet, preprocessing, record, trained_generators
from imtrans.evaluation.translation.pictures import image_suffix, suffix_can_hold


def write(run, dataset, output, *, workdir, seed=0, criteria=("l1", "psnr", "ssim"), remark=""):
  generators = trained_generators(
    run.config, run.method, run.generator_params, run.extras, seed=seed
  )
  pictures = EvaluationSet(dataset, specs=run.specs, **preprocessing(run.config))
  pictures.remark(remark)
  evaluation = Evaluation(pictures, criteria)
  return record.write_evaluation(run, generators, evaluation, output, workdir=workdir)


def test_all_files_agree(make_run, make_dataset, tmp_path):
  run, dataset = make_run(inference="train"), make_dataset()
  output = tmp_path / "deep" / "out"
  written = write(run, dataset, output, workdir=tmp_path, seed=5)
  assert written == json.loads((output / "metrics.json").read_text())
  with (output / "per_image.csv").open() as file:
    rows = list(csv.DictReader(file))
  assert [row["name"] for row in rows] == [f"picture{index}" for index in range(5)]
  for name in ("l1", "psnr", "ssim"):
    assert np.mean([float(row[name]) for row in rows]) == pytest.approx(written[f"eval/{name}"])
  protocol = written["protocol"]
  assert protocol["images"] == {"ab": 5}
  assert (protocol["inference"], protocol["seed"], protocol["step"]) == ("train", 5, 7)
  assert {"size", "resize", "checkpoint", "values", "versions", "batch_size"} <= set(protocol)
  page = (output / "index.html").read_text()
  assert f"{written['eval/l1']:.4f}" in page and "picture4" in page
  # A figure is that of the picture on disk.
  stored = read_image(output / "images" / "picture3.png").astype(float)
  expected = np.abs(stored - dataset.b[3]).mean() / 255
  assert float(rows[3]["l1"]) == pytest.approx(expected, rel=1e-4)


def test_both_directions_have_their_own_pictures(make_run, make_dataset, tmp_path):
  written = write(make_run(method="cyclegan"), make_dataset(), tmp_path, workdir=tmp_path)
  assert {"eval/l1", "eval_ba/l1", "baseline_ba/ssim"} <= set(written)
  assert len(list((tmp_path / "images").iterdir())) == 5
  assert len(list((tmp_path / "images_ba").iterdir())) == 5
  write(make_run(method="cyclegan"), make_dataset(), tmp_path, workdir=tmp_path)  # Again.


def test_without_pairs_there_are_pictures_and_a_note(make_run, make_dataset, tmp_path):
  written = write(
    make_run(method="cyclegan"), make_dataset(paired=False), tmp_path, workdir=tmp_path
  )
  assert "eval/l1" not in written
  assert "not paired" in written["note"]
  assert "not paired" in (tmp_path / "index.html").read_text()
  assert len(list((tmp_path / "images").iterdir())) == 5


def test_a_folder_with_foreign_pictures_is_left_alone(make_run, make_dataset, tmp_path):
  (tmp_path / "images").mkdir()
  (tmp_path / "images" / "picture0.png").write_bytes(b"mine")
  with pytest.raises(ValueError, match="choose another --output"):
    write(make_run(), make_dataset(), tmp_path, workdir=tmp_path)
  assert (tmp_path / "images" / "picture0.png").read_bytes() == b"mine"


def test_foreign_pictures_of_the_other_direction_are_left_alone_again_and_again(
  make_run, make_dataset, tmp_path
):
  (tmp_path / "images_ba").mkdir()
  (tmp_path / "images_ba" / "picture0.png").write_bytes(b"mine")
  for _ in range(2):
    with pytest.raises(ValueError, match=r"images_ba holds files, .* choose another --output"):
      write(make_run(method="cyclegan"), make_dataset(), tmp_path, workdir=tmp_path)
  assert [path.name for path in tmp_path.iterdir()] == ["images_ba"]
  assert (tmp_path / "images_ba" / "picture0.png").read_bytes() == b"mine"


def test_a_name_cannot_lead_out_of_the_folder(make_run, tmp_path):
  pictures = np.zeros((1, 16, 16, 3), np.uint8)
  dataset = from_arrays(pictures, pictures, names=["../../escaped"])
  with pytest.raises(ValueError, match="leads out of"):
    write(make_run(), dataset, tmp_path / "a" / "b", workdir=tmp_path)
  assert not list(tmp_path.rglob("escaped*"))


def test_pictures_that_png_cannot_hold_are_tiff(make_run, tmp_path):
  spec = ImageSpec(5, "uint16", 0.0, 65535.0)
  pictures = np.random.default_rng(0).integers(0, 30000, (2, 16, 16, 5)).astype(np.uint16) * 2
  dataset = from_arrays(pictures, pictures // 2, names=["x", "y"])
  write(make_run(specs={"a": spec, "b": spec}), dataset, tmp_path, workdir=tmp_path)
  stored = read_image(tmp_path / "images" / "y.tif")
  assert stored.dtype == np.uint16
  np.testing.assert_allclose(stored.astype(int), pictures[1] // 2, atol=1)


@pytest.mark.parametrize(
  "spec,suffix",
  [
    (ImageSpec(3, "uint8", 0, 255), ".png"),
    (ImageSpec(1, "uint16", 0, 65535), ".png"),
    (ImageSpec(5, "uint8", 0, 255), ".tif"),
    (ImageSpec(3, "float32", 0, 1), ".tif"),
  ],
)
def test_suffixes(spec, suffix):
  assert image_suffix(spec) == suffix
  assert suffix_can_hold(".TIFF", spec)
  assert suffix_can_hold(".jpg", spec) == (spec.dtype == "uint8" and spec.channels == 3)


def test_an_evaluation_that_was_broken_off_can_be_done_again(make_run, make_dataset, tmp_path):
  run, dataset = make_run(), make_dataset()
  broken = make_dataset()
  broken.a._arrays = [*broken.a._arrays[:3], "not a picture", broken.a._arrays[4]]
  with pytest.raises(AttributeError):  # Something that nobody foresees.
    write(run, broken, tmp_path, workdir=tmp_path)
  assert not (tmp_path / "metrics.json").exists()
  write(run, dataset, tmp_path, workdir=tmp_path)
  assert {path.name for path in tmp_path.iterdir()} == {
    *("images", "index.html", "metrics.json", "per_image.csv")
  }


def test_pictures_of_an_earlier_evaluation_do_not_stay(make_run, make_dataset, tmp_path):
  write(make_run(), make_dataset(), tmp_path, workdir=tmp_path)
  (tmp_path / "images" / "mine.png").write_bytes(b"mine")
  write(make_run(), make_dataset(count=2), tmp_path, workdir=tmp_path)
  names = {path.name for path in (tmp_path / "images").iterdir()}
  assert names == {"picture0.png", "picture1.png", "mine.png"}


def test_a_figure_that_needs_more_pictures_takes_none_with_it(make_run, make_dataset, tmp_path):
  dataset = make_dataset(count=6)
  dataset.a._arrays = [*dataset.a._arrays[:5], dataset.a._arrays[5][..., :2]]
  run = make_run()
  run.config.unlock()
  criteria = ("l1", "histogram_intersection", "manifolds_vgg16")
  written = write(run, dataset, tmp_path, workdir=tmp_path, criteria=criteria)
  assert {"eval/l1", "eval/histogram_intersection_L"} <= set(written)
  assert "eval/precision_vgg16" not in written
  assert set(written["problems"]) == {"picture5", "manifolds_vgg16"}
  assert "at least 4 pictures" in written["problems"]["manifolds_vgg16"] or (
    "at least 6 pictures" in written["problems"]["manifolds_vgg16"]
  )
  assert "Left out: " in (tmp_path / "index.html").read_text()


def test_only_what_the_gallery_shows_is_embedded(make_run, make_dataset, tmp_path, monkeypatch):
  """Of many pictures the page's are chosen first, by figures, and read again."""
  embedded = []
  make = record.make_card
  monkeypatch.setattr(record, "make_card", lambda r, **own: embedded.append(r) or make(r, **own))
  monkeypatch.setattr(record, "choose_shown", lambda figures: [0, 3])
  dataset = make_dataset()
  write(make_run(), dataset, tmp_path, workdir=tmp_path)
  assert [result.name for result in embedded] == ["picture0", "picture3"]
  for index, result in zip((0, 3), embedded, strict=True):
    np.testing.assert_allclose(127.5 * (result.source + 1), dataset.a[index], atol=1e-3)
    stored = read_image(tmp_path / "images" / f"picture{index}.png")
    np.testing.assert_allclose(127.5 * (result.output + 1), stored, atol=1e-3)
    assert result.target is not None and result.figures["l1"] < 0.01
  page = (tmp_path / "index.html").read_text()
  assert "2 of 5 test pictures" in page and "picture3" in page and "picture4" not in page


def test_remarks_are_for_readers_and_cost_no_figure(make_run, make_dataset, tmp_path):
  written = write(make_run(), make_dataset(), tmp_path, workdir=tmp_path, remark="mind the gap.")
  assert written["remarks"] == ["mind the gap."] and "problems" not in written
  assert "Note: mind the gap." in (tmp_path / "index.html").read_text()
  assert "remarks" not in write(make_run(), make_dataset(), tmp_path, workdir=tmp_path)


def test_label_pictures_are_scored_by_their_classes(make_run, tmp_path):
  """A generator that halves brightness draws 200 as 100 and 100 as 50, which is nearest to 0."""
  palette = ((0, 0, 0), (100, 100, 100), (200, 200, 200))
  grey = np.zeros((2, 16, 16, 3), np.uint8)
  grey[:, :8] = 200  # Drawn as 100.
  labels = np.zeros((2, 16, 16, 3), np.uint8)
  labels[:, :8] = 100
  labels[1, :4] = 200
  spec = ImageSpec(3, "uint8", 0.0, 255.0)
  run = make_run(specs={"a": spec, "b": spec._replace(palette=palette)})
  dataset = from_arrays(grey, labels, names=["x", "y"])
  written = write(run, dataset, tmp_path, workdir=tmp_path)
  # Right: all of x, three quarters of y. Class 0: 256 of 256, 1: 192 of 192, 2: 0 of 64 pixels.
  assert written["eval/label_pixel_accuracy"] == pytest.approx(7 / 8)
  assert written["eval/label_class_accuracy"] == pytest.approx(2 / 3)
  assert written["eval/label_class_iou"] == pytest.approx((1 + 192 / 256 + 0) / 3)
  # The photograph itself, taken for a label picture, has 200 where y has it.
  assert written["baseline/label_pixel_accuracy"] == pytest.approx(5 / 8)
  with (tmp_path / "per_image.csv").open() as file:
    rows = list(csv.DictReader(file))
  assert [float(row["label_pixel_accuracy"]) for row in rows] == [1.0, 0.75]
  assert "label accuracy per pixel" in (tmp_path / "index.html").read_text()
  (iou,) = [f for f in written["figures"] if (f["name"], f["of"]) == ("label_class_iou", "model")]
  assert iou["settings"]["classes"] == 3 and iou["images"] == {"pictures": 2}
  assert "label_outliers" not in iou["settings"] and "remarks" not in written


def test_true_labels_that_may_have_been_snapped_are_said(make_run, tmp_path):
  palette = ((0, 0, 0), (100, 100, 100))
  spec = ImageSpec(3, "uint8", 0.0, 255.0)
  run = make_run(specs={"a": spec, "b": spec._replace(palette=palette)})
  pictures = np.zeros((2, 16, 16, 3), np.uint8)
  dataset = from_arrays(pictures, pictures, names=["x", "y"])
  dataset.b.limits = {"tolerance": 0.0, "outliers": 0.25}
  written = write(run, dataset, tmp_path, workdir=tmp_path)
  (iou,) = [f for f in written["figures"] if (f["name"], f["of"]) == ("label_class_iou", "model")]
  assert iou["settings"]["label_outliers"] == 0.25 and "label_tolerance" not in iou["settings"]
  (remark,) = written["remarks"]
  assert remark.startswith("up to 25 % of a true label picture may be of colours")

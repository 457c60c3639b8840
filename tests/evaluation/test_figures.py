"""Figures carry their protocol, are named for their features, and go into JSON."""

import json
import math

import numpy as np
import pytest

from imtrans.evaluation import figures
from imtrans.evaluation.features import figures as feature_figures
from imtrans.evaluation.features.extraction import FeatureSet
from imtrans.evaluation.judges.label_judge import segmentation_figures
from imtrans.evaluation.judges.segmentation import Segmenter
from imtrans.evaluation.metrics.confusion import segmentation_scores
from imtrans.evaluation.metrics.diversity import Diversity, mode_coverage
from imtrans.evaluation.metrics.fidelity import psnr
from imtrans.evaluation.metrics.histograms import lab_histograms


def _features(seed, count=40, name="vgg16", logits=False, **changes):
  random = np.random.default_rng(seed)
  scores = random.normal(size=(count, 5)) if logits else None
  made = FeatureSet(random.normal(size=(count, 6)), scores, name, "none", "abc")
  return made._replace(**changes)


def _all(real, fake, **options):
  yield feature_figures.frechet_figure(real, fake, **options)
  yield feature_figures.kernel_figure(real, fake, subset_size=20, num_subsets=5, seed=3, **options)
  yield from feature_figures.manifold_figures(real, fake, **options)
  yield feature_figures.sliced_wasserstein_figure(real, fake, num_projections=7, **options)


def test_figures_of_features():
  found = {figure.name: figure for figure in _all(_features(0), _features(1), checkpoint="best/7")}
  assert set(found) == {
    "fd_vgg16",
    "kd_vgg16",
    "precision_vgg16",
    "recall_vgg16",
    "density_vgg16",
    "coverage_vgg16",
    "sliced_wasserstein_vgg16",
  }
  for figure in found.values():
    assert math.isfinite(figure.value)
    protocol = figure.protocol
    assert protocol.images == {"real": 40, "fake": 40} and protocol.checkpoint == "best/7"
    assert (protocol.features, protocol.resize, protocol.weights) == ("vgg16", "none", "abc")
  assert found["kd_vgg16"].protocol.seed == 3 and found["kd_vgg16"].spread > 0
  assert found["kd_vgg16"].protocol.settings["subset_size"] == 20
  assert found["fd_vgg16"].protocol.seed is None and found["fd_vgg16"].spread is None
  assert found["fd_vgg16"].protocol.settings == {"dimension": 6, "full_rank": True}
  assert 0.9 < found["coverage_vgg16"].protocol.settings["expected"] < 1.0


def test_only_inception_gives_fid_and_kid():
  sets = (_features(seed, name="inception", logits=True) for seed in (0, 1))
  names = [figure.name for figure in _all(*sets)]
  assert names[:3] == ["fid", "kid", "precision_inception"]
  score = feature_figures.inception_score_figure(_features(1, name="inception", logits=True))
  assert score.name == "inception_score" and score.protocol.images == {"fake": 40}
  with pytest.raises(ValueError, match="which vgg16 features do not have: extract"):
    feature_figures.inception_score_figure(_features(0))


def test_few_pictures_are_refused_or_noted():
  with pytest.raises(ValueError, match=r"at least 7 pictures .* --frechet-minimum \(config"):
    feature_figures.frechet_figure(_features(0, 40), _features(1, 6))
  figure = feature_figures.frechet_figure(_features(0, 40), _features(1, 6), minimum=2)
  assert figure.protocol.settings == {"dimension": 6, "full_rank": False, "minimum": 2}


@pytest.mark.parametrize("field", ["features", "resize", "sha256"])
def test_features_must_be_made_alike(field):
  real, fake = _features(0), _features(1, **{field: "other"})
  for build in (
    feature_figures.frechet_figure,
    feature_figures.kernel_figure,
    feature_figures.manifold_figures,
    feature_figures.sliced_wasserstein_figure,
  ):
    with pytest.raises(ValueError, match=f"their {field} is .*'other': extract both with one"):
      build(real, fake)


def test_figures_of_pictures():
  figure = figures.picture_figure("psnr", np.float32([20.0, 30.0]), checkpoint="best/7")
  assert figure.value == 25.0 and figure.spread == pytest.approx(5.0)
  assert figure.protocol.images == {"pictures": 2} and figure.protocol.features == "pixels"
  lpips = figures.picture_figure("lpips_alex", [0.3], weights="abc")
  assert lpips.protocol.features == "lpips_alex" and lpips.protocol.weights == "abc"
  assert lpips.as_dict()["spread"] is None
  with pytest.raises(ValueError, match="'mse': choose among l1, l2"):
    figures.picture_figure("mse", [0.1])
  with pytest.raises(ValueError, match="no pictures"):
    figures.picture_figure("l1", [])


def test_a_mean_psnr_says_what_its_ceiling_did():
  figure = figures.picture_figure("psnr", [100.0, 20.0, 100.0], resize="to 8 x 8 pixels")
  assert figure.value == pytest.approx(220 / 3)
  assert figure.protocol.settings["at_ceiling"] == 2
  assert "of infinite PSNR, count as 100" in figure.protocol.settings["definition"]
  assert figure.protocol.resize == "to 8 x 8 pixels"
  for name, values in (("psnr", [99.0, 20.0]), ("l1", [100.0])):
    assert "at_ceiling" not in figures.picture_figure(name, values).protocol.settings
  # The ceiling is what identical pictures get.
  identical = np.zeros((1, 4, 4, 3), np.float32)
  (value,) = np.asarray(psnr(identical, identical))
  assert figures.picture_figure("psnr", [value]).protocol.settings["at_ceiling"] == 1


def test_every_figure_goes_into_json():
  random = np.random.default_rng(0)
  pictures = random.uniform(-1, 1, (3, 8, 8, 3)).astype(np.float32)
  colors = lab_histograms([pictures])
  segmenter = Segmenter(None, None, 2, {"seed": 5, "num_steps": 3})
  found = segmentation_scores(random.integers(0, 9, (2, 2)))
  made = [
    *_all(_features(0), _features(1)),
    figures.picture_figure("l1", [0.1, 0.2]),
    *figures.color_figures(colors, colors, images={"real": 3, "fake": 3}),
    figures.diversity_figure(
      Diversity(0.1, math.nan, 1, 3), distance="lpips_alex", seed=2, num_samples=3
    ),
    *figures.coverage_figures(mode_coverage([(pictures, pictures)]), num_samples=3, seed=0),
    *segmentation_figures(found, segmenter, images=3, off_palette={}),
  ]
  names = [figure.name for figure in made]
  assert len(set(names)) == len(names)
  for figure in made:
    record = json.loads(json.dumps(figure.as_dict(), allow_nan=False))
    assert {"name", "value", "images", "features", "resize", "seed", "checkpoint"} <= set(record)
  values = {figure.name: figure for figure in made}
  assert values["histogram_intersection_a"].value == pytest.approx(1.0)
  assert values["diversity_lpips_alex"].protocol.seed == 2
  assert values["mode_fraction"].value == 1.0
  assert values["segmentation_class_iou"].value == found.class_iou
  assert values["segmentation_class_iou"].protocol.seed == 5

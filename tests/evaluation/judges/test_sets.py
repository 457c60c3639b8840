"""Set figures of generators that are known to be right or wrong."""

import numpy as np
import pytest

from imtrans.data import from_arrays
from imtrans.evaluation.criteria import CRITERIA
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.features.extraction import (
  OWN_SIZE,
  FeatureCollector,
  FeatureNetwork,
  FeatureSet,
)
from imtrans.evaluation.judges.pairs import Result
from imtrans.evaluation.judges.sets import Gathered, SetCriteria, SetJudge, set_figures
from imtrans.pretrained.weights import INCEPTION_SHA256


def _pictures(count, seed, side=32):
  random = np.random.default_rng(seed)
  coarse = random.integers(0, 256, (count, 4, 4, 3)).astype(np.uint8)
  return np.kron(coarse, np.ones((1, side // 4, side // 4, 1), np.uint8))


@pytest.fixture
def criteria():
  dataset = from_arrays(_pictures(9, 0), _pictures(9, 1), paired=False)
  pictures = EvaluationSet(dataset, batch_size=4, resize="square", crop_size=32)
  names = ["kd_alexnet", "manifolds_alexnet", "sliced_wasserstein_alexnet"]
  return SetCriteria(pictures, ["l1", *names, "histogram_intersection"], inception_path="", seed=3)


def _gathered(criteria, pictures):
  gathered = criteria.gathered()
  for picture in pictures:
    gathered.add(np.float32(picture / 127.5 - 1.0))
  return gathered


def _values(criteria, real, fake):
  return {
    figure.name: figure.value
    for name in criteria.criteria
    for figure in set_figures(name, real, fake, seed=3)
  }


def test_equal_sets_and_other_sets(criteria):
  real = _gathered(criteria, _pictures(9, 1))
  same = _values(criteria, real, _gathered(criteria, _pictures(9, 1)[::-1]))
  other = _values(criteria, real, _gathered(criteria, _pictures(9, 5) // 4))
  assert same["sliced_wasserstein_alexnet"] == pytest.approx(0.0, abs=1e-4)
  assert same["precision_alexnet"] == same["recall_alexnet"] == same["coverage_alexnet"] == 1.0
  assert same["histogram_intersection_L"] == pytest.approx(1.0)
  assert other["histogram_intersection_L"] < 0.6
  assert other["kd_alexnet"] > same["kd_alexnet"]
  assert other["precision_alexnet"] < 1.0


def test_the_kernel_distance_says_how_it_was_taken(criteria):
  real, fake = _gathered(criteria, _pictures(9, 1)), _gathered(criteria, _pictures(7, 2))
  (figure,) = set_figures("kd_alexnet", real, fake, seed=3)
  assert figure.protocol.settings["subset_size"] == 7
  assert figure.protocol.settings["num_subsets"] == 100
  assert figure.protocol.settings["spread"] == "standard deviation over subsets"
  assert figure.protocol.images == {"real": 9, "fake": 7}
  (figure,) = set_figures("kd_alexnet", real, real, seed=3)
  assert figure.protocol.settings["num_subsets"] == 1 and figure.spread is None
  assert "spread" not in figure.protocol.settings


def test_the_size_of_pictures_before_the_network_and_within():
  within = "299 x 299, bicubic"
  resizes = {}
  for name, resize in (("alexnet", OWN_SIZE), ("inception", within)):
    for before in ("none", "to 64 x 64 pixels"):
      gathered = Gathered([], colors=False, resize=before)
      collector = FeatureCollector(FeatureNetwork(name, _mean_colors, None, resize, "abc"))
      gathered._collectors[name] = collector
      gathered.add(np.zeros((4, 4, 3), np.float32))
      resizes[name, before] = gathered.features(name).resize
  assert resizes == {
    ("alexnet", "none"): "none",
    ("alexnet", "to 64 x 64 pixels"): "to 64 x 64 pixels",
    ("inception", "none"): within,
    ("inception", "to 64 x 64 pixels"): f"to 64 x 64 pixels, then to {within}",
  }


def _mean_colors(weights, images):
  return images.mean(axis=(1, 2)), None


def test_true_pictures_are_computed_once(criteria, make_run, monkeypatch):
  from imtrans.evaluation.translation.generators import trained_generators

  run = make_run(method="cyclegan")
  generator = trained_generators(run.config, run.method, run.generator_params, run.extras)[0]
  real = criteria.real(generator)
  assert real.count == 9 and criteria.real(generator) is real
  expected = _gathered(criteria, _pictures(9, 1)).features("alexnet").values
  np.testing.assert_allclose(real.features("alexnet").values, expected, rtol=1e-4, atol=1e-5)
  assert list(SetJudge(criteria, generator, "best/7").figures()) == []
  assert "no pictures" in criteria.pictures.problems["kd_alexnet"]


def test_the_inception_score_looks_at_outputs_alone(make_run):
  from imtrans.evaluation.translation.generators import trained_generators

  def classes(weights, images):
    return images.mean(axis=(1, 2)), images[:, 0, 0]

  alone = EvaluationSet(from_arrays(_pictures(20, 0)), batch_size=4, resize="square", crop_size=32)
  criteria = SetCriteria(alone, [], inception_path="", seed=3)
  criteria.criteria = ["inception_score"]
  criteria._networks = [FeatureNetwork("inception", classes, None, "299 x 299", "abc")]
  run = make_run()
  generator = trained_generators(run.config, run.method, run.generator_params, run.extras)[0]
  judge = SetJudge(criteria, generator, "best/7")
  for picture in _pictures(20, 1):
    judge.see(Result("", picture, np.float32(picture / 127.5 - 1.0), None, {}))
  ((of, figure),) = judge.figures()
  assert (of, figure.name) == ("model", "inception_score") and figure.value >= 1.0
  assert figure.protocol.images == {"fake": 20} and alone.problems == {}


def test_every_set_criterion_has_figures():
  """Random features stand for those of the networks."""
  gathered = []
  for seed in (0, 1):
    random = np.random.default_rng(seed)
    one = Gathered([], colors=False)
    one.count = 30
    for name in ("alexnet", "vgg16", "inception"):
      logits = random.normal(size=(30, 5)) if name == "inception" else None
      one._features[name] = FeatureSet(
        random.normal(size=(30, 8)), logits, name, "none", INCEPTION_SHA256
      )
    gathered.append(one)
  for name, criterion in CRITERIA.items():
    if criterion.kind == "set" and criterion.features:
      made = set_figures(name, *gathered, seed=0, checkpoint="best/7")
      from imtrans.evaluation.criteria import figure_names

      assert [figure.name for figure in made] == figure_names([name])
      assert all(figure.protocol.checkpoint == "best/7" for figure in made)

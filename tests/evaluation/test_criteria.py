"""Names of what can be measured, and every sentence that says why something cannot."""

import pytest

from imtrans.evaluation.criteria import (
  CRITERIA,
  FIGURES,
  Situation,
  check_names,
  figure_names,
  obstacle,
)
from imtrans.evaluation.figures import PER_PICTURE
from imtrans.evaluation.judges.label_maps import PIXEL_ACCURACY
from imtrans.evaluation.quantities import TABLE, rank

EVERYTHING = Situation(
  paired=True,
  outputs=3000,
  reals=3000,
  source_channels=3,
  target_channels=3,
  side=256,
  cycle=True,
  inception=True,
  noise=True,
  palette=True,
  variants=9,
)


def test_nothing_stands_in_the_way_of_anything_where_there_is_everything():
  assert [name for name in CRITERIA if obstacle(name, EVERYTHING)] == []


@pytest.mark.parametrize(
  "name,missing,words",
  [
    ("l1", {"paired": False}, "needs true targets"),
    ("honesty", {"cycle": False}, "both directions"),
    ("kid", {"inception": False}, "download https://github.com/mseitzer/pytorch-fid/"),
    ("fid", {"inception": False}, "name the file with --inception (config.inception in training)"),
    ("inception_score", {"outputs": 19}, "at least 20 pictures to translate, there are 19"),
    ("fid", {"reals": 2048}, "at least 2049 pictures on either side, there are 3000"),
    ("fd_vgg16", {"outputs": 512}, "at least 513 pictures"),
    ("histogram_intersection", {"target_channels": 1}, "3 channels, not 1"),
    ("lpips_alex", {"target_channels": 2}, "1 or 3 channels, not 2"),
    ("content_vgg16", {"source_channels": 5}, "1 or 3 channels, not 5"),
    ("ssim", {"side": 10}, "at least 11 x 11 pixels, these have 10"),
    ("diversity_lpips_alex", {"noise": False}, "--mode train"),
    ("mode_coverage", {"variants": 0}, "several known answers"),
    ("segmentation", {"palette": False}, "--palette"),
    ("segmentation", {"side": None}, "pictures of one size"),
  ],
)
def test_what_is_missing_is_named(name, missing, words):
  reason = obstacle(name, EVERYTHING._replace(**missing))
  assert words in reason and name in reason and not reason.endswith(".")


def test_fewer_pictures_are_allowed_and_remedies_are_possible():
  few = EVERYTHING._replace(outputs=300, reals=300)
  words = "add pictures, allow fewer with --frechet-minimum (config.frechet_minimum), or measure "
  assert obstacle("fd_vgg16", few).endswith(f"{words}kd_vgg16, which needs 2")
  assert obstacle("fid", few).endswith(f"{words}kid, which needs 2")
  assert obstacle("fd_alexnet", few) == ""
  assert obstacle("fd_vgg16", few._replace(frechet_minimum=300)) == ""
  assert "at least 301 pictures" in obstacle("fid", few._replace(frechet_minimum=301))
  # What cannot be measured either is no remedy.
  one = EVERYTHING._replace(outputs=1)
  assert obstacle("kid", one).endswith("3000 true ones: add pictures")
  assert obstacle("fid", one).endswith(
    "or allow fewer with --frechet-minimum (config.frechet_minimum)"
  )
  assert "at least 2 pictures" in obstacle("fid", one._replace(frechet_minimum=1))
  six = EVERYTHING._replace(reals=5)
  assert obstacle("manifolds_alexnet", six).endswith("or measure kd_alexnet, which needs 2")


def test_the_inception_score_needs_no_true_pictures():
  few = EVERYTHING._replace(outputs=20, reals=0)
  assert obstacle("inception_score", few) == "" and obstacle("kid", few)


def test_grey_pictures_can_be_shown_to_networks():
  grey = EVERYTHING._replace(source_channels=1, target_channels=1)
  assert not obstacle("lpips_alex", grey) and not obstacle("content_vgg16", grey)


def test_names():
  check_names(("l1", "fd_vgg16"))
  with pytest.raises(ValueError, match="unknown metric 'FID': choose among l1"):
    check_names(("FID",))
  with pytest.raises(ValueError, match="'l1' is listed twice"):
    check_names(("l1", "ssim", "l1"))
  assert figure_names(("l1", "manifolds_vgg16"))[:2] == ["l1", "precision_vgg16"]


def test_every_figure_has_a_title_and_every_criterion_of_a_picture_a_definition():
  assert [name for name in figure_names(CRITERIA) if rank(name) == len(TABLE)] == []
  kinds = ("target", "source", "cycle")
  per_picture = figure_names([name for name in CRITERIA if CRITERIA[name].kind in kinds])
  # The accuracy of label pictures comes by itself, wherever the target domain has a palette.
  assert set(per_picture) == set(PER_PICTURE) - {PIXEL_ACCURACY}
  assert set(FIGURES) <= set(CRITERIA)

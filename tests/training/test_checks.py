"""Checks: every field that a run could stumble over is refused by name, with what is allowed."""

import re
from pathlib import Path

import pytest

from imtrans.commands.configuration import load_config
from imtrans.training.checks import check_config

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.py"))
PIX2PIX = next(path for path in CONFIGS if path.stem == "pix2pix_facades")
CUT = next(path for path in CONFIGS if path.stem == "cut_openmoji")
CYCLEGAN = next(path for path in CONFIGS if path.stem == "cyclegan_facades")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("variant", ["full", "cpu", "tiny"])
def test_every_variant_passes(path, variant):
  check_config(load_config(f"{path}:{variant}", []))


@pytest.mark.parametrize(
  ("override", "message"),
  [
    ("num_steps=0", "num_steps must be an integer of at least 1, got 0"),
    ("keep=0", "keep must be an integer of at least 1, got 0"),
    ("log_every=0", "log_every must be an integer of at least 1, got 0"),
    ("save_every=-1", "save_every must be an integer of at least 0, got -1"),
    ("eval_every=-1", "eval_every must be an integer of at least 0, got -1"),
    ("sample_every=-1", "sample_every must be an integer of at least 0, got -1"),
    ("diagnose_every=-1", "diagnose_every must be an integer of at least 0, got -1"),
    ("batch_size=0", "batch_size must be an integer of at least 1, got 0"),
    ("num_samples=1", "num_samples must be an integer of at least 2, got 1"),
    ("segmenter_steps=0", "segmenter_steps must be an integer of at least 1, got 0"),
    ("frechet_minimum=1", "frechet_minimum must be an integer of at least 2, or 0, got 1"),
    ("inception_sha256=abc", 'inception_sha256 must be "", or a SHA-256 of 64 hexadecimal digits'),
    ("eval_batch_size=0", "eval_batch_size must be an integer of at least 1, got 0"),
    ("seed=-1", "seed must be an integer from 0 to 4294967295, got -1"),
    ("ema_decay=1.0", "ema_decay must be a number of at least 0 and below 1, got 1.0"),
    ("ema_decay=nan", "ema_decay must be a number of at least 0 and below 1, got nan"),
    ("inference=eval", "inference must be one of train, test, got 'eval'"),
    ("precision=fp16", "precision must be one of auto, float32, bfloat16, got 'fp16'"),
    ("update_rule=both", "update_rule must be one of alternating, simultaneous, got 'both'"),
    ("best_metric=l1", "best_metric must be a metric of the evaluation, such as eval/l1, got 'l1'"),
    ("mesh=(-1,-1)", "mesh must be two integers of at least 1, or -1 for one of them"),
    ("mesh=(0,1)", "mesh must be two integers"),
    ("mesh=4", "mesh must be two integers of at least 1, or -1 for one of them, got (4,)"),
    ("mesh=('x',1)", "mesh must be two integers"),
    ("optimizer.learning_rate=0", "optimizer.learning_rate must be a finite number above 0, got 0"),
    ("optimizer.learning_rate=inf", "optimizer.learning_rate must be a finite number above 0"),
    ("optimizer.learning_rate=nan", "optimizer.learning_rate must be a finite number above 0"),
    ("optimizer.b1=1", "optimizer.b1 must be a number of at least 0 and below 1, got 1"),
    ("optimizer.b2=-0.1", "optimizer.b2 must be a number of at least 0 and below 1, got -0.1"),
    ("optimizer.clip_norm=-1", "optimizer.clip_norm must be a number of at least 0 and finite"),
    ("optimizer.decay_start=-1", "optimizer.decay_start must be an integer of at least 0, got -1"),
    (
      "optimizer.decay_start=90000",
      "optimizer.decay_start must be smaller than num_steps (80000), got 90000",
    ),
    ("generator.features=0", "generator.features must be an integer of at least 1, got 0"),
    ("generator.num_levels=0", "generator.num_levels must be an integer from 1 to 16, got 0"),
    ("generator.dropout=1.0", "generator.dropout must be a number of at least 0 and below 1"),
    ("discriminator.features=0", "discriminator.features must be an integer of at least 1"),
    ("discriminator.num_layers=7", "discriminator.num_layers must be an integer from 0 to 6"),
    ("method.l1_weight=-1", "method.l1_weight must be a number of at least 0 and finite, got -1"),
    ("method.l1_weight=nan", "method.l1_weight must be a number of at least 0 and finite, got nan"),
    ("data.direction=a2b", "data.direction must be one of ab, ba, got 'a2b'"),
    ("data.resize=fit", "data.resize must be one of square, scale_width, none, got 'fit'"),
    ("data.task=deblurr", "data.task must be one of none, grayscale, super_resolution, inpainting"),
    ("data.num_threads=-1", "data.num_threads must be an integer of at least 0, got -1"),
    ("data.crop_size=0", "data.crop_size must be an integer of at least 1, got 0"),
    ("data.load_size=128", "data.load_size must be at least data.crop_size (256), got 128"),
    (
      "data.crop_size=64",
      "data.crop_size must be a multiple of 256 for this generator, got 64: set "
      "generator.num_levels to 6, or another crop_size",
    ),
    ("data.crop_size=65", "got 65: choose another crop_size"),
  ],
)
def test_a_bad_value_is_refused_by_name(override, message):
  with pytest.raises(ValueError, match=re.escape(message)):
    check_config(load_config(str(PIX2PIX), [f"--config.{override}"]))


@pytest.mark.parametrize(
  ("override", "message"),
  [
    ("generator.num_blocks=-1", "generator.num_blocks must be an integer of at least 0, got -1"),
    ("method.pool_size=-1", "method.pool_size must be an integer of at least 0, got -1"),
    ("method.cycle_weight=inf", "method.cycle_weight must be a number of at least 0 and finite"),
    ("data.crop_size=66", "must be a multiple of 4 for this generator, got 66: choose another"),
  ],
)
def test_fields_of_cyclegan_are_checked_too(override, message):
  with pytest.raises(ValueError, match=re.escape(message)):
    check_config(load_config(str(CYCLEGAN), [f"--config.{override}"]))


@pytest.mark.parametrize(
  ("override", "message"),
  [
    (
      "method.layers=(1,2)",
      "method.layers must be a tuple of names, such as ('image', 'down_1')",
    ),
    ("method.num_patches=1", "method.num_patches must be an integer of at least 2, got 1"),
    ("method.head_features=0", "method.head_features must be an integer of at least 1, got 0"),
    ("method.temperature=0", "method.temperature must be a finite number above 0, got 0"),
    ("method.nce_weight=-1", "method.nce_weight must be a number of at least 0 and finite, got -1"),
  ],
)
def test_fields_of_cut_are_checked_too(override, message):
  with pytest.raises(ValueError, match=re.escape(message)):
    check_config(load_config(str(CUT), [f"--config.{override}"]))


@pytest.mark.parametrize(
  ("name", "override", "message"),
  [
    ("spade", "generator.widths=(2,1)", "generator.widths must be a tuple of at least three"),
    ("spade", "generator.hidden_features=0", "generator.hidden_features must be an integer of at"),
    ("spade", "optimizer.discriminator_factor=0", "discriminator_factor must be a finite number"),
    ("munit", "generator.num_style_levels=0", "num_style_levels must be an integer from 1 to 16"),
    ("munit", "data.crop_size=24", "must be a multiple of 16 for this generator, got 24"),
    ("sinkhorn", "method.epsilon=0", "method.epsilon must be a finite number above 0, got 0"),
    ("sinkhorn", "method.num_points=0", "method.num_points must be an integer of at least 1"),
    ("neural_transport", "method.weakness=-1", "method.weakness must be a number of at least 0"),
    ("neural_transport", "batch_size=25", "batch_size must be a multiple of 10, the updates"),
    ("munit", "data.task=noise", "is for the methods cgan and gan, munit needs a picture"),
  ],
)
def test_fields_of_the_other_methods_are_checked_too(name, override, message):
  path = PIX2PIX.parent / f"{name}_openmoji.py"
  with pytest.raises(ValueError, match=re.escape(message)):
    check_config(load_config(str(path), [f"--config.{override}"]))


def test_pictures_that_are_not_resized_need_no_load_size():
  overrides = ["--config.data.resize=none", "--config.data.load_size=128"]
  check_config(load_config(str(PIX2PIX), overrides))

"""What the tests of analyses share: small paper sides, and runs trained for two steps."""

import functools

import pytest

from imtrans.analyses import find_analysis
from imtrans.analyses.trained import load_trained
from imtrans.commands.main import main

CONFIGS = {"pix2pix": "pix2pix_facades", "cyclegan": "cyclegan_facades"}
SMALLER = {"pix2pix": "generator.num_levels=3", "cyclegan": "generator.num_blocks=0"}


def train_tiny(config, workdir, pictures, *changes):
  """Trains a config of `configs/` for two steps on folders of pictures."""
  arguments = ["train", "--config", f"configs/{config}.py:tiny", "--workdir", str(workdir)]
  changes = ("data.source=folders", f"data.path={pictures}", "eval_every=0", *changes)
  with pytest.raises(SystemExit) as exit_info:
    main([*arguments, *(f"--config.{change}" for change in changes), "--config.sample_every=0"])
  assert exit_info.value.code == 0


# Smaller than what a reader is shown, and enough for the claim.
PAPERS = {
  "bilinear_game": {"adam_steps": 50},
  "dirac_gan": {"weights": (0.0, 0.6, 1.0, 2.0), "noises": (0.0, 1.0, 2.0)},
  "spectral_norm": {"num_kernels": 3, "constants": (0.0, 1.0), "iterations": (1, 5)},
  "normalized_game": {"num_steps": 4000},
  "loss_and_noise": {"num_samples": 5000},
  "many_answers": {"num_samples": 10_000},
  "patches": {"num_lines": 200},
  "cycles": {"variances": (1.0, 0.5, 0.2), "num_steps": 800, "num_angles": 5},
  "hidden_messages": {"num_values": 20_000},
  "soft_threshold": {"num_weights": 5},
  "instance_norm": {"side": 16, "num_gains": 7, "num_fractions": 5},
  "adaptation": {"shifts": (0.0, 0.5, 2.0), "num_samples": 4000, "dimension": 3},
  "transport": {
    **{"temperatures": (1.0, 4.0), "cycle_weights": (0.1, 0.6)},
    **{"num_points": 61, "num_rounds": 40},
  },
  "optimal_discriminator": {"distances": (0.0, 1.0, 2.0, 4.0), "num_steps": 250},
}


@pytest.fixture(scope="session")
def papers():
  """Returns a function from the name of an analysis to what it finds on paper, computed once."""
  return functools.cache(lambda name: find_analysis(name).on_paper(**PAPERS[name]))


@pytest.fixture(scope="session")
def workdirs(pictures, tmp_path_factory):
  """Returns a function from the name of a method to the folder of its run."""
  folder, done = tmp_path_factory.mktemp("analysed"), {}

  def make(method):
    if method not in done:
      done[method] = folder / method
      train_tiny(CONFIGS[method], done[method], pictures, SMALLER[method], "data.direction=ab")
    return done[method]

  return make


@pytest.fixture(scope="session")
def trained(workdirs):
  """A pix2pix from a to b."""
  return load_trained(workdirs("pix2pix"))


@pytest.fixture(scope="session")
def trained_cyclegan(workdirs):
  """A CycleGAN."""
  return load_trained(workdirs("cyclegan"))

"""Tiny runs trained for two steps, as `imtrans analyze --workdir` reads them."""

import pytest

from imtrans.analyses.trained import load_trained
from imtrans.commands.main import main

CONFIGS = {"pix2pix": "pix2pix_facades", "cyclegan": "cyclegan_facades"}
SMALLER = {"pix2pix": "generator.num_levels=3", "cyclegan": "generator.num_blocks=0"}


@pytest.fixture(scope="session")
def workdirs(pictures, tmp_path_factory):
  """Returns a function from the name of a method to the folder of its run."""
  folder, done = tmp_path_factory.mktemp("analysed"), {}

  def make(method):
    if method not in done:
      done[method] = folder / method
      config = f"configs/{CONFIGS[method]}.py:tiny"
      arguments = ["train", "--config", config, "--workdir", str(done[method])]
      arguments += ["--config.data.source=folders", f"--config.data.path={pictures}"]
      changes = ("eval_every=0", "sample_every=0", SMALLER[method])
      arguments += [f"--config.{change}" for change in changes]
      with pytest.raises(SystemExit) as exit_info:
        main([*arguments, "--config.data.direction=ab"])
      assert exit_info.value.code == 0
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

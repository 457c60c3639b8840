"""Each quantity against numbers by hand, and real runs: healthy, resumed, broken."""

import dataclasses
import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from imtrans.methods import cyclegan, pix2pix
from imtrans.methods.bilinear import bilinear
from imtrans.networks import PatchDiscriminator
from imtrans.theory.games import update_matrix
from imtrans.training.config import default_config, tiny
from imtrans.training.diagnostics import (
  cosine,
  make_diagnosis,
  make_game_figures,
  probe_batches,
  spectral_norms,
  spread,
  spread_figures,
)
from imtrans.training.input import open_data
from imtrans.training.journal import read_log
from imtrans.training.loop import train
from imtrans.training.rules import alarms
from imtrans.training.state import PLAYERS, create_state

STEP_SIZE = 0.5


def _bilinear_state(generator, discriminator, optimizer):
  method, batch = bilinear(), {"target": jnp.zeros((2, 1))}
  optimizers = dict.fromkeys(PLAYERS, optimizer)
  state = create_state(method, optimizers, batch, seed=0, keep_ema=False)
  points = {"generator": generator, "discriminator": discriminator}
  params = {player: {"point": jnp.asarray([value])} for player, value in points.items()}
  return method, optimizers, dataclasses.replace(state, params=params), batch


def test_the_bilinear_game_turns_by_the_closed_form_angle():
  method, optimizers, state, batch = _bilinear_state(3.0, 4.0, optax.sgd(STEP_SIZE))
  figures = make_game_figures(method, optimizers)(state, batch)
  # The generator minimizes -g d, the discriminator g d: gradients (-d, g).
  np.testing.assert_allclose(figures["generator_gradient"], 4.0, rtol=1e-6)
  np.testing.assert_allclose(figures["discriminator_gradient"], 3.0, rtol=1e-6)
  np.testing.assert_allclose(figures["gradient_ratio"], 4.0 / 3.0, rtol=1e-6)
  np.testing.assert_allclose(
    figures["update_cosine"], 1.0 / math.sqrt(1.0 + STEP_SIZE**2), rtol=1e-6
  )
  # The angle of the update matrix's eigenvalues is that of the turn.
  eigenvalue = np.linalg.eigvals(np.asarray(update_matrix("simultaneous", STEP_SIZE)))[0]
  np.testing.assert_allclose(figures["update_cosine"], math.cos(np.angle(eigenvalue)), rtol=1e-6)
  # d: 4 -> 4 - h 3 keeps its sign, and so does g.
  assert figures["generator_cosine"] == figures["discriminator_cosine"] == 1.0
  _, _, far, _ = _bilinear_state(9.0, 4.0, optax.sgd(STEP_SIZE))
  figures = make_game_figures(method, optimizers)(far, batch)
  assert figures["generator_cosine"] == -1.0  # d: 4 -> 4 - h 9.


def test_cosine_by_hand():
  one = {"a": jnp.asarray([3.0]), "b": jnp.asarray([4.0])}
  other = {"a": jnp.ones(1), "b": jnp.zeros(1)}
  np.testing.assert_allclose(cosine(one, other), 0.6, rtol=1e-6)
  assert cosine(one, jax.tree.map(jnp.zeros_like, one)) == 0.0


def test_spreads_by_hand():
  reals = jnp.asarray([-1.0, 1.0]).reshape(2, 1, 1, 1) * jnp.ones((2, 2, 2, 3))
  assert spread(reals) == 1.0
  first, second = reals[:1], reals[1:]
  figures = spread_figures(
    [{"fake": 0.25 * first}, {"fake": 0.25 * second}],
    [{"target": first}, {"target": second}],
    {"fake": 0.25 * first + 0.1},
  )
  assert set(figures) == {"source_spread", "noise_spread"}
  np.testing.assert_allclose(figures["source_spread"], 0.25, rtol=1e-6)
  np.testing.assert_allclose(figures["noise_spread"], 0.1 / math.sqrt(2.0), rtol=1e-5)
  # The plane of a class behind the real images does not count.
  planes = [jnp.concatenate([real, 9.0 * real[..., :1]], axis=-1) for real in (first, second)]
  behind = [{"target": plane} for plane in planes]
  fakes = [{"fake": 0.25 * first}, {"fake": 0.25 * second}]
  np.testing.assert_allclose(spread_figures(fakes, behind, {})["source_spread"], 0.25, rtol=1e-6)
  same = [{"fake_a": first, "fake_b": 3.0 * first}, {"fake_a": first, "fake_b": 3.0 * second}]
  figures = spread_figures(same, [{"a": first, "b": first}, {"a": second, "b": second}], {})
  assert figures == {"source_spread_a": 0.0, "source_spread_b": 3.0}


def test_spectral_norms_by_hand_and_against_singular_values():
  kernel = jax.random.normal(jax.random.key(1), (4, 4, 3, 8))
  diagonal = jnp.asarray([[3.0, 0.0], [0.0, 0.1]])
  params = {"a": {"layer_0": {"kernel": kernel, "bias": jnp.ones(8)}}, "b": {"kernel": diagonal}}
  norms = spectral_norms(params, {})
  assert set(norms) == {"spectral_a_layer_0", "spectral_b", "spectral_max"}
  np.testing.assert_allclose(norms["spectral_b"], 3.0, rtol=1e-5)
  true = np.linalg.norm(np.asarray(kernel).reshape(-1, 8), 2)
  assert 0.93 * true < norms["spectral_a_layer_0"] <= true * 1.00001
  assert norms["spectral_max"] == norms["spectral_a_layer_0"]


def test_a_normalised_kernel_is_measured_as_it_is_used():
  kernel = jnp.asarray([[3.0, 0.0], [0.0, 1.0]])
  params = {"a": {"one": {"kernel": kernel}}, "b": {"one": {"kernel": kernel}}}
  exact, behind = jnp.asarray([1.0, 0.0]), jnp.asarray([0.0, 1.0])

  def extras(vector):
    return {"discriminator": {"a": {"spectral": {"one": {"left_vector": vector}}}, "b": {}}}

  norms = spectral_norms(params, extras(exact))
  np.testing.assert_allclose(norms["spectral_a_one"], 1.0, rtol=1e-6)
  np.testing.assert_allclose(norms["spectral_b_one"], 3.0, rtol=1e-5)  # Not normalised.
  # One iteration from (1, 1) / sqrt(2): right (3, 1) / sqrt(10), left (9, 1) / sqrt(82), and the
  # estimate 82 / sqrt(820), so that 3 sqrt(820) / 82 is left.
  between = (exact + behind) / math.sqrt(2.0)
  norms = spectral_norms(params, extras(between))
  np.testing.assert_allclose(norms["spectral_a_one"], 3.0 * math.sqrt(820.0) / 82.0, rtol=1e-5)
  assert norms["spectral_max"] == norms["spectral_b_one"]
  # Some methods keep a discriminator's collections in one more dict.
  single = {"discriminator": {"network": {"spectral": {"one": {"left_vector": exact}}}}}
  for inside in (params["a"], {"network": params["a"]}):
    np.testing.assert_allclose(spectral_norms(inside, single)["spectral_max"], 1.0, rtol=1e-6)


def test_the_probe_has_enough_pictures():
  batches = [{"a": np.zeros((batch, 2, 2, 3))} for batch in (1, 1, 1, 1, 1, 1)]
  assert len(probe_batches(iter(batches), 1)) == 4
  assert len(probe_batches(iter(batches), 3)) == 2
  assert len(probe_batches(iter(batches), 16)) == 1


class _Generator(nn.Module):
  """The smallest generator that has a layer and draws noise, so that little is compiled."""

  dropout: float = 0.0

  @nn.compact
  def __call__(self, images, *, train):
    images = nn.Dropout(self.dropout, deterministic=not train)(images)
    return jnp.tanh(nn.Conv(3, (1, 1))(images))


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_methods_are_diagnosed_and_left_as_they_are(name):
  names = {"pix2pix": ("source", "target"), "cyclegan": ("a", "b")}[name]
  keys = jax.random.split(jax.random.key(0), 2)
  images = {
    n: jax.random.uniform(k, (2, 8, 8, 3), minval=-1) for n, k in zip(names, keys, strict=True)
  }
  if name == "pix2pix":
    method = pix2pix(_Generator(dropout=0.5), PatchDiscriminator(num_layers=1, features=2))
  else:
    discriminator = PatchDiscriminator(num_layers=0, features=2, norm="none", spectral_norm=True)
    method = cyclegan(_Generator(), _Generator(), discriminator, pool_size=4)
  optimizers: dict[str, Any] = dict.fromkeys(PLAYERS, optax.adam(1e-3))
  state = jax.jit(lambda b: create_state(method, optimizers, b, seed=0, keep_ema=False))(images)
  diagnose = make_diagnosis(method, optimizers, noise=name == "pix2pix")
  probe = [images, {n: x[::-1] for n, x in images.items()}]
  figures = diagnose(state, probe)
  assert figures == diagnose(state, probe)  # No noise of its own, nothing consumed.
  assert all(key.startswith("diagnostics/") for key in figures)
  for key in ("generator_cosine", "discriminator_cosine", "update_cosine"):
    assert -1.0 <= figures[f"diagnostics/{key}"] <= 1.00001
  if name == "pix2pix":
    assert figures["diagnostics/noise_spread"] > 0.0
    assert {f"diagnostics/spectral_{n}" for n in ("layer_0", "layer_1", "logits", "max")} < set(
      figures
    )
  else:
    assert "diagnostics/noise_spread_a" not in figures  # There is no noise.
    assert "diagnostics/source_spread_b" in figures
    for name in ("a_layer_0", "a_logits", "b_layer_0", "b_logits"):  # Normalised by an estimate.
      assert 0.9999 < figures[f"diagnostics/spectral_{name}"] < 2.0
  # The norm is that of the step's own loss on the first batch, at the probe's noise.
  generate_key, loss_key, _ = jax.random.split(jax.random.key(0), 3)

  @jax.jit
  def norm(params, images):
    outputs, extras = method.generate(params["generator"], state.extras, images, generate_key)
    gradient, _ = jax.grad(method.discriminator_loss, has_aux=True)(
      params["discriminator"], extras, outputs, images, loss_key
    )
    return optax.tree.norm(gradient)

  got = figures["diagnostics/discriminator_gradient"]
  np.testing.assert_allclose(got, norm(state.params, images), rtol=1e-3)


def _config(pictures, **changes):
  """All runs below are of one program, so that it is compiled once.

  The generator hardly plays, so the discriminator need not be good to know its pictures.
  """
  config = tiny(default_config())
  config.data.path = str(pictures)
  config.generator = {"name": "unet", "num_levels": 2, "features": 2, "norm": "none"}
  config.generator.dropout = 0.0
  config.discriminator = {"name": "patch", "num_layers": 1, "features": 8, "norm": "none"}
  config.method = {"name": "pix2pix", "l1_weight": 1.0, "adversarial_weight": 1e-9}
  config.optimizer.learning_rate = 1e-2
  config.update(sample_every=0, eval_every=0, save_every=0, log_every=25, diagnose_every=50)
  config.update(changes)
  return config


def _train(config, workdir):
  dataset = open_data(config, "train")
  train(config, workdir, dataset, evaluate=lambda _: {}, sample=lambda _: np.zeros((1, 1, 3)))
  return read_log(workdir / "log.jsonl")


def test_a_run_whose_discriminator_wins_says_so_once(pictures, tmp_path, capsys):
  config = _config(pictures, num_steps=400)
  records = _train(config, tmp_path / "run")
  won = next(alarm for alarm in alarms(records) if alarm.name == "discriminator has won")
  sentence = f"step {won.step}: the discriminator has won: accuracy 1.00"
  assert won.end is None and sentence in capsys.readouterr().err
  diagnosed = [r["step"] for r in records if "diagnostics/gradient_ratio" in r]
  assert diagnosed == list(range(50, 401, 50))
  assert [r["step"] for r in records] == list(range(25, 401, 25))  # No lines of their own.

  config.num_steps = 450
  assert len(_train(config, tmp_path / "run")) == len(records) + 2
  said = capsys.readouterr().err
  assert "resuming" in said and "has won" not in said


def test_a_short_run_is_silent_and_goes_on_with_the_same_log(pictures, tmp_path):
  every = {"log_every": 3, "diagnose_every": 2, "save_every": 6}
  whole, stopped = tmp_path / "whole", tmp_path / "stopped"
  records = _train(_config(pictures, num_steps=12, **every), whole)
  assert alarms(records) == []
  assert [r["step"] for r in records] == [2, 3, 4, 6, 8, 9, 10, 12]
  _train(_config(pictures, num_steps=6, **every), stopped)
  _train(_config(pictures, num_steps=12, **every), stopped)
  assert (stopped / "log.jsonl").read_bytes() == (whole / "log.jsonl").read_bytes()


def test_without_diagnoses_the_log_has_none(pictures, tmp_path):
  records = _train(_config(pictures, num_steps=3, diagnose_every=0), tmp_path / "run")
  assert [r["step"] for r in records] == [3]
  assert not any(name.startswith("diagnostics/") for name in records[0])

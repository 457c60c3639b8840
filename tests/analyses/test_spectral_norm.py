import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.analyses import spectral_norm
from imtrans.networks import PatchDiscriminator
from imtrans.theory.lipschitz import kernel_matrix


@pytest.fixture(scope="module")
def paper(papers):
  return papers("spectral_norm")


def _rows(finding, what):
  return [row for row in finding.rows if row["of"].startswith(what)]


def test_exact_norms_lie_between_the_bounds_and_ones_attain_the_upper_one(paper):
  rows = _rows(paper, "stride")
  assert len(rows) == 12
  for row in rows:
    assert 1.0 <= row["measured"] <= row["upper"] * (1 + 1e-5)
    if row["where"] == "share of ones 1":
      assert row["measured"] == pytest.approx({"stride 1": 4.0, "stride 2": 2.0}[row["of"]])
  assert "4.00 and 2.00" in paper.text


def test_power_iteration_is_what_the_singular_vectors_say(paper):
  rows = _rows(paper, "power iteration")
  for row in rows:
    assert row["measured"] == pytest.approx(row["closed_form"], rel=1e-4)
  assert f"one power iteration finds {rows[0]['measured']:.2f}" in paper.text


def test_bound_of_the_normalised_network(paper):
  rows = _rows(paper, "PatchGAN-70")
  assert rows[4]["upper"] == 128.0 and "bounded by 128" in paper.text
  assert [row["upper"] for row in rows[:5]] == [2.0, 4.0, 8.0, 32.0, 128.0]
  for row in rows:
    assert row["measured"] <= row["upper"] * (1 + 1e-5)


def test_norms_of_a_run_layer_by_layer(trained):
  finding = spectral_norm.on_run(trained)
  params = trained.players["discriminator"]
  rows = {row["where"]: row for row in finding.rows}
  product = 1.0
  for name, stride in (("layer_0", 2), ("layer_1", 1), ("logits", 1)):
    kernel = np.asarray(params[name]["kernel"], np.float64)
    norm = np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2)
    assert rows[name]["lower"] == pytest.approx(norm, rel=1e-4)
    assert rows[name]["upper"] == pytest.approx(norm * 4 / stride, rel=1e-4)
    # The exact norm at stride one, frequency by frequency.
    if stride == 1:
      transfer = np.fft.fft2(kernel, (16, 16), axes=(0, 1)).reshape(256, *kernel.shape[2:])
      exact = max(np.linalg.norm(matrix, 2) for matrix in transfer)
      assert rows[name]["measured"] == pytest.approx(exact, rel=1e-4)
    product *= norm * 4 / stride
  assert rows["product"]["upper"] == pytest.approx(product, rel=1e-4)
  assert f"a product bound of {product:.3g}" in finding.text


def test_steepness_of_a_run_by_a_finite_difference(trained):
  finding = spectral_norm.on_run(trained)
  (row,) = (row for row in finding.rows if row["where"] == "at real picture 0")
  sources, answers = trained.test_pictures("ab", 16)
  picture = jnp.concatenate([sources[:1], answers[:1]], axis=-1)
  network = PatchDiscriminator(num_layers=1, features=4)
  variables = {"params": trained.players["discriminator"], **trained.run.extras["discriminator"]}

  @jax.jit
  def mean(picture):
    logits, _ = network.apply(variables, picture, train=True, mutable=["batch_stats"])
    return jnp.mean(logits) * logits.size**0.5

  # Along its own gradient a function is as steep as the gradient is long.
  gradient = jax.grad(mean)(picture)
  direction = gradient / jnp.linalg.norm(gradient)
  slope = (mean(picture + 0.02 * direction) - mean(picture - 0.02 * direction)) / 0.04
  assert row["measured"] == pytest.approx(float(slope), rel=0.02)


def test_a_normalised_kernel_is_divided_by_its_estimate():
  network = PatchDiscriminator(num_layers=1, features=4, spectral_norm=True)
  variables = jax.jit(functools.partial(network.init, train=True))(
    jax.random.key(0), jnp.zeros((1, 16, 16, 3))
  )
  kernel = spectral_norm.used_kernel(variables["params"], variables, "layer_0")
  norm = float(jnp.linalg.norm(kernel_matrix(kernel), 2))
  assert 1.0 <= norm < 2.0  # The estimate is never above the norm.
  plain = spectral_norm.used_kernel(variables["params"], {}, "layer_0")
  assert float(jnp.max(jnp.abs(plain - variables["params"]["layer_0"]["kernel"]))) == 0.0

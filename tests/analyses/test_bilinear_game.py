import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from scipy.sparse.linalg import LinearOperator, eigs

from imtrans.analyses import bilinear_game
from imtrans.methods.game import method_losses
from imtrans.theory.update_rules import vector_field

ADAM_STEPS = 50


@pytest.fixture(scope="module")
def paper():
  return bilinear_game.on_paper(adam_steps=ADAM_STEPS)


def test_simulated_growth_is_the_spectral_radius(paper):
  rules = [row for row in paper.rows if row["rule"] in bilinear_game.RULES]
  assert len(rules) == 7 * len(bilinear_game.RULES)
  for row in rules:
    assert row["measured"] == pytest.approx(row["spectral_radius"], rel=5e-3), row
  known = {row["rule"]: row["spectral_radius"] for row in rules if row["step_size"] == 1.0}
  assert known["simultaneous"] == pytest.approx(2**0.5)
  assert known["proximal"] == pytest.approx(2**-0.5)
  assert known["alternating"] == known["extragradient"] == pytest.approx(1.0)


def test_adam_row_by_hand(paper):
  (row,) = (row for row in paper.rows if row["rule"] == "adam 0.9 simultaneous")
  z, mean, square = np.ones(2), np.zeros(2), np.zeros(2)
  for count in range(1, ADAM_STEPS + 1):
    gradient = np.array([z[1], -z[0]])
    mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
    z = z - 0.01 * (mean / (1 - 0.9**count)) / (np.sqrt(square / (1 - 0.999**count)) + 1e-8)
  assert row["measured"] == pytest.approx(np.hypot(*z), rel=1e-4)
  assert f"{row['measured']:.2f} with β1 = 0.9" in paper.text


def test_the_text_says_the_factors_of_the_drawn_step_size(paper):
  assert "1.0308" in paper.text and "1.0000" in paper.text and "0.9703" in paper.text


def test_stable_step_size_is_where_the_first_modulus_reaches_one():
  values = np.array([-1.0 + 2.0j, -1.0 - 2.0j, -0.5, 0.3])
  limit = bilinear_game.stable_step_size(values)
  assert np.abs(1.0 + limit * values[:3]).max() == pytest.approx(1.0)
  assert np.abs(1.0 + 1.01 * limit * values[:3]).max() > 1.0
  assert bilinear_game.stable_step_size(np.array([0.5, 1j])) == np.inf


def test_the_eigenvalues_of_a_run_are_those_of_another_solver(trained):
  finding = bilinear_game.on_run(trained, num_steps=30)
  players = (trained.players["generator"], trained.players["discriminator"])
  batch = jax.tree.map(jnp.asarray, trained.training_batch(0))
  key = jax.random.fold_in(jax.random.key(0), trained.run.step)
  losses = method_losses(trained.run.method, trained.run.extras, batch, key)
  flat, unravel = ravel_pytree(players)

  def field(flat):
    return ravel_pytree(vector_field(losses, unravel(flat)))[0]

  product = jax.jit(lambda vector: jax.jvp(field, (flat,), (vector,))[1])
  operator = LinearOperator(
    (flat.size, flat.size),
    matvec=lambda vector: np.asarray(product(jnp.asarray(vector.ravel(), jnp.float32))),
    dtype=np.float32,
  )
  leading = eigs(operator, k=2, v0=np.ones(flat.size, np.float32), return_eigenvectors=False)
  first = finding.rows[0]
  assert first["residual"] < 0.01 * first["modulus"]
  found = complex(first["real"], first["imaginary"])
  np.testing.assert_allclose(min(abs(leading - found)), 0.0, atol=1e-2 * abs(found))

  # The cosine, with the gradient of half the squared field by finite differences along the field.
  here = np.asarray(field(flat), np.float64)
  uphill = np.asarray(jax.grad(lambda flat: 0.5 * jnp.sum(jnp.square(field(flat))))(flat))
  cosine = -here @ uphill / np.linalg.norm(here) / np.linalg.norm(uphill)
  assert f"a cosine of {cosine:.2f}" in finding.text

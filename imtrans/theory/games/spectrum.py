"""Eigenvalues of a game's Jacobian from Jacobian-vector products: no matrix is ever built.

Near a fixed point of the players' `vector_field` v, a simultaneous gradient step of size h is
z + h v(z), with eigenvalues 1 + h e for e in the spectrum of the Jacobian of v. Real negative ones
are descent; a pair near the imaginary axis is the rotation that makes adversarial training swing.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from imtrans.theory.games.update_rules import Loss, Losses, Players, vector_field


class Spectrum(NamedTuple):
  """Approximate eigenvalues, largest modulus first.

  eigenvalues: [count], complex.
  residuals: [count], |A u - e u| of each with its vector u of norm one; small means converged.
  """

  eigenvalues: np.ndarray
  residuals: np.ndarray


def jacobian_spectrum(
  game: Loss | Losses, players: Players, *, num_steps: int = 20, key: Array | None = None
) -> Spectrum:
  """Leading eigenvalues of the Jacobian of the game's vector field.

  Mescheder et al., 2017, "The Numerics of GANs", Eq. 5, https://arxiv.org/abs/1705.10461, for the
  matrix; Berard et al., 2020, "A Closer Look at the Optimization Landscapes of Generative
  Adversarial Networks", https://arxiv.org/abs/1906.04848, look at it in trained networks.

  Each step costs one product (a forward derivative through both gradients) and one more vector of
  all parameters to hold.

  Args:
    game: one loss per player, or the one of a zero-sum game.
    players: a pair of pytrees of one floating-point type, where to linearize.
    num_steps: Krylov vectors; with as many as there are parameters all eigenvalues are exact.
    key: of the random start.

  Returns:
    At most `num_steps` eigenvalues of the Jacobian of -(d loss_1 / d first, d loss_2 / d second)
    and their residuals.
  """
  flat, unravel = ravel_pytree(players)
  start_key, later_key = jax.random.split(jax.random.key(0) if key is None else key)

  def field(flat):
    return ravel_pytree(vector_field(game, unravel(flat)))[0]

  @functools.partial(jax.jit, donate_argnums=1)
  def advance(flat, decomposition, index):
    product = functools.partial(_derivative, field, flat)
    return _extended(product, decomposition, index, later_key)

  start = jax.random.normal(start_key, flat.shape, flat.dtype)
  decomposition = _begun(start, min(num_steps, flat.size))
  # A loop of Python: inside one of XLA a CPU computes convolutions many times slower.
  for index in range(min(num_steps, flat.size)):
    decomposition = advance(flat, decomposition, index)
  # On the host: not every accelerator finds eigenvalues of general matrices; this one is small.
  hessenberg = np.asarray(decomposition[1], np.float64)
  eigenvalues, vectors = np.linalg.eig(hessenberg[:-1])
  residuals = np.abs(hessenberg[-1, -1] * vectors[-1])
  order = np.argsort(-np.abs(eigenvalues), stable=True)
  return Spectrum(eigenvalues[order], residuals[order])


def arnoldi(
  product: Callable[[Array], Array], start: Array, num_steps: int, key: Array
) -> tuple[Array, Array]:
  """Projects a linear map on the Krylov space of a vector.

  Arnoldi, 1951; here with Gram-Schmidt done twice, as one pass loses orthogonality in float32
  (Giraud et al., 2005). Where the space is exhausted a fresh random direction goes on, so that
  eigenvalues with several eigenvectors are found as often as they occur.

  Args:
    product: the map, [size] -> [size].
    start: [size], not zero.
    num_steps: at most size.
    key: of the fresh directions.

  Returns:
    basis [num_steps + 1, size], orthonormal rows V but for the last where num_steps = size, and
    hessenberg [num_steps + 1, num_steps] H, with A V[:-1]^T = V^T H.
  """
  return jax.lax.fori_loop(
    0,
    num_steps,
    lambda index, decomposition: _extended(product, decomposition, index, key),
    _begun(start, num_steps),
  )


def consensus_cosine(game: Loss | Losses, players: Players) -> Array:
  """Cosine between the players' direction v and the steepest descent of |v|^2 / 2.

  One where all agree (descent on one round bowl), zero where the game only rotates (the bilinear
  game everywhere), negative where following v makes the gradients larger. Consensus optimisation
  (Mescheder et al., 2017, Sec. 4, https://arxiv.org/abs/1705.10461) mixes the two directions.

  Args:
    game: one loss per player, or the one of a zero-sum game.
    players: a pair of pytrees, not at a fixed point.

  Returns:
    Scalar in [-1, 1].
  """
  field, pull_back = jax.vjp(functools.partial(vector_field, game), players)
  (uphill,) = pull_back(field)
  field, uphill = ravel_pytree(field)[0], ravel_pytree(uphill)[0]
  return -jnp.vdot(field, uphill) / (jnp.linalg.norm(field) * jnp.linalg.norm(uphill))


def _begun(start: Array, num_steps: int) -> tuple[Array, Array]:
  """Basis and hessenberg of `arnoldi` before its first step."""
  basis = jnp.zeros((num_steps + 1, start.size), start.dtype)
  basis = basis.at[0].set(start / jnp.linalg.norm(start))
  return basis, jnp.zeros((num_steps + 1, num_steps), start.dtype)


def _extended(
  product: Callable[[Array], Array], decomposition: tuple[Array, Array], index: Array, key: Array
) -> tuple[Array, Array]:
  """Basis and hessenberg after the step `index` of `arnoldi`."""
  basis, hessenberg = decomposition
  image = product(basis[index])
  rest, coefficients = _orthogonalized(image, basis)
  norm = jnp.linalg.norm(rest)
  negligible = 32.0 * float(jnp.finfo(basis.dtype).eps)
  exhausted = norm <= negligible * jnp.linalg.norm(image)

  def fresh():
    draw = jax.random.normal(jax.random.fold_in(key, index), image.shape, image.dtype)
    direction, _ = _orthogonalized(draw / jnp.linalg.norm(draw), basis)
    return direction / jnp.linalg.norm(direction)

  following = jax.lax.cond(exhausted, fresh, lambda: rest / norm)
  coefficients = coefficients.at[index + 1].set(jnp.where(exhausted, 0.0, norm))
  return basis.at[index + 1].set(following), hessenberg.at[:, index].set(coefficients)


def _derivative(function: Callable, point: Any, direction: Any) -> Any:
  return jax.jvp(function, (point,), (direction,))[1]


def _orthogonalized(vector: Array, basis: Array) -> tuple[Array, Array]:
  """What of a vector is orthogonal to the rows of the basis, and its coefficients in them."""
  total = jnp.zeros(basis.shape[0], vector.dtype)
  for _ in range(2):
    # In full precision: the bfloat16 products of a TPU would not be orthogonal at all.
    coefficients = jnp.matmul(basis, vector, precision="highest")
    vector = vector - jnp.matmul(coefficients, basis, precision="highest")
    total = total + coefficients
  return vector, total

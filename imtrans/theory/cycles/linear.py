"""The cycle loss on paper: a linear cycle is an autoencoder, and what it cannot see.

A pair of linear generators G: R^n -> R^r and F: R^r -> R^n with the squared cycle loss
E|F G x - x|² on inputs of mean zero is a linear autoencoder whose code is the other domain; its
best value is that of principal components. The cycle loss says nothing about which code is used:
G -> φ G, F -> F φ⁻¹ leaves it as it is, and the adversarial loss too where φ keeps the other
domain's distribution. What hides in a code is the matter of `imtrans.theory.cycles.hidden`.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

Map = Callable[[Array], Array]


class LinearCycle(NamedTuple):
  """Two linear generators."""

  forward: Array  # [channels of the other domain, channels], G.
  backward: Array  # [channels, channels of the other domain], F.


def cycle_loss(cycle: LinearCycle, covariance: Array) -> Array:
  """The expected squared cycle error, E|F G x - x|² = tr((F G - 1) Σ (F G - 1)ᵀ).

  Args:
    cycle: the two maps.
    covariance: Σ, [channels, channels], of inputs of mean zero.

  Returns:
    Scalar, squared units of the input, summed over the channels.
  """
  error = cycle.backward @ cycle.forward - jnp.eye(len(covariance))
  return jnp.sum((error @ covariance) * error)


def best_linear_cycle(covariance: Array, num_channels: int) -> LinearCycle:
  """The best linear cycle through fewer channels: the principal components and back.

  Baldi and Hornik, 1989, "Neural networks and principal component analysis". Where the
  eigenvalues r and r + 1 differ, every other best cycle is this one with an invertible map between
  G and F.

  Args:
    covariance: [channels, channels].
    num_channels: r, channels of the other domain.

  Returns:
    The maps onto the r leading eigenvectors and back.

  Raises:
    ValueError: if there are fewer input channels than `num_channels`.
  """
  _check_channels(covariance, num_channels)
  _, vectors = jnp.linalg.eigh(covariance)
  leading = vectors[:, len(covariance) - num_channels :]
  return LinearCycle(leading.T, leading)


def matched_cycle(covariance: Array, code_covariance: Array) -> LinearCycle:
  """The best linear cycle whose code also looks like the other domain, N(0, Σ_Y).

  G = Σ_Y^(1/2) Λ^(-1/2) Vᵀ with the leading eigenvectors V and eigenvalues Λ, and F its inverse on
  their span: that the code has to fool a discriminator costs a linear cycle nothing.

  Args:
    covariance: Σ, [channels, channels], positive definite.
    code_covariance: Σ_Y, [r, r], of the other domain, positive definite.

  Returns:
    A cycle with the least loss and G Σ Gᵀ = Σ_Y.

  Raises:
    ValueError: if there are fewer input channels than channels of the code.
  """
  cycle = best_linear_cycle(covariance, len(code_covariance))
  deviations = jnp.sqrt(jnp.linalg.eigvalsh(covariance)[len(covariance) - len(code_covariance) :])
  root, inverse_root = _roots(code_covariance)
  return LinearCycle(
    root @ (cycle.forward / deviations[:, None]),
    (cycle.backward * deviations[None, :]) @ inverse_root,
  )


def least_cycle_loss(covariance: Array, num_channels: int) -> Array:
  """What a cycle through r channels must lose: the sum of the n - r smallest eigenvalues.

  Eckart and Young, 1936, "The approximation of one matrix by another of lower rank".

  Args:
    covariance: [channels, channels].
    num_channels: r, channels of the other domain.

  Returns:
    Scalar, squared units of the input; zero where r = n.

  Raises:
    ValueError: if there are fewer input channels than `num_channels`.
  """
  _check_channels(covariance, num_channels)
  return jnp.sum(jnp.linalg.eigvalsh(covariance)[: len(covariance) - num_channels])


def train_linear_cycle(
  key: Array,
  covariance: Array,
  num_channels: int,
  *,
  num_steps: int = 2000,
  learning_rate: float = 0.05,
) -> LinearCycle:
  """The simulation beside `best_linear_cycle`: gradient descent from small random maps.

  The loss has saddle points but no other minima than the best (Baldi and Hornik, 1989).

  Args:
    key: random key.
    covariance: [channels, channels].
    num_channels: r, channels of the other domain.
    num_steps: steps of gradient descent.
    learning_rate: their size; below about one over the largest eigenvalue.

  Returns:
    The trained cycle.
  """
  shape = (num_channels, len(covariance))
  first, second = jax.random.split(key)
  start = LinearCycle(
    0.1 * jax.random.normal(first, shape), 0.1 * jax.random.normal(second, shape[::-1])
  )

  def step(_: int, cycle: LinearCycle) -> LinearCycle:
    gradient = jax.grad(cycle_loss)(cycle, covariance)
    return jax.tree.map(lambda value, slope: value - learning_rate * slope, cycle, gradient)

  return jax.lax.fori_loop(0, num_steps, step, start)


def relabel(forward: Map, backward: Map, change: Map, inverse: Map) -> tuple[Map, Map]:
  """The symmetry of cycle consistency: G -> φ∘G and F -> F∘φ⁻¹.

  Moriakov et al., 2020, "Kernel of CycleGAN as a Principle homogeneous space",
  https://arxiv.org/abs/2001.09061. F∘G is the same function as before; φ∘G∘F∘φ⁻¹ closes where G∘F
  does. If φ keeps the distribution of the other domain, so do its fakes, and no discriminator
  can tell: which of these translations is learned is chosen by the identity loss, or by chance.

  Args:
    forward: G.
    backward: F.
    change: φ, of the other domain onto itself.
    inverse: φ⁻¹.

  Returns:
    The relabelled pair of functions.
  """
  return (lambda inputs: change(forward(inputs))), (lambda outputs: backward(inverse(outputs)))


def gaussian_symmetry(covariance: Array, rotation: Array) -> Array:
  """A linear map that keeps N(0, Σ): Σ^(1/2) Q Σ^(-1/2) for an orthogonal Q.

  These are all of them: a Gaussian domain of n channels leaves n (n - 1) / 2 continuous freedoms
  and a mirror (such as the inversion of colours) that cycle and adversarial losses do not see.

  Args:
    covariance: Σ, [channels, channels], positive definite.
    rotation: Q, [channels, channels], orthogonal.

  Returns:
    φ, [channels, channels], with φ Σ φᵀ = Σ.
  """
  root, inverse_root = _roots(covariance)
  return root @ rotation @ inverse_root


def symmetry_cost(covariance: Array, rotation: Array) -> Array:
  """What a squared identity loss sees of a symmetry: E|φ y - y|² = 2 (tr Σ - tr Q Σ).

  The cycle and the adversarial loss see nothing of it. It is zero for Q = 1 alone, and at most
  4 tr Σ, for the inversion Q = -1.

  Args:
    covariance: Σ, [channels, channels], of the other domain, positive definite.
    rotation: Q, [channels, channels], orthogonal.

  Returns:
    Scalar, squared units of the values, summed over the channels.
  """
  return 2.0 * (jnp.trace(covariance) - jnp.trace(rotation @ covariance))


def _roots(covariance: Array) -> tuple[Array, Array]:
  """The symmetric square root of a positive definite matrix, and its inverse."""
  variances, vectors = jnp.linalg.eigh(covariance)
  deviations = jnp.sqrt(variances)[None, :]
  return (vectors * deviations) @ vectors.T, (vectors / deviations) @ vectors.T


def _check_channels(covariance: Array, num_channels: int) -> None:
  if covariance.ndim != 2 or covariance.shape[0] != covariance.shape[1]:
    raise ValueError(f"covariance must be [channels, channels], got {covariance.shape}.")
  if not 0 <= num_channels <= len(covariance):
    raise ValueError(f"num_channels must be between 0 and {len(covariance)}, got {num_channels}.")

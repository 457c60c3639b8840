"""The Dirac-GAN: one generated point against one real point, judged by a linear discriminator.

Real data sit at 0, the generator makes the point t, the discriminator's logit is D(x) = w x. The
only fixed point is (0, 0). Whether training finds it shows what each remedy does near the end of
any training: R1 and noise on the images make it converge, a gradient penalty with target one and
the Wasserstein loss do not (Mescheder et al., 2018, "Which Training Methods for GANs do actually
Converge?", https://arxiv.org/abs/1801.04406). With the Wasserstein loss it is the bilinear game.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from imtrans.theory.divergences.adversarial_optimum import (
  expected_discriminator_loss,
  expected_generator_loss,
)
from imtrans.theory.games.update_rules import Losses

NUM_NODES = 24  # Of the Gauss-Hermite rule that takes the mean over instance noise.


def dirac_losses(
  discriminator_loss: Callable[[Array, Array], Array],
  generator_loss: Callable[[Array], Array],
  *,
  penalty_weight: Array | float = 0.0,
  penalty_target: Array | float = 0.0,
  noise: Array | float = 0.0,
) -> Losses:
  """The Dirac-GAN with any pair of adversarial losses, as a game for `play` and the spectrum.

  Mescheder et al., 2018, Definition 2.1; the penalty is (weight / 2) (|w| - target)^2, which is R1
  for target 0 (Sec. 4.1) and that of WGAN-GP for target 1 (Sec. 3.1).

  Args:
    discriminator_loss: (real_logits, fake_logits) -> scalar.
    generator_loss: fake_logits -> scalar.
    penalty_weight: of the penalty on the discriminator's gradient in x, which is w.
    penalty_target: norm that the gradient is drawn to.
    noise: standard deviation of Gaussian noise on real and fake points (Sec. 3.2). The mean over
      it is exact for smooth losses and approximate for the hinge.

  Returns:
    The generator's and the discriminator's loss, functions of the scalars (t, w).
  """
  nodes, weights = np.polynomial.hermite_e.hermegauss(NUM_NODES)
  weights = weights / weights.sum()

  def spread(point: Array, slope: Array) -> tuple[Array, Array]:
    dtype = jnp.result_type(point)
    return slope * (point + noise * jnp.asarray(nodes, dtype)), jnp.asarray(weights, dtype)

  def generator(point: Array, slope: Array) -> Array:
    return expected_generator_loss(generator_loss, *spread(point, slope))

  def discriminator(point: Array, slope: Array) -> Array:
    real_logits, masses = spread(jnp.zeros_like(point), slope)
    fake_logits, _ = spread(point, slope)
    loss = expected_discriminator_loss(discriminator_loss, real_logits, fake_logits, masses, masses)
    # (|w| - target)^2 written out: squaring |w| would lose the second derivative at zero.
    penalty = jnp.square(slope) - 2.0 * penalty_target * jnp.abs(slope) + penalty_target**2
    return loss + 0.5 * penalty_weight * penalty

  return generator, discriminator


def dirac_field(
  point: Array,
  slope: Array,
  *,
  derivative: Callable[[Array], Array] = jax.nn.sigmoid,
  penalty_weight: Array | float = 0.0,
) -> tuple[Array, Array]:
  """The vector field of the zero-sum Dirac-GAN, written out: (w f'(w t), -t f'(w t) - weight w).

  Mescheder et al., 2018, Sec. 2.2 and 3.3, with the sign of D that makes real logits large. The
  discriminator pays f(D) for a fake and the generator earns it; f is softplus for the minimax
  loss, the identity for the Wasserstein loss.

  Args:
    point: t, any shape.
    slope: w, the same shape.
    derivative: f'.
    penalty_weight: of R1.

  Returns:
    The directions in which t and w move.
  """
  strength = derivative(slope * point)
  return slope * strength, -point * strength - penalty_weight * slope


def dirac_eigenvalues(
  slope: Array | float,
  *,
  curvature: Array | float = 0.0,
  penalty_weight: Array | float = 0.0,
  noise: Array | float = 0.0,
) -> Array:
  """Eigenvalues of the Dirac-GAN's Jacobian at the fixed point: m +- sqrt(m^2 - f'(0)^2).

  m = f''(0) noise^2 - weight / 2, so that without either they are +- i f'(0), a rotation
  (Mescheder et al., 2018, Sec. 2.2, 3.2 and 3.3: each remedy by itself).

  Args:
    slope: f'(0), where -f(D) is what the discriminator gains from a fake; 1/2 for the minimax and
      the vanilla pair, 1 for hinge and Wasserstein.
    curvature: f''(0) <= 0 in the paper's sign, -1/4 for the minimax and the vanilla pair.
    penalty_weight: of R1.
    noise: standard deviation of the instance noise.

  Returns:
    [2], complex; gradient flow converges locally if and only if both real parts are negative.
  """
  friction = curvature * jnp.square(noise) - 0.5 * penalty_weight
  inside = jnp.square(friction) - jnp.square(slope)
  root = jnp.sqrt(jax.lax.complex(inside, jnp.zeros_like(inside)))
  middle = jax.lax.complex(friction, jnp.zeros_like(friction))
  return jnp.stack([middle + root, middle - root])


def critical_penalty_weight(slope: Array | float) -> Array:
  """The weight of R1 that damps without swinging: 2 |f'(0)|, where both eigenvalues meet.

  Args:
    slope: f'(0), as for `dirac_eigenvalues`.

  Returns:
    Scalar; smaller weights spiral in, larger ones creep in.
  """
  return 2.0 * jnp.abs(slope)


def non_saturating_distance(start: Array | float, time: Array | float) -> Array:
  """How far the vanilla pair is from the fixed point: 1 / r^2 = 1 / r_0^2 + time / 8.

  With the non-saturating generator, gradient flow of the unregularised Dirac-GAN has d(r^2)/dt =
  -2 u tanh(u / 2), u = w t, whose mean over a turn is -r^4 / 8 where r is small. So it arrives, but
  like 1 / sqrt(time), while R1 is exponentially fast; the minimax pair stays at its distance.

  Args:
    start: distance r_0 of (t, w) from (0, 0), below one.
    time: since then, steps times step size.

  Returns:
    The distance r.
  """
  return 1.0 / jnp.sqrt(1.0 / jnp.square(start) + time / 8.0)

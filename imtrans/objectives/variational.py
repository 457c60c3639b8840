"""Losses of codes that are drawn from a distribution which an encoder names."""

import jax.numpy as jnp
from jax import Array


def gaussian_kl(mean: Array, log_variance: Array) -> Array:
  """Kullback-Leibler divergence of independent Gaussians from the standard one.

  Kingma and Welling, 2014, "Auto-Encoding Variational Bayes", Appendix B,
  https://arxiv.org/abs/1312.6114: (mean^2 + variance - 1 - log variance) / 2, added over the code.

  Args:
    mean: [batch, latent_size].
    log_variance: [batch, latent_size].

  Returns:
    Scalar in nats, >= 0, the mean over the batch; zero for N(0, I) alone.

  Raises:
    ValueError: if the shapes differ.
  """
  if mean.shape != log_variance.shape or mean.ndim != 2:
    raise ValueError(
      "mean and log_variance must have the same shape [batch, latent_size], got "
      f"{mean.shape} and {log_variance.shape}."
    )
  excess = jnp.square(mean) + jnp.exp(log_variance) - 1.0 - log_variance
  return jnp.mean(jnp.sum(0.5 * excess, axis=-1))

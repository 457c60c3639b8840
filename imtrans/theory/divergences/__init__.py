"""Divergences, and the best discriminators whose losses measure them."""

from imtrans.theory.divergences.adversarial_optimum import (
  discriminator_value,
  expected_discriminator_loss,
  expected_generator_loss,
  jensen_shannon_bound,
  non_saturating_value,
  optimal_discriminator,
  optimal_logits,
)
from imtrans.theory.divergences.distances import (
  jensen_shannon,
  kantorovich_potential,
  kullback_leibler,
  pearson_chi_square,
  total_variation,
  triangular_discrimination,
  wasserstein_distance,
)

__all__ = [
  "discriminator_value",
  "expected_discriminator_loss",
  "expected_generator_loss",
  "jensen_shannon",
  "jensen_shannon_bound",
  "kantorovich_potential",
  "kullback_leibler",
  "non_saturating_value",
  "optimal_discriminator",
  "optimal_logits",
  "pearson_chi_square",
  "total_variation",
  "triangular_discrimination",
  "wasserstein_distance",
]

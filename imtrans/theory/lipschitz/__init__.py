"""Lipschitz constants: power iteration, singular values of convolutions, bounds of networks."""

from imtrans.theory.lipschitz.bounds import (
  amplification,
  gradient_norms,
  lipschitz_bound,
  normalized_bilinear_invariant,
  normalized_bilinear_loss,
  operator_norm,
  power_iteration,
)
from imtrans.theory.lipschitz.convolution_spectrum import (
  convolution_norm,
  convolution_norm_bounds,
  convolution_singular_values,
  kernel_matrix,
)

__all__ = [
  "amplification",
  "convolution_norm",
  "convolution_norm_bounds",
  "convolution_singular_values",
  "gradient_norms",
  "kernel_matrix",
  "lipschitz_bound",
  "normalized_bilinear_invariant",
  "normalized_bilinear_loss",
  "operator_norm",
  "power_iteration",
]

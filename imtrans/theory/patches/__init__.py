"""Patch discriminators: what a logit sees, how many patches there are, which size is best."""

from imtrans.theory.patches.layers import (
  Layer,
  effective_number,
  effective_patches,
  output_size,
  patch_stride,
  path_deviation,
  path_weights,
  receptive_field,
)
from imtrans.theory.patches.periodogram import (
  averaged_periodogram,
  draw_lines,
  periodogram_moments,
)
from imtrans.theory.patches.texture import (
  Texture,
  best_patch_size,
  covariance,
  patch_spectrum,
  relative_bias,
  spectral_error,
  spectrum,
)

__all__ = [
  "Layer",
  "Texture",
  "averaged_periodogram",
  "best_patch_size",
  "covariance",
  "draw_lines",
  "effective_number",
  "effective_patches",
  "output_size",
  "patch_spectrum",
  "patch_stride",
  "path_deviation",
  "path_weights",
  "periodogram_moments",
  "receptive_field",
  "relative_bias",
  "spectral_error",
  "spectrum",
]

"""Losses: functions of arrays."""

from imtrans.objectives.adversarial import (
  ADVERSARIAL_LOSSES,
  adversarial_losses,
  discriminator_accuracy,
)
from imtrans.objectives.contrastive import patch_nce_loss
from imtrans.objectives.matching import feature_matching_loss, perceptual_loss
from imtrans.objectives.penalties import (
  gradient_penalty,
  lecam_penalty,
  squared_gradient_norms,
  zero_centered_penalty,
)
from imtrans.objectives.reconstruction import mean_absolute_error, mean_squared_error
from imtrans.objectives.variational import gaussian_kl

__all__ = [
  "ADVERSARIAL_LOSSES",
  "adversarial_losses",
  "discriminator_accuracy",
  "feature_matching_loss",
  "gaussian_kl",
  "gradient_penalty",
  "lecam_penalty",
  "mean_absolute_error",
  "mean_squared_error",
  "patch_nce_loss",
  "perceptual_loss",
  "squared_gradient_norms",
  "zero_centered_penalty",
]

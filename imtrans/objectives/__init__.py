"""Losses: functions of arrays."""

from imtrans.objectives.adversarial import (
  ADVERSARIAL_LOSSES,
  adversarial_losses,
  decision_threshold,
  discriminator_accuracy,
)
from imtrans.objectives.contrastive import patch_nce_loss
from imtrans.objectives.information import information_critic_loss, mutual_information_bound
from imtrans.objectives.matching import (
  content_loss,
  feature_matching_loss,
  perceptual_loss,
  standardized,
)
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
  "content_loss",
  "decision_threshold",
  "discriminator_accuracy",
  "feature_matching_loss",
  "gaussian_kl",
  "gradient_penalty",
  "information_critic_loss",
  "lecam_penalty",
  "mean_absolute_error",
  "mean_squared_error",
  "mutual_information_bound",
  "patch_nce_loss",
  "perceptual_loss",
  "squared_gradient_norms",
  "standardized",
  "zero_centered_penalty",
]

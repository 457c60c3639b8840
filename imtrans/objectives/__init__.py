"""Losses: functions of arrays."""

from imtrans.objectives.adversarial import (
  ADVERSARIAL_LOSSES,
  adversarial_losses,
  discriminator_accuracy,
)
from imtrans.objectives.reconstruction import mean_absolute_error, mean_squared_error

__all__ = [
  "ADVERSARIAL_LOSSES",
  "adversarial_losses",
  "discriminator_accuracy",
  "mean_absolute_error",
  "mean_squared_error",
]

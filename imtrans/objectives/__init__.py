"""Losses: functions of arrays."""

from imtrans.objectives.adversarial import ADVERSARIAL_LOSSES, adversarial_losses
from imtrans.objectives.reconstruction import mean_absolute_error, mean_squared_error

__all__ = [
  "ADVERSARIAL_LOSSES",
  "adversarial_losses",
  "mean_absolute_error",
  "mean_squared_error",
]

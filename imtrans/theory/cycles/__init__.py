"""Cycle consistency: the linear cycle, symmetries that it cannot see, hidden messages."""

from imtrans.theory.cycles.hidden import (
  hidden_capacity,
  least_distortion,
  recovery_error,
  simulate_recovery,
  stored_noise,
)
from imtrans.theory.cycles.linear import (
  LinearCycle,
  best_linear_cycle,
  cycle_loss,
  gaussian_symmetry,
  least_cycle_loss,
  matched_cycle,
  relabel,
  symmetry_cost,
  train_linear_cycle,
)

__all__ = [
  "LinearCycle",
  "best_linear_cycle",
  "cycle_loss",
  "gaussian_symmetry",
  "hidden_capacity",
  "least_cycle_loss",
  "least_distortion",
  "matched_cycle",
  "recovery_error",
  "relabel",
  "simulate_recovery",
  "stored_noise",
  "symmetry_cost",
  "train_linear_cycle",
]

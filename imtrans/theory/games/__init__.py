"""Two-player games: closed forms of the bilinear game, update rules, plays, spectra."""

from imtrans.theory.games.bilinear import (
  alternating_angle,
  alternating_invariant,
  bilinear_loss,
  bilinear_radius,
  negative_momentum_bound,
  spectral_radius,
  update_matrix,
)
from imtrans.theory.games.dirac import (
  critical_penalty_weight,
  dirac_eigenvalues,
  dirac_field,
  dirac_losses,
  non_saturating_distance,
)
from imtrans.theory.games.simulation import (
  Play,
  play,
  play_with_optimizers,
  simulate,
)
from imtrans.theory.games.spectrum import (
  Spectrum,
  arnoldi,
  consensus_cosine,
  jacobian_spectrum,
)
from imtrans.theory.games.update_rules import (
  Dynamics,
  both_losses,
  make_dynamics,
  vector_field,
  zero_sum,
)

__all__ = [
  "Dynamics",
  "Play",
  "Spectrum",
  "alternating_angle",
  "alternating_invariant",
  "arnoldi",
  "bilinear_loss",
  "bilinear_radius",
  "both_losses",
  "consensus_cosine",
  "critical_penalty_weight",
  "dirac_eigenvalues",
  "dirac_field",
  "dirac_losses",
  "jacobian_spectrum",
  "make_dynamics",
  "negative_momentum_bound",
  "non_saturating_distance",
  "play",
  "play_with_optimizers",
  "simulate",
  "spectral_radius",
  "update_matrix",
  "vector_field",
  "zero_sum",
]

"""What a reconstruction loss takes for noise: its scale, its weight, and several right answers."""

from imtrans.theory.noise.answers import (
  Answers,
  blur,
  cheapest_prediction,
  cumulative,
  density,
  draw_answers,
  frequency_response,
  mean_answer,
  median_answer,
  modal_answer,
  spread,
)
from imtrans.theory.noise.likelihood import (
  best_gauss_deviation,
  best_laplace_scale,
  gauss_gauss_divergence,
  gauss_laplace_divergence,
  inverse_temperature,
  l1_weight,
  l2_weight,
  laplace_gauss_divergence,
  laplace_laplace_divergence,
)

__all__ = [
  "Answers",
  "best_gauss_deviation",
  "best_laplace_scale",
  "blur",
  "cheapest_prediction",
  "cumulative",
  "density",
  "draw_answers",
  "frequency_response",
  "gauss_gauss_divergence",
  "gauss_laplace_divergence",
  "inverse_temperature",
  "l1_weight",
  "l2_weight",
  "laplace_gauss_divergence",
  "laplace_laplace_divergence",
  "mean_answer",
  "median_answer",
  "modal_answer",
  "spread",
]

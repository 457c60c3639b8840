"""Domain adaptation: the bound of the error, and how well two domains are told apart."""

from imtrans.theory.adaptation.bounds import (
  Normal,
  density_crossings,
  divergence_deviation,
  interval_divergence,
  normal_differences,
  sample_differences,
  target_error_bound,
  threshold_divergence,
  threshold_error,
  threshold_joint_error,
)
from imtrans.theory.adaptation.domain_classifier import (
  ProxyDistance,
  a_distance,
  fit_domain_classifier,
  gaussian_a_distance,
  proxy_a_distance,
)

__all__ = [
  "Normal",
  "ProxyDistance",
  "a_distance",
  "density_crossings",
  "divergence_deviation",
  "fit_domain_classifier",
  "gaussian_a_distance",
  "interval_divergence",
  "normal_differences",
  "proxy_a_distance",
  "sample_differences",
  "target_error_bound",
  "threshold_divergence",
  "threshold_error",
  "threshold_joint_error",
]

"""Analyzable functions in `jax.numpy`, used by the networks and by the studies alike."""

from imtrans.theory.adaptation import interval_divergence, target_error_bound
from imtrans.theory.adversarial_optimum import discriminator_value, optimal_discriminator
from imtrans.theory.assignment import optimal_assignment
from imtrans.theory.convolution_spectrum import convolution_norm, convolution_singular_values
from imtrans.theory.cycles import best_linear_cycle, least_cycle_loss
from imtrans.theory.domain_classifier import proxy_a_distance
from imtrans.theory.entropic_transport import entropic_transport_cost, sinkhorn_divergence
from imtrans.theory.games import bilinear_radius, spectral_radius, update_matrix
from imtrans.theory.gaussian_transport import gaussian_wasserstein, monge_map
from imtrans.theory.hidden import hidden_capacity, recovery_error
from imtrans.theory.identity import best_shift, soft_threshold
from imtrans.theory.lipschitz import lipschitz_bound, power_iteration
from imtrans.theory.noise import best_gauss_deviation, best_laplace_scale, l1_weight, l2_weight
from imtrans.theory.patches import Layer, effective_patches, output_size, receptive_field
from imtrans.theory.simulation import play, play_with_optimizers
from imtrans.theory.sliced import sliced_transport_cost
from imtrans.theory.spectrum import jacobian_spectrum
from imtrans.theory.texture import best_patch_size
from imtrans.theory.transport_plans import cycle_cost, preferred_correlation
from imtrans.theory.update_rules import vector_field, zero_sum

__all__ = [
  "Layer",
  "best_gauss_deviation",
  "best_laplace_scale",
  "best_linear_cycle",
  "best_patch_size",
  "best_shift",
  "bilinear_radius",
  "convolution_norm",
  "convolution_singular_values",
  "cycle_cost",
  "discriminator_value",
  "effective_patches",
  "entropic_transport_cost",
  "gaussian_wasserstein",
  "hidden_capacity",
  "interval_divergence",
  "jacobian_spectrum",
  "l1_weight",
  "l2_weight",
  "least_cycle_loss",
  "lipschitz_bound",
  "monge_map",
  "optimal_assignment",
  "optimal_discriminator",
  "output_size",
  "play",
  "play_with_optimizers",
  "power_iteration",
  "preferred_correlation",
  "proxy_a_distance",
  "receptive_field",
  "recovery_error",
  "sinkhorn_divergence",
  "sliced_transport_cost",
  "soft_threshold",
  "spectral_radius",
  "target_error_bound",
  "update_matrix",
  "vector_field",
  "zero_sum",
]

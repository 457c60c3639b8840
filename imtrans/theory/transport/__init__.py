"""Optimal transport: entropic, between normal distributions, sliced, exact, and as bridges."""

from imtrans.theory.transport.assignment import (
  assignment_cost,
  optimal_assignment,
)
from imtrans.theory.transport.bridges import (
  BridgeMoments,
  bridge_draw,
  gaussian_bridge,
  refinement_times,
)
from imtrans.theory.transport.costs import (
  entropic_transport_cost,
  sinkhorn_divergence,
)
from imtrans.theory.transport.entropic import (
  Potentials,
  entropic_plan,
  sinkhorn,
  squared_distances,
  symmetric_sinkhorn,
)
from imtrans.theory.transport.gaussian import (
  AffineMap,
  entropic_map,
  gaussian_entropic_cost,
  gaussian_sinkhorn_divergence,
  gaussian_wasserstein,
  inverse_map,
  monge_map,
  symmetric_root,
)
from imtrans.theory.transport.plans import (
  barycentric_map,
  cycle_cost,
  cycle_step,
  gaussian_pushforward,
  line_plan_costs,
  linear_map_cost,
  preferred_correlation,
)
from imtrans.theory.transport.sliced import (
  gaussian_sliced_cost,
  line_transport_cost,
  random_directions,
  sliced_transport_cost,
)

__all__ = [
  "AffineMap",
  "BridgeMoments",
  "Potentials",
  "assignment_cost",
  "barycentric_map",
  "bridge_draw",
  "cycle_cost",
  "cycle_step",
  "entropic_map",
  "entropic_plan",
  "entropic_transport_cost",
  "gaussian_bridge",
  "gaussian_entropic_cost",
  "gaussian_pushforward",
  "gaussian_sinkhorn_divergence",
  "gaussian_sliced_cost",
  "gaussian_wasserstein",
  "inverse_map",
  "line_plan_costs",
  "line_transport_cost",
  "linear_map_cost",
  "monge_map",
  "optimal_assignment",
  "preferred_correlation",
  "random_directions",
  "refinement_times",
  "sinkhorn",
  "sinkhorn_divergence",
  "sliced_transport_cost",
  "squared_distances",
  "symmetric_root",
  "symmetric_sinkhorn",
]

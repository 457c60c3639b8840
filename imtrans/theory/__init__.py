"""Analyzable functions: `jax.numpy` only, used by the networks and by the studies alike."""

from imtrans.theory.lipschitz import power_iteration
from imtrans.theory.patches import Layer, output_size, receptive_field

__all__ = ["Layer", "output_size", "power_iteration", "receptive_field"]

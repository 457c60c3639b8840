"""Training: state, the two-player step, mesh, checkpoints, schedules and the loop."""

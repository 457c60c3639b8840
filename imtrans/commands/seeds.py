"""The seed that a command takes: a number from which everything random is drawn."""

MOST = 2**32 - 1  # JAX takes a larger one for one of these, and NumPy no negative one.


def check_seed(seed: int) -> None:
  """Raises ValueError unless every generator of random numbers takes a seed for itself.

  Args:
    seed: the value of --seed.
  """
  if not 0 <= seed <= MOST:
    raise ValueError(f"--seed must be from 0 to {MOST}, got {seed}.")

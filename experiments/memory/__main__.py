"""`python -m experiments.memory`: see `experiments.memory.run`."""

import os

# Four devices that compute nothing; code that is never run need not be fast.
FLAGS = "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0"

if __name__ == "__main__":
  os.environ.setdefault("JAX_PLATFORMS", "cpu")
  os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {FLAGS}".strip()

  from experiments.memory.run import main

  main()

"""`python -m experiments.alarms`: see `experiments.alarms.run`."""

import os

# Before jax starts: these networks compile longer than they run, and are too small for threads.
FLAGS = "--xla_backend_optimization_level=0 --xla_cpu_multi_thread_eigen=false"

if __name__ == "__main__":
  os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {FLAGS}"

  from experiments.alarms.run import main

  main()

"""`python -m experiments.alarms`: see `experiments.alarms.run`."""

import os

# For the trainings, which are processes of their own: such networks compile longer than they run.
FLAGS = "--xla_backend_optimization_level=0"

if __name__ == "__main__":
  os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {FLAGS}"

  from experiments.alarms.run import main

  main()

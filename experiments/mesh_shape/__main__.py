"""`python -m experiments.mesh_shape`: see `experiments.mesh_shape.run`."""

import os

if __name__ == "__main__":
  os.environ.setdefault("JAX_PLATFORMS", "cpu")  # Nothing is computed; libtpu only compiles.

  from experiments.mesh_shape.run import main

  main()

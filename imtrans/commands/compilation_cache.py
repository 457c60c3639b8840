"""Where compiled programs are kept, so that the next start of a run need not compile them again."""

import os
from pathlib import Path


def keep_compiled_programs() -> str:
  """Switches JAX's persistent compilation cache on, in the user's cache folder.

  A folder in JAX_COMPILATION_CACHE_DIR is kept, and so is JAX_ENABLE_COMPILATION_CACHE=false.

  Returns:
    What was done, in one line.
  """
  import jax

  if not jax.config.values["jax_enable_compilation_cache"]:
    return "compiled programs are not kept: JAX_ENABLE_COMPILATION_CACHE is off."
  folder = jax.config.values["jax_compilation_cache_dir"]
  if not folder:
    folder = str(default_folder())
    try:
      Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
      return f"compiled programs are not kept: {folder} cannot be made ({error.strerror})."
    if not os.access(folder, os.W_OK | os.X_OK):
      return f"compiled programs are not kept: {folder} cannot be written."
    jax.config.update("jax_compilation_cache_dir", folder)
  return f"compiled programs are kept in {folder} (--no-compilation-cache keeps none)."


def keep_no_programs() -> str:
  """Switches the cache off, whatever the environment says; returns what was done, in one line."""
  import jax

  jax.config.update("jax_enable_compilation_cache", False)
  return "compiled programs are not kept: --no-compilation-cache."


def default_folder() -> Path:
  """Returns jax/ in $IMTRANS_CACHE, $XDG_CACHE_HOME/imtrans or ~/.cache/imtrans."""
  ours, general = os.environ.get("IMTRANS_CACHE"), os.environ.get("XDG_CACHE_HOME")
  base = Path(ours) if ours else Path(general or Path.home() / ".cache") / "imtrans"
  return base / "jax"

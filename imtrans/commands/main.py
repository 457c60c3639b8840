"""Entry point of `imtrans`: finds the command, and turns every foreseen error into one sentence."""

import argparse
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Sequence
from importlib.metadata import version

from imtrans.training.interruption import Stopped

COMMANDS = ("train", "evaluate", "translate", "data")

# Makes convolutions on CPU two to three times faster on the jaxlib versions that know the flag
# (from 0.12 on it is the default). An unknown XLA flag aborts the process, so this is the only
# place that sets one, and only for versions where it was seen.
CPU_FLAG = "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_DOT"
CPU_FLAG_JAXLIB = ("0.10.2",)


def main(arguments: Sequence[str] | None = None) -> None:
  """Runs one command.

  Exit codes: 0 done, 1 a run that could not go on, 2 bad input, 128 + n stopped by signal n.
  With IMTRANS_TRACEBACK set in the environment, errors show where they come from instead.

  Args:
    arguments: command line without the program's name; sys.argv by default.
  """
  parser = argparse.ArgumentParser(
    prog="imtrans", description="Image-to-image translation with adversarial networks in JAX."
  )
  parser.add_argument("--version", action="version", version=f"imtrans {version('imtrans')}")
  subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
  modules = {}
  for name in COMMANDS:
    modules[name] = importlib.import_module(f"imtrans.commands.{name}")
    subparser = subparsers.add_parser(
      name, help=modules[name].HELP, description=modules[name].HELP, allow_abbrev=False
    )
    modules[name].add_arguments(subparser)
  parsed, unknown = parser.parse_known_args(arguments)
  if unknown and not hasattr(parsed, "overrides"):
    parser.error(f"unrecognized arguments: {' '.join(unknown)}")
  parsed.overrides = unknown
  prepare_platform()
  sys.exit(_run(modules[parsed.command], parsed))


def _run(module, parsed: argparse.Namespace) -> int:
  if os.environ.get("IMTRANS_TRACEBACK"):
    module.run(parsed)
    return 0
  # Background writers hand their errors to the main thread, which reports them in one sentence;
  # what their threads would print besides goes through these hooks.
  hooks = threading.excepthook, sys.excepthook, sys.unraisablehook
  threading.excepthook = sys.excepthook = sys.unraisablehook = lambda *arguments: None
  try:
    module.run(parsed)
  except Stopped as stopped:
    return _say(stopped, 128 + stopped.signal_number)
  except KeyboardInterrupt:
    return _say("interrupted.", 130)
  except (ValueError, OSError, FloatingPointError) as error:
    return _say(error, getattr(error, "exit_code", 2))
  finally:
    threading.excepthook, sys.excepthook, sys.unraisablehook = hooks
  return 0


def _say(message: object, code: int) -> int:
  print(f"imtrans: {message}", file=sys.stderr)
  return code


def prepare_platform() -> None:
  """Sets the XLA flag that a run on CPU wants, unless jax is imported already."""
  if "jax" in sys.modules:
    return  # Called from a program that has made its own choice.
  on_cpu = os.environ.get("JAX_PLATFORMS", "") == "cpu" or not _has_accelerator()
  flags = os.environ.get("XLA_FLAGS", "")
  if on_cpu and version("jaxlib") in CPU_FLAG_JAXLIB and "ynn_fusion_type" not in flags:
    os.environ["XLA_FLAGS"] = f"{flags} {CPU_FLAG}".strip()


def _has_accelerator() -> bool:
  """Whether a jax plugin for GPU or TPU is installed; jax itself must not be imported yet."""
  names = ("jax_cuda12_plugin", "jax_cuda13_plugin", "jax_rocm7_plugin", "libtpu")
  return any(importlib.util.find_spec(name) for name in names)

"""Entry point of `imtrans`: finds the command, and turns every foreseen error into one sentence."""

import argparse
import contextlib
import importlib
import importlib.util
import os
import platform
import sys
import threading
import traceback
from collections.abc import Sequence
from importlib.metadata import version

from imtrans.training.interruption import Stopped

COMMANDS = ("train", "evaluate", "translate", "sample", "analyze", "data", "report", "study")

# Makes convolutions on CPU two to three times faster on the jaxlib versions that know the flag
# (from 0.12 on it is the default). An unknown XLA flag aborts the process, so this is the only
# place that sets one, and only for versions where it was seen.
CPU_FLAG = "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_DOT"
CPU_FLAG_JAXLIB = ("0.10.2",)

# XLA asks for a step's scratch memory anew for every step. In huge pages that costs next to
# nothing, in small ones up to a third of a step on CPU (experiments/benchmark). glibc reads this
# when a process starts; where huge pages are switched off it has no effect.
HUGE_PAGES = "glibc.malloc.hugetlb=1"


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
  if arguments is None:
    use_huge_pages()
  prepare_platform()
  with contextlib.ExitStack() as stack:
    try:
      code = _run(modules[parsed.command], parsed, stack)
    except Exception:
      if not _is_one_of_several():
        raise
      traceback.print_exc()
      code = 1
    if code and arguments is None:
      stack.pop_all()  # Threads of a writer that failed may have more to say, until the very end.
    _leave(code)


def _run(module, parsed: argparse.Namespace, stack: contextlib.ExitStack) -> int:
  if os.environ.get("IMTRANS_TRACEBACK"):
    module.run(parsed)
    return 0
  # Background writers hand their errors to the main thread, which reports them in one sentence;
  # what their threads would print besides goes through these hooks.
  stack.callback(_set_hooks, threading.excepthook, sys.excepthook, sys.unraisablehook)
  _set_hooks(*3 * [lambda *arguments: None])
  try:
    module.run(parsed)
  except Stopped as stopped:
    return _say(stopped, 128 + stopped.signal_number)
  except KeyboardInterrupt:
    return _say("interrupted.", 130)
  except (ValueError, OSError, FloatingPointError) as error:
    return _say(error, getattr(error, "exit_code", 2))
  return 0


def _set_hooks(*hooks) -> None:
  threading.excepthook, sys.excepthook, sys.unraisablehook = hooks


def _leave(code: int) -> None:
  """Exits. One of several processes that fails does not wait for the others, as jax would."""
  if code and _is_one_of_several():
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
  sys.exit(code)


def _is_one_of_several() -> bool:
  return "jax" in sys.modules and sys.modules["jax"].distributed.is_initialized()


def _say(message: object, code: int) -> int:
  print(f"imtrans: {message}", file=sys.stderr)
  return code


def use_huge_pages() -> None:
  """Starts this program anew with huge pages for its memory, on CPU under glibc, once.

  The process stays the same one, with its id and its open files. A setting of the user's in
  GLIBC_TUNABLES is kept.
  """
  tunables = os.environ.get("GLIBC_TUNABLES", "")
  wanted = _on_cpu() and platform.libc_ver()[0] == "glibc" and "jax" not in sys.modules
  if wanted and "glibc.malloc.hugetlb" not in tunables:
    os.environ["GLIBC_TUNABLES"] = ":".join(filter(None, (tunables, HUGE_PAGES)))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def prepare_platform() -> None:
  """Sets the XLA flag that a run on CPU wants, unless jax is imported already."""
  if "jax" in sys.modules:
    return  # Called from a program that has made its own choice.
  flags = os.environ.get("XLA_FLAGS", "")
  if _on_cpu() and version("jaxlib") in CPU_FLAG_JAXLIB and "ynn_fusion_type" not in flags:
    os.environ["XLA_FLAGS"] = f"{flags} {CPU_FLAG}".strip()


def _on_cpu() -> bool:
  """Whether jax, which must not be imported yet, will find no plugin for a GPU or TPU to use."""
  if os.environ.get("JAX_PLATFORMS", "") == "cpu":
    return True
  names = ("jax_cuda12_plugin", "jax_cuda13_plugin", "jax_rocm7_plugin", "libtpu")
  return not any(importlib.util.find_spec(name) for name in names)

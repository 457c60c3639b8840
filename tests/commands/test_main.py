import os
import platform
import subprocess
import sys

import pytest

PROGRAM = """
import importlib, sys
import imtrans.commands.main as main
for name in main.COMMANDS:
  importlib.import_module(f"imtrans.commands.{name}")
assert "jax" not in sys.modules
"""


def test_commands_are_listed_without_importing_jax():
  """XLA flags are read when jax starts: the command line must be the first to set them."""
  subprocess.run([sys.executable, "-c", PROGRAM], check=True)


def test_an_unknown_command_and_no_command_exit_with_two():
  for arguments in ([], ["paint"]):
    command = [sys.executable, "-m", "imtrans", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "usage: imtrans" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
  ("before", "after"),
  [
    ("", "glibc.malloc.hugetlb=1"),
    ("glibc.malloc.arena_max=2", "glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1"),
    ("glibc.malloc.hugetlb=0", "glibc.malloc.hugetlb=0"),
  ],
)
def test_the_program_restarts_once_with_huge_pages(before, after):
  code = (
    "import os; from imtrans.commands.main import use_huge_pages; first = os.getpid();"
    "use_huge_pages(); print(os.getpid() == first, os.environ['GLIBC_TUNABLES'])"
  )
  environment = {**os.environ, "JAX_PLATFORMS": "cpu", "GLIBC_TUNABLES": before}
  done = subprocess.run(
    [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
  )
  expected = after if platform.libc_ver()[0] == "glibc" else before
  assert done.stdout == f"True {expected}\n"


def test_what_threads_of_a_failed_writer_say_later_is_not_shown():
  # Storage layers go on in threads of their own after the error that ends the run.
  program = """
import sys, threading, time
from imtrans.commands import main, train

def late():
  time.sleep(0.3)
  raise RuntimeError("Event loop is closed")

def run(arguments):
  threading.Thread(target=late).start()
  raise OSError("could not save.")

train.run = run
sys.argv = ["imtrans", "train", "--config", "x.py", "--workdir", "x"]
main.main()
"""
  done = subprocess.run(
    [sys.executable, "-c", program], capture_output=True, text=True, check=False
  )
  assert done.returncode == 2
  assert done.stderr == "imtrans: could not save.\n"

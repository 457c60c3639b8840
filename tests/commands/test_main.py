import subprocess
import sys

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

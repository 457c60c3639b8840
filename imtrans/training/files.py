"""Files that are either whole or absent."""

import os
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
  """Writes a text file so that a reader, or a killed writer, never leaves half of one.

  Args:
    path: the file; its folder exists.
    text: its whole content.
  """
  temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
  with temporary.open("w") as file:
    file.write(text)
    file.flush()
    os.fsync(file.fileno())
  temporary.replace(path)

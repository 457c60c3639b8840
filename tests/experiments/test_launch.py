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
  for mount in container["volumeMounts"]:  # Each is there for an argument.
    assert any(f"={mount['mountPath']}" in argument for argument in container["args"])
  # The hint for GPU nodes names the first pod as JobSet does: SET-JOB-REPLICA-POD.SET.
  text = (LAUNCH / "jobset.yaml").read_text()
  name = jobset["metadata"]["name"]
  assert f"--coordinator={name}-{workers['name']}-0-0.{name}:8476" in text
  assert f"--num-processes={job['parallelism']}" in text


@pytest.mark.parametrize("name", ["slurm.sh", "tpu_pod.sh", "jobset.yaml", "skypilot.yaml"])
def test_batch_and_pools_are_divided_over_the_devices(name):
  """Sixteen in every example: the chips of the slice, the GPUs of two nodes."""
  text = (LAUNCH / name).read_text()
  assert "configs/cyclegan_" in text  # It has pools.
  for field in ("batch_size", r"method\.pool_size"):
    (size,) = re.findall(rf"--config\.{field}=(\d+)", text)
    assert int(size) > 0 and int(size) % 16 == 0


def test_the_devices_are_sixteen():
  task = yaml.safe_load((LAUNCH / "skypilot.yaml").read_text())
  assert task["num_nodes"] * int(task["resources"]["accelerators"].partition(":")[2]) == 16
  assert "ports" not in task["resources"]  # They would be open to the internet.
  assert "v5litepod-16" in (LAUNCH / "tpu_pod.sh").read_text()
  script = (LAUNCH / "slurm.sh").read_text()
  nodes, gpus = (
    int(re.findall(rf"--{name}=(\d+)", script)[0]) for name in ("nodes", "gpus-per-node")
  )
  assert nodes * gpus == 16

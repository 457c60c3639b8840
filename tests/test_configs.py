"""Every file in configs/ trains, evaluates and translates: `:tiny`, two steps, from the outside."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imtrans.commands.configuration import load_config
from imtrans.commands.main import main

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.py"))


def _run(*arguments):
  with pytest.raises(SystemExit) as exit_info:
    main([str(argument) for argument in arguments])
  return exit_info.value.code


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("variant", ["full", "cpu", "tiny"])
def test_every_variant_is_complete_and_locked(path, variant):
  config = load_config(f"{path}:{variant}", [])
  assert config.is_locked
  assert config.num_steps > config.optimizer.decay_start >= 0
  with pytest.raises(ValueError, match="batch_siz"):
    load_config(f"{path}:{variant}", ["--config.batch_siz=3"])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_tiny_runs_end_to_end(path, pictures, tmp_path, capsys):
  workdir = tmp_path / "run"
  overrides = []
  if "openmoji" in path.stem:
    overrides.append("--config.data.options.tones=False")
  else:
    # The recipe on a folder of pictures: neither Facades nor TensorFlow Datasets ships with tests.
    overrides += ["--config.data.source=folders", f"--config.data.path={pictures}"]
  assert _run("train", "--config", f"{path}:tiny", "--workdir", workdir, *overrides) == 0
  assert _run("evaluate", "--workdir", workdir) == 0

  metrics = json.loads((workdir / "metrics.json").read_text())
  for name in ("l1", "psnr", "ssim"):
    assert np.isfinite(metrics[f"eval/{name}"]) and np.isfinite(metrics[f"baseline/{name}"])
  records = [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]
  assert [record["step"] for record in records] == [1, 2, 2]
  assert (workdir / "index.html").read_text().startswith("<!DOCTYPE html>")
  assert list((workdir / "samples").glob("*.png")) and list((workdir / "tensorboard").iterdir())
  assert len(list((workdir / "images").iterdir())) == metrics["protocol"]["images"].popitem()[1]

  source, output = tmp_path / "in.png", tmp_path / "out.png"
  Image.fromarray(np.full((21, 33, 3), 128, np.uint8)).save(source)
  assert _run("translate", "--workdir", workdir, "--input", source, "--output", output) == 0
  with Image.open(output) as image:
    assert image.size == (33, 21)
  assert "Traceback" not in capsys.readouterr().err

"""A run whose sources have the edges of instances, from the command line."""

import json

import numpy as np
import pytest
from PIL import Image

from imtrans.commands.main import main
from tests.command_line import ROOT


def _run(*arguments):
  with pytest.raises(SystemExit) as exit_info:
    main([str(argument) for argument in arguments])
  return exit_info.value.code


def test_a_run_with_instance_maps_trains_and_translates(pictures, tmp_path, capsys):
  maps, workdir = tmp_path / "maps", tmp_path / "run"
  maps.mkdir()
  for index in range(9):
    ids = np.zeros((20, 20), np.uint16)
    ids[:, index + 1 :] = 30_000 + index
    Image.fromarray(ids).save(maps / f"{index}.png")
  overrides = (f"data.path={pictures}", "data.edges=instances", f"data.instances={maps}")
  config = ROOT / "configs" / "pix2pixhd_facades.py"
  arguments = ["train", "--config", f"{config}:tiny", "--workdir", workdir]
  assert _run(*arguments, *(f"--config.{override}" for override in overrides)) == 0
  specs = json.loads((workdir / "specs.json").read_text())
  assert {name: spec["channels"] for name, spec in specs.items()} == {"a": 3, "b": 4}

  # A picture of one colour, with and without a boundary in it.
  source = tmp_path / "new.png"
  Image.fromarray(np.full((16, 16, 3), 255, np.uint8)).save(source)
  made = []
  for right in (1, 2):
    folder = tmp_path / f"ids_{right}"
    folder.mkdir()
    ids = np.ones((16, 16), np.uint8)
    ids[:, 8:] = right
    Image.fromarray(ids).save(folder / "new.png")
    output = tmp_path / f"{right}.png"
    arguments = ["translate", "--workdir", workdir, "--input", source, "--output", output]
    assert _run(*arguments, "--instances", folder) == 0
    made.append(np.asarray(Image.open(output)))
  assert made[0].shape == (16, 16, 3) and not np.array_equal(*made)
  capsys.readouterr()
  assert _run(*arguments) == 2
  assert "--instances FOLDER goes with runs that have data.edges=" in capsys.readouterr().err
  assert _run(*arguments, "--instances", maps) == 2
  assert "has no instance map of its name in" in capsys.readouterr().err

"""Config files and overrides: what is wrong with them is said in one sentence."""

import os
import re
from pathlib import Path

import pytest

from imtrans.commands.configuration import load_config
from imtrans.commands.main import main

SIZES = str(Path(__file__).parents[2] / "configs" / "cyclegan_facades.py")
CONFIG = str(Path(__file__).parents[2] / "configs" / "pix2pix_openmoji.py")
HEAD = "from imtrans.training.config import default_config, variant_config\n"


def _message(path, *overrides):
  with pytest.raises(ValueError) as caught:
    load_config(str(path), overrides)
  message = str(caught.value)
  assert "\n" not in message and "\\n" not in message and "Traceback" not in message
  return message


def test_a_file_that_is_not_there(tmp_path):
  message = _message(f"{tmp_path}/none.py:cpu")
  assert message.startswith(f"the config file {tmp_path}/none.py does not exist: see configs/")
  assert "is a folder" in _message(tmp_path)


@pytest.mark.parametrize(
  ("text", "message"),
  [
    ("x = 1\ndef get_config(:\n", "FILE, line 2: invalid syntax."),
    ("x = 1\nimport no_such_module\n", "FILE, line 2: ModuleNotFoundError: No module named"),
    ("def get_config():\n  return 1 / 0\n", "FILE, line 2: ZeroDivisionError: division by zero"),
    ("def get_config():\n  return int('x')\n", "FILE, line 2: ValueError: invalid literal"),
    ("def get_config():\n  return {}['a']\n", "FILE, line 2: KeyError: a"),
    ("def get_config():\n  pass\n", "FILE: get_config must return a ConfigDict, got NoneType."),
    ("def get_config():\n  return {}\n", "FILE: get_config must return a ConfigDict, got dict."),
    ("x = 1\n", "FILE has no function get_config: see configs/"),
    ("get_config = 3\n", "FILE has no function get_config: see configs/"),
    (
      "def get_config():\n  c = default_config()\n  del c.seed, c.data.flip\n  return c\n",
      "FILE lacks data.flip, seed: start from imtrans.training.config.default_config().",
    ),
    (
      "def get_config():\n  c = default_config()\n  c.generator = {}\n  return c\n",
      "FILE lacks generator.name",
    ),
    (
      "def get_config():\n  c = default_config()\n  c.num_step = 3\n  return c\n",
      "FILE: unknown field 'num_step': did you mean 'num_steps'?",
    ),
    (
      "def get_config():\n  c = default_config()\n  c.batch_size = 'x'\n  return c\n",
      "FILE, line 4: TypeError:",
    ),
  ],
)
def test_a_bad_file_is_explained(tmp_path, text, message):
  path = tmp_path / "config.py"
  if "default_config" in text:
    text = HEAD + text
  path.write_text(text)
  assert _message(path).startswith("config " + message.replace("FILE", str(path)))


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00\xff", b"x = 1\x00"])
def test_a_file_that_is_not_python(tmp_path, content):
  path = tmp_path / "config.py"
  path.write_bytes(content)
  assert _message(path).startswith(f"config {path}")


def test_sections_with_a_name_and_options_are_free_form(tmp_path):
  path = tmp_path / "config.txt"
  path.write_text(
    HEAD + "def get_config(variant='full'):\n  config = default_config()\n"
    "  config.generator = {'name': 'mine', 'width': 3}\n  config.data.options.tones = True\n"
    "  return variant_config(config, variant)\n"
  )
  config = load_config(str(path), ["--config.generator.width=4"])
  assert config.is_locked and config.generator.width == 4


def test_an_unknown_variant_lists_the_known(tmp_path):
  unknown = "unknown config variant 'huge': choose"
  assert _message(f"{SIZES}:huge") == f"{unknown} one of full, tiny, cpu."
  recipes = "full, cpu, tiny, TASK, TASK-cpu or TASK-tiny, TASK being one of plain, stochastic."
  assert _message(f"{CONFIG}:huge") == f"{unknown} {recipes}"
  path = tmp_path / "config.py"
  path.write_text(HEAD + "def get_config():\n  return default_config()\n")
  assert "takes 0 positional arguments" in _message(f"{path}:cpu")


@pytest.mark.parametrize(
  ("override", "message"),
  [
    ("batchsize=3", "unknown field 'batchsize': did you mean 'batch_size'?"),
    ("crop_size=64", "unknown field 'crop_size': did you mean 'data.crop_size'?"),
    ("generator.blocks=6", "unknown field 'generator.blocks': choose among generator.dropout, "),
    ("data.sorce=x", "unknown field 'data.sorce': did you mean 'data.source'?"),
    ("optimiser.b1=0", "unknown field 'optimiser.b1': did you mean 'optimizer.b1'?"),
    ("seed.of=1", "unknown field 'seed.of': did you mean 'seed'?"),
    ("optimizer.q=1", "unknown field 'optimizer.q': choose among optimizer.b1, "),
    ("batch_size=abc", "field 'batch_size' must be of type int, got 'abc'."),
    ("batch_size=", "field 'batch_size' must be of type int, got ''."),
    ("data.flip=maybe", "field 'data.flip' must be of type bool, got 'maybe'."),
    ("optimizer.learning_rate=fast", "field 'optimizer.learning_rate' must be of type float"),
    ("generator=unet", "field 'generator' must be of type dict, got 'unet'."),
    ("data={'path':'x'}", f"config {CONFIG} lacks data.background, data.crop_size, "),
    ("batch_size", "unknown argument '--config.batch_size': overrides look like"),
  ],
)
def test_a_bad_override_is_explained(override, message):
  assert message in _message(CONFIG, f"--config.{override}")


def test_overrides_are_applied_in_order():
  config = load_config(
    f"{CONFIG}:cpu",
    [
      "--config.mesh=(2,2)",
      "--config.data.path=a=b:c",
      "--config.data.flip=false",
      "--config.num_steps=5",
      "--config.num_steps=6",
      "--config.generator={'name': 'resnet', 'num_blocks': 2}",
      "--config.generator.num_blocks=3",
    ],
  )
  assert config.mesh == (2, 2) and config.num_steps == 6 and not config.data.flip
  assert config.data.path == "a=b:c" and config.is_locked
  assert config.generator.to_dict() == {"name": "resnet", "num_blocks": 3}


def test_the_command_says_one_line_and_exits_with_2(tmp_path, capsys, monkeypatch):
  # `main` sets an XLA flag, which would change the arithmetic of the tests after this one.
  monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", ""))
  with pytest.raises(SystemExit) as exit_info:
    main(["train", "--config", f"{CONFIG}:huge", "--workdir", str(tmp_path / "run")])
  assert exit_info.value.code == 2
  assert re.fullmatch(r"imtrans: unknown config variant 'huge': .*\n", capsys.readouterr().err)


def test_options_of_the_task_that_a_config_leaves_out_can_be_set():
  path = "configs/task_photos.py:inpainting-tiny"
  config = load_config(path, ["--config.data.options.masks=somewhere"])
  assert config.data.options.masks == "somewhere"
  config = load_config("configs/task_photos.py:denoise-tiny", ["--config.data.options.peak=30.0"])
  assert config.data.options.peak == 30.0
  with pytest.raises(ValueError, match=r"did you mean 'data\.options\.masks'"):
    load_config(path, ["--config.data.options.maks=somewhere"])

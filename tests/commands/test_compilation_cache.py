import argparse
from pathlib import Path

import jax
import pytest

from imtrans.commands import train
from imtrans.commands.compilation_cache import (
  default_folder,
  keep_compiled_programs,
  keep_no_programs,
)

NAMES = ("jax_compilation_cache_dir", "jax_enable_compilation_cache")


@pytest.fixture(autouse=True)
def _settings(monkeypatch):
  before = {name: jax.config.values[name] for name in NAMES}
  yield
  for name, value in before.items():
    jax.config.update(name, value)


def test_the_folder_is_the_users(monkeypatch):
  monkeypatch.delenv("IMTRANS_CACHE", raising=False)
  monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
  assert default_folder() == Path.home() / ".cache" / "imtrans" / "jax"
  monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
  assert default_folder() == Path("/somewhere/imtrans/jax")
  monkeypatch.setenv("IMTRANS_CACHE", "/ours")
  assert default_folder() == Path("/ours/jax")


def test_a_folder_of_the_environment_is_kept():
  jax.config.update("jax_compilation_cache_dir", "/chosen")
  assert "kept in /chosen (" in keep_compiled_programs()
  assert jax.config.values["jax_compilation_cache_dir"] == "/chosen"


def test_without_one_it_is_made(monkeypatch, tmp_path):
  monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path))
  jax.config.update("jax_compilation_cache_dir", None)
  assert f"kept in {tmp_path}/jax (" in keep_compiled_programs()
  assert jax.config.values["jax_compilation_cache_dir"] == str(tmp_path / "jax")
  assert (tmp_path / "jax").is_dir()


def test_a_folder_that_cannot_be_made_costs_the_cache_alone(monkeypatch, tmp_path):
  (tmp_path / "file").touch()
  monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path / "file"))
  jax.config.update("jax_compilation_cache_dir", None)
  assert "are not kept" in keep_compiled_programs()
  assert jax.config.values["jax_compilation_cache_dir"] is None


def test_the_cache_can_be_switched_off():
  parser = argparse.ArgumentParser()
  train.add_arguments(parser)
  words = ["--config", "c.py", "--workdir", "w"]
  assert not parser.parse_args(words).no_compilation_cache
  assert parser.parse_args([*words, "--no-compilation-cache"]).no_compilation_cache
  keep_no_programs()
  assert not jax.config.values["jax_enable_compilation_cache"]
  assert "are not kept" in keep_compiled_programs()

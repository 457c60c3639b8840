import pytest

from imtrans.data import image_spec
from imtrans.training.config import default_config
from imtrans.training.input import read_specs
from imtrans.training.workdir import check_workdir, make_workdir, record_workdir

SPECS = {"a": image_spec(3), "b": image_spec(3)}


def _config(**changes):
  config = default_config()
  config.update(changes)
  return config


@pytest.fixture
def workdir(tmp_path):
  record_workdir(_config(), SPECS, tmp_path)
  (tmp_path / "checkpoints" / "5").mkdir(parents=True)
  return tmp_path


def test_changes_that_a_run_can_follow_are_returned(workdir):
  assert check_workdir(_config(), SPECS, workdir) == {}
  assert check_workdir(_config(num_steps=5), SPECS, workdir) == {"num_steps": (100_000, 5)}
  record_workdir(_config(ema_decay=0.99), SPECS, workdir)
  assert check_workdir(_config(ema_decay=0.9), SPECS, workdir) == {"ema_decay": (0.99, 0.9)}


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"generator": {"name": "unet", "features": 32}}, "generator.features was None, now 32"),
    ({"ema_decay": 0.9}, "ema_decay was 0.0, now 0.9"),
    ({"method": {"name": "cyclegan"}}, "method.name was pix2pix, now cyclegan"),
    ({"data": {"direction": "ba"}}, "data.direction was ab, now ba"),
  ],
)
def test_another_architecture_is_refused_with_the_difference_named(workdir, changes, message):
  with pytest.raises(ValueError, match=message):
    check_workdir(_config(**changes), SPECS, workdir)


def test_other_pictures_are_refused(workdir):
  specs = {"a": image_spec(5, "uint16"), "b": image_spec(3)}
  with pytest.raises(ValueError, match=r"domain a were uint8 of 3 channel.*now uint16 of 5"):
    check_workdir(_config(), specs, workdir)


def test_a_folder_without_checkpoints_fits_everything(tmp_path):
  record_workdir(_config(), SPECS, tmp_path)
  assert check_workdir(_config(ema_decay=0.9), SPECS, tmp_path) == {}


def test_what_a_start_leaves_that_was_killed_early_fits_everything(tmp_path):
  # Before config.json, and between it and specs.json.
  (tmp_path / "checkpoints").mkdir()
  (tmp_path / ".config.json.7.tmp").write_text("{")
  assert check_workdir(_config(ema_decay=0.9), SPECS, tmp_path) == {}
  record_workdir(_config(), SPECS, tmp_path)
  (tmp_path / "specs.json").unlink()
  assert check_workdir(_config(ema_decay=0.9), SPECS, tmp_path) == {}
  # Checkpoints whose config is lost: nothing to compare with but their shapes.
  (tmp_path / "config.json").unlink()
  (tmp_path / "checkpoints" / "5").mkdir()
  assert check_workdir(_config(ema_decay=0.9), SPECS, tmp_path) == {}


def test_damaged_specs_and_impossible_folders_are_named(workdir):
  (workdir / "specs.json").write_text("{}")
  with pytest.raises(ValueError, match=r"specs\.json is missing or damaged"):
    read_specs(workdir)
  with pytest.raises(ValueError, match="cannot be made"):
    make_workdir(workdir / "specs.json" / "run")

import jax
import jax.numpy as jnp
import pytest

from imtrans.training.assembly import build_method, build_optimizers, size_multiple
from imtrans.training.config import (
  default_config,
  differences,
  read_config,
  save_config,
  split_variant,
  tiny,
  variant_config,
)
from imtrans.training.input import example_batch

CHANNELS = {"a": 3, "b": 3}


def _config(**changes):
  config = default_config()
  config.update(changes)
  return config


def test_configs_survive_json(tmp_path):
  config = _config(seed=7)
  save_config(config, tmp_path / "config.json")
  assert differences(config, read_config(tmp_path / "config.json")) == {}


def test_a_missing_or_damaged_config_is_named(tmp_path):
  with pytest.raises(ValueError, match=r"holds no run: config\.json is missing"):
    read_config(tmp_path / "config.json")
  (tmp_path / "config.json").write_text("{")
  with pytest.raises(ValueError, match="is not a config"):
    read_config(tmp_path / "config.json")


def test_a_config_of_before_a_field_was_added_has_its_default(tmp_path):
  (tmp_path / "config.json").write_text('{"seed": 3}')
  config = read_config(tmp_path / "config.json")
  assert config.seed == 3 and config.ema_decay == 0.0
  (tmp_path / "config.json").write_text("[1]")
  with pytest.raises(ValueError, match="is not a config"):
    read_config(tmp_path / "config.json")


def test_variants_are_locked_and_unknown_ones_listed():
  config = variant_config(default_config(), "tiny")
  assert config.is_locked and config.num_steps == 2
  with pytest.raises(
    ValueError, match="unknown config variant 'small': choose one of full, tiny, cpu"
  ):
    variant_config(default_config(), "small", cpu=tiny)


def test_variants_of_a_file_of_tasks():
  tasks = {"deblur": {}, "super_resolution": {}}
  assert split_variant("super_resolution-tiny", tasks) == ("super_resolution", "tiny")
  assert split_variant("super_resolution", tasks) == ("super_resolution", "full")
  assert split_variant("cpu", tasks) == ("deblur", "cpu")
  with pytest.raises(
    ValueError, match="'jpeg-cpu': choose full, cpu, tiny, TASK, TASK-cpu or TASK-tiny, TASK being"
  ):
    split_variant("jpeg-cpu", tasks)


@pytest.mark.parametrize(
  ("section", "value", "message"),
  [
    ("method", {"name": "pixtopix"}, "unknown method 'pixtopix': choose one of .*cyclegan"),
    ("generator", {"name": "vit"}, "unknown generator 'vit': choose one of unet, resnet"),
    ("generator", {"name": "unet", "blocks": 9}, "generator UNet has no field 'blocks'"),
    ("discriminator", {"name": "image"}, "unknown discriminator 'image'"),
    ("method", {"name": "pix2pix", "lambda_l1": 1.0}, "method pix2pix has no field 'lambda_l1'"),
    ("precision", "fp16", "precision must be auto, float32 or bfloat16, got 'fp16'"),
  ],
)
def test_unknown_names_and_fields_list_the_known(section, value, message):
  config = _config()
  config[section] = value
  with pytest.raises(ValueError, match=message):
    build_method(config, CHANNELS)


def test_identity_needs_equal_channels():
  config = _config(
    method={"name": "cyclegan", "identity_weight": 5.0}, generator={"name": "resnet"}
  )
  channels = {"a": 1, "b": 3}
  method = build_method(config, channels)
  with pytest.raises(ValueError, match=r"got 1 and 3: set method\.identity_weight to 0"):
    method.init(jax.random.key(0), example_batch(config, channels))


def _first_step(optimizer):
  """How far one update of a gradient of one goes: with Adam, the learning rate."""
  params = {"x": jnp.zeros(())}
  with jax.numpy_dtype_promotion("standard"):
    updates, _ = optimizer.update({"x": jnp.ones(())}, optimizer.init(params), params)
  return -float(updates["x"])


def test_optimizers_and_size_multiples():
  assert build_optimizers(_config()).keys() == {"generator", "discriminator"}
  spade = _config(generator={"name": "spade", "num_levels": 5})
  assert size_multiple(spade) == 32
  spade.optimizer.discriminator_factor = 4.0
  rates = {player: _first_step(own) for player, own in build_optimizers(spade).items()}
  assert rates["discriminator"] == pytest.approx(4.0 * rates["generator"], rel=1e-5)
  assert size_multiple(_config()) == 256
  assert size_multiple(_config(generator={"name": "unet", "num_levels": 6})) == 64
  assert size_multiple(_config(generator={"name": "resnet"})) == 4

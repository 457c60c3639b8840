"""The list of methods: whatever is on it is built from its config, and nothing else is needed."""

import importlib
import inspect
from pathlib import Path

import jax
import pytest

from imtrans.commands.configuration import load_config
from imtrans.methods import METHODS, Entry, find_method
from imtrans.networks import PatchDiscriminator, UNet
from imtrans.networks.latent_encoder import ConvEncoder
from imtrans.training.assembly import (
  NETWORKS,
  build_method,
  build_optimizers,
  latent_size,
  method_field,
)
from imtrans.training.config import default_config
from imtrans.training.input import (
  check_classes,
  domain_specs,
  entry_names,
  example_batch,
  is_paired,
  is_two_way,
  open_data,
)
from imtrans.training.state import create_state
from imtrans.training.step import make_train_step

CONFIGS = Path(__file__).parents[2] / "configs"
CHANNELS = {"a": 1, "b": 3}


@pytest.fixture
def config(monkeypatch):
  """A config of a method that gives back what it is built of."""

  def copy(generator, discriminator, encoder, *, weight=1.0, latent_size=5, colors=(), static=True):
    return locals()

  entry = Entry(copy, "Copy", paired=False)
  monkeypatch.setitem(METHODS, "copy", entry)
  config = default_config()
  config.method = {"name": "copy", "weight": 2.0}
  config.encoder = {"name": "convolutional", "features": 4}
  config.precision = "float32"
  return config


def test_networks_follow_from_the_parameters_of_a_method(config):
  config.palette = "black white"
  made = build_method(config, CHANNELS)
  assert made["generator"] == UNet(out_channels=3)
  assert made["discriminator"] == PatchDiscriminator(color_channels=3)
  assert made["encoder"] == ConvEncoder(latent_size=5, features=4)
  assert made["weight"] == 2.0 and latent_size(config) == made["latent_size"] == 5
  assert made["colors"] == ((0, 0, 0), (255, 255, 255)) and made["static"] is False
  config.data.direction = "ba"
  config.encoder.name = "none"
  made = build_method(config, CHANNELS)
  assert made["generator"].out_channels == 1 and made["encoder"] is None
  assert entry_names(config) == {"b": "source", "a": "target"}
  assert not is_paired(config) and not is_two_way(config)


def test_each_domain_has_a_generator_of_its_channels(monkeypatch, config):
  def both(generator_ab, generator_ba, generator_a, generator_b):
    return [own.out_channels for own in (generator_ab, generator_ba, generator_a, generator_b)]

  monkeypatch.setitem(METHODS, "copy", Entry(both, "Both", two_way=True))
  config.method = {"name": "copy"}
  assert build_method(config, CHANNELS) == [3, 1, 1, 3]
  assert entry_names(config) == {"a": "a", "b": "b"}


def test_what_training_knows_itself_is_no_field_of_a_config(config):
  for section, field, value in (
    ("method", "colors", ()),
    ("method", "static", True),
    ("encoder", "latent_size", 3),
    ("generator", "out_channels", 3),
  ):
    wrong = config.copy_and_resolve_references()
    wrong[section][field] = value
    with pytest.raises(ValueError, match=f"has no field '{field}': choose among"):
      build_method(wrong, CHANNELS)


def test_fields_of_methods_have_their_defaults(config):
  assert method_field(config, "weight") == 2.0
  assert method_field(config, "latent_size") == 5
  assert method_field(config, "num_classes") is None
  check_classes(config, {})  # It knows no classes, so the sources may have any.


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_on_the_list_is_complete(name):
  entry = find_method(name)
  assert entry.title and set(entry.sources) <= {"picture", "noise"} and entry.batch_multiple >= 1
  asked = [p for p in inspect.signature(entry.build).parameters.values()]
  networks = [p.name for p in asked if p.kind is p.POSITIONAL_OR_KEYWORD]
  assert networks and {own.partition("_")[0] for own in networks} <= set(NETWORKS)
  assert all(p.default is not p.empty for p in asked if p.kind is p.KEYWORD_ONLY)
  configs = [path.stem for path in CONFIGS.glob("*.py")]
  recipes = [importlib.import_module(f"configs.{stem}").get_config() for stem in configs]
  assert name in [recipe.method.name for recipe in recipes]


@pytest.mark.parametrize(("task", "planes"), [("none", 4), ("edges", 2)])
def test_a_conditional_gan_takes_drawings_and_edge_maps_beside_the_class(task, planes):
  path = CONFIGS / "cgan_openmoji.py"
  config = load_config(f"{path}:tiny", [f"--config.data.task={task}"])
  channels = {
    name: spec.channels for name, spec in domain_specs(open_data(config, "train")).items()
  }
  method, optimizers = build_method(config, channels), build_optimizers(config)
  batch = example_batch(config, channels)
  assert batch["source"].shape[-1] == planes  # The last one is that of the class.

  def start(batch):
    return create_state(method, optimizers, batch, seed=0, keep_ema=False)

  state = jax.eval_shape(start, batch)
  after, metrics = jax.eval_shape(make_train_step(method, optimizers), state, batch)
  assert jax.tree.map(lambda leaf: leaf.shape, after) == jax.tree.map(
    lambda leaf: leaf.shape, state
  )
  assert "generator/loss" in metrics


def test_unknown_methods_are_refused_with_the_known():
  with pytest.raises(ValueError, match="unknown method 'pixtopix': choose one of bicyclegan, cgan"):
    find_method("pixtopix")

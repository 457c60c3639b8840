"""One step on any mesh: the same numbers, and nothing sent but borders and sums."""

import functools
import importlib
import math
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from imtrans.methods import METHODS
from imtrans.networks import ResNet, UNet
from imtrans.training.assembly import build_method
from imtrans.training.collectives import bytes_by_kind, list_collectives
from imtrans.training.compilation import build_step, compile_step
from imtrans.training.input import example_batch
from imtrans.training.mesh import batch_sharding, make_mesh, on_mesh, replicated, shard_batch
from imtrans.training.sharding import state_shardings, with_shardings
from imtrans.training.state import PLAYERS, create_state, jit_start

CONFIGS = Path(__file__).parents[2] / "configs"
# Static and a class, a picture and a class; three of every other method.
SOURCE_CHANNELS = {"cgan": 2, "stargan2": 4}
KEY = jax.random.key(0)
NUM_STEPS = 20
BORDERS_AND_SUMS = {"collective-permute", "all-reduce"}
LOCAL = ("cyclegan", "pix2pix")  # Held to gather nothing.


def _configs():
  """A tiny config of every method that configs/ has one for, by the method's name."""
  found = {}
  for path in sorted(CONFIGS.glob("*.py")):
    config = importlib.import_module(f"configs.{path.stem}").get_config("tiny")
    found.setdefault(config.method.name, config.unlock())
  return found


def _config(method, side=32):
  """Images of which four devices have rows, down to the smallest activation."""
  config = _configs()[method]
  config.data.crop_size = side
  config.ema_decay = 0.9
  if config.generator.name == "unet":
    config.generator.num_levels = 2
  if "pool_size" in config.method:
    config.method.pool_size = 8
  return config.lock()


@functools.cache
def _start(method_name):
  """Method, optimizers, the state to begin with and a batch to show the shapes."""
  config = _config(method_name)
  channels = {"a": SOURCE_CHANNELS.get(method_name, 3), "b": 3}
  method = build_method(config, channels)
  # Small plain gradient steps: Adam would turn a rounding error of a tiny gradient into a whole
  # step, large steps make the game itself chaotic, and a ReLU that rounding opens on one mesh and
  # not on another changes a gradient by more than rounding.
  optimizers = {player: optax.sgd(1e-5) for player in PLAYERS}
  example = example_batch(config, channels)
  start = jit_start(lambda batch: create_state(method, optimizers, batch, seed=0, keep_ema=True))
  return config, method, optimizers, jax.device_get(start(example)), example


@functools.cache
def _program(method_name, shape, *, shard_params=False):
  """The compiled step on a mesh of the first devices, and where its state lies."""
  config, method, optimizers, state, example = _start(method_name)
  config = config.copy_and_resolve_references().unlock()
  config.shard_params = shard_params
  mesh = make_mesh(shape, jax.devices()[: math.prod(shape)])
  shardings = state_shardings(mesh, state, shard_params=shard_params, small=100)
  step = build_step(config, mesh, method, optimizers, shardings)
  batch = {
    name: jax.ShapeDtypeStruct(
      (config.batch_size, *leaf.shape[1:]), leaf.dtype, sharding=batch_sharding(mesh)
    )
    for name, leaf in example.items()
  }
  return step.lower(with_shardings(state, shardings), batch).compile(), shardings, mesh


def _batch(method, seed):
  config, *_, example = _start(method)
  generator = np.random.default_rng(seed)
  return {
    name: generator.uniform(-1, 1, (config.batch_size, *leaf.shape[1:])).astype(leaf.dtype)
    for name, leaf in example.items()
  }


@functools.cache
def _trained(method, shape, *, shard_params=False):
  compiled, shardings, mesh = _program(method, shape, shard_params=shard_params)
  state = jax.device_put(_start(method)[3], shardings)
  for index in range(NUM_STEPS):
    state, metrics = compiled(state, shard_batch(mesh, _batch(method, index)))
  return jax.device_get((state.params, state.ema, state.extras, metrics))


def _assert_equal(got, expected):
  jax.tree.map(
    lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5), got, expected
  )


def test_every_method_is_trained_here():
  assert set(_configs()) == set(METHODS)


def _assert_only_borders_and_sums(text):
  """Rows at most as many as a 7x7 kernel reaches go to neighbours, the rest is summed."""
  collectives = list_collectives(text)
  others = [c for c in collectives if c.kind not in BORDERS_AND_SUMS]
  assert not others, f"gathered: {others}"
  for collective in collectives:
    if collective.kind == "collective-permute":
      for shape in collective.shapes:
        _, rows, *_ = map(int, re.findall(r"\d+", shape.split("[")[1]))
        assert rows <= 3, f"more than a border: {collective}"
  return bytes_by_kind(collectives)


@pytest.mark.parametrize(
  ("method", "shape"),
  # What makes a method differ on a mesh shows where both axes are split.
  [(method, (2, 2)) for method in sorted(_configs())]
  + [(method, shape) for method in LOCAL for shape in ((4, 1), (1, 4))],
)
def test_four_devices_equal_one_and_gather_nothing(method, shape):
  """Losses, pools and batch statistics are those of the global batch."""
  _assert_equal(_trained(method, shape), _trained(method, (1, 1)))
  if method in LOCAL:
    compiled, *_ = _program(method, shape)
    sent = _assert_only_borders_and_sums(compiled.as_text())
    assert sent["all-reduce"] > 0
    assert ("collective-permute" in sent) == (shape[1] > 1)  # Whole images have no borders.


def test_what_is_sent_grows_with_the_width_of_images_alone():
  """Sums of gradients and statistics have no pixels; borders have a side of the image."""
  compiled, _, mesh = _program("pix2pix", (2, 2))
  large = compile_step(_config("pix2pix", side=64), mesh, {"a": 3, "b": 3})
  before, after = (
    bytes_by_kind(list_collectives(program.as_text())) for program in (compiled, large)
  )
  assert before["all-reduce"] == after["all-reduce"]
  assert before["collective-permute"] < after["collective-permute"]
  assert after["collective-permute"] <= 2.2 * before["collective-permute"]


def _compiled_generator(generator, shape, side, *, gathered=False):
  """A generator's loss and gradient, for images that are never made."""
  mesh = make_mesh(shape)

  def loss(variables, images):
    outputs, state = generator.apply(
      variables, images, train=True, rngs={"dropout": KEY}, mutable=["batch_stats"]
    )
    if gathered:
      outputs = outputs + jax.lax.with_sharding_constraint(outputs, replicated(mesh))[:, ::-1]
    return jnp.mean(jnp.abs(outputs)), state

  images = jax.ShapeDtypeStruct((4, side, side, 3), jnp.float32, sharding=batch_sharding(mesh))
  keys = {"params": KEY, "dropout": KEY}
  variables = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=replicated(mesh)),
    jax.eval_shape(lambda: generator.init(keys, jnp.zeros((1, side, side, 3)), train=True)),
  )
  run = jax.jit(on_mesh(mesh, jax.grad(loss, has_aux=True)))
  return run.lower(variables, images).compile().as_text()


@pytest.mark.parametrize(
  ("generator", "shape"),
  [
    (UNet(num_levels=8, features=2), (1, 4)),  # Four rows in the middle: one for each device.
    (ResNet(num_blocks=1, features=2), (1, 4)),
    (ResNet(num_blocks=1, features=2), (2, 2)),
  ],
  ids=["unet-1x4", "resnet-1x4", "resnet-2x2"],
)
def test_generators_of_1024_pixels_gather_nothing(generator, shape):
  _assert_only_borders_and_sums(_compiled_generator(generator, shape, 1024))


def test_a_gathered_activation_is_noticed():
  generator = UNet(num_levels=1, features=2)
  _assert_only_borders_and_sums(_compiled_generator(generator, (2, 2), 16))
  with pytest.raises(AssertionError, match=r"gathered: .*all-gather"):
    _assert_only_borders_and_sums(_compiled_generator(generator, (2, 2), 16, gathered=True))


def test_split_parameters_give_the_numbers_of_whole_ones():
  _assert_equal(_trained("pix2pix", (2, 2), shard_params=True), _trained("pix2pix", (1, 1)))
  compiled, shardings, _ = _program("pix2pix", (2, 2), shard_params=True)
  state = _start("pix2pix")[3]
  shares = jax.tree.map(lambda leaf, own: math.prod(own.shard_shape(leaf.shape)), state, shardings)
  held = sum(jax.tree.leaves((shares.params, shares.ema)))
  whole = sum(leaf.size for leaf in jax.tree.leaves((state.params, state.ema)))
  assert 0.5 <= held / whole < 0.6  # All but the small ones are split in two.
  collectives = list_collectives(compiled.as_text())
  gathered = {shape for c in collectives if c.kind == "all-gather" for shape in c.shapes}
  kernels = {f"f32[{','.join(map(str, leaf.shape))}]" for leaf in jax.tree.leaves(state.params)}
  assert gathered and gathered <= kernels
  assert {c.kind for c in collectives} <= {*BORDERS_AND_SUMS, "all-gather", "reduce-scatter"}

"""One step on any mesh: the same numbers, and nothing sent but borders and sums."""

import contextlib
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
from jax.sharding import PartitionSpec

from imtrans.methods import METHODS
from imtrans.networks import ResNet, UNet
from imtrans.networks.halo import AXES, ROWS
from imtrans.networks.platforms import programs_for
from imtrans.training.assembly import build_method
from imtrans.training.collectives import bytes_by_kind, list_collectives
from imtrans.training.compilation import build_step, compile_step
from imtrans.training.input import example_batch
from imtrans.training.mesh import batch_sharding, make_mesh, on_mesh, replicated, shard_batch
from imtrans.training.sharding import state_shardings, with_shardings
from imtrans.training.state import PLAYERS, create_state

CONFIGS = Path(__file__).parents[2] / "configs"
# Static and a class, a picture and a class; three of every other method.
SOURCE_CHANNELS = {"cgan": 2, "stargan2": 4}
KEY = jax.random.key(0)
NUM_STEPS = 20
RATE = 1e-6
BORDERS_AND_SUMS = {"collective-permute", "all-reduce"}
SHAPES = ((2, 2), (4, 1), (1, 4))
LARGER = {"bicyclegan": 32, "cyclegan": 32, "pix2pix": 32}  # Images, in pixels; 16 of the others.
ON_CPU = "pix2pix"  # The one that is lowered as a CPU has it.
# How far sums of gradients may differ, in parts of the largest of the same array: after one step,
# and after all, in which rounding opens a ReLU or two on one mesh and not on another. A gradient 1%
# off is neither. Arrays of small gradients have rounding errors of larger ones: of these, in parts
# of the largest of their player.
FIRST, LAST = 1e-4, 5e-3
SMALL = 0.03
# Methods with a kernel as large as what it sees, or with layers that see no image. Of such kernels
# each device has a part of the gradient, which is gathered, and so may codes and labels be.
DENSE, CODES = ("cgan", "gan", "neural_transport", "stargan2"), 128
# Numbers that are summed over an axis, to those of the parameters: a gradient is summed for each
# use of a network (cycle, identity, real and fake images), and statistics and losses are besides.
SUMMED = {"cyclegan": 2.4, "pix2pix": 1.6}
OFTEN = 2.8
# Rows that devices send on, at most: as far as a kernel of seven reaches. Where a strided kernel
# makes a row more than half of them, each of four devices has two rows of the one before it.
REACH, SHIFT = 3, {"pix2pixhd": 6, "spade": 6}


def _configs():
  """A tiny config of every method that configs/ has one for, by the method's name."""
  found = {}
  for path in sorted(CONFIGS.glob("*.py")):
    config = importlib.import_module(f"configs.{path.stem}").get_config("tiny")
    found.setdefault(config.method.name, config.unlock())
  return found


def _config(method, side=None):
  """Images of which the devices have rows, down to the smallest activation.

  They are larger where activations are to be told from gradients by their size, and where a norm
  over very few pixels would enlarge rounding errors.
  """
  config = _configs()[method]
  config.data.crop_size = side or LARGER.get(method, 16)
  config.ema_decay = 0.9
  if config.generator.name == "unet":
    config.generator.num_levels = 2
  if config.generator.name == "resnet":
    config.generator.num_levels = 1
  if "layers" in config.method:
    config.method.layers = ("image", "down_1", "block_0")
  for field, value in (("pool_size", 8), ("num_patches", 8), ("num_points", 8), ("patch_size", 4)):
    if field in config.method:
      config.method[field] = value
  if method == "bicyclegan":
    config.batch_size = 8  # Two halves, with different codes: one of each for every device.
  return config.lock()


def _summed_descent(rate):
  """Plain gradient steps that remember the sum of the gradients, which parameters round off.

  Small ones: Adam would turn a rounding error of a tiny gradient into a whole step, and large ones
  make the game itself chaotic.
  """

  def update(gradients, total, params):
    del params
    steps = jax.tree.map(lambda gradient: -rate * gradient, gradients)
    return steps, jax.tree.map(jnp.add, total, gradients)

  return optax.GradientTransformation(lambda params: jax.tree.map(jnp.zeros_like, params), update)


@functools.cache
def _start(method_name):
  """Method, optimizers, the state to begin with and a batch to show the shapes."""
  config = _config(method_name)
  channels = {"a": SOURCE_CHANNELS.get(method_name, 3), "b": 3}
  method = build_method(config, channels)
  optimizers = {player: _summed_descent(RATE) for player in PLAYERS}
  example = example_batch(config, channels)
  start = jax.jit(lambda batch: create_state(method, optimizers, batch, seed=0, keep_ema=True))
  return config, method, optimizers, jax.device_get(start(example)), example


@contextlib.contextmanager
def _lowered_as_elsewhere(method_name):
  """Convolutions as an accelerator has them, but for one method, which is as on CPU.

  That of a CPU takes long to compile and, compiled in haste, to run. Where rows are split there is
  no other anyway; tests/networks/test_lowerings.py holds that all are equal.
  """
  if method_name == ON_CPU:
    yield
    return
  with programs_for("gpu"):
    yield


@functools.lru_cache(maxsize=len(SHAPES))  # One of this kind has hundreds of mappings of memory.
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
  with _lowered_as_elsewhere(method_name):
    lowered = step.lower(with_shardings(state, shardings), batch)
  return lowered.compile(), shardings, mesh


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
  sums = []
  for index in range(NUM_STEPS):
    state, metrics = compiled(state, shard_batch(mesh, _batch(method, index)))
    if index in (0, NUM_STEPS - 1):
      sums.append(jax.device_get(state.opt_state))
  rest = (state.params, state.ema, state.extras, metrics)
  return sums, jax.device_get(rest)


def _assert_equal(got, expected):
  """Gradients to a part of the largest; all else to rounding, parameters and losses included."""
  for part, sums, references in zip((FIRST, LAST), got[0], expected[0], strict=True):
    for player in PLAYERS:
      reference = jax.tree.leaves(references[player])
      # A method may have no discriminator.
      most = max((np.abs(leaf).max() for leaf in reference), default=1.0)
      assert most > 0.0
      for one, other in zip(jax.tree.leaves(sums[player]), reference, strict=True):
        bound = part * max(np.abs(other).max(), SMALL * most)
        np.testing.assert_allclose(one, other, rtol=0.0, atol=bound, err_msg=player)
  jax.tree.map(
    lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5),
    got[1],
    expected[1],
  )


def test_every_method_is_trained_here():
  assert set(_configs()) == set(METHODS)


def _sides(shape):
  return [int(side) for side in re.findall(r"\d+", shape.split("[")[1])]


def _num_rows(shape):
  """Rows of images, [batch, height, width, channels]; one of what is no image."""
  sides = _sides(shape)
  return sides[1] if len(sides) > 3 else 1


def _assert_only_borders_and_sums(text, params, most, *, reach=REACH, dense=False):
  """Rows go to neighbours, few of them, and gradients are summed."""
  collectives = list_collectives(text)
  kernels = {f"f32[{','.join(map(str, leaf.shape))}]" for leaf in jax.tree.leaves(params)}

  def is_small(shape):
    return shape in kernels or (_num_rows(shape) == 1 and math.prod(_sides(shape)) <= CODES)

  others = [c for c in collectives if c.kind not in BORDERS_AND_SUMS]
  if dense:
    others = [c for c in others if not all(map(is_small, c.shapes))]
  assert not others, f"gathered: {others}"
  sizes = [leaf.size for leaf in jax.tree.leaves(params)]
  for collective in collectives:
    for shape in collective.shapes:
      if collective.kind == "collective-permute":
        assert _num_rows(shape) <= reach, f"more than a border: {collective}"
      elif collective.kind == "all-reduce":
        assert math.prod(_sides(shape)) <= max(sizes), f"more than a gradient: {collective}"
  sent = bytes_by_kind(collectives)
  summed = sent["all-reduce"] / (4 * sum(sizes))
  assert 0.0 < summed <= most, f"{summed} times the parameters are summed"
  return sent


@pytest.mark.parametrize("method", sorted(_configs()))
def test_four_devices_equal_one_and_gather_nothing(method):
  """Losses, pools and batch statistics are those of the global batch."""
  for shape in SHAPES:
    _assert_equal(_trained(method, shape), _trained(method, (1, 1)))
    if shape[1] == 1 and method not in SUMMED:
      continue
    compiled, *_ = _program(method, shape)
    sent = _assert_only_borders_and_sums(
      compiled.as_text(),
      _start(method)[3].params,
      SUMMED.get(method, OFTEN) * sum(side > 1 for side in shape),
      reach=SHIFT.get(method, REACH),
      dense=method in DENSE,
    )
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


def _gathered(outputs, mesh):
  return jax.lax.with_sharding_constraint(outputs, replicated(mesh))


def _gathered_as_numbers(outputs, mesh):
  """The same without rows, so that it looks like a code."""
  batch, *sides = outputs.shape
  numbers = outputs.reshape(batch, math.prod(sides))
  return jax.lax.with_sharding_constraint(numbers, replicated(mesh)).reshape(outputs.shape)


def _summed_into_place(outputs, mesh):
  """A gather without its name: every device adds its rows to zeros."""
  del mesh

  def own(rows):
    height, shard = rows.shape[1], jax.lax.axis_index(ROWS)
    whole = jnp.zeros((len(rows), height * jax.lax.axis_size(ROWS), *rows.shape[2:]))
    whole = jax.lax.dynamic_update_slice_in_dim(whole, rows, height * shard, 1)
    return jax.lax.psum(whole, ROWS)

  split, along_batch = PartitionSpec(*AXES), PartitionSpec(AXES[0])
  return jax.shard_map(own, in_specs=split, out_specs=along_batch)(outputs)


def _compiled_generator(generator, shape, side, *, moved=None):
  """A generator's loss and gradient, for images that are never made, and its parameters."""
  mesh = make_mesh(shape)

  def loss(variables, images):
    outputs, state = generator.apply(
      variables, images, train=True, rngs={"dropout": KEY}, mutable=["batch_stats"]
    )
    if moved is not None:
      outputs = outputs + jax.lax.stop_gradient(moved(outputs, mesh))[:, ::-1]
    return jnp.mean(jnp.abs(outputs)), state

  images = jax.ShapeDtypeStruct((4, side, side, 3), jnp.float32, sharding=batch_sharding(mesh))
  keys = {"params": KEY, "dropout": KEY}
  variables = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=replicated(mesh)),
    jax.eval_shape(lambda: generator.init(keys, jnp.zeros((1, side, side, 3)), train=True)),
  )
  run = jax.jit(on_mesh(mesh, jax.grad(loss, has_aux=True)))
  return run.lower(variables, images).compile().as_text(), variables["params"]


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
  most = 1.3 * sum(side > 1 for side in shape)
  _assert_only_borders_and_sums(*_compiled_generator(generator, shape, 1024), most)


def test_a_gathered_activation_is_noticed():
  generator = UNet(num_levels=1, features=2)
  _assert_only_borders_and_sums(*_compiled_generator(generator, (2, 2), 16), 2.6)
  # Nor is it taken for a code.
  for moved, words in (
    (_gathered, r"gathered: .*all-gather"),
    (_gathered_as_numbers, r"gathered: .*all-"),
    (_summed_into_place, r"more than a gradient: .*all-reduce"),
  ):
    with pytest.raises(AssertionError, match=words):
      _assert_only_borders_and_sums(
        *_compiled_generator(generator, (2, 2), 16, moved=moved), 2.6, dense=True
      )


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

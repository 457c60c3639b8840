"""The PyTorch peer is the same networks and the same steps."""

import jax
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from experiments.benchmark import ours, peer
from experiments.benchmark.cases import Case
from experiments.benchmark.peer_steps import ImagePool
from imtrans.training.state import create_state

TINY = {
  "size": 16,
  "batch": 2,
  "precision": "float32",
  "device": "cpu",
  "features": 4,
  "num_blocks": 1,
  "num_layers": 1,
}


def _copy(params, module):
  """Writes the parameters of a flax network into its counterpart."""
  weights = {}
  for path, value in jax.tree_util.tree_leaves_with_path(params):
    name, *_, leaf = (entry.key for entry in path)
    array = np.asarray(value)
    if leaf == "kernel":
      array = array.transpose((3, 2, 0, 1))
    leaf = {"kernel": "weight", "scale": "weight", "bias": "bias"}[leaf]
    weights[f"layers.{name}.{leaf}"] = torch.tensor(array)
  result = module.load_state_dict(weights, strict=False)
  assert not result.unexpected_keys
  assert all("running" in key or "num_batches" in key for key in result.missing_keys)


def _channels_first(array):
  return torch.tensor(np.asarray(array).transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
  ("method", "generator", "discriminator"),
  [("pix2pix", 54_413_955, 2_768_705), ("cyclegan", 2 * 11_378_179, 2 * 2_764_737)],
)
def test_parameter_counts_are_equal_and_the_papers(method, generator, discriminator):
  case = Case(method, 256, 1, "float32", "cpu")
  with torch.device("meta"):
    theirs = peer.count_parameters(peer.networks(case))
  batch = ours.make_batch(case, 0)
  params, _ = jax.eval_shape(ours.build_method(case).init, jax.random.key(0), batch)
  counted = {
    player: sum(leaf.size for leaf in jax.tree.leaves(tree)) for player, tree in params.items()
  }
  assert theirs == counted == {"generator": generator, "discriminator": discriminator}


@pytest.mark.parametrize("method", ["pix2pix", "cyclegan"])
def test_both_find_the_same_losses(method):
  case = Case(method, **TINY)
  changes = {"dropout": 0.0} if method == "pix2pix" else {}  # The two draw other masks.
  step, optimizers = ours.build_step(case, ours.build_method(case, **changes))
  batches = [ours.make_batch(case, index) for index in range(4)]
  state = create_state(
    ours.build_method(case, **changes), optimizers, batches[0], seed=0, keep_ema=False
  )
  modules = peer.networks(case, dropout=0.0)
  for player, named in modules.items():
    for name, module in named.items():
      params = state.params[player]
      _copy(params if method == "pix2pix" else params[name], module)
  their_step = peer.build_step(case, modules)
  our_step = jax.jit(step)
  for batch in batches:  # From the second on, the losses are those of updated networks.
    state, metrics = our_step(state, batch)
    losses = their_step({name: _channels_first(array) for name, array in batch.items()})
    for name, value in losses.items():
      np.testing.assert_allclose(value.numpy(), metrics[name], rtol=1e-3, err_msg=name)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", ["pix2pix", "cyclegan"])
def test_channels_last_and_autocast_train(method, precision):
  case = Case(method, **TINY | {"precision": precision})
  contender = peer.build(case, "channels_last")
  contender.run(2)
  report = contender.report()
  assert report["peak_memory"] > 0 and set(report["parameters"]) == {"generator", "discriminator"}
  contender.matmul(8)()


def test_the_pool_returns_half_old_images():
  pool = ImagePool(4)
  images = torch.arange(12.0).reshape(12, 1, 1, 1)
  assert torch.equal(pool.query(images[:4]), images[:4])
  returned = pool.query(images[4:])
  assert returned.shape == (8, 1, 1, 1)
  assert set(returned.flatten().tolist()) <= set(range(12))

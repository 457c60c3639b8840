import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from imtrans.training.optimization import (
  adam,
  apart,
  clip_weights,
  every,
  learning_rate_schedule,
  scale_networks,
)

LENGTH, START, RATE = 10, 4, 2e-4
EXPECTED = {
  "constant": [1.0] * 10,
  "linear": [1, 1, 1, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6],
  "cosine": [1.0] * 4 + [0.5 * (1 + math.cos(math.pi * k / 6)) for k in range(6)],
  "exponential": [1.0] * 4 + [0.1 ** (k / 6) for k in range(6)],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_step_of_every_schedule(name):
  schedule = learning_rate_schedule(
    name, learning_rate=RATE, num_steps=LENGTH, decay_start=START, rate=0.1
  )
  got = [float(schedule(step)) for step in range(LENGTH)]
  np.testing.assert_allclose(got, RATE * np.array(EXPECTED[name]), rtol=1e-5)
  assert got[-1] > 0.0  # No update is dead.


def test_mistakes_are_named():
  with pytest.raises(ValueError, match="unknown schedule 'step'"):
    learning_rate_schedule("step", learning_rate=1.0, num_steps=10)
  with pytest.raises(ValueError, match=r"decay_start \(10\) must be smaller than num_steps \(10\)"):
    learning_rate_schedule("linear", learning_rate=1.0, num_steps=10, decay_start=10)


def test_clipping_bounds_what_adam_sees():
  params = jnp.array([3.0, 4.0])
  clipped = adam(optax.constant_schedule(1.0), clip_norm=0.5)
  state = clipped.init(params)
  with jax.numpy_dtype_promotion("standard"):  # As the training step does around optax.
    _, state = clipped.update(jnp.array([30.0, 40.0]), state, params)
  moment = state[-1][0].mu
  np.testing.assert_allclose(moment, 0.5 * np.array([0.3, 0.4]), rtol=1e-5)


def test_adam_moves_by_the_learning_rate_at_first():
  optimizer = adam(optax.constant_schedule(0.1))
  params = jnp.array([1.0, -1.0])
  with jax.numpy_dtype_promotion("standard"):
    updates, _ = optimizer.update(jnp.array([5.0, -0.01]), optimizer.init(params), params)
  np.testing.assert_allclose(updates, [-0.1, 0.1], rtol=1e-4)


def test_weights_are_clipped_after_the_update():
  params = {"kernel": jnp.array([0.009, -0.005, 0.5]), "bias": jnp.array(0.0)}
  gradients = {"kernel": jnp.array([-0.05, 0.01, 0.0]), "bias": jnp.array(0.3)}
  plain, clipped = optax.sgd(0.1), clip_weights(optax.sgd(0.1), 0.01)
  updates, state = clipped.update(gradients, clipped.init(params), params)
  after = optax.apply_updates(params, updates)
  # 0.009 + 0.005 is too large, -0.005 - 0.001 is not, 0.5 was outside before.
  np.testing.assert_allclose(after["kernel"], [0.01, -0.006, 0.01], rtol=1e-5)
  np.testing.assert_allclose(after["bias"], -0.01, rtol=1e-5)
  # The state is that of the optimizer inside: a run may be resumed with or without clipping.
  assert jax.tree.structure(state) == jax.tree.structure(plain.init(params))


def test_a_schedule_of_steps_counts_steps():
  schedule = learning_rate_schedule("linear", learning_rate=1.0, num_steps=4)
  five = every(schedule, 5)
  got = [float(five(jnp.int32(count))) for count in range(20)]
  np.testing.assert_allclose(got, np.repeat([1.0, 0.75, 0.5, 0.25], 5))
  assert every(schedule, 1) is schedule


def test_a_part_begins_late_as_an_optimizer_made_then():
  """Three updates of nothing, then the first one is of the learning rate: no moment is stale."""
  schedule = learning_rate_schedule("linear", learning_rate=0.1, num_steps=10)
  params = {"inner": {"global": {"w": jnp.array([1.0, 2.0])}}, "own": jnp.array(3.0)}
  gradients = jax.tree.map(jnp.ones_like, params)
  delayed = adam(lambda count: schedule(count + 3))
  late = optax.conditionally_mask(delayed, lambda count: count >= 3)
  optimizer = apart({"part": late, "rest": adam(schedule)}, "global")
  state, seen = optimizer.init(params), []
  with jax.numpy_dtype_promotion("standard"):
    for _ in range(5):
      updates, state = optimizer.update(gradients, state, params)
      params = optax.apply_updates(params, updates)
      seen.append([float(params["own"]), *params["inner"]["global"]["w"].tolist()])
  own, first, second = np.transpose(seen)
  # Adam moves by the learning rate while the gradient is one: 0.1, 0.09, 0.08, 0.07, 0.06.
  np.testing.assert_allclose(own, 3.0 - np.cumsum([0.1, 0.09, 0.08, 0.07, 0.06]), rtol=1e-5)
  np.testing.assert_array_equal(first[:3], 1.0)
  np.testing.assert_allclose(first[3:], [0.93, 0.87], rtol=1e-5)
  np.testing.assert_allclose(second - first, 1.0, rtol=1e-6)


def test_weight_decay_is_that_of_pytorch():
  torch = pytest.importorskip("torch")
  start, slope = np.array([2.0, -1.0, 0.5], np.float32), np.array([0.1, 0.3, -0.2], np.float32)
  theirs = torch.nn.Parameter(torch.from_numpy(start.copy()))
  reference = torch.optim.Adam([theirs], lr=0.1, betas=(0.0, 0.99), weight_decay=0.2)
  ours = jnp.asarray(start)
  optimizer = adam(optax.constant_schedule(0.1), b1=0.0, b2=0.99, weight_decay=0.2)
  plain = adam(optax.constant_schedule(0.1), b1=0.0, b2=0.99)
  state = optimizer.init(ours)
  # The state is the same without: a run may be resumed with or without weight decay.
  assert jax.tree.structure(state) == jax.tree.structure(plain.init(ours))
  for step in range(4):
    theirs.grad = torch.from_numpy(slope * (step - 1))
    reference.step()
    with jax.numpy_dtype_promotion("standard"):
      updates, state = optimizer.update(jnp.asarray(slope * (step - 1)), state, ours)
    ours = optax.apply_updates(ours, updates)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-5)


def test_networks_may_have_learning_rates_of_their_own():
  params = {"images": {"kernel": jnp.array([1.0])}, "mapping": {"kernel": jnp.array([1.0])}}
  gradients = jax.tree.map(lambda leaf: 3.0 * leaf, params)
  plain, scaled = optax.sgd(0.1), scale_networks(optax.sgd(0.1), {"mapping": 0.01})
  updates, state = scaled.update(gradients, scaled.init(params), params)
  np.testing.assert_allclose(updates["images"]["kernel"], [-0.3], rtol=1e-6)
  np.testing.assert_allclose(updates["mapping"]["kernel"], [-0.003], rtol=1e-6)
  assert jax.tree.structure(state) == jax.tree.structure(plain.init(params))
  wrong = scale_networks(optax.sgd(0.1), {"maping": 0.01})
  with pytest.raises(
    ValueError, match=r"names maping, which is no network .*: choose among images"
  ):
    wrong.init(params)

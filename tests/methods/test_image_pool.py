import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.methods.image_pool import empty_pool, query_pool


def _simulate(size, batch, steps):
  """Runs the pool on images that carry their step; returns their ages, [steps, batch]."""

  @jax.jit
  def run(key):
    def one(pool, inputs):
      step, step_key = inputs
      images = jnp.full((batch, 1, 1, 1), step, jnp.float32)
      returned, pool = query_pool(pool, images, step_key)
      return pool, step - returned[:, 0, 0, 0].astype(jnp.int32)

    inputs = jnp.arange(steps), jax.random.split(key, steps)
    return jax.lax.scan(one, empty_pool(size, (1, 1, 1)), inputs)[1]

  return np.asarray(run(jax.random.key(0)))


def test_statistics_of_the_reference_pool():
  # Half of the returned images are fresh; replayed ones are 2 * 50 = 100 steps old on average;
  # the 95th percentile of all ages is about 228.
  ages = _simulate(50, 1, 40_000)[2_000:].ravel()
  assert np.mean(ages == 0) == pytest.approx(0.5, abs=0.02)
  assert np.mean(ages[ages > 0]) == pytest.approx(100, rel=0.06)
  assert np.percentile(ages, 95) == pytest.approx(228, rel=0.08)


def test_replayed_images_of_larger_batches_are_younger():
  ages = _simulate(50, 5, 8_000)[500:].ravel()
  assert np.mean(ages == 0) == pytest.approx(0.5, abs=0.02)
  assert np.mean(ages[ages > 0]) == pytest.approx(2 * 50 / 5, rel=0.06)


def test_the_filling_pool_returns_what_comes_in():
  pool = empty_pool(5, (1, 1, 1))
  for step in range(2):
    images = jnp.arange(2.0).reshape(2, 1, 1, 1) + 2 * step
    returned, pool = query_pool(pool, images, jax.random.key(step))
    np.testing.assert_array_equal(returned, images)
  # Two slots for each of the two places in the batch; the fifth is left over.
  np.testing.assert_array_equal(pool["images"].ravel(), [0.0, 2.0, 1.0, 3.0, 0.0])
  assert int(pool["count"]) == 4


def test_places_of_the_batch_exchange_within_their_own_slots():
  pool = empty_pool(12, (1, 1, 1))
  for step in range(40):
    images = 4.0 * step + jnp.arange(4.0).reshape(4, 1, 1, 1)
    returned, pool = query_pool(pool, images, jax.random.key(step))
    np.testing.assert_array_equal(returned.ravel() % 4, np.arange(4.0))
  np.testing.assert_array_equal(
    pool["images"].reshape(4, 3) % 4, np.arange(4.0)[:, None] + [[0] * 3]
  )


def test_no_image_is_lost_or_doubled_by_an_exchange():
  pool = empty_pool(4, (1, 1, 1))
  _, pool = query_pool(pool, jnp.arange(4.0).reshape(4, 1, 1, 1), jax.random.key(0))
  for step in range(20):
    images = 100.0 + 4.0 * step + jnp.arange(4.0).reshape(4, 1, 1, 1)
    before = sorted([*pool["images"].ravel().tolist(), *images.ravel().tolist()])
    returned, pool = query_pool(pool, images, jax.random.key(step))
    after = sorted([*pool["images"].ravel().tolist(), *returned.ravel().tolist()])
    assert before == after


def test_size_zero_keeps_nothing_and_small_pools_are_refused():
  images = jnp.ones((3, 1, 1, 1))
  returned, _ = query_pool(empty_pool(0, (1, 1, 1)), images, jax.random.key(0))
  np.testing.assert_array_equal(returned, images)
  with pytest.raises(ValueError, match="holds 2 images, fewer than the batch of 3"):
    query_pool(empty_pool(2, (1, 1, 1)), images, jax.random.key(0))

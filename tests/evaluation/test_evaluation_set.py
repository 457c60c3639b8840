"""What an evaluation goes through: wholes instead of parts, bad pictures, devices."""

import jax
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from imtrans.data import from_arrays, image_spec
from imtrans.data.dataset import Dataset
from imtrans.data.task import TaskDomain
from imtrans.data.tasks import make_task
from imtrans.evaluation.evaluate import Evaluation
from imtrans.evaluation.evaluation_set import EvaluationSet, spread_indices
from imtrans.evaluation.translation.trained_generator import TrainedGenerator
from imtrans.training.mesh import make_mesh


def _grey_colors(generator_params, extras, source, key, *, direction, mode):
  """Says that there is no colour at all: a and b are zero."""
  import jax.numpy as jnp

  return jnp.zeros((*source.shape[:-1], 2))


def test_colours_are_measured_and_shown_with_their_lightness():
  clean = from_arrays(np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)).a
  task = make_task("grayscale", image_spec(3), target="lab")
  sides = [
    TaskDomain(clean, task, side, resize="square", crop_size=16) for side in ("source", "target")
  ]
  pictures = EvaluationSet(
    Dataset(*sides, paired=True), batch_size=2, resize="square", crop_size=16
  )
  assert pictures.target_spec("ab").channels == 3
  generators = (TrainedGenerator(_grey_colors, {"unused": np.zeros(1)}, {}),)
  evaluation = Evaluation(pictures, ("l1", "psnr", "histogram_intersection"))
  judgement = evaluation.judge(generators)
  results = list(judgement)
  for index, result in enumerate(results):
    np.testing.assert_allclose((result.target + 1) * 127.5, clean[index], atol=5)
    assert result.output.shape == (16, 16, 3)
    assert np.ptp(result.output, axis=-1).max() < 0.02  # Grey, of the source's lightness.
  scores = {score.figure.name: score.figure.value for score in judgement.scores()}
  assert scores["histogram_intersection_L"] > 0.95 > 0.3 > scores["histogram_intersection_a"]


def test_indices_are_spread():
  assert spread_indices(10, 3) == [0, 3, 6]
  assert spread_indices(2, 5) == [0, 1]


def test_a_single_folder_is_a_source_only():
  single = from_arrays(np.zeros((2, 8, 8, 3), np.uint8))
  pictures = EvaluationSet(single, batch_size=2, resize="square", crop_size=8)
  with pytest.raises(ValueError, match='direction must be "ab"'):
    pictures.domains("ba")


def test_an_evaluation_is_divided_over_the_devices():
  seen = []

  def shift(generator_params, extras, source, key, *, direction, mode):
    seen.append(source.shape)
    return source + generator_params["shift"]

  sharding = NamedSharding(make_mesh((4, 1)), PartitionSpec())
  params = {"shift": jax.device_put(np.float32(0.25), sharding)}
  generator = TrainedGenerator(shift, params, {})
  outputs = generator.start(np.zeros((8, 4, 4, 3), np.float32))
  assert {shard.data.shape for shard in outputs.addressable_shards} == {(2, 4, 4, 3)}
  np.testing.assert_allclose(outputs, 0.25)
  # A batch that cannot be divided evenly is computed whole.
  odd = generator.start(np.zeros((3, 4, 4, 3), np.float32))
  np.testing.assert_allclose(odd, np.full((3, 4, 4, 3), 0.25))

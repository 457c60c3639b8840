"""Several outputs for one source, where all right answers are known."""

import numpy as np
import pytest

from imtrans.data import from_arrays
from imtrans.evaluation.evaluate import Evaluation
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.judges import samples
from imtrans.evaluation.judges.samples import SampleJudge, find_variants
from imtrans.evaluation.translation.trained_generator import TrainedGenerator


def _grey(*levels, side=32):
  return np.uint8(levels)[:, None, None, None] * np.ones((1, side, side, 3), np.uint8)


@pytest.fixture
def pictures():
  # Two drawings; the first has three right answers (one of them twice), the second has one.
  sources, targets = _grey(10, 10, 10, 10, 200), _grey(50, 100, 150, 100, 90)
  dataset = from_arrays(sources, targets, names=list("abcde"))
  return EvaluationSet(dataset, batch_size=2, resize="square", crop_size=32)


def _levels(generator_params, extras, source, key, *, direction, mode):
  """Gives the answer number `seed` of 50, 100 and 150, whatever the source."""
  import jax
  import jax.numpy as jnp

  seed = jax.random.key_data(key)[-1] % 3
  level = generator_params["levels"][seed]
  return jnp.zeros_like(source) + (level / 127.5 - 1.0)


def _judge(pictures, levels, samples, criteria=("mode_coverage", "diversity_lpips_alex")):
  params = {"levels": np.float32(levels)}
  generator = TrainedGenerator(_levels, params, {}, mode="train")
  judge = SampleJudge(
    pictures, criteria, generator, num_samples=samples, seed=0, checkpoint="best/7"
  )
  return {figure.name: figure for _, figure in judge.figures()}


def test_sources_with_several_answers_are_found(pictures):
  assert find_variants(pictures, "ab") == [[0, 1, 2]]
  assert find_variants(pictures, "ba") == []


def test_the_pictures_are_looked_through_once(pictures, monkeypatch):
  read, digest = [], samples._digest
  monkeypatch.setattr(samples, "_digest", lambda picture: read.append(0) or digest(picture))
  evaluation = Evaluation(pictures, ("mode_coverage",), num_samples=2)
  generator = TrainedGenerator(_levels, {"levels": np.float32([50, 100, 150])}, {}, mode="train")
  evaluation.check("ab", mode="train", cycle=False)
  assert len(read) == 10
  for _ in range(2):
    assert evaluation.scalars([generator])["eval/mode_fraction"] > 0.0
  assert len(read) == 10


def test_a_generator_that_knows_all_answers(pictures):
  found = _judge(pictures, [50, 100, 150], samples=6)
  assert found["mode_fraction"].value == 1.0
  assert found["mode_entropy"].value == pytest.approx(1.0)
  assert found["mode_error"].value == pytest.approx(0.0, abs=1e-6)
  assert found["mode_fraction"].protocol.images == {"source": 1}
  assert found["diversity_lpips_alex"].value > 0.0
  assert found["diversity_lpips_alex"].protocol.images == {"source": 5}


def test_a_generator_that_knows_one(pictures):
  found = _judge(pictures, [110, 110, 110], samples=3)
  assert found["mode_fraction"].value == pytest.approx(1 / 3)
  assert found["mode_entropy"].value == pytest.approx(0.0)
  assert found["mode_error"].value == pytest.approx(10 / 255, rel=1e-3)
  assert found["diversity_lpips_alex"].value == pytest.approx(0.0, abs=1e-7)


def test_a_picture_that_cannot_be_read_is_left_out_of_its_group(pictures):
  broken = pictures.dataset.b
  broken._arrays = [*broken._arrays[:1], broken._arrays[1][..., :2], *broken._arrays[2:]]
  assert find_variants(pictures, "ab") == [[0, 2, 3]]
  assert list(pictures.problems) == ["b"]
  found = _judge(pictures, [50, 100, 150], samples=6, criteria=("mode_coverage",))
  assert found["mode_fraction"].value == 1.0
  assert found["mode_error"].value == pytest.approx(0.0, abs=1e-6)
  assert found["mode_fraction"].protocol.settings["samples_per_source"] == 6

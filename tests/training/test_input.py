"""What the pictures of a batch are called, and which domain they come from."""

from pathlib import Path

import numpy as np
import pytest

from imtrans.commands.configuration import load_config
from imtrans.training.input import (
  domain_specs,
  example_batch,
  is_paired,
  is_two_way,
  open_data,
  training_batches,
)

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="module")
def domains(tmp_path_factory):
  """Dark pictures in domain a, bright ones in domain b."""
  from PIL import Image

  folder = tmp_path_factory.mktemp("domains")
  for name, level in (("trainA", 10), ("testA", 10), ("trainB", 240), ("testB", 240)):
    (folder / name).mkdir()
    for index in range(4):
      picture = np.full((18, 18, 3), level, np.uint8)
      Image.fromarray(picture).save(folder / name / f"{index}.png")
  return folder


@pytest.mark.parametrize(
  ("name", "direction", "dark", "bright"),
  [
    ("cut_horse2zebra", "ab", "source", "target"),
    ("cut_horse2zebra", "ba", "target", "source"),
    ("cyclegan_facades", "ba", "a", "b"),
    ("bicyclegan_facades", "ba", "target", "source"),
  ],
)
def test_batches_are_called_as_their_method_calls_them(domains, name, direction, dark, bright):
  overrides = [
    "--config.data.source=folders",
    f"--config.data.path={domains}",
    f"--config.data.direction={direction}",
  ]
  config = load_config(f"{CONFIGS / name}.py:tiny", overrides)
  dataset = open_data(config, "train")
  assert dataset.paired == is_paired(config) == name.startswith("bicycle")
  assert is_two_way(config) == name.startswith("cycle")
  batch = next(training_batches(config, dataset))
  assert set(batch) == {dark, bright}
  assert (batch[dark] < 0).all() and (batch[bright] > 0).all()
  channels = {domain: spec.channels for domain, spec in domain_specs(dataset).items()}
  shapes = {name: (4, *array.shape[1:]) for name, array in example_batch(config, channels).items()}
  assert {name: array.shape for name, array in batch.items()} == shapes

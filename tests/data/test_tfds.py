import io
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image

from imtrans.data import ImageSpec, open_dataset, open_task, unpaired_batches

COUNTS = {"trainA": 5, "trainB": 4, "testA": 2, "testB": 3}


def encoded(value):
  buffer = io.BytesIO()
  Image.fromarray(np.full((9, 12, 3), value, np.uint8)).save(buffer, "PNG")
  return buffer.getvalue()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
  """A folder in which TFDS, without TensorFlow, prepared a tiny set of the shape of cycle_gan."""
  import tensorflow_datasets as tfds

  class TinyCycleGan(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")
    url_infos = None  # There is nothing to download.

    def _info(self):
      image = tfds.features.Image(encoding_format="png")
      return self.dataset_info_from_configs(features=tfds.features.FeaturesDict({"image": image}))

    def _split_generators(self, download_manager):
      return {
        split: self._generate_examples(100 * split.endswith("B"), count)
        for split, count in COUNTS.items()
      }

    def _generate_examples(self, offset, count):
      for i in range(count):
        yield i, {"image": encoded(offset + i)}

  folder = tmp_path_factory.mktemp("tfds")
  tfds.disable_progress_bar()
  TinyCycleGan(data_dir=str(folder), file_format="array_record").download_and_prepare()
  return str(folder)


def test_reads_a_prepared_set(prepared):
  train, test = (
    open_dataset("tfds:tiny_cycle_gan", split=split, paired=False, path=prepared)
    for split in ("train", "test")
  )
  assert [len(d) for d in (train.a, train.b, test.a, test.b)] == list(COUNTS.values())
  assert not train.paired and not test.paired
  assert train.a.spec == ImageSpec(3, "uint8", 0.0, 255.0)
  assert sorted(int(train.a[i][0, 0, 0]) for i in range(5)) == [0, 1, 2, 3, 4]
  assert sorted(int(test.b[i][0, 0, 0]) for i in range(3)) == [100, 101, 102]
  assert test.b.names == ["testB_000000", "testB_000001", "testB_000002"]
  batch = next(unpaired_batches(train, batch_size=3, seed=0, load_size=8, crop_size=8))
  assert batch["a"].shape == (3, 8, 8, 3) and batch["b"].max() < 0


def test_reads_without_tensorflow(prepared):
  program = textwrap.dedent(f"""
    import sys
    from imtrans.data import open_dataset
    data = open_dataset("tfds:tiny_cycle_gan", split="train", paired=False, path={prepared!r})
    print(len(data.a), data.b[0].shape, "tensorflow" in sys.modules)
  """)
  done = subprocess.run(
    [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
  )
  assert done.stdout == "5 (9, 12, 3) False\n", done.stderr


def test_a_set_that_is_not_prepared_gets_the_command(tmp_path):
  with pytest.raises(ValueError, match="is not prepared in") as caught:
    open_dataset("tfds:cycle_gan/horse2zebra", split="train", paired=False, path=str(tmp_path))
  message = str(caught.value)
  assert "pip install 'imtrans[tfds]'" in message
  assert f"tfds.builder('cycle_gan/horse2zebra', data_dir='{tmp_path}'" in message
  assert "file_format='array_record').download_and_prepare()" in message


def test_unknown_sets_and_pairs(prepared):
  with pytest.raises(ValueError, match=r"TFDS knows no data set 'no_such_set'") as caught:
    open_dataset("tfds:no_such_set", split="train", paired=False, path=prepared)
  assert len(str(caught.value)) < 300  # Not the list of all sets there are.
  with pytest.raises(ValueError, match="is unpaired"):
    open_dataset("tfds:tiny_cycle_gan", split="train", paired=True, path=prepared)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
  """A tiny set of the shape of mnist: the splits train and test, grey pictures and labels."""
  import tensorflow_datasets as tfds

  class TinyDigits(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")
    url_infos = None

    def _info(self):
      features = {
        "image": tfds.features.Image(shape=(9, 9, 1), encoding_format="png"),
        "label": tfds.features.ClassLabel(num_classes=3),
      }
      return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, download_manager):
      return {"train": self._generate_examples(6), "test": self._generate_examples(2)}

    def _generate_examples(self, count):
      for i in range(count):
        buffer = io.BytesIO()
        Image.fromarray(np.full((9, 9), 10 * (i % 3), np.uint8)).save(buffer, "PNG")
        yield i, {"image": buffer.getvalue(), "label": i % 3}

  folder = tmp_path_factory.mktemp("digits")
  tfds.disable_progress_bar()
  TinyDigits(data_dir=str(folder), file_format="array_record").download_and_prepare()
  return str(folder)


def test_a_set_of_one_domain_has_its_labels_for_classes(labelled):
  options = {"resize": "square", "crop_size": 9, "path": labelled}
  whole = open_dataset("tfds:tiny_digits", split="train", paired=True, path=labelled)
  assert whole.b is None and whole.a.spec == ImageSpec(1, "uint8", 0.0, 255.0)
  noise = open_task("noise", "tfds:tiny_digits", split="train", paired=True, **options)
  assert noise.a.spec.classes == ("0", "1", "2") and len(noise.a) == 6
  for index in range(6):
    label = round(2 * int(noise.a[index][0, 0, 1]) / 65535)
    assert int(noise.b[index][0, 0, 0]) == 10 * label

"""Reading a run back with another number of refinements."""

import pytest

from configs import pix2pix_openmoji, unsb_openmoji
from imtrans.data import ImageSpec
from imtrans.training.checkpoints import LAST
from imtrans.training.config import save_config
from imtrans.training.input import save_specs
from imtrans.training.run import load_run
from imtrans.training.workdir import CONFIG


@pytest.mark.parametrize(
  ("config", "refinements", "sentence"),
  [
    (pix2pix_openmoji, 1, "pix2pix translates in one step: refinements are for a run of a method"),
    (unsb_openmoji, 0, "at least 1 refinement, got 0"),
    (unsb_openmoji, 3, "num_refinements must be from 1 to num_times, 2, or 0 .* got 3"),
  ],
)
def test_refinements_that_cannot_be_are_refused(tmp_path, config, refinements, sentence):
  (tmp_path / LAST / "1").mkdir(parents=True)
  save_config(config.get_config("tiny"), tmp_path / CONFIG)
  spec = ImageSpec(3, "uint8", 0.0, 255.0)
  save_specs({"a": spec, "b": spec}, tmp_path)
  with pytest.raises(ValueError, match=sentence):
    load_run(tmp_path, refinements=refinements)

"""Folders as `imtrans train` and `imtrans evaluate` leave them, made without doing either."""

import csv
import json

import numpy as np

from imtrans.data import ImageSpec, write_image
from imtrans.training.config import default_config, save_config
from imtrans.training.input import save_specs

SPEC = ImageSpec(3, "uint8", 0.0, 255.0)
SIDE = 8


def write_evaluated(
  path,
  *,
  l1=0.1,
  names=("0", "1", "2", "3"),
  directions=("ab",),
  changes=None,
  protocol=None,
  metrics=None,
  figures=None,
  scored=True,
):
  """Writes config.json, specs.json, log.jsonl, metrics.json, per_image.csv and pictures.

  Args:
    path: the run's folder.
    l1: of every picture and so of the run; a list for one value a picture.
    names: of the test pictures.
    directions: the first is the one that the run is about.
    changes: to the config, such as {"seed": 1, "optimizer.b1": 0.9}.
    protocol: changes to the protocol.
    metrics: more flat figures.
    figures: the list of figures with their own records; None leaves it out, as old files do.
    scored: False for a test set without pairs.

  Returns:
    The folder.
  """
  path.mkdir(parents=True)
  config = default_config()
  config.data.update(direction=directions[0], load_size=SIDE, crop_size=SIDE)
  config.generator.name = "resnet"
  config.update_from_flattened_dict(changes or {})
  save_config(config, path / "config.json")
  save_specs({"a": SPEC, "b": SPEC}, path)
  lines = [{"step": s, "generator/loss": 1.0 / s, "eval/l1": 0.2 / s} for s in range(1, 5)]
  (path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
  values = [float(v) for v in np.broadcast_to(l1, len(names))]
  rows, record = [], {}
  for index, direction in enumerate(directions):
    suffix = f"_{direction}" if index else ""
    (path / f"images{suffix}").mkdir()
    for name, value in zip(names, values, strict=True):
      grey = np.full((SIDE, SIDE, 3), round(255 * np.clip(np.nan_to_num(value), 0, 1)), np.uint8)
      write_image(path / f"images{suffix}" / f"{name}.png", grey)
      columns = {"l1": value, "psnr": 20.0 - 10.0 * value, "baseline/l1": 0.5} if scored else {}
      rows.append({"name": name, "direction": direction, **columns})
    if scored:
      mean = float(np.mean(values))
      record |= {f"eval{suffix}/l1": mean, f"eval{suffix}/psnr": 20.0 - 10.0 * mean}
      record |= {f"baseline{suffix}/l1": 0.5, f"baseline{suffix}/psnr": 6.0}
  record |= metrics or {}
  if figures is not None:
    record["figures"] = figures
  if not scored:
    record["note"] = "The test pictures are not paired."
  record["protocol"] = {
    "images": {direction: len(names) for direction in directions},
    "split": "test",
    "size": SIDE,
    "resize": "square",
    "inference": "test",
    "seed": 0,
    "checkpoint": f"{path}/best/4",
    "step": 4,
    "l1": "mean absolute error",
    "versions": {"imtrans": "0.1.0", "jax": "0.10.2"},
    "device": "cpu",
    **(protocol or {}),
  }
  (path / "metrics.json").write_text(json.dumps(record))
  with (path / "per_image.csv").open("w", newline="") as file:
    columns = ["name", "direction", "l1", "psnr", "baseline/l1"]
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    writer.writerows(rows)
  return path


def figure(name="fd_vgg16", value=1.0, *, spread=None, of="model", direction="ab", **record):
  """An entry of the list of figures."""
  own = {"images": {"real": 4, "fake": 4}, "features": "vgg16", "resize": "none", "seed": None}
  own |= {"weights": "abc", "checkpoint": "anything", "settings": {}}
  identity = {"name": name, "direction": direction, "of": of, "value": value, "spread": spread}
  return {**identity, **own, **record}

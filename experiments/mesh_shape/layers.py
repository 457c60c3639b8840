"""Compiles single layers with each lowering they could take, and records what a chip would need.

python -m experiments.mesh_shape.layers                                  # the chosen layers
python -m experiments.mesh_shape.layers --only "last" --topology v6e:1x1
A layer is its value and its derivatives, in bfloat16, for four images on one chip; a compilation
takes a good ten seconds. layers.json keeps each; the table goes into the README.
"""

import argparse
import functools
import importlib.metadata
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from experiments.mesh_shape.lowerings import joined_transposed
from experiments.mesh_shape.programs import memory_bytes, read_program, summary
from experiments.mesh_shape.report import read_records, write_report
from experiments.mesh_shape.roofline import roofline
from experiments.mesh_shape.topologies import chip_of, describe_devices
from experiments.record import provenance, store
from imtrans.networks.direct import (
  dilated_transposed,
  direct_convolve,
  halved_convolve,
  phased_transposed,
)
from imtrans.training.mesh import make_mesh, replicated

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "layers.json"
IMAGES = 4
STRIDED = {
  "direct": functools.partial(direct_convolve, stride=2, padding=1),
  "halved": functools.partial(halved_convolve, padding=1),
}
DOUBLING = {
  "phased": functools.partial(phased_transposed, padding=1),
  "joined": functools.partial(joined_transposed, padding=1),
  "dilated": functools.partial(dilated_transposed, padding=1),
}


class Layer(NamedTuple):
  """A 4 x 4 convolution of stride two of pix2pix at 256².

  side: of its input, in pixels.
  inputs: channels of its input.
  outputs: channels of its output.
  ways: its lowerings by name.
  inner: whether a derivative goes on to what was before it; not so for the first of a generator.
  """

  side: int
  inputs: int
  outputs: int
  ways: dict[str, Callable[[Array, Array], Array]]
  inner: bool = True


LAYERS = {
  "U-Net, last": Layer(128, 128, 3, DOUBLING),
  "U-Net, last but one": Layer(64, 256, 64, DOUBLING),
  "U-Net, last but four": Layer(8, 1024, 512, DOUBLING),
  "discriminator, first": Layer(256, 6, 64, STRIDED),
  "U-Net, first": Layer(256, 3, 64, STRIDED, inner=False),
}


def main(arguments: Sequence[str] | None = None) -> None:
  """Compiles, records and writes the table."""
  given = list(sys.argv[1:] if arguments is None else arguments)
  parser = argparse.ArgumentParser(
    prog="python -m experiments.mesh_shape.layers", description=__doc__.splitlines()[0]
  )
  parser.add_argument("--topology", default="v5e:1x1", help="a slice of one chip")
  parser.add_argument("--only", default="", help="layers whose name has this")
  parsed = parser.parse_args(given)
  command = shlex.join(["python", "-m", "experiments.mesh_shape.layers", *given])
  try:
    devices = describe_devices(parsed.topology)
  except ValueError as error:
    parser.error(str(error))
  for name, layer in LAYERS.items():
    for way in layer.ways:
      key = f"{parsed.topology} {name}: {way}"
      if parsed.only in key and key not in read_records(RESULTS):
        print(key, flush=True)
        record = {"topology": parsed.topology, "layer": name, "way": way}
        record |= measure(layer, way, parsed.topology, devices)
        store(RESULTS, key, {**record, "command": command, **provenance()})
        write_report(FOLDER)


def measure(layer: Layer, way: str, topology: str, devices: Sequence[Any]) -> dict[str, Any]:
  """Compiles a layer with one lowering and reads the program.

  Args:
    layer: what to compile.
    way: a name of its `ways`.
    topology: whose chip it is.
    devices: of that topology; the first one is used.

  Returns:
    What the chip computes, moves and holds, and the cycles that the compiler reckons with.
  """
  function = layer.ways[way]
  pixels = (IMAGES, layer.side, layer.side, layer.inputs)
  transposed = layer.ways is DOUBLING
  channels = (layer.outputs, layer.inputs) if transposed else (layer.inputs, layer.outputs)
  whole = replicated(make_mesh((1, 1), devices[:1]))

  def shape(sides: tuple[int, ...]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(sides, jnp.bfloat16, sharding=whole)

  # Something before and after it, as in a network: layouts of arguments are not the compiler's.
  def products(images: Array, kernel: Array, cotangent: Array) -> Any:
    images, cotangent = jnp.tanh(images), jnp.tanh(cotangent)
    outputs, pull_back = jax.vjp(function, images, kernel)
    images_back, kernel_back = pull_back(cotangent)
    return jnp.tanh(outputs), kernel_back, jnp.tanh(images_back) if layer.inner else ()

  given = shape(pixels), shape((4, 4, *channels))
  cotangent = shape(jax.eval_shape(function, *given).shape)
  start = time.perf_counter()
  compiled = jax.jit(products).lower(*given, cotangent).compile()
  seconds = round(time.perf_counter() - start, 1)
  text, costs = compiled.as_text(), compiled.cost_analysis()
  if text is None or not costs:
    raise RuntimeError("this compiler does not say what a layer costs.")
  bound = roofline(chip_of(topology), costs["flops"], costs["bytes accessed"], {})
  return {
    "libtpu": importlib.metadata.version("libtpu"),
    "compile_seconds": seconds,
    "flops": costs["flops"],
    "moved_bytes": costs["bytes accessed"],
    "seconds": {**bound._asdict(), "bound": bound.bound},
    "memory": memory_bytes(compiled),
    "program": summary(read_program(text), most=6),
  }


if __name__ == "__main__":
  main()

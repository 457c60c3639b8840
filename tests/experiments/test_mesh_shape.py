"""The study of meshes: rooflines and layouts by hand, programs by a small text, a fake slice."""

import functools
import json
import math
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import pix2pix_facades
from experiments.mesh_shape import cases, report, run, topologies
from experiments.mesh_shape.cases import STUDY, Case, split, strong, weak
from experiments.mesh_shape.layers import DOUBLING, STRIDED
from experiments.mesh_shape.layouts import Layout, parse_layouts
from experiments.mesh_shape.lowerings import EARLIER, lowered
from experiments.mesh_shape.programs import layer, read_program, summary
from experiments.mesh_shape.roofline import roofline
from experiments.mesh_shape.topologies import CHIPS, parse_topology
from imtrans.networks import convolution
from imtrans.training.assembly import build_method
from imtrans.training.checks import check_config
from imtrans.training.input import example_batch

# What a convolution makes is copied to the chip while something else is added up, and transposed.
PROGRAM = """HloModule jit_step, is_scheduled=true

%fused_computation.1 (param_0: bf16[2,8,8,3]) -> bf16[2,8,8,64] {
  %param_0 = bf16[2,8,8,3]{3,2,1,0:T(8,128)(2,1)} parameter(0)
  ROOT %convolution.1 = bf16[2,8,8,64]{3,2,1,0:T(8,128)(2,1)} convolution(%param_0, %param_0), window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_01io->b01f
}

%fused_computation.2 (param_0.2: bf16[2,8,8,64]) -> bf16[2,64,8,8] {
  %param_0.2 = bf16[2,8,8,64]{3,2,1,0:T(8,128)(2,1)} parameter(0)
  ROOT %transpose.1 = bf16[2,64,8,8]{1,3,2,0:T(8,128)(2,1)} transpose(%param_0.2), dimensions={0,3,1,2}
}

%add (x: f32[], y: f32[]) -> f32[] {
  %x = f32[]{:T(128)} parameter(0)
  %y = f32[]{:T(128)} parameter(1)
  ROOT %sum = f32[]{:T(128)} add(%x, %y)
}

ENTRY %main.9 (images.1: bf16[2,8,8,3]) -> (bf16[2,64,8,8], f32[16]) {
  %images.1 = bf16[2,8,8,3]{3,2,1,0:T(8,128)(2,1)} parameter(0), metadata={op_name="images"}
  %constant.1 = f32[16]{0:T(128)} constant({...})
  %fusion.1 = bf16[2,8,8,64]{3,2,1,0:T(8,128)(2,1)} fusion(%images.1), kind=kOutput, calls=%fused_computation.1, metadata={op_name="jit(train_step)/transpose(jvp(UNet))/encoder_0/conv_general_dilated"}, backend_config={"flag_configs":[],"window_config":{"estimated_cycles":"3000","iteration_bounds":["1"]}}
  %copy-start.1 = (bf16[2,8,8,64]{3,2,1,0:T(8,128)(2,1)S(1)}, bf16[2,8,8,64]{3,2,1,0:T(8,128)(2,1)}, u32[]{:S(2)}) copy-start(%fusion.1)
  %all-reduce.1 = f32[16]{0:T(128)} all-reduce(%constant.1), replica_groups={{0,1}}, to_apply=%add, metadata={op_name="jit(train_step)/psum"}
  %copy-done.1 = bf16[2,8,8,64]{3,2,1,0:T(8,128)(2,1)S(1)} copy-done(%copy-start.1)
  %fusion.2 = bf16[2,64,8,8]{1,3,2,0:T(8,128)(2,1)} fusion(%copy-done.1), kind=kLoop, calls=%fused_computation.2, metadata={op_name="jit(train_step)/jvp(UNet)/decoder_1/transpose"}, backend_config={"window_config":{"estimated_cycles":"1000"}}
  ROOT %tuple.1 = (bf16[2,64,8,8]{1,3,2,0:T(8,128)(2,1)}, /*index=1*/f32[16]{0:T(128)}) tuple(%fusion.2, %all-reduce.1)
}
"""  # noqa: E501 (lines as the compiler writes them)


@pytest.mark.parametrize(
  ("text", "num_bytes", "padded"),
  [
    # Three channels of 128: 2 * 8 rows of tiles of 8 x 128 bfloat16.
    ("bf16[2,8,8,3]{3,2,1,0:T(8,128)(2,1)}", 2 * 8 * 8 * 3 * 2, 2 * 8 * 8 * 128 * 2),
    # Channels second: 3 of 8 rows, and 64 of 128 columns.
    ("f32[4,64,3]{1,2,0:T(8,128)}", 4 * 64 * 3 * 4, 4 * 8 * 128 * 4),
    ("f32[130]{0:T(128)}", 520, 1024),
    ("f32[]{:T(128)}", 4, 512),
    ("pred[9,128]{1,0:T(8,128)(4,1)}", 9 * 128, 16 * 128),
    # Tiles of 5 rows hold no whole number of pairs: six.
    ("bf16[5,128]{1,0:T(5,128)(2,1)}", 5 * 128 * 2, 6 * 128 * 2),
    ("f32[3,5]", 60, 60),
  ],
)
def test_tiles_are_filled_up(text, num_bytes, padded):
  (layout,) = parse_layouts(text)
  assert (layout.num_bytes, layout.padded_bytes) == (num_bytes, padded)


def test_a_tuple_is_its_arrays_and_where_they_are():
  found = parse_layouts("(bf16[4,8]{1,0:T(4,128)(2,1)S(1)}, u32[]{:S(2)}, f32[2]{0})")
  assert found == (
    Layout("bf16", (4, 8), (1, 0), ((4, 128), (2, 1)), 1),
    Layout("u32", (), (), (), 2),
    Layout("f32", (2,), (0,)),
  )
  assert str(found[0]) == "bf16[4,8]{1,0:T(4,128)(2,1)}"


def test_a_program_is_read():
  found = {each.name: each for each in read_program(PROGRAM)}
  assert {name: each.kind for name, each in found.items()} == {
    "fusion.1": "convolution",
    "all-reduce.1": "collective",
    "copy-done.1": "formatting",
    "fusion.2": "formatting",
  }
  image, hidden = 2 * 8 * 8 * 3 * 2, 2 * 8 * 8 * 64 * 2
  moved = {name: sum(array.num_bytes for array in each.moved) for name, each in found.items()}
  # The copy reads memory and writes to the chip; what reads it from there moves its result alone.
  assert moved == {
    "fusion.1": image + hidden,
    "all-reduce.1": 2 * 64,
    "copy-done.1": hidden,
    "fusion.2": hidden,
  }
  assert [each.cycles for each in found.values()] == [3000, 0, 0, 1000]


def test_a_summary_adds_up():
  told = summary(read_program(PROGRAM))
  assert (told["cycles"], told["silent"]) == (4000, 2)
  image, hidden, tiled = 2 * 8 * 8 * 3 * 2, 2 * 8 * 8 * 64 * 2, 2 * 8 * 8 * 128 * 2
  assert told["kinds"]["convolution"] == {
    "count": 1,
    "cycles": 3000,
    "bytes": image + hidden,
    "padded": 2 * tiled,
  }
  assert list(told["layers"])[:2] == ["UNet/encoder_0 back", "UNet/decoder_1"]
  # 64 channels are in it twice, three once: the latter cost most.
  names = list(told["padded"])
  assert [name.partition("]")[0] for name in names[:2]] == ["bf16[2,8,8,64", "bf16[2,8,8,3"]
  assert told["padded"][names[1]] == {"count": 1, "bytes": image, "padded": tiled}


@pytest.mark.parametrize(
  ("place", "name"),
  [
    ("jit(train_step)/jvp(UNet)/encoder_0/conv_general_dilated", "UNet/encoder_0"),
    ("jit(train_step)/transpose(jvp(UNet))/decoder_7/add", "UNet/decoder_7 back"),
    ("jit(train_step)/jvp(Net)/Net.activations/layer_0/add", "Net/layer_0"),
    ("jit(train_step)/vmap(add)", "add"),
    ("", "elsewhere"),
  ],
)
def test_layers_by_name(place, name):
  assert layer(place) == name


def test_the_slowest_part_is_the_bound():
  """By hand: 1 s of 197 TFLOP, 2 s of 819 GB, and 100 GB summed: 200 GB on links of 200 GB/s."""
  found = roofline(CHIPS["v5e"], 197e12, 2 * 819e9, {"all-reduce": 100e9})
  assert (found.compute, found.memory, found.network) == (1.0, 2.0, 1.0)
  assert (found.bound, found.limit) == (2.0, "memory")
  # A border is sent once.
  assert roofline(CHIPS["v5e"], 0, 0, {"collective-permute": 100e9}).network == 0.5


def test_topologies_by_name():
  assert parse_topology("v5e:16x16") == ("v5e", (16, 16))
  assert parse_topology("v5p:4x8x8") == ("v5p", (4, 8, 8))


@pytest.mark.parametrize("name", ["v9:2x2", "v5e", "v5e:4", "v5e:4x4x4", "v4:16x16", "v5e:0x4", ""])
def test_an_unknown_topology_names_those_there_are(name):
  with pytest.raises(ValueError, match=r"unknown topology .*v4:4x8x8, v5e:16x16"):
    parse_topology(name)


def _refused(capsys, *arguments):
  with pytest.raises(SystemExit) as exit_info:
    run.main(arguments)
  assert exit_info.value.code == 2
  return capsys.readouterr().err.splitlines()[-1]


def test_what_is_refused(capsys, monkeypatch):
  assert "unknown topology 'v7:2x2'" in _refused(capsys, "--topology", "v7:2x2")
  said = _refused(capsys, "--topology", "v5e:4x4", "--mesh", "8x4")
  assert "mesh 8x4 has 32 chips and v5e:4x4 has 16" in said
  said = _refused(capsys, "--topology", "v5e:4x4", "--mesh", "wide")
  assert "mesh 'wide' is not chips along batch x height: write 16x1" in said

  def missing(*_, **__):
    raise RuntimeError("could not load libtpu.so\nand much more")

  monkeypatch.setattr(topologies.topologies, "get_topology_desc", missing)
  said = _refused(capsys, "--topology", "v5e:4x4", "--side", "64")
  assert "pip install 'imtrans[tpu]'" in said and "much more" not in said


def test_a_recorded_command_has_no_path():
  command = run.recorded_command(["--only", "v5e:1x1", "--programs", "somewhere", "--again"])
  assert command == "python -m experiments.mesh_shape --only v5e:1x1 --again"


@pytest.mark.parametrize("case", STUDY, ids=Case.key)
def test_the_chosen_cases_are_configs_that_fill_their_slices(case):
  config = case.config()
  check_config(config)
  sides = parse_topology(case.topology)[1]
  assert case.chips == math.prod(sides)
  assert config.batch_size % case.mesh[0] == 0


@pytest.mark.parametrize(
  ("mesh", "kinds"),
  [((4, 1), {"all-reduce"}), ((2, 2), {"all-reduce", "collective-permute"})],
)
def test_a_step_on_fake_chips_sends_gradients_and_borders(mesh, kinds, monkeypatch):
  """The smallest cases: whoever gathers an activation has an all-gather here, or more bytes."""
  tiny = types.SimpleNamespace(get_config=lambda: pix2pix_facades.get_config("tiny"))
  monkeypatch.setitem(cases.METHODS, "pix2pix", tiny)
  case = Case("v5e:2x2", mesh, side=32, batch=4)
  record = json.loads(json.dumps(run.measure(case, jax.devices()[:4])))
  assert record["chips"] == 4 and set(record["sent_bytes"]) == kinds
  assert record["gathered"] == []
  config = case.config()
  method, example = (made(config, case.channels) for made in (build_method, example_batch))
  params, _ = jax.eval_shape(method.init, jax.random.key(0), example)
  gradients = 4 * sum(leaf.size for leaf in jax.tree.leaves(params))
  # A network that is used twice, on real and generated images, has two sums along the rows.
  most = 1.1 if mesh[1] == 1 else 3.2
  assert gradients <= record["sent_bytes"]["all-reduce"] <= most * gradients
  assert record["flops"] > 0 and record["memory"]["peak"] > 0
  assert record["seconds"]["bound"] == max(record["seconds"].values())


def _record(case, *, sent=50e6, peak=2e9, bound=0.01, cycles=8_000_000):
  program = {
    "cycles": cycles,
    "silent": 1,
    "kinds": {"convolution": {"count": 2, "cycles": 6_000_000, "bytes": 1e9, "padded": 3e9}},
    "layers": {"UNet/decoder_0": {"count": 2, "cycles": 4_000_000, "bytes": 1e9, "padded": 3e9}},
    "padded": {"bf16[4,8,8,3]{3,2,1,0:T(8,128)}": {"count": 1, "bytes": 1e6, "padded": 4e7}},
  }
  return {
    "case": case._asdict(),
    "chips": case.chips,
    "flops": 1e12,
    "moved_bytes": 5e9,
    "compile_seconds": 100.0,
    "sent_bytes": {"all-reduce": sent},
    "seconds": {"compute": 0.005, "memory": bound, "network": 0.001, "bound": bound},
    "memory": {"peak": peak},
    "program": program,
    **{"machine": "a machine", "python": "3.11", "versions": {"jax": "1"}, "date": "today"},
    "libtpu": "2",
  }


def test_methods_on_split_rows():
  rows = {case.key(): _record(case) for case in split()[:2]}
  first, second = rows.values()
  first |= {"gathered": [], "sent_bytes": {"collective-permute": 3e6, "all-reduce": 5e6}}
  second["gathered"] = ["f32[4,4,8,8]"]
  lines = report.split_section(rows).splitlines()
  assert [line.split("|")[1:] for line in lines if line.startswith(("| pix", "| cyc"))] == [
    [" pix2pix 256² ", " 2 ", " 2.00 GB ", " 3.0 ", " 5.0 ", " nothing ", ""],
    [" cyclegan 256² ", " 2 ", " 2.00 GB ", " 0.0 ", " 50.0 ", " `f32[4,4,8,8]` ", ""],
  ]


def _written(tmp_path, records):
  names = ("weak", "strong", "split", "where", "changes", "others")
  sections = (f"<!-- {name} -->\n<!-- /{name} -->\n" for name in names)
  (tmp_path / "README.md").write_text("".join(sections))
  (tmp_path / "results.json").write_text(json.dumps(records))
  report.write_report(tmp_path)
  return (tmp_path / "README.md").read_text()


def test_without_records_a_report_says_so(tmp_path):
  assert _written(tmp_path, {}).count("Not recorded yet.") == 5


def test_the_report_says_what_the_records_do(tmp_path):
  one, few, many = weak()
  first, second, third, _ = (case for case in strong() if case.side == 512)
  earlier = one._replace(lowering="earlier")
  refused = Case("v5e:2x2", (2, 2), side=100)
  records = {
    one.key(): _record(one),
    few.key(): _record(few),
    many.key(): _record(many, sent=54e6, peak=3e9),
    first.key(): _record(first, bound=0.08),
    second.key(): _record(second, bound=0.04),
    third.key(): _record(third, bound=0.01),
    earlier.key(): _record(earlier, cycles=10_000_000, bound=0.02),
    refused.key(): {"case": refused._asdict(), "chips": 4, "refused": "it cannot be split."},
  }
  text = _written(tmp_path, records)
  assert "50.0 MB on 16 chips, 54.0 MB on 256: +8.0%. The bar (at most +10%) is met." in text
  assert (
    "2000.0 MB on 16 chips, 3000.0 MB on 256: +50.0%. The bar (at most +10%) is missed." in text
  )
  # 4, 16 and 32 chips: 0.08 * 4 / (0.04 * 16) and 0.08 * 4 / (0.01 * 32).
  rows = [line for line in text.splitlines() if line.startswith("| pix2pix 512²")]
  assert [row.split("|")[-2].strip() for row in rows] == ["100%", "50%", "100%"]
  assert "| convolution | 2 | 75.0% | 1.000 | 3.000 |" in text
  assert "| `bf16[4,8,8,3]{3,2,1,0:T(8,128)}` | 1 | 1.0 | 40.0 |" in text
  assert "| earlier | 10.00 → 8.00M (-20.0%) |" in text and "20.00 → 10.00 (-50.0%)" in text
  assert "it cannot be split." in text
  assert (tmp_path / "weak.png").exists() and (tmp_path / "strong.png").exists()


def test_layers_by_lowering():
  def layer_record(way, cycles):
    return _record(weak()[0], cycles=cycles) | {"topology": "v5e:1x1", "layer": "a", "way": way}

  records = {f"v5e:1x1 a: {way}": layer_record(way, 4000) for way in ("phased", "joined")}
  records["v5e:1x1 a: dilated"] = layer_record("dilated", 1000) | {"moved_bytes": 1e9}
  records["v5e:1x1 a: phased"]["program"]["kinds"]["formatting"] = {"cycles": 3000}
  table = report.layers_section(records)
  assert "| a | v5e | phased | 4 | 5000 | 1000.0 |" in table
  assert "| a | v5e | dilated | **1** | 1000 | 1000.0 |" in table
  assert "75% of the cycles of phases only move or convert numbers" in table
  assert "takes 75% fewer cycles and moves 80% less" in table
  assert "`bf16[4,8,8,3]{3,2,1,0:T(8,128)}` takes 40 times the bytes of its values" in table


@pytest.mark.parametrize(
  ("ways", "kernel"),
  [(DOUBLING, (4, 4, 3, 5)), (DOUBLING, (3, 3, 3, 5)), (STRIDED, (4, 4, 5, 3))],
  ids=["doubling", "doubling-3", "strided"],
)
def test_lowerings_of_a_layer_are_equal(ways, kernel):
  """In value and in both derivatives."""
  keys = jax.random.split(jax.random.key(0), 3)
  images, kernel = jax.random.normal(keys[0], (2, 4, 6, 5)), jax.random.normal(keys[1], kernel)

  @functools.partial(jax.jit, static_argnums=0)
  def products(way):
    value, pull_back = jax.vjp(way, images, kernel)
    return value, *pull_back(jax.random.normal(keys[2], value.shape))

  reference, *others = (products(way) for way in ways.values())
  assert others
  for found in others:
    for ours, expected in zip(found, reference, strict=True):
      np.testing.assert_allclose(ours, expected, atol=1e-5 * float(jnp.abs(expected).max()))


@pytest.mark.parametrize("name", EARLIER)
def test_an_earlier_lowering_is_one_while_it_is_asked_for(name):
  attributes = {attribute: getattr(convolution, attribute) for attribute in EARLIER[name]}
  with lowered(name):
    for attribute, other in EARLIER[name].items():
      assert getattr(convolution, attribute) is other
  for attribute, function in attributes.items():
    assert getattr(convolution, attribute) is function

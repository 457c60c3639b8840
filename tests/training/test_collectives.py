"""Lines of HLO as XLA writes them for CPUs, GPUs and TPUs, and what they send."""

import pytest

from imtrans.training.collectives import bytes_by_kind, list_collectives

PLACE = 'metadata={op_name="jit(train_step)/jvp(UNet)/encoder_0/conv" source_file="a.py"}'


@pytest.mark.parametrize(
  ("line", "kind", "num_bytes"),
  [
    (
      "  %all-reduce.1 = f32[4,3]{1,0} all-reduce(%add), channel_id=1, "
      "replica_groups={{0,1},{2,3}}, use_global_device_ids=true, to_apply=%sum",
      "all-reduce",
      4 * 3 * 4,
    ),
    ("  ROOT %r = bf16[] all-reduce(bf16[] %x), to_apply=%sum", "all-reduce", 2),
    # Layouts of a TPU have parentheses and memory spaces.
    (
      "  %ag = bf16[8,128]{1,0:T(8,128)(2,1)S(1)} all-gather(bf16[2,128]{1,0:T(8,128)(2,1)} %x), "
      "dimensions={0}",
      "all-gather",
      8 * 128 * 2,
    ),
    # Combined: a tuple, and in long ones every fifth entry is counted in a comment.
    (
      "  %t = (f32[2]{0}, f32[3]{0}, pred[5]{0}, s32[]{:T(128)}, u8[7]{0}, "
      "/*index=5*/f32[4,4]{1,0}) all-reduce(%a, %b, %c, %d, %e, /*index=5*/%f), to_apply=%sum",
      "all-reduce",
      8 + 12 + 5 + 4 + 7 + 64,
    ),
    (
      "  %s = (f32[2,3]{1,0}, f32[2,3]{1,0}) all-to-all(%a, %b), replica_groups={{0,1}}",
      "all-to-all",
      48,
    ),
    # A start gives back what it was given and a channel's context, beside what it makes.
    (
      "  %c = (f32[1,2,32,4]{3,2,1,0}, f32[1,2,32,4]{3,2,1,0}, u32[]{:S(2)}, u32[]{:S(2)}) "
      "collective-permute-start(%x), source_target_pairs={{0,1},{1,0}}",
      "collective-permute",
      2 * 32 * 4 * 4,
    ),
    (
      "  %g = ((f32[2]{0}, bf16[3]{0}), (f32[8]{0}, bf16[12]{0})) all-gather-start(%x, %y), "
      "dimensions={0}",
      "all-gather",
      32 + 24,
    ),
    ("  %q = f32[6]{0} all-reduce-start(%x), to_apply=%sum", "all-reduce", 24),
    ("  %h = f8e4m3fn[16]{0} reduce-scatter(%x), dimensions={0}", "reduce-scatter", 16),
    ("  %i = s4[6]{0} collective-broadcast(%x)", "collective-broadcast", 3),
    ("  %j = f32[<=8]{0} ragged-all-to-all(%a, %b)", "ragged-all-to-all", 32),
  ],
)
def test_a_collective_is_read(line, kind, num_bytes):
  (found,) = list_collectives(f"{line}, {PLACE}")
  assert (found.kind, found.num_bytes) == (kind, num_bytes)
  assert found.place == "jit(train_step)/jvp(UNet)/encoder_0/conv"


@pytest.mark.parametrize(
  "line",
  [
    "  %d = f32[4]{0} all-reduce-done(%s)",
    "  %a = f32[4]{0} add(f32[4]{0} %all-reduce.1, f32[4]{0} %all-reduce.2)",
    "  %t = f32[4]{0} get-tuple-element((f32[4]{0}, f32[4]{0}) %all-to-all.3), index=0",
    '  %f = f32[4]{0} fusion(%x), calls=%c, metadata={op_name="jit(all-gather)/all-gather("}',
    "%all-reduce_computation (x: f32[], y: f32[]) -> f32[] {",
    "// all-gather(x)",
    "",
  ],
)
def test_other_lines_are_none(line):
  assert list_collectives(line) == []


def test_bytes_are_added_by_kind_in_the_order_of_the_program():
  text = "\n".join(
    [
      "HloModule jit_step, is_scheduled=true",
      "ENTRY %main {",
      "  %p = f32[2]{0} collective-permute(%x), source_target_pairs={{0,1}}",
      "  %r = f32[3]{0} all-reduce(%p), to_apply=%sum",
      "  ROOT %q = f32[4]{0} collective-permute(%r), source_target_pairs={{1,0}}",
      "}",
    ]
  )
  collectives = list_collectives(text)
  assert [c.kind for c in collectives] == ["collective-permute", "all-reduce", "collective-permute"]
  assert collectives[2].shapes == ("f32[4]",) and collectives[2].place == ""
  assert bytes_by_kind(collectives) == {"collective-permute": 8 + 16, "all-reduce": 12}
  assert bytes_by_kind([]) == {}

"""Files of PyTorch and safetensors against the values that were saved.

files/torch_zip.pth and files/torch_legacy.pth were written by PyTorch 2.13, `torch.save` of one
state dict with and without `_use_new_zipfile_serialization`.
"""

import json
import pickle
import zipfile
from collections import OrderedDict
from io import BytesIO
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.pretrained.state_dicts import read_safetensors, read_state_dict
from imtrans.pretrained.unpickling import UnreadableError

FILES = Path(__file__).parent / "files"
ROWS = np.arange(12, dtype=np.float32).reshape(3, 4) / 8
SAVED = {
  "rows": ROWS,
  "transposed": ROWS.T,
  "column": ROWS[:, 1],
  "f16": ROWS.astype(np.float16),
  "bf16": ROWS.astype(jnp.bfloat16),
  "scalar": np.float64(2.5),
  "empty": np.zeros((0, 3), np.float32),
  "0.weight": np.arange(6, dtype=np.float32).reshape(2, 1, 1, 3),
  "1.weight": np.ones(2, np.float32),
  "1.bias": np.zeros(2, np.float32),
  "1.running_mean": np.zeros(2, np.float32),
  "1.running_var": np.ones(2, np.float32),
  "1.num_batches_tracked": np.int64(0),
}


def safetensors(tensors, **changes):
  """The bytes of a safetensors file; `changes` replace fields of its first tensor."""
  names = {"float32": "F32", "float16": "F16", "float64": "F64", "int64": "I64", "bfloat16": "BF16"}
  header, body = {"__metadata__": {"format": "pt"}}, b""
  for name, array in tensors.items():
    data = np.ascontiguousarray(array).tobytes()
    offsets = [len(body), len(body) + len(data)]
    header[name] = {"dtype": names[array.dtype.name], "shape": array.shape, "data_offsets": offsets}
    body += data
  header[next(iter(tensors))].update(changes)
  text = json.dumps(header).encode()
  return len(text).to_bytes(8, "little") + text + body


def torch_zip(state, storages, **entries):
  """A zip as PyTorch lays it out; `state` may hold `_Stored` tensors."""
  file = BytesIO()
  with zipfile.ZipFile(file, "w") as archive:
    archive.writestr("net/data.pkl", state)
    for key, data in storages.items():
      archive.writestr(f"net/data/{key}", data)
    for name, data in entries.items():
      archive.writestr(f"net/{name}", data)
  return file.getvalue()


def tensor_pickle(offset=0, shape=(2,), strides=(1,), length=2, storage="torch FloatStorage"):
  """{"w": tensor} as a protocol 0 pickle that can be changed at will."""
  numbers = "".join(f"I{value}\n" for value in (offset,))
  sizes, steps = ("(" + "".join(f"I{v}\n" for v in values) + "t" for values in (shape, strides))
  module, kind = storage.split()
  identifier = f"(Vstorage\nc{module}\n{kind}\nV0\nVcpu\nI{length}\ntQ"
  call = f"ctorch._utils\n_rebuild_tensor_v2\n({identifier}{numbers}{sizes}{steps}I00\nNtR"
  return f"(dVw\n{call}s.".encode()


VALUES = np.float32([0.5, -2.0]).tobytes()


@pytest.mark.parametrize("name", ["torch_zip.pth", "torch_legacy.pth"])
def test_files_of_torch(name):
  read = read_state_dict((FILES / name).read_bytes())
  assert set(read) == set(SAVED)
  for key, array in SAVED.items():
    assert read[key].flags.c_contiguous
    np.testing.assert_array_equal(read[key], np.asarray(array), strict=True)


def test_safetensors():
  read = read_state_dict(safetensors({name: np.asarray(array) for name, array in SAVED.items()}))
  assert list(read) == list(SAVED)
  for key, array in SAVED.items():
    np.testing.assert_array_equal(read[key], np.asarray(array), strict=True)


@pytest.mark.parametrize(
  "changes,problem",
  [
    ({"dtype": "F8_E4M3"}, "unknown type 'F8_E4M3'"),
    ({"shape": [2, 4]}, r"'w' of shape \(2, 4\) does not fit its 24 bytes"),
    ({"shape": [-2, -3]}, "does not lie inside"),
    ({"shape": "ab"}, "does not lie inside"),
    ({"data_offsets": [0, 25]}, "does not lie inside"),
    ({"data_offsets": [24, 0]}, "does not lie inside"),
    ({"data_offsets": [0]}, "header is not that of a safetensors file"),
    ({"dtype": ["F32"]}, "unknown type"),
  ],
)
def test_safetensors_must_describe_their_bytes(changes, problem):
  with pytest.raises(UnreadableError, match=problem):
    read_safetensors(safetensors({"w": np.ones((2, 3), np.float32)}, **changes))


def test_safetensors_headers_must_be_whole():
  data = safetensors({"w": np.ones((2, 3), np.float32)})
  for text in (b"[1, 2]", b"{", b"\xff\xfe", b'{"w": 3}', b"{}"[:1] * 3000):
    with pytest.raises(UnreadableError, match="header"):
      read_safetensors(len(text).to_bytes(8, "little") + text)
  with pytest.raises(UnreadableError, match="cut off"):
    read_safetensors(data[:40])


def test_a_hand_made_file_is_read():
  read = read_state_dict(torch_zip(tensor_pickle(), {"0": VALUES}))
  np.testing.assert_array_equal(read["w"], np.float32([0.5, -2.0]), strict=True)


@pytest.mark.parametrize(
  "fields,problem",
  [
    ({"shape": (3,)}, r"shape \(3,\) with too few values"),
    ({"offset": 1}, "too few values"),
    ({"shape": (1000, 1000), "strides": (0, 0)}, "too few values"),
    ({"shape": (2,), "strides": (-1,)}, "without a shape or values"),
    ({"shape": (2, 1), "strides": (1,)}, "damaged"),
    ({"length": 3}, "values of 'w' are not all there"),
    ({"storage": "torch ComplexFloatStorage"}, "names torch.ComplexFloatStorage"),
    ({"storage": "os system"}, "names os.system"),
  ],
)
def test_tensors_must_lie_in_their_storage(fields, problem):
  with pytest.raises(UnreadableError, match=problem):
    read_state_dict(torch_zip(tensor_pickle(**fields), {"0": VALUES}))


def test_storages_must_be_there():
  with pytest.raises(UnreadableError, match="damaged PyTorch file"):
    read_state_dict(torch_zip(tensor_pickle(), {"1": VALUES}))


@pytest.mark.parametrize(
  "entries,problem",
  [
    ({"byteorder": b"big"}, "big-endian"),
    ({"code/net.py": b"def f(): ..."}, r"TorchScript program: save the module's state_dict\(\)"),
    ({"sub/data.pkl": b""}, None),
  ],
)
def test_other_archives(entries, problem):
  data = torch_zip(tensor_pickle(), {"0": VALUES}, **entries)
  if problem is None:
    assert set(read_state_dict(data)) == {"w"}
    return
  with pytest.raises(UnreadableError, match=problem):
    read_state_dict(data)


@pytest.mark.parametrize(
  "state,problem",
  [
    ({"epoch": 3}, "entry 'epoch' is no tensor: save the state_dict alone"),
    ({"state_dict": OrderedDict()}, "entry 'state_dict' is no tensor"),
    ([1.0], "holds a list: save a state_dict instead"),
  ],
)
def test_only_flat_dictionaries_of_tensors(state, problem):
  with pytest.raises(UnreadableError, match=problem):
    read_state_dict(torch_zip(pickle.dumps(state, 2), {}))


def test_other_files_are_refused():
  compressed = BytesIO()
  with zipfile.ZipFile(compressed, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("net/data.pkl", pickle.dumps({}))
  with pytest.raises(UnreadableError, match="compressed"):
    read_state_dict(compressed.getvalue())
  with pytest.raises(UnreadableError, match=r"without one data\.pkl"):
    read_state_dict(b"PK\x05\x06" + bytes(18))
  with pytest.raises(UnreadableError, match="neither a PyTorch nor a safetensors file"):
    read_state_dict(pickle.dumps(3) + pickle.dumps(1001))
  for data in (b"", b"\x89PNG\r\n\x1a\n", b"PK", b"<html>"):
    with pytest.raises(UnreadableError, match=r"^it "):
      read_state_dict(data)


def test_damaged_files_never_raise_anything_else():
  random = np.random.default_rng(0)
  whole = {name: (FILES / name).read_bytes() for name in ("torch_zip.pth", "torch_legacy.pth")}
  whole["safetensors"] = safetensors({"w": np.ones((2, 3), np.float32), "b": np.zeros(2)})
  for data in whole.values():
    for _ in range(200):
      damaged = bytearray(data)
      damaged[random.integers(len(data))] = random.integers(256)
      end = len(data) if random.random() < 0.7 else random.integers(len(data))
      try:
        assert isinstance(read_state_dict(bytes(damaged[:end])), dict)
      except UnreadableError as error:
        assert str(error).startswith("it")

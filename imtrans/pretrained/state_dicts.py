"""Trained weights of PyTorch as NumPy arrays: .pth and .safetensors, read without PyTorch.

`torch.load` runs the pickle inside a .pth, and its `weights_only` mode has been got round more than
once. Here the pickle can name tensors and nothing else (`pretrained/unpickling.py`), and every size
that it claims is checked against the bytes that are there.
"""

import io
import json
import math
import struct
import zipfile
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from imtrans.pretrained.unpickling import Constructor, Mapped, UnreadableError, restricted_load

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # First value of files that PyTorch < 1.6 wrote.
LEGACY_VERSION = 1001

_STORAGES = {
  ("torch", "BFloat16Storage"): "bfloat16",
  ("torch", "HalfStorage"): "<f2",
  ("torch", "FloatStorage"): "<f4",
  ("torch", "DoubleStorage"): "<f8",
  ("torch", "ByteStorage"): "u1",
  ("torch", "CharStorage"): "i1",
  ("torch", "ShortStorage"): "<i2",
  ("torch", "IntStorage"): "<i4",
  ("torch", "LongStorage"): "<i8",
  ("torch", "BoolStorage"): "?",
}
_SAFETENSORS = {
  "BF16": "bfloat16",
  "F16": "<f2",
  "F32": "<f4",
  "F64": "<f8",
  "U8": "u1",
  "I8": "i1",
  "I16": "<i2",
  "I32": "<i4",
  "I64": "<i8",
  "BOOL": "?",
}


class _Storage(NamedTuple):
  """A run of values that tensors look into: its key in the file, its type, its length."""

  key: str
  code: str
  length: int


class _Tensor(NamedTuple):
  """A view of a storage, in values: where it begins, its shape, its strides."""

  storage: _Storage
  offset: int
  shape: tuple[int, ...]
  strides: tuple[int, ...]


def read_state_dict(data: bytes) -> dict[str, np.ndarray]:
  """Reads what `torch.save(module.state_dict(), path)` or `safetensors` wrote.

  The format is told from the content: a zip archive (PyTorch 1.6 and later), a legacy PyTorch file,
  or safetensors.

  Args:
    data: the file, whole.

  Returns:
    Names to arrays of the stored type and shape, contiguous.

  Raises:
    UnreadableError: for anything but a flat dictionary of tensors.
  """
  try:
    if data[:2] == b"PK":
      return _read_zip(data)
    if data[8:9] == b"{":
      return read_safetensors(data)
    return _read_legacy(data)
  except UnreadableError:
    raise
  except Exception as error:  # A damaged file may raise anything.
    raise UnreadableError(f"it is damaged ({error})") from error


def read_safetensors(data: bytes) -> dict[str, np.ndarray]:
  """Reads the safetensors format: 8 bytes of length, a JSON header, the values.

  Format: https://huggingface.co/docs/safetensors.

  Args:
    data: the file, whole.

  Returns:
    Names to arrays.

  Raises:
    UnreadableError: for a header that does not describe the bytes behind it.
  """
  length = int.from_bytes(data[:8], "little")
  if len(data) < 8 or length > len(data) - 8:
    raise UnreadableError("it is cut off: its header is longer than the file")
  try:
    header = json.loads(data[8 : 8 + length].decode("utf-8"))
    fields = {}
    header.pop("__metadata__", None)
    for name, entry in header.items():
      begin, end = entry["data_offsets"]
      fields[name] = (str(entry["dtype"]), tuple(entry["shape"]), begin, end)
  except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
    raise UnreadableError("its header is not that of a safetensors file") from error
  body = memoryview(data)[8 + length :]
  tensors = {}
  for name, (code, shape, begin, end) in fields.items():
    if code not in _SAFETENSORS:
      raise UnreadableError(f"its tensor {name!r} holds values of the unknown type {code!r}")
    if not _naturals((*shape, begin, end)) or not begin <= end <= len(body):
      raise UnreadableError(f"its tensor {name!r} does not lie inside the file")
    dtype = _dtype(_SAFETENSORS[code])
    if math.prod(shape) * dtype.itemsize != end - begin:
      raise UnreadableError(
        f"its tensor {name!r} of shape {shape} does not fit its {end - begin} bytes"
      )
    tensors[name] = np.frombuffer(body[begin:end], dtype).reshape(shape).copy()
  return tensors


def _read_zip(data: bytes) -> dict[str, np.ndarray]:
  try:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
      names = archive.namelist()
      pickles = [name for name in names if name.endswith("/data.pkl") and name.count("/") == 1]
      if len(pickles) != 1:
        raise UnreadableError(
          "it is a zip archive without one data.pkl: save a state_dict with PyTorch"
        )
      root = pickles[0].removesuffix("data.pkl")
      if any(name.startswith(f"{root}code/") for name in names):
        raise UnreadableError("it is a TorchScript program: save the module's state_dict() instead")
      if f"{root}byteorder" in names and archive.read(f"{root}byteorder") != b"little":
        raise UnreadableError(
          "it was written on a big-endian machine: save it on a little-endian one"
        )
      if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
        raise UnreadableError("it is a compressed archive, which PyTorch does not write")
      tensors = _load_tensors(io.BytesIO(archive.read(pickles[0])))
      keys = {tensor.storage.key for tensor in tensors.values()}
      storages = {key: archive.read(f"{root}data/{key}") for key in keys}
  except (zipfile.BadZipFile, KeyError) as error:
    raise UnreadableError(f"it is a damaged PyTorch file ({error})") from error
  return _views(tensors, storages)


def _read_legacy(data: bytes) -> dict[str, np.ndarray]:
  """Four pickles (magic number, version, machine, tensors), the keys, then the storages."""
  file = io.BytesIO(data)
  if restricted_load(file, {}) != LEGACY_MAGIC or restricted_load(file, {}) != LEGACY_VERSION:
    raise UnreadableError("it is neither a PyTorch nor a safetensors file")
  machine = restricted_load(file, {})
  if not isinstance(machine, dict) or not machine.get("little_endian"):
    raise UnreadableError("it was written on a big-endian machine: save it on a little-endian one")
  tensors = _load_tensors(file)
  sizes = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
  keys = restricted_load(file, {})
  storages = {}
  for key in keys if isinstance(keys, list) else []:
    head = file.read(8)
    storage = sizes.get(key) if isinstance(key, str) else None
    if storage is None or head != struct.pack("<q", storage.length):
      raise UnreadableError("it is damaged: its storages are not those of its tensors")
    storages[key] = file.read(storage.length * _dtype(storage.code).itemsize)
  return _views(tensors, storages)


def _load_tensors(file: io.BytesIO) -> dict[str, _Tensor]:
  def storage(identifier: Any) -> _Storage:
    kind, code, key, _, length, *view = identifier
    known = kind == "storage" and isinstance(code, str) and isinstance(key, str)
    if not known or code not in _STORAGES.values() or not _naturals((length,)) or any(view):
      raise UnreadableError("it refers to something else than a storage of numbers")
    return _Storage(key, code, length)

  names: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): Constructor(Mapped),
    ("torch._utils", "_rebuild_tensor_v2"): Constructor(_rebuild_tensor),
    ("torch._utils", "_rebuild_parameter"): Constructor(lambda tensor, *_: tensor),
    **_STORAGES,
  }
  loaded = restricted_load(file, names, persistent=storage)
  if not isinstance(loaded, Mapping):
    raise UnreadableError(f"it holds a {type(loaded).__name__}: save a state_dict instead")
  for name, value in loaded.items():
    if not isinstance(name, str) or not isinstance(value, _Tensor):
      raise UnreadableError(f"its entry {name!r} is no tensor: save the state_dict alone")
  return dict(loaded)


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
  if not isinstance(storage, _Storage) or not _naturals((offset, *shape, *strides)):
    raise UnreadableError("it holds a tensor without a shape or values")
  last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
  count = math.prod(shape)
  if count and (last >= storage.length or count > storage.length):
    raise UnreadableError(f"it holds a tensor of shape {tuple(shape)} with too few values")
  return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _views(tensors: Mapping[str, _Tensor], storages: Mapping[str, bytes]) -> dict[str, np.ndarray]:
  arrays = {}
  for name, (storage, offset, shape, strides) in tensors.items():
    dtype = _dtype(storage.code)
    data = storages.get(storage.key, b"")
    if len(data) != storage.length * dtype.itemsize:
      raise UnreadableError(f"it is damaged: the values of {name!r} are not all there")
    values = np.frombuffer(data, dtype)
    if math.prod(shape) == 0:
      arrays[name] = np.zeros(shape, dtype)
      continue
    steps = [stride * dtype.itemsize for stride in strides]
    arrays[name] = np.lib.stride_tricks.as_strided(values[offset:], shape, steps).copy()
  return arrays


def _dtype(code: str) -> np.dtype:
  return np.dtype(jnp.bfloat16) if code == "bfloat16" else np.dtype(code)


def _naturals(values: tuple[Any, ...]) -> bool:
  return all(type(value) is int and value >= 0 for value in values)

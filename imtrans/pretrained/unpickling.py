"""Reading arrays from pickles without running what the pickle names.

A pickle is a program that may call any function it can name. Here it can name a fixed handful, and
each of these names stands for code of this file: no module is imported, no attribute is set, and
what comes out is dictionaries, lists, numbers, strings and arrays. A file may still be wrong, so
its checksum is the business of `pretrained/weights.py`.
"""

import io
import math
import pickle
import pickletools
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np

# What data needs: constants, containers, the memo, and calls of names that are looked up.
_OPCODES = """
  PROTO FRAME STOP MARK NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT
  STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINBYTES SHORT_BINBYTES
  EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS EMPTY_DICT DICT SETITEM
  SETITEMS PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET GLOBAL STACK_GLOBAL REDUCE BUILD
  BINPERSID
"""
_DEPTH = 8  # Most levels of dictionaries; one that holds itself has no end.


class UnreadableError(ValueError):
  """What a file holds cannot be used; the message continues a sentence that begins with the file.

  Such as "it names os.system, which no file of arrays needs".
  """


class Constructor:
  """What a pickled name may stand for: it can be called, and nothing else can be done to it."""

  __slots__ = ("_function",)
  _function: Callable

  def __init__(self, function: Callable) -> None:
    object.__setattr__(self, "_function", function)

  def __call__(self, *args: Any) -> Any:
    """Calls the function; returns what it returns."""
    return self._function(*args)

  def __setattr__(self, name: str, value: Any) -> None:
    raise UnreadableError(f"it sets the attribute {name!r} of a function")

  def __setstate__(self, state: Any) -> None:
    raise UnreadableError("it sets the state of a function")


class Mapped(dict):
  """A pickled dictionary; the attributes that PyTorch gives to an OrderedDict are dropped."""

  __slots__ = ()

  def __setstate__(self, state: Any) -> None:
    del state


class _RestrictedUnpickler(pickle.Unpickler):
  """An unpickler that knows the given names alone."""

  def __init__(
    self,
    file: BinaryIO,
    names: Mapping[tuple[str, str], Any],
    persistent: Callable[[Any], Any] | None,
  ) -> None:
    super().__init__(file, encoding="utf-8")
    self._names = names
    self._persistent = persistent

  def find_class(self, module: str, name: str) -> Any:
    if (module, name) not in self._names:
      raise UnreadableError(f"it names {module}.{name}, which no file of arrays needs")
    return self._names[module, name]

  def persistent_load(self, pid: Any) -> Any:
    if self._persistent is None:
      raise UnreadableError("it refers to data outside the pickle")
    return self._persistent(pid)


def restricted_load(
  file: BinaryIO,
  names: Mapping[tuple[str, str], Any],
  *,
  persistent: Callable[[Any], Any] | None = None,
) -> Any:
  """Reads one pickle that may use the given names and no others.

  Args:
    file: open for reading, at the start of the pickle; left behind its end.
    names: (module, name) to what stands for it: a `Constructor` or an immutable value.
    persistent: what resolves the pickle's persistent identifiers; they are refused without it.

  Returns:
    What the pickle holds.

  Raises:
    UnreadableError: for another name, a damaged pickle, or one that does anything else.
  """
  start = file.tell()
  try:
    _check_opcodes(file)
    file.seek(start)
    return _RestrictedUnpickler(file, names, persistent).load()
  except UnreadableError:
    raise
  except Exception as error:  # A damaged pickle may raise anything.
    raise UnreadableError(f"it is damaged ({error})") from error


def _check_opcodes(file: BinaryIO) -> None:
  """Refuses what no data needs, and lengths that would make the unpickler allocate without end."""
  known = frozenset(_OPCODES.split())
  for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
    if opcode.name not in known:
      raise UnreadableError(f"it holds the instruction {opcode.name}, which no arrays need")
    if opcode.name.endswith("PUT") and int(argument or 0) > count:
      raise UnreadableError(f"it is damaged (place {argument} of its memo is out of order)")


class _PickledDtype:
  """Stands for numpy.dtype: little-endian floats of 2, 4 or 8 bytes."""

  __slots__ = ("code",)

  def __init__(self, code: Any, *_: Any) -> None:
    if code not in ("f2", "f4", "f8"):
      raise UnreadableError(f"it holds values of type {code!r} instead of floats")
    self.code = f"<{code}"

  def __setstate__(self, state: Any) -> None:
    if state[1] != "<":
      raise UnreadableError(f"it holds values of byte order {state[1]!r} instead of '<'")


class _PickledArray:
  """Stands for numpy.ndarray: the bytes become an array only if all of them fit."""

  __slots__ = ("value",)

  def __init__(self, *_: Any) -> None:
    self.value: np.ndarray | None = None

  def __setstate__(self, state: Any) -> None:
    _, shape, dtype, fortran, data = state
    sides = isinstance(shape, tuple) and all(type(side) is int and side >= 0 for side in shape)
    if not sides or not isinstance(dtype, _PickledDtype) or not isinstance(data, bytes):
      raise UnreadableError("it holds an array without a shape, a type or values")
    if math.prod(shape) * np.dtype(dtype.code).itemsize != len(data):
      raise UnreadableError(f"it holds {len(data)} bytes for an array of shape {shape}")
    array = np.frombuffer(data, dtype.code)
    self.value = array.reshape(shape, order="F" if fortran else "C")


_NUMPY_NAMES = {
  ("numpy", "dtype"): Constructor(_PickledDtype),
  ("numpy", "ndarray"): "numpy.ndarray",
  ("numpy.core.multiarray", "_reconstruct"): Constructor(_PickledArray),
  ("numpy._core.multiarray", "_reconstruct"): Constructor(_PickledArray),
}


def load_numpy_tree(data: bytes) -> dict[str, Any]:
  """Reads a pickle of nested dictionaries of NumPy float arrays.

  Args:
    data: the pickle, whole.

  Returns:
    The dictionaries, with read-only arrays as leaves.

  Raises:
    UnreadableError: if the pickle holds or does anything else.
  """
  return _tree(restricted_load(io.BytesIO(data), _NUMPY_NAMES), _DEPTH)


def _tree(node: Any, depth: int) -> dict[str, Any]:
  if depth == 0:
    raise UnreadableError(f"it holds dictionaries more than {_DEPTH} levels deep")
  if not isinstance(node, dict):
    raise UnreadableError(
      f"it holds a {type(node).__name__} where a dictionary of arrays should be"
    )
  tree: dict[str, Any] = {}
  for name, value in node.items():
    if not isinstance(name, str):
      raise UnreadableError(f"it holds a dictionary with the key {name!r}, which is not a name")
    if isinstance(value, _PickledArray) and value.value is not None:
      tree[name] = value.value
    else:
      tree[name] = _tree(value, depth - 1)
  return tree

"""Pickles are read without running what they name."""

import collections
import io
import os
import pickle

import numpy as np
import pytest

from imtrans.pretrained.unpickling import (
  Constructor,
  Mapped,
  UnreadableError,
  load_numpy_tree,
  restricted_load,
)

TREE = {
  "Net_0": {
    "Conv_0": {"kernel": np.arange(12, dtype=np.float32).reshape(3, 4), "bias": np.ones(4)},
    "Conv_1": {"kernel": np.asfortranarray(np.arange(6, dtype=np.float16).reshape(2, 3))},
  }
}


class _Runs:
  """Pickles as a call of any function."""

  def __init__(self, function, *arguments):
    self.call = (function, arguments)

  def __reduce__(self):
    return self.call


def test_arrays_come_out_as_they_went_in():
  for protocol in (3, 4):
    read = load_numpy_tree(pickle.dumps(TREE, protocol))
    for layer, arrays in TREE["Net_0"].items():
      for name, array in arrays.items():
        np.testing.assert_array_equal(read["Net_0"][layer][name], array, strict=True)


@pytest.mark.parametrize("function", [os.system, eval, exec, os.mkdir, getattr, print])
def test_nothing_else_may_be_named(function, tmp_path):
  data = pickle.dumps({"a": _Runs(function, str(tmp_path / "made"))})
  with pytest.raises(UnreadableError, match=rf"it names \w+\.{function.__name__}, which"):
    load_numpy_tree(data)
  assert not (tmp_path / "made").exists()


def test_a_pickle_may_not_change_what_its_names_stand_for():
  names = {("a", "b"): Constructor(Mapped)}
  head = b"\x80\x02ca\nb\n"
  assert restricted_load(io.BytesIO(head + b")R."), names) == {}
  with pytest.raises(UnreadableError, match="sets the state of a function"):
    restricted_load(io.BytesIO(head + b"}b."), names)
  with pytest.raises(UnreadableError, match="sets the state of a function"):
    restricted_load(io.BytesIO(head + b"N}X\x01\x00\x00\x00cK\x01s\x86b."), names)
  with pytest.raises(UnreadableError, match="the instruction NEWOBJ"):
    restricted_load(io.BytesIO(head + b")\x81."), names)
  with pytest.raises(UnreadableError, match="sets the attribute"):
    names["a", "b"].anything = 1


@pytest.mark.parametrize(
  "content,problem",
  [
    ({"a": np.array([{}], object)}, "names copyreg._reconstructor|type 'O8'"),
    ({"a": np.arange(3)}, "values of type 'i8' instead of floats"),
    ({"a": np.arange(3, dtype=">f4")}, "byte order '>'"),
    ({"a": [1.0]}, "holds a list where"),
    ({1: np.ones(2)}, "with the key 1, which is not a name"),
    (np.ones(2), "holds a _PickledArray where"),
    ({"a": collections.Counter()}, "names collections.Counter"),
  ],
)
def test_only_trees_of_float_arrays_are_read(content, problem):
  with pytest.raises(UnreadableError, match=problem):
    load_numpy_tree(pickle.dumps(content, 3))


def test_references_to_other_data_are_refused():
  class Pickler(pickle.Pickler):
    def persistent_id(self, value):
      return "elsewhere" if isinstance(value, np.ndarray) else None

  file = io.BytesIO()
  Pickler(file, 2).dump({"a": np.ones(2)})
  with pytest.raises(UnreadableError, match="refers to data outside"):
    load_numpy_tree(file.getvalue())


def test_an_array_must_have_all_its_bytes():
  data = pickle.dumps({"a": np.ones(7, np.float32)}, 3)
  with pytest.raises(UnreadableError, match=r"28 bytes for an array of shape \(8,\)"):
    load_numpy_tree(data.replace(b"K\x07\x85", b"K\x08\x85"))


def test_claimed_sizes_are_not_believed():
  for data in (
    b"\x96\xff\xff\xff\xff\x00\x00\x00\x00.",
    b"B\xff\xff\xff\x7f.",
    b"Nr\xff\xff\xff\x7f.",
  ):
    with pytest.raises(UnreadableError):
      load_numpy_tree(b"\x80\x04" + data)


def test_a_dictionary_may_not_hold_itself():
  loop = {}
  loop["a"] = loop
  with pytest.raises(UnreadableError, match="more than 8 levels deep"):
    load_numpy_tree(pickle.dumps(loop, 3))


def test_damaged_pickles_are_refused():
  data = pickle.dumps(TREE, 3)
  for end in range(0, len(data), 7):
    with pytest.raises(UnreadableError, match=r"^it "):
      load_numpy_tree(data[:end])
  random = np.random.default_rng(0)
  for _ in range(300):
    damaged = bytearray(data)
    damaged[random.integers(len(data))] = random.integers(256)
    try:
      assert isinstance(load_numpy_tree(bytes(damaged)), dict)
    except UnreadableError as error:
      assert str(error).startswith("it ")

import subprocess
import sys

import numpy as np
import pytest

from imtrans.data import ImageSpec, open_dataset, openmoji, rendering
from imtrans.data.dataset import stable_fraction

SIZE = 12


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
  """A cache with two renderings of a third of the drawings, made once."""
  folder = tmp_path_factory.mktemp("cache")
  third = [d for d in openmoji.drawings() if d.flag or stable_fraction(d.group, "third") < 0.33]
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(openmoji, "drawings", lambda: third)
    for options in ({"tones": True, "flags": True}, {"tones": False}):
      openmoji.prepare(str(folder), size=SIZE, **options)
  return str(folder)


def open_emoji(cache, split, *, paired=True, tones=True, flags=True):
  return open_dataset(
    "openmoji", split=split, paired=paired, path=cache, size=SIZE, tones=tones, flags=flags
  )


def groups():
  return {drawing.code: drawing.group for drawing in openmoji.drawings()}


def test_drawings_know_their_variants():
  by_code = {drawing.code: drawing for drawing in openmoji.drawings()}
  assert len(by_code) > 4000
  hand, brown_hand = by_code["1F44B"], by_code["1F44B-1F3FE"]
  assert hand.group == brown_hand.group == "1F44B" and brown_hand.tone and not hand.tone
  # One code point without tones, a sequence of seven with them, and yet one drawing.
  assert by_code["1F46C"].group == by_code["1F468-1F3FB-200D-1F91D-200D-1F468-1F3FC"].group
  assert by_code["1F1E9-1F1EA"].flag and by_code["1F1F3-1F1F5"].flag  # Germany and Nepal.
  assert not by_code["1F1E6"].flag  # The letter A.
  assert not by_code["1F600"].flag and by_code["1F600"].group != by_code["1F601"].group


def test_pairs_are_lines_and_colours(cache):
  train = open_emoji(cache, "train")
  assert train.paired and train.a.names == train.b.names
  assert train.a.spec == train.b.spec == ImageSpec(3, "uint8", 0.0, 255.0)
  lines, colours = train.a[0], train.b[0]
  assert lines.shape == colours.shape == (SIZE, SIZE, 3) and lines.dtype == np.uint8
  chroma = lambda domain: np.mean([np.ptp(domain[i], axis=2).mean() for i in range(200)])  # noqa: E731
  assert chroma(train.a) < 2 < 30 < chroma(train.b)
  assert (lines[0, 0] == 255).all()  # The background.
  assert min(int(np.min(train.a[i])) for i in range(50)) < 100  # There are lines on it.


def test_the_split_is_by_drawing_and_holds_out_a_tenth(cache):
  group = groups()
  for options in ({}, {"tones": False, "flags": False}):
    train, test = (open_emoji(cache, split, **options) for split in ("train", "test"))
    assert not {group[n] for n in train.a.names} & {group[n] for n in test.a.names}
    assert test.paired
    # No held-out line drawing was seen in training, to the last pixel.
    seen = {train.a[i].tobytes() for i in range(len(train.a))}
    assert not any(test.a[i].tobytes() in seen for i in range(len(test.a)))
  assert 0.07 < len(test.a) / (len(test.a) + len(train.a)) < 0.13  # Flags are never held out.


def test_a_drawing_stays_on_its_side_whatever_the_options(cache):
  everything = set(open_emoji(cache, "train").a.names)
  plain = open_emoji(cache, "test", tones=False, flags=False)
  assert not everything & set(plain.a.names)


def test_tones_and_flags_are_selectable(cache):
  plain = open_emoji(cache, "train", tones=False, flags=False)
  names = set(plain.a.names)
  assert not any("1F3FB" in name for name in names)
  assert "1F1E9-1F1EA" not in names
  with_flags = open_emoji(cache, "train")
  assert "1F1E9-1F1EA" in with_flags.a.names
  assert "1F1E9-1F1EA" not in open_emoji(cache, "test").a.names


def test_unpaired_training_uses_disjoint_halves(cache):
  group = groups()
  train = open_emoji(cache, "train", paired=False, tones=False, flags=False)
  assert not train.paired
  assert not {group[n] for n in train.a.names} & {group[n] for n in train.b.names}
  paired = open_emoji(cache, "train", tones=False, flags=False)
  assert set(train.a.names) | set(train.b.names) == set(paired.a.names)
  assert abs(len(train.a) - len(train.b)) < 0.15 * len(paired.a)
  assert open_emoji(cache, "test", paired=False, tones=False, flags=False).paired


def test_what_is_in_the_cache_is_not_rendered_again(cache, monkeypatch):
  def fail(*args, **kwargs):
    raise AssertionError("rendered again")

  monkeypatch.setattr(openmoji, "render_all", fail)
  open_emoji(cache, "train")
  with pytest.raises(AssertionError, match="rendered again"):
    openmoji.prepare(cache, size=SIZE, tones=False, background="#fffffe")


@pytest.fixture
def few_drawings(monkeypatch):
  few = [d for d in openmoji.drawings() if d.code in ("1F600", "1F44B", "1F195", "1F4A9")]
  monkeypatch.setattr(openmoji, "drawings", lambda: few)


def test_a_rendering_that_dies_leaves_nothing_that_looks_finished(
  tmp_path, monkeypatch, few_drawings
):
  def dies(files, folder, **options):
    rendering.render_all(files, folder, **options)
    raise OSError("No space left on device")

  monkeypatch.setattr(openmoji, "render_all", dies)
  with pytest.raises(OSError, match="No space left"):
    openmoji.prepare(str(tmp_path), size=SIZE)
  assert not list(tmp_path.iterdir())
  monkeypatch.setattr(openmoji, "render_all", rendering.render_all)
  assert openmoji.prepare(str(tmp_path), size=SIZE).is_dir()


def test_the_cache_is_where_the_environment_says(tmp_path, monkeypatch, few_drawings):
  monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path / "there"))
  train = open_dataset("openmoji", split="train", paired=True, size=SIZE)
  (folder,) = (tmp_path / "there").iterdir()
  assert sorted(file.name for file in folder.iterdir()) == ["a.npy", "b.npy", "index.json"]
  assert "1F195" not in train.a.names  # NEW, the button, has no line layer.
  monkeypatch.delenv("IMTRANS_CACHE")
  assert openmoji.cache_folder().parts[-2:] == (".cache", "imtrans")


def test_a_background_that_hides_the_lines(tmp_path, few_drawings):
  with pytest.raises(ValueError, match="no drawing can be seen on the background #000000"):
    openmoji.prepare(str(tmp_path), size=SIZE, background="black")
  with pytest.raises(ValueError, match="size must be 8 to 2048 pixels"):
    open_dataset("openmoji", split="train", paired=True, size=4)


def test_rendering_draws_only_the_line_layers():
  svg = (
    '<svg viewBox="0 0 72 72" xmlns="http://www.w3.org/2000/svg">'
    '<g id="color"><rect width="72" height="36" fill="#ff0000"/></g>'
    '<g id="line"><rect width="36" height="72" fill="#000"/></g>'
    '<g id="line-supplement"><rect x="54" width="18" height="72" fill="#000"/></g></svg>'
  )
  whole = rendering.render(svg, 8, "#ffffff")
  assert whole[0].tolist() == [[0, 0, 0]] * 4 + [[255, 0, 0]] * 2 + [[0, 0, 0]] * 2
  lines = rendering.render(rendering.line_layers(svg), 8, "#00ff00")
  for row in lines.tolist():
    assert row == [[0, 0, 0]] * 4 + [[0, 255, 0]] * 2 + [[0, 0, 0]] * 2


@pytest.mark.parametrize("num_workers", [1, 2])
def test_workers_fill_their_rows_and_report_failures(tmp_path, num_workers):
  files = []
  for i in range(5):
    file = tmp_path / f"{i}.svg"
    fill = f"#{i:02x}{i:02x}{i:02x}"
    file.write_text(
      '<svg viewBox="0 0 1 1" xmlns="http://www.w3.org/2000/svg">'
      f'<g id="line"><rect width="1" height="1" fill="{fill}"/></g></svg>'
    )
    files.append(file)
  files[3].write_text("<svg")
  done = []
  problems = rendering.render_all(
    files,
    tmp_path,
    size=8,
    background="#ffffff",
    num_workers=num_workers,
    on_progress=lambda: done.append(1),
  )
  assert [bool(problem) for problem in problems] == [False, False, False, True, False]
  assert len(done) == 5
  for name in ("a.npy", "b.npy"):
    array = np.load(tmp_path / name)
    assert array.shape == (5, 8, 8, 3)
    assert array[:, 0, 0, 0].tolist() == [0, 1, 2, 0, 4]


def test_a_worker_that_dies_is_reported(tmp_path, monkeypatch):
  monkeypatch.setattr(rendering, "__file__", str(tmp_path / "gone.py"))
  with pytest.raises(OSError, match=r"rendering into .* failed: .*gone\.py"):
    rendering.render_all(
      [tmp_path / "x.svg"] * 4, tmp_path, size=8, background="#ffffff", num_workers=2
    )


def test_opening_from_a_program_without_a_main_guard(tmp_path):
  program = tmp_path / "program.py"
  program.write_text(
    "from imtrans.data import openmoji\n"
    "few = openmoji.drawings()[:300]\n"
    "openmoji.drawings = lambda: few\n"
    f"openmoji.prepare({str(tmp_path)!r}, size=8)\n"
    "print('done')\n"
  )
  done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=60)
  assert done.stdout == "done\n", done.stderr

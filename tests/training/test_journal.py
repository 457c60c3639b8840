"""The progress bar of a run: one bar for steps, another below for work between them."""

import io

import pytest
import rich.console
import rich.progress

from imtrans.training.journal import Progress


@pytest.fixture
def progress(monkeypatch):
  """On a terminal that remembers."""
  written = io.StringIO()
  console = rich.console.Console(file=written, force_terminal=True, width=100)
  monkeypatch.setattr(rich.console, "Console", lambda **options: console)
  made = Progress(start=2, num_steps=9, batch_size=4)
  made.written = written
  yield made
  made.close()


def test_work_between_steps_has_a_bar_of_its_own(progress):
  counts = []
  for item in progress.track("abc", 3, "translating A → B"):
    tasks = progress._bar.tasks
    assert [task.description for task in tasks] == ["step", ""]
    assert tasks[1].fields["losses"] == "translating A → B"
    counts.append((item, tasks[1].completed, tasks[1].total))
  assert counts == [("a", 0, 3), ("b", 1, 3), ("c", 2, 3)]
  assert len(progress._bar.tasks) == 1
  progress._bar.refresh()
  assert "step 2/9" in progress.written.getvalue()


def test_the_bar_goes_also_where_the_work_fails(progress):
  with pytest.raises(RuntimeError):
    for _ in progress.track("abc", 3, "translating"):
      raise RuntimeError
  assert len(progress._bar.tasks) == 1

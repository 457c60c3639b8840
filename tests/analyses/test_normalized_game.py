import math

import numpy as np
import pytest

from imtrans.analyses import normalized_game


@pytest.fixture(scope="module")
def paper(papers):
  return papers("normalized_game")


def test_the_flow_stays_on_its_level_set(paper):
  for row in paper.rows:
    conserved = 0.5 * (row["along"] ** 2 + row["across"] ** 2) - math.log(row["across"])
    assert row["conserved"] == pytest.approx(row["conserved_closed_form"], abs=5e-3)
    # With |d| = 1, from which finite steps drift away.
    assert row["conserved"] == pytest.approx(conserved, abs=0.03)
    assert row["slope"] == pytest.approx(1.0, abs=1e-5)


def test_it_moves_as_the_equations_say(paper):
  """a' = -1 + b² and b' = -a b for |d| = 1, by finite differences of another integrator."""
  a, b, step = 0.0, 2.2, 1e-3
  for _ in range(400):
    middle_a, middle_b = a + 0.5 * step * (b * b - 1.0), b - 0.5 * step * a * b
    a, b = a + step * (middle_b**2 - 1.0), b - step * middle_a * middle_b
  (row,) = (r for r in paper.rows if r["start"] == 2.2 and r["time"] == pytest.approx(0.4))
  assert (row["along"], row["across"]) == pytest.approx((a, b), abs=5e-3)


def test_the_curve_begins_and_ends_across_the_discriminator():
  a, b = normalized_game.level_curve(2.2)
  np.testing.assert_allclose(0.5 * (a**2 + b**2) - np.log(b), 0.5 * 2.2**2 - np.log(2.2), atol=1e-9)
  assert b.max() == pytest.approx(2.2) and b.min() < 1.0
  assert a[0] == pytest.approx(0.0, abs=1e-6) and a[len(a) // 2] == pytest.approx(0.0, abs=1e-6)


def test_the_text_says_what_normalising_bounds(paper):
  assert "1.00 to 1.00 in simulated gradient flow" in paper.text
  # |d| reaches the start at a quarter turn, between two marks.
  assert "reaches 2.20 from a distance of 2.2" in paper.text

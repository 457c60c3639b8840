import pytest


@pytest.fixture(scope="module")
def paper(papers):
  return papers("dirac_gan")


def test_the_simulated_flow_has_the_eigenvalues_of_the_closed_form(paper):
  assert len(paper.rows) == 14
  for row in paper.rows:
    if row["remedy"] == "R1" and row["strength"] == 1.0:
      continue  # Both roots meet: an error of 1e-6 parts them by its root.
    assert row["simulated_real"] == pytest.approx(row["real"], abs=5e-3), row
    assert row["simulated_imaginary"] == pytest.approx(row["imaginary"], abs=5e-3), row


def test_known_eigenvalues(paper):
  """The numbers of Mescheder et al.'s formulas, by hand."""
  known = {
    ("R1", 0.0): [(0.0, 0.5), (0.0, -0.5)],
    ("R1", 0.6): [(-0.3, 0.4), (-0.3, -0.4)],
    ("R1", 2.0): [(-0.1339746, 0.0), (-1.8660254, 0.0)],
    ("noise", 1.0): [(-0.25, 0.4330127), (-0.25, -0.4330127)],
    ("noise", 2.0): [(-0.1339746, 0.0), (-1.8660254, 0.0)],
  }
  for (remedy, strength), roots in known.items():
    rows = [r for r in paper.rows if r["remedy"] == remedy and r["strength"] == strength]
    for row, (real, imaginary) in zip(rows, roots, strict=True):
      assert row["real"] == pytest.approx(real, abs=1e-6)
      assert row["imaginary"] == pytest.approx(imaginary, abs=1e-6)


def test_the_text_names_the_critical_values(paper):
  assert "at γ = 1 they meet" in paper.text
  assert "σ = 1.414" in paper.text
  assert "decays at rate 0.50" in paper.text and "γ = 2 it is only 0.134" in paper.text
  assert "-0.25 ± 0.433 i at σ = 1" in paper.text

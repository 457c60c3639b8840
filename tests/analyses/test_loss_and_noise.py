import pytest


def test_quadrature_and_drawn_errors_meet_the_closed_forms(papers):
  finding = papers("loss_and_noise")
  for row in finding.rows:
    drawn = row["quantity"].startswith("weight")
    tolerance = {"rel": 0.06} if drawn else {"rel": 1e-3, "abs": 1e-4}
    assert row["measured"] == pytest.approx(row["closed_form"], **tolerance)
  for figure in ("0.7979 σ", "0.0484 nats", "1.4142 b", "0.0724", "5.1e-05", "19,661"):
    assert figure in finding.text

"""Evaluation: metrics, galleries and a trained run as a function of pictures.

`translation` runs generators, `metrics` makes numbers of arrays, `features` of sets of pictures;
`judges` see results go by, `pages` and `comparison` show what came of it, `study` asks people. They
share `criteria` (what can be measured, and what it needs), `figures` (a number and its protocol),
`quantities` (how it is written), `evaluation_set` and `batching`; `evaluate`, `feasibility` and
`record` put them together.
"""

from imtrans.evaluation.evaluate import Evaluation
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.judges.judge import Judgement
from imtrans.evaluation.judges.pairs import Result, evaluate_pairs
from imtrans.evaluation.metrics.fidelity import l1, l2, ms_ssim, psnr, ssim
from imtrans.evaluation.pages.previews import contact_sheet, preview
from imtrans.evaluation.pages.sheets import sample_rows
from imtrans.evaluation.record import write_evaluation
from imtrans.evaluation.translation.generators import preprocessing, trained_generators
from imtrans.evaluation.translation.trained_generator import TrainedGenerator
from imtrans.evaluation.translation.translator import Translator, load

__all__ = [
  "Evaluation",
  "EvaluationSet",
  "Judgement",
  "Result",
  "TrainedGenerator",
  "Translator",
  "contact_sheet",
  "evaluate_pairs",
  "l1",
  "l2",
  "load",
  "ms_ssim",
  "preprocessing",
  "preview",
  "psnr",
  "sample_rows",
  "ssim",
  "trained_generators",
  "write_evaluation",
]

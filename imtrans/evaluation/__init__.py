"""Evaluation: metrics, galleries and a trained run as a function of pictures."""

from imtrans.evaluation.evaluate import Evaluation
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.generators import preprocessing, trained_generators
from imtrans.evaluation.judges import Judgement
from imtrans.evaluation.metrics import l1, l2, ms_ssim, psnr, ssim
from imtrans.evaluation.pairs import Result, evaluate_pairs
from imtrans.evaluation.previews import contact_sheet, preview
from imtrans.evaluation.record import write_evaluation
from imtrans.evaluation.sheets import sample_rows
from imtrans.evaluation.translation import TrainedGenerator
from imtrans.evaluation.translator import Translator, load

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

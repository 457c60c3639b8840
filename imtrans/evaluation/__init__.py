"""Evaluation: metrics, galleries and a trained run as a function of pictures."""

from imtrans.evaluation.evaluate import (
  evaluate,
  preprocessing,
  sample_rows,
  trained_generators,
  translate_dataset,
)
from imtrans.evaluation.metrics import l1, psnr, ssim
from imtrans.evaluation.pairs import Result, evaluate_pairs, summarize
from imtrans.evaluation.previews import contact_sheet, preview
from imtrans.evaluation.report import write_report
from imtrans.evaluation.translation import TrainedGenerator
from imtrans.evaluation.translator import Translator, load

__all__ = [
  "Result",
  "TrainedGenerator",
  "Translator",
  "contact_sheet",
  "evaluate",
  "evaluate_pairs",
  "l1",
  "load",
  "preprocessing",
  "preview",
  "psnr",
  "sample_rows",
  "ssim",
  "summarize",
  "trained_generators",
  "translate_dataset",
  "write_report",
]

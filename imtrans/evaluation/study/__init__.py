"""Human evaluation: can people tell generated pictures from real ones?

The two-alternative forced choice test of the papers, as a local web page, and what it shows.
"""

from imtrans.evaluation.study.answers import AnswerStore, create_store, open_store
from imtrans.evaluation.study.judgement import CATCH_THRESHOLD
from imtrans.evaluation.study.pictures import (
  PictureSet,
  check_comparable,
  domain_readers,
  folder_readers,
  read_pictures,
)
from imtrans.evaluation.study.report import answers_csv, summarize_study
from imtrans.evaluation.study.server import StudyServer
from imtrans.evaluation.study.sessions import Sessions
from imtrans.evaluation.study.trials import PAIRINGS, Settings, check_enough, check_settings

__all__ = [
  "CATCH_THRESHOLD",
  "PAIRINGS",
  "AnswerStore",
  "PictureSet",
  "Sessions",
  "Settings",
  "StudyServer",
  "answers_csv",
  "check_comparable",
  "check_enough",
  "check_settings",
  "create_store",
  "domain_readers",
  "folder_readers",
  "open_store",
  "read_pictures",
  "summarize_study",
]

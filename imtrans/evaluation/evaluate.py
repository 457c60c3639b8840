"""A test set and what is measured on it: the same for training and for `imtrans evaluate`."""

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import jax

from imtrans.data import Dataset
from imtrans.data.palette import Palette
from imtrans.evaluation.content import trained_content_distance
from imtrans.evaluation.criteria import (
  BASIC,
  CRITERIA,
  PIXEL_METRICS,
  Situation,
  check_names,
  obstacle,
)
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.honesty import cycle_honesty
from imtrans.evaluation.judges import Judge, PictureJudge, Score, log_scalars
from imtrans.evaluation.lpips import lpips_distance
from imtrans.evaluation.pairs import Quantity, Result, SourceJudge, colored, evaluate_pairs
from imtrans.evaluation.photographs import LabelCriterion, LabelJudge, find_label_palette
from imtrans.evaluation.samples import SampleJudge, find_variants
from imtrans.evaluation.sets import SetCriteria, SetJudge
from imtrans.evaluation.translation import TrainedGenerator
from imtrans.evaluation.weights import BACKBONES, INCEPTION_SHA256, perceptual_weights


class Evaluation:
  """Measures generators on a test set; what does not depend on them is computed once and kept."""

  def __init__(
    self,
    pictures: EvaluationSet,
    criteria: Sequence[str] = BASIC,
    *,
    training: Callable[[], Dataset] | None = None,
    inception: str | Path = "",
    inception_sha256: str = INCEPTION_SHA256,
    palette: Palette | None = None,
    noisy_modes: Sequence[str] = ("train",),
    num_samples: int = 20,
    segmenter_steps: int = 2000,
    seed: int = 0,
  ):
    """Reads the weights that the criteria need, so that missing ones are known at once.

    Args:
      pictures: the test set.
      criteria: keys of `imtrans.evaluation.criteria.CRITERIA`.
      training: opens the training split, for the segmenter of "segmentation".
      inception: file of the weights of Inception.
      inception_sha256: what its SHA-256 must be.
      palette: colours of the label pictures that the run starts from; by default what their domain
        says.
      noisy_modes: modes of the generators in which outputs for one source differ by seed.
      num_samples: outputs for one source, for "diversity_lpips_alex" and "mode_coverage".
      segmenter_steps: updates of the segmenter.
      seed: of all draws.

    Raises:
      ValueError: for an unknown criterion, or weights that are missing or altered.
    """
    check_names(criteria)
    self.pictures, self.criteria = pictures, tuple(criteria)
    self._inception, self._palette = str(inception), palette
    self._num_samples, self._seed, self._noisy_modes = num_samples, seed, noisy_modes
    self._quantities = {n: _quantity(n) for n in criteria if CRITERIA[n].kind == "target"}
    self._content = trained_content_distance() if "content_vgg16" in criteria else None
    self._checksums = {
      name: BACKBONES[network].sha256
      for name, network in (("lpips_alex", "alex"), ("lpips_vgg", "vgg"), ("content_vgg16", "vgg"))
    }
    # Where the weights are not there, the criteria that need them say so when they are checked.
    usable = [n for n in criteria if inception or CRITERIA[n].features != "inception"]
    self._sets = SetCriteria(
      pictures, usable, inception_path=inception, inception_sha256=inception_sha256, seed=seed
    )
    self._labels = None
    if "segmentation" in criteria and training is not None:
      self._labels = LabelCriterion(
        pictures, training, palette=palette, num_steps=segmenter_steps, seed=seed
      )

  def situation(
    self,
    direction: str,
    *,
    mode: str,
    cycle: bool,
    main: bool = True,
    variants: bool | None = None,
  ) -> Situation:
    """What there is to measure a generator with.

    Args:
      direction: of the generator, "ab" or "ba".
      mode: of the generator, "train" or "test".
      cycle: whether there is a generator back.
      main: whether the run is about this direction.
      variants: whether to look for sources with several answers, which reads all pictures; by
        default if "mode_coverage" is wanted.
    """
    pictures = self.pictures
    source, target = pictures.domains(direction)
    variants = "mode_coverage" in self.criteria if variants is None else variants
    palette = find_label_palette(pictures, direction, self._palette if main else None)
    return Situation(
      paired=pictures.dataset.paired,
      outputs=len(source),
      reals=len(target or ()),
      source_channels=source.spec.channels,
      target_channels=pictures.target_spec(direction).channels,
      side=pictures.crop_size if pictures.resize == "square" else None,
      # The way back starts from the part of a picture that a generator makes, not from the whole.
      cycle=cycle and not pictures.shows_wholes(direction),
      inception=bool(self._inception),
      noise=mode in self._noisy_modes,
      palette=palette is not None,
      variants=len(find_variants(pictures, direction)) if variants else 0,
    )

  def check(self, direction: str, *, mode: str, cycle: bool) -> None:
    """Raises ValueError for the first criterion that a run's main direction cannot be measured by.

    What compares with true targets is left out without a word where there are none: a config has
    such criteria before it is known whether the test pictures are pairs.

    Args:
      direction: that the run is about.
      mode: of its generators, "train" or "test".
      cycle: whether there is a generator back.
    """
    situation = self.situation(direction, mode=mode, cycle=cycle)
    for name in self.criteria:
      pairs = CRITERIA[name].kind == "target"
      if why := obstacle(name, situation._replace(paired=True) if pairs else situation):
        raise ValueError(f"{why}.")

  def judge(
    self,
    generators: Sequence[TrainedGenerator],
    index: int = 0,
    *,
    checkpoint: str | None = None,
  ) -> "Judgement":
    """Starts to judge one direction of a run.

    Args:
      generators: of `trained_generators`.
      index: which of them.
      checkpoint: what they were read from, for the record.

    Returns:
      Results to be gone through, and then scores.
    """
    generator, pictures = generators[index], self.pictures
    situation = self.situation(
      generator.direction, mode=generator.mode, cycle=len(generators) > 1, main=index == 0
    )
    possible = [name for name in self.criteria if not obstacle(name, situation)]
    kinds = {CRITERIA[name].kind for name in possible}
    judges: list[Judge] = [PictureJudge(self._checksums, seed=self._seed, checkpoint=checkpoint)]
    if "set" in kinds:
      judges.append(SetJudge(self._sets, generator, checkpoint))
    if "samples" in kinds:
      judges.append(
        SampleJudge(
          pictures,
          possible,
          generator,
          num_samples=self._num_samples,
          seed=self._seed,
          checkpoint=checkpoint,
        )
      )
    if "labels" in kinds and self._labels is not None:
      judges.append(LabelJudge(self._labels.prepared(generator), checkpoint))
    backward = generators[1 - index] if "honesty" in possible else None
    results = evaluate_pairs(
      functools.partial(pictures.outputs, generator),
      pictures.batches(generator),
      target_spec=pictures.target_spec(generator.direction),
      quantities={name: self._quantities[name] for name in possible if name in self._quantities},
      source_judges=self._source_judges(backward, content="content_vgg16" in possible),
    )
    return Judgement(results, judges, generator.direction)

  def scalars(self, generators: Sequence[TrainedGenerator]) -> dict[str, float]:
    """Judges all directions of a run.

    Args:
      generators: of `trained_generators`.

    Returns:
      {"eval/l1", "eval/psnr", ..., "baseline/l1", ...}, and "eval_ba/l1", ... for a second
      generator of direction "ba". Empty if nothing could be measured.
    """
    scores: list[Score] = []
    for index in range(len(generators)):
      judgement = self.judge(generators, index)
      for _ in judgement:
        pass
      scores += judgement.scores()
    return log_scalars(scores, generators[0].direction)

  def _source_judges(
    self, backward: TrainedGenerator | None, *, content: bool
  ) -> list[SourceJudge]:
    """What is measured between an output and its source."""
    judges: list[SourceJudge] = []
    if content and (distance := self._content) is not None:
      judges.append(
        lambda sources, made, stored: {"content_vgg16": distance(colored(stored), colored(sources))}
      )
    if backward is not None:
      judges.append(
        lambda sources, made, stored: cycle_honesty(
          backward, sources, made, stored, seed=self._seed
        )
      )
    return judges


class Judgement:
  """The results of one direction, to be gone through once; after that, its scores."""

  def __init__(self, results: Iterator[Result], judges: Sequence[Judge], direction: str):
    """Starts with no result seen."""
    self._results, self._judges, self._direction = results, judges, direction
    self._count = 0

  def __iter__(self) -> Iterator[Result]:
    """Yields every result, after all judges have seen it."""
    for result in self._results:
      self._count += 1
      for judge in self._judges:
        judge.see(result)
      yield result

  def scores(self) -> list[Score]:
    """Returns what the judges say; ValueError if there was no picture that could be used."""
    if not self._count:
      raise ValueError(
        "no test picture could be used: check data.path with `imtrans data inspect`."
      )
    return [
      Score(figure, of, self._direction) for judge in self._judges for of, figure in judge.figures()
    ]


def _quantity(name: str) -> Quantity:
  """The compiled function of a criterion that compares an output with its target."""
  if name in PIXEL_METRICS:
    return _compiled[name]
  distance = lpips_distance(name.removeprefix("lpips_"))
  return lambda images, targets: distance(colored(images), colored(targets))


_compiled = {name: jax.jit(metric) for name, metric in PIXEL_METRICS.items()}


def measurable(evaluation: Evaluation, direction: str, *, mode: str, cycle: bool) -> dict[str, str]:
  """Which criteria can be measured, for `--metrics all`.

  Args:
    evaluation: whose criteria do not matter here.
    direction: that the run is about.
    mode: of its generators, "train" or "test".
    cycle: whether there is a generator back.

  Returns:
    {criterion: ""} or {criterion: why not}, all of `CRITERIA`.
  """
  situation = evaluation.situation(direction, mode=mode, cycle=cycle, variants=True)
  missing = {}
  for network, features in (("alex", "alexnet"), ("vgg", "vgg16")):
    try:
      perceptual_weights(network)
    except ValueError as error:
      missing[features] = str(error).removesuffix(".")
  return {
    name: obstacle(name, situation) or missing.get(criterion.features, "")
    for name, criterion in CRITERIA.items()
  }

"""A test set and what is measured on it: the same for training and for `imtrans evaluate`."""

import functools
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from jax.sharding import Mesh

from imtrans.data import Dataset
from imtrans.data.palette import Palette
from imtrans.evaluation.criteria import (
  BASIC,
  CRITERIA,
  Situation,
  check_names,
  obstacle,
  unpaired_obstacle,
)
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.judges.judge import Judge, Judgement, PictureJudge, Score, log_scalars
from imtrans.evaluation.judges.label_judge import LabelJudge
from imtrans.evaluation.judges.label_maps import (
  PIXEL_ACCURACY,
  LabelMapJudge,
  label_agreement,
  outliers_remark,
)
from imtrans.evaluation.judges.label_pictures import find_label_palette
from imtrans.evaluation.judges.measures import (
  CHECKSUMS,
  content_judge,
  honesty_judge,
  target_quantity,
)
from imtrans.evaluation.judges.pairs import evaluate_pairs
from imtrans.evaluation.judges.photographs import LabelCriterion
from imtrans.evaluation.judges.samples import SampleJudge, find_variants
from imtrans.evaluation.judges.sets import SET_KINDS, SetCriteria, SetJudge
from imtrans.evaluation.translation.trained_generator import TrainedGenerator
from imtrans.pretrained.weights import INCEPTION_SHA256, perceptual_weights


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
    frechet_minimum: int | None = None,
    mesh: Mesh | None = None,
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
      frechet_minimum: fewest pictures on a side for Frechet distances; by default one more than
        there are features, so that the covariances have full rank.
      mesh: devices over which batches of all networks are divided, as those of the generators are
        by their parameters; the default device if None.
      seed: of all draws.

    Raises:
      ValueError: for an unknown criterion, or weights that are missing or altered.
    """
    check_names(criteria)
    self.pictures, self.criteria = pictures, tuple(criteria)
    self._inception, self._palette = str(inception), palette
    self._num_samples, self._seed, self._noisy_modes = num_samples, seed, noisy_modes
    self._frechet_minimum, self._mesh = frechet_minimum, mesh
    targets = [name for name in criteria if CRITERIA[name].kind == "target"]
    self._quantities = {name: target_quantity(name, mesh) for name in targets}
    self._content = content_judge(mesh) if "content_vgg16" in criteria else None
    if "diversity_lpips_alex" in criteria:
      perceptual_weights("alex")
    # Where the weights are not there, the criteria that need them say so when they are checked.
    usable = [n for n in criteria if inception or CRITERIA[n].features != "inception"]
    self._sets = SetCriteria(
      pictures,
      usable,
      inception_path=inception,
      inception_sha256=inception_sha256,
      frechet_minimum=frechet_minimum,
      mesh=mesh,
      seed=seed,
    )
    self._labels = None
    if training is not None:
      self._labels = LabelCriterion(
        pictures, training, palette=palette, num_steps=segmenter_steps, seed=seed, mesh=mesh
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
      frechet_minimum=self._frechet_minimum,
    )

  def check(
    self,
    direction: str,
    *,
    mode: str,
    cycle: bool,
    size_multiple: int = 1,
    optional: Collection[str] = (),
  ) -> None:
    """Refuses what a run's main direction cannot be measured by, before anything is trained.

    Args:
      direction: that the run is about.
      mode: of its generators, "train" or "test".
      cycle: whether there is a generator back.
      size_multiple: heights and widths are cropped to multiples of so many pixels.
      optional: criteria that nobody asked for by name: where the pictures are not paired, those of
        them that compare with true targets are left out without a word.

    Raises:
      ValueError: for the first criterion, with the remedy; for all at once that need pairs.
    """
    situation = self.situation(direction, mode=mode, cycle=cycle)
    targets = [name for name in self.criteria if CRITERIA[name].kind == "target"]
    asked = [name for name in targets if name not in optional]
    if asked and not situation.paired:
      raise ValueError(f"{unpaired_obstacle(asked)}.")
    for name in self.criteria:
      waived = name in optional and name in targets
      there = situation._replace(paired=True) if waived else situation
      if why := obstacle(name, there) or self.label_obstacle(name, direction, size_multiple):
        raise ValueError(f"{why}.")

  def label_obstacle(self, name: str, direction: str, size_multiple: int) -> str:
    """Says why no segmenter can be trained, where nothing else stands in the way.

    Args:
      name: of a criterion; those that need no segmenter have no such obstacle.
      direction: from labels to photographs.
      size_multiple: heights and widths are cropped to multiples of so many pixels.

    Returns:
      A sentence without its full stop; "" if nothing stands in the way.
    """
    if CRITERIA[name].kind != "labels":
      return ""
    if self._labels is None:
      return f"{name} needs the training split, to train a segmenter on: leave it out"
    try:
      self._labels.check(direction, size_multiple)
    except ValueError as error:
      return str(error).removesuffix(".")
    return ""

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
    judges = self._judges(generator, possible, checkpoint)
    target_spec = pictures.target_spec(generator.direction)
    quantities = {name: self._quantities[name] for name in possible if name in self._quantities}
    if target_spec.palette is not None and quantities:
      quantities[PIXEL_ACCURACY] = label_agreement
      judges.append(self._label_map_judge(generator, target_spec.palette, checkpoint))
    source_judges = []
    if "content_vgg16" in possible and self._content is not None:
      source_judges.append(self._content)
    if "honesty" in possible:
      source_judges.append(honesty_judge(generators[1 - index], seed=self._seed))
    results = evaluate_pairs(
      functools.partial(pictures.outputs, generator),
      pictures.batches(generator),
      target_spec=target_spec,
      quantities=quantities,
      source_judges=source_judges,
    )
    return Judgement(results, judges, generator.direction)

  def _judges(
    self, generator: TrainedGenerator, possible: Sequence[str], checkpoint: str | None
  ) -> list[Judge]:
    """Those of all results, by the kinds of the criteria that are possible."""
    kinds = {CRITERIA[name].kind for name in possible}
    resize = self.pictures.resized(generator)
    judges: list[Judge] = [
      PictureJudge(CHECKSUMS, resize=resize, seed=self._seed, checkpoint=checkpoint)
    ]
    if kinds.intersection(SET_KINDS):
      judges.append(SetJudge(self._sets, generator, checkpoint))
    if "samples" in kinds:
      judges.append(
        SampleJudge(
          self.pictures,
          possible,
          generator,
          num_samples=self._num_samples,
          seed=self._seed,
          checkpoint=checkpoint,
          mesh=self._mesh,
        )
      )
    if "labels" in kinds and self._labels and (prepared := self._labels.prepared(generator)):
      judges.append(LabelJudge(prepared, resize=resize, checkpoint=checkpoint))
    return judges

  def _label_map_judge(
    self, generator: TrainedGenerator, palette: Palette, checkpoint: str | None
  ) -> LabelMapJudge:
    """That of label pictures as targets; remarks which of their pixels may have been snapped."""
    _, target = self.pictures.domains(generator.direction)
    limits = getattr(target, "limits", {})
    self.pictures.remark(outliers_remark(limits))
    resize = self.pictures.resized(generator)
    return LabelMapJudge(
      palette, limits=limits, resize=resize, checkpoint=checkpoint, mesh=self._mesh
    )

  def scalars(self, generators: Sequence[TrainedGenerator]) -> dict[str, float]:
    """Judges all directions of a run.

    Args:
      generators: of `trained_generators`.

    Returns:
      {"eval/l1", "eval/psnr", ..., "baseline/l1", ...}, and "eval_ba/l1", ... for a second
      generator of direction "ba". Empty if nothing could be measured.
    """
    scores: list[Score] = []
    for index, generator in enumerate(generators):
      judgement = self.judge(generators, index)
      source, _ = self.pictures.domains(generator.direction)
      title = "translating {} → {}".format(*generator.direction.upper())
      for _ in self.pictures.track(judgement, len(source), title):
        pass
      scores += judgement.scores()
    return log_scalars(scores, generators[0].direction)

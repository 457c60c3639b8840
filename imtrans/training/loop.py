"""The training loop: batches in, checkpoints, logs and samples out."""

import contextlib
import functools
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import clu.parameter_overview
import jax
import numpy as np
from ml_collections import ConfigDict
from PIL import Image

from imtrans.data import Dataset
from imtrans.methods import Method
from imtrans.methods.rows import reflections
from imtrans.training import hosts
from imtrans.training.accumulation import divide_batch
from imtrans.training.agreement import (
  arrays_digest,
  check_alike,
  check_shared,
  from_first,
  stop_vote,
  together,
)
from imtrans.training.assembly import (
  build_method,
  build_optimizers,
  build_schedule,
  draws_noise,
)
from imtrans.training.checkpoints import BEST, LAST, Checkpoints
from imtrans.training.coarse_to_fine import read_global, with_global
from imtrans.training.compilation import batch_shapes, build_step, num_parts
from imtrans.training.diagnostics import make_diagnosis, probe_batches
from imtrans.training.divergence import check_finite, finite_scalars
from imtrans.training.input import check_classes, domain_specs, example_batch, training_batches
from imtrans.training.interruption import Interruption, Stopped
from imtrans.training.journal import LOG, Journal, NoJournal, Progress, read_log
from imtrans.training.mesh import (
  check_batch,
  check_rows,
  make_mesh,
  on_mesh,
  own_copy,
  shard_batch,
)
from imtrans.training.rule_book import RuleBook
from imtrans.training.rules import RULES
from imtrans.training.sharding import state_shardings, with_shardings
from imtrans.training.shares import batch_share
from imtrans.training.state import TrainState, create_state, jit_start
from imtrans.training.workdir import check_workdir, make_workdir, record_workdir


class Snapshot(NamedTuple):
  """What evaluation and sampling see of a run.

  generator_params: the average if one is kept, whole on every device of this process.
  extras: of the method, but for its image pools.
  track: called as track(items, total, title), it shows the progress of going through items.
  """

  step: int
  method: Method
  generator_params: Any
  extras: Any
  track: Callable[[Iterable[Any], int, str], Iterable[Any]]


def train(
  config: ConfigDict,
  workdir: Path,
  dataset: Dataset,
  *,
  evaluate: Callable[[Snapshot], Mapping[str, float]],
  sample: Callable[[Snapshot], np.ndarray],
  larger_is_better: bool = False,
) -> TrainState:
  """Trains a run to its last step, going on from its newest checkpoint if it has one.

  Args:
    config: a whole config, see `default_config`.
    workdir: the run's folder; made if absent.
    dataset: the training pictures.
    evaluate: metrics of a snapshot, called every `eval_every` steps.
    sample: a uint8 picture [height, width, 3] of a snapshot, called every `sample_every` steps.
    larger_is_better: whether the best checkpoint is that of the largest `best_metric`.

  Returns:
    The final state.

  Raises:
    ValueError: for a config that cannot be run, or another architecture than the workdir's.
    CheckpointError: if a checkpoint cannot be written, or none can be read.
    Diverged: if a loss is not finite.
    Stopped: after SIGTERM or Ctrl-C, everything saved.
  """
  mesh = make_mesh(tuple(config.mesh))
  check_batch(mesh, config.batch_size, config.data.crop_size, parts=num_parts(config))
  share = batch_share(mesh)
  specs = domain_specs(dataset)
  check_classes(config, specs)
  channels = {name: spec.channels for name, spec in specs.items()}
  method = build_method(config, channels)
  optimizers = build_optimizers(config)
  schedule = build_schedule(config)
  make_workdir(workdir)
  check_shared(workdir)
  changes = check_workdir(config, specs, workdir)

  def start(batch):
    return create_state(
      method, optimizers, batch, seed=config.seed, keep_ema=config.ema_decay > 0.0
    )

  example = example_batch(config, channels)
  check_rows(mesh, reflections(start, example))
  shapes = jax.eval_shape(start, example)
  shardings = state_shardings(mesh, shapes, shard_params=config.shard_params)
  batches = training_batches(config, dataset, share=share)
  writes = hosts.index() == 0
  with contextlib.ExitStack() as stack:
    checkpoints = stack.enter_context(Checkpoints(workdir / LAST, keep=config.keep))
    best = stack.enter_context(Checkpoints(workdir / BEST, keep=1))
    state, problems = checkpoints.restore_newest(with_shardings(shapes, shardings), batches)
    resumed = state is not None
    if state is None:
      # NumPy: what lies on a device of this process is not on those of the others.
      known = config.init_from and together(lambda: read_global(config.init_from, config, shapes))
      if known and hosts.count() > 1:
        check_alike({"what init_from has learned": arrays_digest(known)})
      state = jit_start(start, out_shardings=shardings)(jax.device_get(example))
      state = with_global(state, known) if known else state
    first = int(state.step)
    best.discard_after(first)
    from_first(lambda: record_workdir(config, specs, workdir))
    journal = stack.enter_context(Journal(workdir, step=first) if writes else NoJournal())
    sign = -1.0 if larger_is_better else 1.0
    lowest = from_first(
      lambda: _lowest(read_log(workdir / LOG), config.best_metric, best.steps(), sign)
    )
    progress = stack.enter_context(
      Progress(
        start=first,
        num_steps=config.num_steps,
        batch_size=config.batch_size,
        visible=writes,
      )
    )
    for message in problems:
      progress.say(f"{message} Going on from step {first}.")
    if first >= config.num_steps:
      progress.say(
        f"{workdir} is complete: {first} of {config.num_steps} steps. Raise config.num_steps to go "
        "on."
      )
      return state
    if resumed:
      progress.say(f"resuming {workdir} at step {first}")
      for name, (was, now) in changes.items():
        progress.say(f"changed since the last start: {name} was {was}, now {now}")
    else:
      progress.say(_overview(state))

    train_step = build_step(config, mesh, method, optimizers, shardings)
    if hosts.count() > 1:
      # Compiled before any of them waits for another: CPUs give up a sum after half a minute.
      batch = batch_shapes(config, mesh, example)
      train_step = train_step.lower(with_shardings(shapes, shardings), batch).compile()
      together(lambda: None)
    diagnose = on_mesh(mesh, make_diagnosis(method, optimizers, noise=draws_noise(config)))
    probe = _probe(config, dataset, mesh) if config.diagnose_every else []
    book = RuleBook(RULES)
    for record in read_log(workdir / LOG):
      book.observe(record)

    def write(step: int, metrics: Mapping[str, float]) -> None:
      journal.write(step, metrics)
      for alarm in book.observe({"step": step, **metrics}):
        progress.say(f"step {step}: {alarm.text}")

    pending: list[tuple[int, Mapping[str, jax.Array]]] = []
    samples = workdir / "samples"
    samples.mkdir(exist_ok=True)

    def draw(snapshot: Snapshot) -> None:
      picture = sample(snapshot)
      Image.fromarray(picture).save(samples / f"step_{snapshot.step:08d}.png")
      journal.write_image(snapshot.step, "samples", picture)

    def score(snapshot: Snapshot) -> dict[str, float]:
      return {name: float(value) for name, value in evaluate(snapshot).items()}

    interruption, vote = stack.enter_context(Interruption()), stop_vote(mesh)
    for step in range(first + 1, config.num_steps + 1):
      # The batch goes to the mesh while the step before still computes; the host stays one step
      # ahead, no further, since batches wait in device memory.
      state, metrics = train_step(state, shard_batch(mesh, next(batches)))
      pending.append((step, metrics))
      if len(pending) > 1:
        jax.block_until_ready(pending[-2][1])
      progress.advance(step)

      stopping = vote(interruption.signal_number)
      due = _due(config, step)
      if not (stopping or due):
        continue
      scalars = finite_scalars(pending, checkpoints)
      record = {}
      if "log" in due:
        journal.write_event(step, progress.report(step, scalars))
        record = {**scalars, "learning_rate": np.asarray(schedule(step - 1)).item()}
      if "diagnose" in due:
        record |= diagnose(state, probe)
      if record:
        write(step, record)
      scores = {}
      try:
        if due & {"sample", "eval"}:
          snapshot = _snapshot(step, method, state, mesh, progress)
          if "sample" in due:
            from_first(functools.partial(draw, snapshot))
          if "eval" in due:
            scores = from_first(functools.partial(score, snapshot))
      except Exception:
        # Whatever cannot be shown or measured must not cost the steps before it.
        _save(checkpoints, journal, step, state, batches, wait=True)
        raise
      if "eval" in due:
        if scores:
          write(step, scores)
        progress.say(_scores_line(step, scores))
        if sign * scores.get(config.best_metric, sign * math.inf) < lowest:
          lowest = sign * scores[config.best_metric]
          check_finite(state, step, checkpoints)
          # On disk before the run may be resumed from this step, which would not score it again.
          best.save(step, state, batches, wait=True)
      if "save" in due or stopping:
        _save(checkpoints, journal, step, state, batches, wait=bool(stopping))
      if stopping:
        raise Stopped(
          f"stopped at step {step} of {config.num_steps}, everything saved: run the same command "
          "again to go on.",
          stopping,
        )
      progress.restart_clock()
  return state


def _snapshot(
  step: int, method: Method, state: TrainState, mesh: jax.sharding.Mesh, progress: Progress
) -> Snapshot:
  """A state as one process sees it, without the pools, which are split over all of them."""
  extras = {name: value for name, value in state.extras.items() if name != "pool"}
  params, extras = own_copy((state.ema or state.params["generator"], extras), mesh)
  return Snapshot(step, method, params, extras, progress.track)


def _due(config: ConfigDict, step: int) -> set[str]:
  """What is to be done after a step; after the last one, everything that ever is, and a save."""
  last = step == config.num_steps
  due = {
    name
    for name in ("log", "diagnose", "sample", "eval", "save")
    if (every := config[f"{name}_every"]) and (last or step % every == 0)
  }
  return due | {"save"} if last else due


def _probe(config: ConfigDict, dataset: Dataset, mesh: jax.sharding.Mesh) -> list[dict[str, Any]]:
  """The pictures that diagnoses look at: the first of the data, on the mesh, as much as fits it."""
  batches = training_batches(config, dataset, share=batch_share(mesh))
  parts = (
    {name: array[index] for name, array in divided.items()}
    for divided in (divide_batch(batch, config.accumulate) for batch in batches)
    for index in range(config.accumulate)
  )
  probe = probe_batches(parts, config.batch_size // config.accumulate)
  return [shard_batch(mesh, batch) for batch in probe]


def _lowest(records: list[dict], metric: str, best_steps: list[int], sign: float) -> float:
  """Signed score of the checkpoint that is the best so far, from the log; infinity without one."""
  scores = [
    sign * record[metric] for record in records if record["step"] in best_steps and metric in record
  ]
  return min(scores, default=math.inf)


def _save(
  checkpoints: Checkpoints, journal: Journal, step: int, state: TrainState, batches, *, wait: bool
) -> None:
  check_finite(state, step, checkpoints)
  journal.sync()
  checkpoints.save(step, state, batches, wait=wait)


def _overview(state: TrainState) -> str:
  counts = {
    player: clu.parameter_overview.count_parameters(params)
    for player, params in state.params.items()
  }
  return "parameters: " + ", ".join(f"{player} {count:,}" for player, count in counts.items())


def _scores_line(step: int, scores: Mapping[str, float]) -> str:
  if not scores:
    return f"step {step}: nothing to measure, the test images have no known answers"
  listing = "  ".join(f"{name} {value:.4f}" for name, value in scores.items())
  return f"step {step}: {listing}"

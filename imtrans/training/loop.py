"""The training loop: batches in, checkpoints, logs and samples out."""

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import clu.parameter_overview
import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict
from PIL import Image

from imtrans.data import Dataset
from imtrans.methods import Method
from imtrans.methods.rows import activation_rows
from imtrans.training.assembly import (
  build_method,
  build_optimizers,
  build_schedule,
  draws_noise,
)
from imtrans.training.checkpoints import BEST, LAST, Checkpoints
from imtrans.training.compilation import build_step
from imtrans.training.diagnostics import make_diagnosis, probe_batches
from imtrans.training.input import check_classes, domain_specs, example_batch, training_batches
from imtrans.training.interruption import Interruption, Stopped
from imtrans.training.journal import LOG, Journal, Progress, read_log
from imtrans.training.mesh import (
  check_batch,
  check_rows,
  make_mesh,
  on_mesh,
  replicated,
  shard_batch,
)
from imtrans.training.rules import RuleBook
from imtrans.training.sharding import state_shardings, with_shardings
from imtrans.training.state import TrainState, create_state, jit_start
from imtrans.training.workdir import check_workdir, make_workdir, record_workdir


class Snapshot(NamedTuple):
  """What evaluation and sampling see of a run.

  generator_params: the average if one is kept.
  track: called as track(items, total, title), it shows the progress of going through items.
  """

  step: int
  method: Method
  generator_params: Any
  extras: Any
  track: Callable[[Iterable[Any], int, str], Iterable[Any]]


class Diverged(FloatingPointError):  # noqa: N818 (names what happened to the run)
  """A loss is no longer a finite number."""

  exit_code = 1


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
  check_batch(mesh, config.batch_size, config.data.crop_size)
  specs = domain_specs(dataset)
  check_classes(config, specs)
  channels = {name: spec.channels for name, spec in specs.items()}
  method = build_method(config, channels)
  optimizers = build_optimizers(config)
  schedule = build_schedule(config)
  make_workdir(workdir)
  changes = check_workdir(config, specs, workdir)

  def start(batch):
    return create_state(
      method, optimizers, batch, seed=config.seed, keep_ema=config.ema_decay > 0.0
    )

  example = example_batch(config, channels)
  check_rows(mesh, activation_rows(start, example))
  shapes = jax.eval_shape(start, example)
  shardings = state_shardings(mesh, shapes, shard_params=config.shard_params)
  batches = training_batches(config, dataset)
  with contextlib.ExitStack() as stack:
    checkpoints = stack.enter_context(Checkpoints(workdir / LAST, keep=config.keep))
    best = stack.enter_context(Checkpoints(workdir / BEST, keep=1))
    state, problems = checkpoints.restore_newest(with_shardings(shapes, shardings), batches)
    resumed = state is not None
    if state is None:
      state = jit_start(start, out_shardings=shardings)(example)
    first = int(state.step)
    best.discard_after(first)
    record_workdir(config, specs, workdir)
    journal = stack.enter_context(Journal(workdir, step=first))
    sign = -1.0 if larger_is_better else 1.0
    lowest = _lowest(read_log(workdir / LOG), config.best_metric, best.steps(), sign)
    progress = stack.enter_context(
      Progress(
        start=first,
        num_steps=config.num_steps,
        batch_size=config.batch_size,
        visible=jax.process_index() == 0,
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
    diagnose = on_mesh(mesh, make_diagnosis(method, optimizers, noise=draws_noise(config)))
    probe = _probe(config, dataset, mesh)
    book = RuleBook()
    for record in read_log(workdir / LOG):
      book.observe(record)

    def write(step: int, metrics: Mapping[str, float]) -> None:
      journal.write(step, metrics)
      for alarm in book.observe({"step": step, **metrics}):
        progress.say(f"step {step}: {alarm.text}")

    pending: list[tuple[int, Mapping[str, jax.Array]]] = []
    samples = workdir / "samples"
    samples.mkdir(exist_ok=True)
    interruption = stack.enter_context(Interruption())
    for step in range(first + 1, config.num_steps + 1):
      # The batch goes to the mesh while the step before still computes; the host stays one step
      # ahead, no further, since batches wait in device memory.
      state, metrics = train_step(state, shard_batch(mesh, next(batches)))
      pending.append((step, metrics))
      if len(pending) > 1:
        jax.block_until_ready(pending[-2][1])
      progress.advance(step)

      stopping = interruption.signal_number
      due = _due(config, step)
      if not (stopping or due):
        continue
      scalars = _finite_scalars(pending, checkpoints)
      record = {}
      if "log" in due:
        journal.write_event(step, progress.report(step, scalars))
        record = {**scalars, "learning_rate": np.asarray(schedule(step - 1)).item()}
      if "diagnose" in due:
        record |= diagnose(state, probe)
      if record:
        write(step, record)
      averaged = jax.device_put(state.ema or state.params["generator"], replicated(mesh))
      snapshot = Snapshot(step, method, averaged, state.extras, progress.track)
      if "sample" in due:
        picture = sample(snapshot)
        Image.fromarray(picture).save(samples / f"step_{step:08d}.png")
        journal.write_image(step, "samples", picture)
      if "eval" in due:
        try:
          scores = dict(evaluate(snapshot))
        except ValueError:
          # What cannot be measured must not cost the steps before it.
          _save(checkpoints, journal, step, state, batches, wait=True)
          raise
        if scores:
          write(step, scores)
        progress.say(_scores_line(step, scores))
        if sign * scores.get(config.best_metric, sign * math.inf) < lowest:
          lowest = sign * scores[config.best_metric]
          _check_finite(state, step, checkpoints)
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
  """The pictures that diagnoses look at: the first of the data, on the mesh."""
  if not config.diagnose_every:
    return []
  batches = probe_batches(training_batches(config, dataset), config.batch_size)
  return [shard_batch(mesh, batch) for batch in batches]


def _lowest(records: list[dict], metric: str, best_steps: list[int], sign: float) -> float:
  """Signed score of the checkpoint that is the best so far, from the log; infinity without one."""
  scores = [
    sign * record[metric] for record in records if record["step"] in best_steps and metric in record
  ]
  return min(scores, default=math.inf)


def _finite_scalars(
  pending: list[tuple[int, Mapping[str, jax.Array]]], checkpoints: Checkpoints
) -> dict[str, float]:
  """Fetches all pending metrics, empties the list and returns the newest as floats."""
  fetched = [(step, jax.device_get(metrics)) for step, metrics in pending]
  pending.clear()
  for step, metrics in fetched:
    broken = {name: value for name, value in metrics.items() if not math.isfinite(value)}
    if broken:
      # The discriminator is judged as the step found it: if its figures are broken, the state
      # before the step was, though every number in it may have been finite.
      before = any(name.startswith("discriminator/") for name in broken)
      checkpoints.set_aside(step - 1 if before else step, "diverged")
      name, value = next(iter(broken.items()))
      raise _diverged(f"{name} is {value} at step {step}", checkpoints)
  return {name: float(value) for name, value in fetched[-1][1].items()}


@jax.jit
def _all_finite(tree: Any) -> jax.Array:
  leaves = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
  return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves]))


def _check_finite(state: TrainState, step: int, checkpoints: Checkpoints) -> None:
  """Keeps a broken state out of the checkpoints: losses are those of before the update."""
  if not _all_finite(state):
    raise _diverged(f"the losses of step {step} are finite, its update is not", checkpoints)


def _save(
  checkpoints: Checkpoints, journal: Journal, step: int, state: TrainState, batches, *, wait: bool
) -> None:
  _check_finite(state, step, checkpoints)
  journal.sync()
  checkpoints.save(step, state, batches, wait=wait)


def _diverged(what: str, checkpoints: Checkpoints) -> Diverged:
  steps = checkpoints.steps()
  left = (
    f"the last good checkpoint is {checkpoints.folder / str(steps[-1])}"
    if steps
    else "there is no checkpoint yet"
  )
  return Diverged(
    f"{what}; {left}. Lower config.optimizer.learning_rate or set config.optimizer.clip_norm, then "
    "run the same command again."
  )


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

"""What a training in progress looks like to the theory: a few scalars, every so many steps.

The game of the method's losses (`imtrans.methods.game`) is looked at where the players stand, on a
probe: training pictures and noise that stay the same for the whole run, so that a curve shows what
training changed and nothing else. The step itself is not touched. What the scalars mean for a run
is said by `imtrans.training.rules`.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from imtrans.methods.game import method_losses
from imtrans.methods.method import Method
from imtrans.theory.games import vector_field
from imtrans.theory.games.update_rules import Players
from imtrans.theory.lipschitz import power_iteration
from imtrans.training.state import PLAYERS, TrainState

Batch = Mapping[str, Any]
GROUP = "diagnostics"
NUM_SOURCES = 4  # Pictures that a spread over sources is taken from, at least.
POWER_STEPS = 8
SEED = 0  # Of the probe's noise.


def make_diagnosis(
  method: Method, optimizers: dict[str, optax.GradientTransformation], *, noise: bool
) -> Callable[[TrainState, Sequence[Batch]], dict[str, float]]:
  """Builds the function that measures a state; it costs about as much as three steps.

  Args:
    method: of the training step.
    optimizers: one per player, as the step has them.
    noise: whether the generators draw any, such as dropout; without, no spread over it is measured.

  Returns:
    (state, probe) -> {"diagnostics/...": value}: what `make_game_figures`, `spread_figures` and
    `spectral_norms` return, without what is not finite. The probe is a sequence of batches; the
    gradients are those of the first. The state is left as it is.
  """
  game = make_game_figures(method, optimizers)

  @jax.jit
  def generated(params: Any, extras: Any, batch: Batch, key: Array) -> dict[str, Array]:
    outputs, _ = method.generate(params, extras, batch, key)
    return {name: outputs[name] for name in _domains(outputs)}

  spreads, norms = jax.jit(spread_figures), jax.jit(spectral_norms)

  def diagnose(state: TrainState, probe: Sequence[Batch]) -> dict[str, float]:
    first, second = jax.random.split(jax.random.key(SEED))
    generator = state.params["generator"]
    fakes = [generated(generator, state.extras, batch, first) for batch in probe]
    again = generated(generator, state.extras, probe[0], second) if noise else {}
    figures = game(state, probe[0]) | spreads(fakes, list(probe), again)
    figures |= norms(state.params["discriminator"], state.extras)
    fetched = {name: float(value) for name, value in sorted(jax.device_get(figures).items())}
    return {f"{GROUP}/{name}": value for name, value in fetched.items() if math.isfinite(value)}

  return diagnose


def probe_batches(batches: Iterable[Batch], batch_size: int) -> list[dict[str, np.ndarray]]:
  """Takes the probe from the start of the training data.

  Args:
    batches: an iterator of its own, so that the run's data goes on as it would have.
    batch_size: images per batch.

  Returns:
    As many batches as hold `NUM_SOURCES` images.
  """
  count = -(-NUM_SOURCES // batch_size)
  taken = [batch for batch, _ in zip(batches, range(count), strict=False)]
  return [{name: np.asarray(array) for name, array in batch.items()} for batch in taken]


def make_game_figures(
  method: Method, optimizers: dict[str, optax.GradientTransformation]
) -> Callable[[TrainState, Batch], dict[str, Array]]:
  """Builds the function that measures the gradients of both players, and how one step turns them.

  With a step h of plain gradient descent and the Jacobian J of the players' direction v, one step
  makes it (1 + h J) v. On the bilinear game v turns by arctan h in each step, the cosine is
  1 / sqrt(1 + h^2); on a bowl of curvature c the cosine is one while h c < 1 and minus one above,
  where the step jumps over the bottom (see `imtrans.theory.games`). Noise and batch are the same
  before and after, so a cosine shows the game and not the sampling.

  Args:
    method: any.
    optimizers: one per player.

  Returns:
    (state, a batch as for the training step) -> "generator_gradient" and "discriminator_gradient",
    norms; "gradient_ratio" of the first to the second; "generator_cosine" and
    "discriminator_cosine" between a player's gradients before and after both have moved;
    "update_cosine" between two successive updates of all parameters, as the optimizers make them.
  """

  # What happens twice is a program of its own: as parts of one it would be compiled twice, which
  # takes minutes where the generators run often.
  @jax.jit
  def field(players: Players, extras: Any, batch: Batch) -> Players:
    return vector_field(method_losses(method, extras, dict(batch), jax.random.key(SEED)), players)

  @jax.jit
  def move(players: Players, directions: Players, memory: Any) -> tuple[Any, Any, Players]:
    updates, memory = _updates(optimizers, directions, memory, players)
    return updates, memory, cast(Players, optax.apply_updates(players, updates))

  def figures(state: TrainState, batch: Batch) -> dict[str, Array]:
    players = cast(Players, tuple(state.params[player] for player in PLAYERS))
    memory = tuple(state.opt_state[player] for player in PLAYERS)
    before = field(players, state.extras, batch)
    updates, memory, moved = move(players, before, memory)
    after = field(moved, state.extras, batch)
    following, _, _ = move(moved, after, memory)
    return _compared(before, after, updates, following)

  return figures


@jax.jit
def _compared(before: Players, after: Players, updates: Any, following: Any) -> dict[str, Array]:
  norms = [optax.tree.norm(direction) for direction in before]
  figures = {f"{player}_gradient": norm for player, norm in zip(PLAYERS, norms, strict=True)}
  figures["gradient_ratio"] = _ratio(norms[0], norms[1])
  for player, one, other in zip(PLAYERS, before, after, strict=True):
    figures[f"{player}_cosine"] = cosine(one, other)
  return {**figures, "update_cosine": cosine(updates, following)}


def _updates(optimizers: Any, directions: Any, memory: Any, players: Any) -> tuple[Any, Any]:
  """The optimizers' updates of both players and their new states; directions are descents."""
  made = []
  # As in the training step: optax raises decay rates to an integer count.
  with jax.numpy_dtype_promotion("standard"):
    for name, direction, past, params in zip(PLAYERS, directions, memory, players, strict=True):
      gradients = jax.tree.map(jnp.negative, direction)
      made.append(optimizers[name].update(gradients, past, params))
  updates, memory = zip(*made, strict=True)
  return updates, memory


def cosine(one: Any, other: Any) -> Array:
  """Cosine of the angle between two trees seen as vectors.

  Args:
    one: a pytree of floating-point arrays.
    other: another of the same structure.

  Returns:
    Scalar in [-1, 1]; zero if one of them is zero.
  """
  product = jnp.asarray(optax.tree.vdot(one, other))
  return _ratio(product, optax.tree.norm(one) * optax.tree.norm(other))


def spread_figures(
  fakes: Sequence[Mapping[str, Array]],
  batches: Sequence[Batch],
  again: Mapping[str, Array],
) -> dict[str, Array]:
  """How much outputs differ between sources, and between draws of the noise: do they collapse?

  A spread is the root of the variance, averaged over pixels and channels, in units of the spread of
  real images of the same domain: one for a generator whose images differ as real ones do, zero for
  one that makes the same image of everything (over sources) or ignores its noise (over draws).

  Args:
    fakes: for each batch, generated images by name: "fake", or "fake_a", "fake_b".
    batches: with the real images "target", or "a", "b"; together at least two images.
    again: images that other noise made of the first batch; an empty dict where there is none.

  Returns:
    "source_spread" and, with `again`, "noise_spread", followed by "_a", "_b" where there are two
    domains.
  """
  figures = {}
  for name, domain in _domains(fakes[0]).items():
    suffix = name.removeprefix("fake")
    made = jnp.concatenate([images[name] for images in fakes])
    # Behind the channels of a picture may be the plane of its class.
    real = jnp.concatenate([batch[domain][..., : made.shape[-1]] for batch in batches])
    reals, made = spread(real), spread(made)
    figures[f"source_spread{suffix}"] = _ratio(made, reals)
    if again:
      # Two draws differ by the root of two times their deviation.
      difference = jnp.mean(jnp.square(fakes[0][name] - again[name]))
      figures[f"noise_spread{suffix}"] = _ratio(jnp.sqrt(0.5 * difference), reals)
  return figures


def spread(images: Array) -> Array:
  """Returns the standard deviation over images [count, ...], its square averaged over pixels."""
  return jnp.sqrt(jnp.mean(jnp.var(images.astype(jnp.float32), axis=0)))


def spectral_norms(params: Any, extras: Mapping[str, Any]) -> dict[str, Array]:
  """Largest singular value of every kernel of the discriminators, as a matrix, as it is used.

  Kernels are seen as spectral normalisation sees them (Miyato et al., 2018, Sec. 2.1), [out,
  height * width * in]; `imtrans.theory.lipschitz.lipschitz_bound` says what their product bounds.
  One that is normalised is divided by its estimated norm first, as the networks do it: what is left
  is one where the estimate is exact, and more where the vector lags behind the kernel.

  Args:
    params: of the discriminators; leaves called "kernel" with two or more axes are measured.
    extras: of the state, with the vectors of spectral normalisation in collections "spectral".

  Returns:
    "spectral_NAME" by layer, never above the true norm, and "spectral_max".
  """
  vectors = {
    _layer(path): vector
    for path, vector in jax.tree_util.tree_leaves_with_path(extras.get("discriminator", {}))
    if _names(path)[-1:] == ["left_vector"]
  }
  norms = {}
  for path, leaf in jax.tree_util.tree_leaves_with_path(params):
    *names, last = _names(path)
    if last == "kernel" and leaf.ndim > 1:
      matrix = leaf.reshape(-1, leaf.shape[-1]).T
      start = jax.random.normal(jax.random.key(SEED), matrix.shape[:1], matrix.dtype)
      if _layer(path) in vectors:
        estimate, start = power_iteration(matrix, vectors[_layer(path)])
        matrix = matrix / estimate
      norm, _ = power_iteration(matrix, start, num_steps=POWER_STEPS)
      norms[f"spectral_{'_'.join(names)}"] = norm
  return {**norms, "spectral_max": jnp.max(jnp.stack(list(norms.values())))} if norms else {}


def _names(path: Sequence[Any]) -> list[str]:
  return [str(entry.key) for entry in path if hasattr(entry, "key")]


def _layer(path: Sequence[Any]) -> tuple[str, ...]:
  """The layer that a leaf belongs to, without the names of what it is kept in."""
  return tuple(name for name in _names(path)[:-1] if name not in ("spectral", "network"))


def _domains(outputs: Mapping[str, Any]) -> dict[str, str]:
  """The generated images among a method's outputs, and the real images that they are to be like."""
  known = {"fake": "target", "fake_a": "a", "fake_b": "b"}
  return {name: domain for name, domain in known.items() if name in outputs}


def _ratio(numerator: Array, denominator: Array) -> Array:
  return numerator / jnp.maximum(denominator, jnp.finfo(denominator.dtype).tiny)

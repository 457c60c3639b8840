"""Spectral normalisation: what it divides by, and what that bounds."""

import functools
import math
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from imtrans.analyses.discriminators import mean_logit, trained_discriminators
from imtrans.analyses.finding import BLACK, BLUE, GREEN, RED, Finding, in_style, new_figure
from imtrans.analyses.trained import TrainedRun
from imtrans.networks import PatchDiscriminator
from imtrans.theory.lipschitz import (
  amplification,
  convolution_norm,
  convolution_norm_bounds,
  gradient_norms,
  kernel_matrix,
  lipschitz_bound,
  operator_norm,
  power_iteration,
)

SIZE = 16  # Pixels along the sides of the periodic pictures whose convolution norms are exact.
NUM_PICTURES = 16


@in_style
def on_paper(
  *,
  num_kernels: int = 6,
  constants: tuple[float, ...] = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0),
  iterations: tuple[int, ...] = (1, 2, 3, 5, 10, 20, 50, 100),
  seed: int = 0,
) -> Finding:
  """Norms of convolutions, of their estimates, and of a PatchGAN.

  Args:
    num_kernels: 4 x 4 kernels at each share, and matrices for power iteration.
    constants: shares of an all-ones kernel in a random one.
    iterations: of power iteration.
    seed: of all that is random.

  Returns:
    The finding, in three panels.
  """
  # Drawn by numpy: compiling a random draw per shape would take longer than all the rest.
  draws = np.random.default_rng(seed)
  figure, ((first, second, third),) = new_figure(columns=3, width=4.6, height=3.7)
  rows, worst = _draw_ratios(first, constants, num_kernels, draws)
  more, once, later = _draw_iterations(second, iterations, num_kernels, draws)
  rows += more
  more, bound, steepest = _draw_network(third, draws)
  rows += more
  return Finding(
    figure,
    rows,
    "A convolution's norm lies between that of its reshaped kernel and, for 4 x 4 kernels, 4 times "
    f"it (stride 1) or 2 times (stride 2). An all-ones kernel attains both: {worst[1]:.2f} and "
    f"{worst[2]:.2f}. From a random start one power iteration finds {once:.2f} of a [64, 1024] "
    f"random matrix's norm, {iterations[-1]} find {later:.3f}, so the divisor is at first too "
    f"small. The spectrally normalised PatchGAN-70 is bounded by {bound:g}, not by 1; with "
    f"all-ones kernels a linear piece of it attains {steepest:.1f} on 64 x 64 pixels padded "
    "with zeros.",
  )


@in_style
def on_run(run: TrainedRun) -> Finding:
  """The norms of a run's discriminators, layer by layer, and how steep they are at test pictures.

  Kernels are taken as the network uses them, divided by their estimated norm where it normalises.
  The bound is of the convolutions alone: a normalisation layer between them divides by a standard
  deviation and has no bound of its own (`imtrans.theory.lipschitz.lipschitz_bound`). Exact norms
  are those on periodic pictures of `SIZE` pixels. The mean of N logits may be steep by 1 / sqrt(N)
  of a network's constant, so its gradients are multiplied by sqrt(N).

  Args:
    run: of pix2pix or a CycleGAN, with a patch or pixel discriminator.

  Returns:
    The finding: norms per layer, and gradient norms beside the product bounds.

  Raises:
    NotForThisRun: for another method or discriminator; if the discriminator judges pairs and the
      test pictures have no answers.
  """
  discriminators = trained_discriminators(run, NUM_PICTURES)
  figure, axes = new_figure(columns=2, rows=len(discriminators), width=4.9, height=3.6)
  rows, told = [], []
  for discriminator, (left, right) in zip(discriminators, axes, strict=True):
    layers = discriminator.module.layers
    names = [f"layer_{index}" for index in range(len(layers) - 1)] + ["logits"]
    matrix, exact = [], []
    for name, layer in zip(names, layers, strict=True):
      kernel = used_kernel(discriminator.params, discriminator.collections, name)
      matrix.append(float(convolution_norm_bounds(kernel, stride=layer.stride)[0]))
      exact.append(float(_exact_norm(kernel, layer.stride)))
    upper = [amplification(layer) * norm for layer, norm in zip(layers, matrix, strict=True)]
    bound, product = lipschitz_bound(layers, matrix), math.prod(exact)
    count = discriminator.logits()[0][0].size
    steepness = {
      kind: np.sqrt(count) * np.asarray(_steepness(mean_logit(discriminator), pictures))
      for kind, pictures in (("real", discriminator.real), ("generated", discriminator.fake))
    }

    places = np.arange(len(layers))
    left.vlines(places, matrix, upper, color=BLACK, linewidth=3, alpha=0.25, label="between bounds")
    left.plot(places, matrix, "_", color=BLACK, markersize=14, label="reshaped kernel's norm")
    left.plot(places, exact, "o", color=BLUE, label="exact norm of the convolution")
    left.axhline(1.0, color=BLACK, linestyle=":", linewidth=0.8)
    left.set(yscale="log", ylabel="norm (output per input)", xticks=places, xticklabels=names)
    left.set_xlabel("convolution")
    left.set_title(f"{discriminator.title}: each layer")
    left.set_ylim(0.5 * min(matrix), 10.0 * max(upper))
    left.legend(loc="upper center", fontsize=7.5)

    right.axhline(bound, color=BLACK, label=f"bound by reshaped kernels: {bound:.3g}")
    right.axhline(product, color=BLUE, linestyle="--", label=f"exact norms' product: {product:.3g}")
    for (kind, values), color in zip(steepness.items(), (GREEN, RED), strict=True):
      right.plot(np.arange(len(values)), values, "o", color=color, label=f"at {kind} pictures")
    right.set(yscale="log", xlabel="test picture", ylabel="gradient × √logits (logit per unit)")
    right.set_title("measured steepness against the bounds")
    low = min(product, *(float(values.min()) for values in steepness.values()))
    right.set_ylim(low / 3.0, 60.0 * max(bound, *(v.max() for v in steepness.values())))
    right.legend(loc="upper center", fontsize=7.5, ncols=2)

    per_layer = zip(names, matrix, exact, upper, strict=True)
    rows += [
      _row(discriminator.title, name, lower=m, measured=e, upper=u) for name, m, e, u in per_layer
    ]
    rows.append(
      _row(discriminator.title, "product", lower=math.prod(matrix), measured=product, upper=bound)
    )
    rows += [
      _row(discriminator.title, f"at {kind} picture {index}", measured=value)
      for kind, values in steepness.items()
      for index, value in enumerate(values)
    ]
    told.append(
      f"the {discriminator.title} has a product bound of {bound:.3g} ({product:.3g} with exact "
      f"norms) and is in the median {np.median(steepness['real']):.2g} steep at real and "
      f"{np.median(steepness['generated']):.2g} at generated pictures"
    )
  section = run.run.config.discriminator
  norm = section.get("norm", "batch")
  between = (
    "No normalisation layer stands between the convolutions, so that the bounds hold"
    if norm == "none"
    else f"Its {norm} normalisation, which the bounds leave out, may make it steeper or flatter"
  )
  text = (
    f"{'With' if section.get('spectral_norm', False) else 'Without'} spectral normalisation "
    f"{'; '.join(told)} (gradient of the mean logit times the root of their number). {between}."
  )
  return Finding(figure, rows, text)


def used_kernel(params, collections, name: str) -> Array:
  """A convolution's kernel as the network uses it.

  Args:
    params: of the discriminator.
    collections: of the discriminator; the vectors of spectral normalisation are in "spectral".
    name: of the convolution.

  Returns:
    [height, width, in, out], divided by its estimated norm where the layer is normalised.
  """
  kernel = params[name]["kernel"]
  spectral = collections.get("spectral", {})
  if name not in spectral:
    return kernel
  norm, _ = power_iteration(kernel_matrix(kernel), spectral[name]["left_vector"])
  return kernel / norm


@functools.partial(jax.jit, static_argnums=1)
def _exact_norm(kernel: Array, stride: int) -> Array:
  return convolution_norm(kernel, (SIZE, SIZE), stride=stride)


def _steepness(function, pictures: np.ndarray) -> Array:
  return jax.jit(functools.partial(gradient_norms, function))(jnp.asarray(pictures))


def _draw_ratios(axes, constants, num_kernels: int, draws: np.random.Generator):
  """Exact norm over reshaped norm; returns the rows and the worst ratio per stride."""
  noise = draws.standard_normal((num_kernels, 4, 4, 8, 8)).astype(np.float32)
  kernels = np.stack([np.float32(share) + np.float32(1.0 - share) * noise for share in constants])

  def norms(kernel: Array) -> dict[int, tuple[Array, Array, Array]]:
    return {
      stride: (
        *convolution_norm_bounds(kernel, stride=stride),
        convolution_norm(kernel, (SIZE, SIZE), stride=stride),
      )
      for stride in (1, 2)
    }

  measured = jax.jit(jax.vmap(jax.vmap(norms)))(kernels)
  rows, worst = [], {}
  for stride, color in ((1, BLUE), (2, RED)):
    low, high, exact = map(np.asarray, measured[stride])
    upper, ratios = high / low, exact / low
    for share, some, bounds in zip(constants, ratios, upper, strict=True):
      axes.plot(np.full(num_kernels, share), some, "o", color=color, fillstyle="none")
      rows += [
        _row(f"stride {stride}", f"share of ones {share:g}", lower=1.0, measured=ratio, upper=bound)
        for ratio, bound in zip(some, bounds, strict=True)
      ]
    worst[stride] = float(ratios[-1].max())
    bound = float(upper[0, 0])
    axes.axhline(bound, color=color, label=f"upper bound, stride {stride}")
    axes.plot([], [], "o", color=color, fillstyle="none", label=f"exact norm, stride {stride}")
  axes.axhline(1.0, color=BLACK, label="lower bound")
  axes.set(xlabel="share of an all-ones kernel in a random 4 × 4 one", ylim=(0.8, 6.2))
  axes.set_ylabel("norm / reshaped kernel's norm")
  axes.set_title("a convolution is up to 4 times its reshaped kernel")
  axes.legend(loc="upper center", ncols=2, fontsize=7.5)
  return rows, worst


def _draw_iterations(axes, iterations, num_matrices: int, draws: np.random.Generator):
  """Estimate over norm; the line is the mean of what the singular vectors say."""
  exact = draws.standard_normal((num_matrices, 64, 1024))
  starts = draws.standard_normal((num_matrices, 64))
  # The left singular vectors, largest value first.
  squares, left = np.linalg.eigh(exact @ exact.swapaxes(1, 2))
  left, norms = left[:, :, ::-1], np.sqrt(squares[:, -1])
  values = np.sqrt(squares[:, ::-1]) / norms[:, None]
  shares = np.square(np.einsum("kij,ki->kj", left, starts))
  counts = np.arange(1, max(iterations) + 1)
  powers = shares[:, None] * values[:, None] ** (4 * counts[:, None] - 2)
  line = np.sqrt((powers * values[:, None] ** 2).sum(-1) / powers.sum(-1)).mean(0)
  axes.plot(counts, line, color=BLUE, label="mean, from the singular vectors")

  matrices, vectors = exact.astype(np.float32), starts.astype(np.float32)
  rows, means = [], []
  iterate = jax.jit(jax.vmap(power_iteration))
  for count in counts:
    estimates, vectors = iterate(matrices, vectors)
    if count not in iterations:
      continue
    ratios = np.asarray(estimates) / norms
    axes.plot(np.full(num_matrices, count), ratios, "o", color=BLUE, fillstyle="none")
    means.append(float(ratios.mean()))
    said = float(line[count - 1])
    rows.append(
      _row("power iteration", f"{count} iterations", closed_form=said, measured=means[-1])
    )
  axes.plot([], [], "o", color=BLUE, fillstyle="none", label="power iteration, each start")
  axes.axhline(1.0, color=BLACK, linestyle=":")
  axes.set(xscale="log", xlabel="power iterations", ylabel="estimate / norm")
  axes.set_title("the estimate is never above the norm")
  axes.legend(loc="lower right")
  return rows, means[0], means[-1]


def _draw_network(axes, draws: np.random.Generator):
  """Bound and norms of the first layers of a normalised PatchGAN-70."""
  network = PatchDiscriminator(num_layers=3, features=8, norm="none")
  layers = network.layers
  image, key = jnp.ones((1, 64, 64, 3)), jax.random.key(0)
  shapes = jax.eval_shape(lambda: network.init(key, image, train=True))["params"]
  places = np.arange(1, len(layers) + 1)
  bounds = [lipschitz_bound(layers[:count]) for count in places]
  axes.plot(places, bounds, color=BLACK, label="bound")
  measure = jax.jit(
    lambda params: operator_norm(
      lambda point: cast(Array, network.apply({"params": params}, point, train=True)),
      image,
      key,
      num_steps=40,
    )
  )
  rows, steepest = [], {}
  strides = [layer.stride for layer in layers]
  norms = jax.jit(
    lambda kernels: [_exact_norm(k, s) for k, s in zip(kernels, strides, strict=True)]
  )
  for name, color in (("all-ones kernels", RED), ("random kernels", BLUE)):
    kernels = {}
    for layer, leaves in shapes.items():
      shape = leaves["kernel"].shape
      kernel = np.ones(shape) if name == "all-ones kernels" else draws.standard_normal(shape)
      kernel = kernel / np.linalg.norm(kernel.reshape(-1, shape[-1]), 2)
      kernels[layer] = jnp.asarray(kernel, jnp.float32)
    products = np.cumprod(np.asarray(norms(list(kernels.values()))))
    params = {
      n: {
        leaf: kernels[n] if leaf == "kernel" else np.zeros(like.shape, np.float32)
        for leaf, like in shapes[n].items()
      }
      for n in shapes
    }
    steepest[name] = float(measure(params))
    axes.plot(places, products, "o", color=color, label=f"{name}: product of exact norms")
    label = f"{name}: the network's Jacobian"
    axes.plot(places[-1:], [steepest[name]], "s", color=color, fillstyle="none", label=label)
    rows += [
      _row("PatchGAN-70", f"{name}, {place} layers", lower=1.0, measured=product, upper=bound)
      for place, product, bound in zip(places, products, bounds, strict=True)
    ]
    rows.append(_row("PatchGAN-70", f"{name}, Jacobian", measured=steepest[name], upper=bounds[-1]))
  axes.axhline(1.0, color=BLACK, linestyle=":", linewidth=0.8)
  axes.set(yscale="log", xticks=places, xlabel="convolutions", ylabel="Lipschitz constant")
  axes.set_ylim(None, 2e4)
  axes.set_title(f"normalised PatchGAN-70: up to {bounds[-1]:g}, not 1")
  axes.legend(loc="upper left", fontsize=7.5)
  return rows, bounds[-1], steepest["all-ones kernels"]


def _row(
  what: str,
  where: str,
  *,
  lower: float = math.nan,
  closed_form: float = math.nan,
  measured: float = math.nan,
  upper: float = math.nan,
) -> dict[str, str | float]:
  values = {"lower": lower, "closed_form": closed_form, "measured": measured, "upper": upper}
  return {"of": what, "where": where, **{name: float(value) for name, value in values.items()}}

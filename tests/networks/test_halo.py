"""Images whose rows are split over devices are padded as whole ones are."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.networks.antialiasing import blur_double, blur_halve
from imtrans.networks.convolution import convolve, transposed_convolve
from imtrans.networks.direct import direct_convolve, phased_transposed
from imtrans.networks.halo import apply_padded, num_row_shards, reflect_pad
from imtrans.networks.normalization import batch_norm, instance_norm
from imtrans.training.collectives import list_collectives
from imtrans.training.mesh import batch_sharding, make_mesh, on_mesh, replicated


def _random(*shape, seed=0):
  return jax.random.normal(jax.random.key(seed), shape)


def _reflected(images, kernel):
  valid = functools.partial(direct_convolve, stride=1, padding=0)
  return apply_padded(valid, images, kernel, padding=kernel.shape[0] // 2)


def _halved(images, kernel):
  """A 3x3 convolution of stride two, the border repeated."""
  stride = functools.partial(direct_convolve, stride=2, padding=0)
  return apply_padded(stride, images, kernel, padding=1, mode="edge")


def _by_numpy(images, kernel, stride, mode):
  padding = kernel.shape[0] // 2
  sides = ((0, 0), (padding, padding), (padding, padding), (0, 0))
  padded = jnp.asarray(np.pad(images, sides, mode=mode))
  return direct_convolve(padded, kernel, stride=stride, padding=0)


def _on(shape, function, images, kernel):
  """Value, both gradients and collectives of a function on a mesh."""
  mesh = make_mesh(shape)
  images = jax.device_put(images, batch_sharding(mesh))
  kernel = jax.device_put(kernel, replicated(mesh))

  def loss(images, kernel):
    outputs = function(images, kernel)
    return jnp.sum(jnp.sin(outputs)), outputs

  run = jax.jit(on_mesh(mesh, jax.grad(loss, argnums=(0, 1), has_aux=True)))
  compiled = run.lower(images, kernel).compile()
  gradients, outputs = compiled(images, kernel)
  return outputs, *gradients, list_collectives(compiled.as_text())


@pytest.mark.parametrize("shape", [(2, 2), (1, 4)])
@pytest.mark.parametrize(
  ("function", "size", "stride", "mode"),
  [(_reflected, 3, 1, "reflect"), (_reflected, 7, 1, "reflect"), (_halved, 3, 2, "edge")],
)
def test_split_rows_are_convolved_as_whole_images_are(function, size, stride, mode, shape):
  images, kernel = _random(2, 16, 5, 3), _random(size, size, 3, 4, seed=1)
  *got, collectives = _on(shape, function, images, kernel)
  expected = _by_numpy(images, kernel, stride, mode)
  np.testing.assert_allclose(got[0], expected, atol=1e-4)
  _, *whole, _ = _on((4, 1), function, jnp.repeat(images, 2, 0), kernel)
  # The reference has every image twice: the same gradient for each, twice that of the kernel.
  np.testing.assert_allclose(got[1], whole[0][::2], atol=1e-4)
  np.testing.assert_allclose(2 * got[2], whole[1], rtol=1e-4, atol=1e-4)
  # There and back, from above and from below; one reduction of the kernel's gradient.
  kinds = [collective.kind for collective in collectives]
  assert kinds.count("collective-permute") == 4 and kinds.count("all-reduce") == 1
  assert len(kinds) == 5


def _end_of_a_patch(images, kernel, *, by=convolve):
  """Two kernels of four, each of which makes a row less."""
  return by(by(images, kernel, stride=1, padding=1), kernel, stride=1, padding=1)


def _padded_by_two(images, kernel, *, by=convolve):
  """As in pix2pixHD: a strided kernel makes a row more than half, the next a row more."""
  return by(by(images, kernel, stride=2, padding=2), kernel, stride=1, padding=2)


def _not_padded(images, kernel, *, by=convolve):
  """Three rows less."""
  return by(images, kernel, stride=1, padding=0)


def _halved_to_nothing(images, kernel, *, by=convolve):
  """Down to a row or two, fewer than there are devices."""
  for _ in range(2):
    images = by(images, kernel, stride=2, padding=1)
  return images


def _doubled_from_little(images, kernel, *, by=convolve):
  """From two rows, and then from four."""
  double = phased_transposed if by is direct_convolve else transposed_convolve
  images = by(by(images, kernel, stride=2, padding=1), kernel, stride=2, padding=1)
  return double(double(images, kernel, padding=1), kernel, padding=1)


@pytest.mark.parametrize("shape", [(2, 2), (1, 4)])
@pytest.mark.parametrize(
  ("function", "height"),
  [
    (_end_of_a_patch, 4),
    *itertools.product(
      [_end_of_a_patch, _padded_by_two, _not_padded, _halved_to_nothing, _doubled_from_little],
      [8, 12],
    ),
  ],
)
def test_rows_that_no_mesh_divides_evenly_are_not_gathered(function, shape, height):
  images, kernel = _random(2, height, 6, 16), 0.1 * _random(4, 4, 16, 16, seed=1)

  def run(images, kernel, *, by=convolve):
    outputs = function(images, kernel, by=by)
    # What leaves a program is of equal parts.
    return jnp.pad(outputs, ((0, 0), (0, -outputs.shape[1] % 4), (0, 0), (0, 0)))

  *got, collectives = _on(shape, run, images, kernel)
  by_xla = functools.partial(run, by=direct_convolve)
  expected, pull_back = jax.vjp(by_xla, images, kernel)
  for one, other in zip(got, (expected, *pull_back(jnp.cos(expected))), strict=True):
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
  assert {collective.kind for collective in collectives} == {"all-reduce", "collective-permute"}
  if function is _end_of_a_patch:
    borders = [c.num_bytes for c in collectives if c.kind == "collective-permute"]
    assert max(borders) <= images[:, :2].nbytes  # Two rows, as far as such a kernel reaches.


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(
  ("size", "stride", "padding"),
  [(1, 1, 0), (1, 1, 1), (1, 2, 0), (2, 2, 0), (3, 2, 1), (4, 4, 0), (5, 1, 2), (5, 3, 1)],
)
def test_kernels_of_any_size_and_stride(size, stride, padding, batch):
  """Those that see no row of a neighbour too, and a batch that devices cannot divide."""
  images, kernel = _random(batch, 10, 9, 3), _random(size, size, 3, 4, seed=1)
  for shape in ((2, 2), (1, 4)):
    mesh = make_mesh(shape)

    def loss(images, kernel, *, by):
      outputs = by(images, kernel, stride=stride, padding=padding)
      return jnp.sum(jnp.sin(outputs)), outputs

    run, reference = (
      jax.grad(functools.partial(loss, by=by), argnums=(0, 1), has_aux=True)
      for by in (convolve, direct_convolve)
    )
    given = jax.device_put((images, kernel), replicated(mesh))
    for one, other in zip(
      jax.tree.leaves(jax.jit(on_mesh(mesh, run))(*given)),
      jax.tree.leaves(reference(images, kernel)),
      strict=True,
    ):
      np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_split_rows_are_blurred_as_whole_images_are():
  images, mesh = _random(2, 16, 6, 3), make_mesh((1, 4))

  def blurred(images):
    return blur_double(blur_halve(images))

  compiled = jax.jit(on_mesh(mesh, blurred)).lower(jax.device_put(images, batch_sharding(mesh)))
  compiled = compiled.compile()
  outputs = compiled(jax.device_put(images, batch_sharding(mesh)))
  np.testing.assert_allclose(outputs, blurred(images), atol=1e-6)
  kinds = {collective.kind for collective in list_collectives(compiled.as_text())}
  assert kinds == {"collective-permute"}
  with pytest.raises(ValueError, match=r"of 12 rows cannot be halved on 4 device\(s\)"):
    jax.eval_shape(on_mesh(mesh, blur_halve), images[:, :12])


def test_a_kernel_as_large_as_its_images_is_summed():
  images, kernel = _random(2, 4, 4, 3), _random(4, 4, 3, 5, seed=1)
  *got, collectives = _on((1, 4), convolve, images, kernel)
  expected, pull_back = jax.vjp(
    lambda *given: direct_convolve(*given, stride=1, padding=0), images, kernel
  )
  for one, other in zip(got, (expected, *pull_back(jnp.cos(expected))), strict=True):
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
  # Every device has a part of the kernel's gradient.
  others = [c for c in collectives if c.kind != "all-reduce"]
  assert {shape for c in others for shape in c.shapes} <= {"f32[4,4,3,5]"}


def test_an_image_alone_is_split_by_rows_alone():
  images, kernel = _random(2, 8, 5, 3), _random(3, 3, 3, 4, seed=1)
  outputs, _, gradient, _ = _on((2, 2), lambda x, w: _reflected(x[:1], w), images, kernel)
  expected, pull_back = jax.vjp(lambda w: _by_numpy(images[:1], w, 1, "reflect"), kernel)
  np.testing.assert_allclose(outputs, expected, atol=1e-4)
  np.testing.assert_allclose(gradient, pull_back(jnp.cos(expected))[0], rtol=1e-4, atol=1e-4)


def test_plain_padding_is_that_of_numpy_and_knows_no_mesh():
  images = _random(1, 4, 5, 2)
  sides = ((0, 0), (2, 2), (2, 2), (0, 0))
  np.testing.assert_array_equal(reflect_pad(images, 2), np.pad(images, sides, mode="reflect"))
  assert num_row_shards() == 1
  mesh = make_mesh((2, 2))
  assert on_mesh(mesh, num_row_shards)() == 2
  assert on_mesh(make_mesh((4, 1)), num_row_shards)() == 1
  assert num_row_shards() == 1


def test_program_of_one_device_does_not_know_of_halos():
  images, kernel = _random(1, 8, 8, 2), _random(3, 3, 2, 2)

  def padded_then_convolved(images, kernel):
    return direct_convolve(reflect_pad(images, 1), kernel, stride=1, padding=0)

  texts = [
    jax.jit(function).lower(images, kernel).as_text().replace(function.__name__, "")
    for function in (padded_then_convolved, _reflected)
  ]
  assert texts[0] == texts[1]


@pytest.mark.parametrize(("height", "size"), [(8, 7), (6, 3), (4, 3)])
def test_rows_that_cannot_be_reflected_are_refused(height, size):
  images, kernel = jnp.zeros((1, height, 8, 1)), jnp.zeros((size, size, 1, 1))
  run = on_mesh(make_mesh((1, 4)), _reflected)
  with pytest.raises(ValueError, match=rf"of {height} rows cannot be split over 4 devices"):
    jax.eval_shape(run, images, kernel)


@pytest.mark.parametrize("height", [8, 7])  # Seven rows: the last device has one fewer.
@pytest.mark.parametrize("norm", [instance_norm, lambda images: batch_norm(images)[0]])
def test_statistics_of_split_rows_are_reduced_and_not_gathered(norm, height):
  images, mesh = _random(2, 8, 6, 3), make_mesh((2, 2))

  def cropped(images):
    outputs = norm(images[:, :height])
    # Arrays that leave a program must be of equal parts, or they are gathered for that.
    return jnp.pad(outputs, ((0, 0), (0, 8 - height), (0, 0), (0, 0)))

  split = jax.device_put(images, batch_sharding(mesh))
  compiled = jax.jit(on_mesh(mesh, cropped)).lower(split).compile()
  np.testing.assert_allclose(compiled(split)[:, :height], norm(images[:, :height]), atol=1e-5)
  kinds = {collective.kind for collective in list_collectives(compiled.as_text())}
  assert "all-reduce" in kinds and kinds <= {"all-reduce", "collective-permute"}

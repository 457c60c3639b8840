import numpy as np
import pytest
from skimage import feature

from imtrans.data.lines import canny, hysteresis, pencil, soft_edges


def disc(size=64, radius=20, inside=1.0, outside=0.0):
  rows, columns = np.indices((size, size)) - (size - 1) / 2
  image = np.where(np.hypot(rows, columns) < radius, inside, outside)
  return image.astype(np.float32)[:, :, None]


def shapes():
  """A disc, a tilted edge, a bar and a soft ramp, of several contrasts."""
  image = 0.5 * disc(96, 25) + 0.2
  rows, columns = np.indices((96, 96))
  image[rows > 70 + columns // 5] = 0.9
  image[8:14, 10:80] = 0.0
  return image.astype(np.float32)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
@pytest.mark.parametrize("image", [disc(), shapes()], ids=["disc", "shapes"])
def test_canny_agrees_with_scikit_image(image, sigma):
  ours = canny(image, sigma=sigma, low=0.2, high=0.6)
  theirs = feature.canny(
    image[:, :, 0].astype(np.float64),
    sigma=sigma,
    low_threshold=0.2,
    high_threshold=0.6,
    mode="mirror",
  )
  assert theirs.sum() > 100
  # Where two pixels are equally strong, either is right.
  assert (ours & theirs).sum() / (ours | theirs).sum() > 0.95


def test_canny_draws_a_step_once_where_it_is():
  step = np.zeros((20, 20, 1), np.float32)
  step[:, 10:] = 1.0
  found = canny(step, sigma=1.0, low=0.5, high=1.0)
  assert found[1:-1].sum(1).tolist() == [1] * 18
  assert found[1:-1, 9:11].sum() == 18
  assert not found[0].any() and not found[:, 0].any()
  assert not canny(np.full((9, 9, 1), 0.4, np.float32), sigma=1.0, low=0.0, high=0.0).any()
  assert not canny(np.ones((2, 5, 1), np.float32), sigma=1.0, low=0.1, high=0.2).any()


def test_canny_begins_at_high_and_goes_on_at_low():
  # A step that fades from 1 to 0: found only where it is strong, or joined to that.
  step = np.zeros((60, 20, 1), np.float32)
  step[:, 10:, 0] = np.linspace(1.0, 0.0, 60)[:, None]
  strict = canny(step, sigma=1.0, low=1.0, high=1.0).any(1).sum()
  joined = canny(step, sigma=1.0, low=0.3, high=1.0).any(1).sum()
  assert 25 < strict < joined < 60
  assert not canny(step, sigma=1.0, low=0.3, high=4.0).any()


def test_hysteresis_follows_chains_in_all_directions():
  weak = np.zeros((7, 9), bool)
  chain = [(1, 1), (2, 2), (1, 3), (1, 4), (2, 5), (3, 5), (4, 4), (5, 4)]
  for place in chain:
    weak[place] = True
  weak[5, 7] = True  # Alone.
  strong = np.zeros_like(weak)
  strong[1, 1] = True
  found = hysteresis(weak, strong)
  assert sorted(zip(*np.nonzero(found), strict=True)) == sorted(chain)
  assert not hysteresis(weak, np.zeros_like(weak)).any()


def test_soft_edges_are_dark_on_the_dark_side_and_white_where_it_is_flat():
  drawn = soft_edges(disc(), sigma=1.0, strength=20.0)[:, :, 0]
  assert drawn.min() >= 0 and drawn.max() <= 1
  assert drawn[32, 32] > 0.999 and drawn[0, 0] > 0.999
  radius = np.hypot(*(np.indices((64, 64)) - 31.5))
  assert drawn[(radius > 20) & (radius < 21)].max() < 0.6
  weaker = soft_edges(disc(), sigma=1.0, strength=5.0)[:, :, 0]
  assert (weaker >= drawn - 1e-6).all() and weaker.mean() > drawn.mean()


def test_pencil_outlines_and_shades():
  def draw(image, seed=0, **options):
    options = {"sigma": 3.0, "darkness": 1.5, "shading": 0.4, "grain": 0.4, **options}
    return pencil(image, generator=np.random.default_rng(seed), **options)[:, :, 0]

  assert (draw(np.ones((9, 9, 1), np.float32)) > 0.999).all()  # White paper.
  flat = draw(np.full((64, 64, 1), 0.25, np.float32), grain=0.0)
  np.testing.assert_allclose(flat, 1 - 0.4 * 0.75, atol=1e-5)
  grained = draw(np.full((64, 64, 1), 0.25, np.float32))
  assert abs(grained.mean() - 0.7) < 0.02 and 0.06 < grained.std() < 0.16
  outlined = draw(disc(inside=0.3, outside=1.0), shading=0.0)
  assert outlined[32, 32] > 0.99 and outlined[2, 2] > 0.99 and outlined.min() < 0.6
  np.testing.assert_array_equal(draw(disc(), 5), draw(disc(), 5))
  assert np.abs(draw(disc(), 5) - draw(disc(), 6)).max() > 0.1

"""How every figure is called and shown, and which way is better: knowledge for tables and pages.

What a figure means and how it is made is said where it is computed, and in its protocol.
"""

from typing import NamedTuple


class Quantity(NamedTuple):
  """How a quantity is shown.

  name: as in metrics.json, without "eval/" or "baseline/": "l1", "fd_vgg16".
  title: for people: "L1 error", "FD (VGG16)".
  unit: "dB", or "" for a plain number.
  form: of `str.format`, for one value.
  larger_is_better: or else smaller is.
  """

  name: str
  title: str
  unit: str
  form: str
  larger_is_better: bool

  @property
  def arrow(self) -> str:
    """The direction in which it gets better: "↑" or "↓"."""
    return "↑" if self.larger_is_better else "↓"

  @property
  def heading(self) -> str:
    """Title, unit and arrow, such as "PSNR (dB) ↑"."""
    unit = f" ({self.unit})" if self.unit else ""
    return f"{self.title}{unit} {self.arrow}"

  def text(self, value: float) -> str:
    """Returns a value as text, without its unit."""
    return self.form.format(value)

  def is_better(self, value: float, than: float) -> bool:
    """Whether one value is better than another; equal ones are not, nor is NaN."""
    return value > than if self.larger_is_better else value < than


# (name, title, unit, form, larger is better), in the order of tables. A name that ends in "*" is a
# family: quantities named for what they compare, such as "fd_vgg16"; the rest of their name goes
# into brackets behind the title.
TABLE = tuple(
  Quantity(*row)
  for row in (
    ("l1", "L1 error", "", "{:.4f}", False),
    ("l2", "L2 error", "", "{:.4f}", False),
    ("psnr", "PSNR", "dB", "{:.2f}", True),
    ("ssim", "SSIM", "", "{:.4f}", True),
    ("ms_ssim", "MS-SSIM", "", "{:.4f}", True),
    ("lpips_*", "LPIPS", "", "{:.4f}", False),
    ("content_*", "content distance", "", "{:.4f}", False),
    ("fid", "FID", "", "{:.2f}", False),
    ("fd_*", "FD", "", "{:.2f}", False),
    ("kid", "KID", "", "{:.4f}", False),
    ("kd_*", "KD", "", "{:.4f}", False),
    ("sliced_wasserstein_*", "sliced Wasserstein", "", "{:.4f}", False),
    ("precision_*", "precision", "", "{:.3f}", True),
    ("recall_*", "recall", "", "{:.3f}", True),
    ("density_*", "density", "", "{:.3f}", True),
    ("coverage_*", "coverage", "", "{:.3f}", True),
    ("inception_score", "Inception score", "", "{:.2f}", True),
    ("histogram_intersection_*", "histogram intersection", "", "{:.3f}", True),
    ("diversity_*", "diversity", "", "{:.4f}", True),
    ("mode_fraction", "right answers found", "", "{:.3f}", True),
    ("mode_entropy", "evenness of answers", "", "{:.3f}", True),
    ("mode_error", "distance to the nearest answer", "", "{:.4f}", False),
    ("segmentation_pixel_accuracy", "per-pixel accuracy", "", "{:.3f}", True),
    ("segmentation_class_accuracy", "per-class accuracy", "", "{:.3f}", True),
    ("segmentation_class_iou", "class IoU", "", "{:.3f}", True),
    ("label_pixel_accuracy", "label accuracy per pixel", "", "{:.3f}", True),
    ("label_class_accuracy", "label accuracy per class", "", "{:.3f}", True),
    ("label_class_iou", "label IoU", "", "{:.3f}", True),
    ("reconstruction_error", "reconstruction error", "", "{:.4f}", False),
    ("quantized_error", "reconstruction error, 8 bit", "", "{:.4f}", False),
    ("noise_sensitivity", "noise sensitivity", "", "{:.3f}", False),
    ("segmentation_*", "segmentation", "", "{:.3f}", True),
  )
)
SUFFIXES = {
  "alexnet": "AlexNet",
  "alex": "AlexNet",
  "vgg16": "VGG16",
  "vgg": "VGG16",
  "inception": "Inception",
  "lpips_alex": "LPIPS, AlexNet",
  "lpips_vgg": "LPIPS, VGG16",
}

_RANKS = {entry.name: rank for rank, entry in enumerate(TABLE)}


def quantity(name: str) -> Quantity:
  """How a figure is shown.

  Args:
    name: of the figure, without "eval/" or "baseline/".

  Returns:
    The known quantity, or that of its family. An unknown name is made readable, and the smaller
    one counts as better.
  """
  known = _entry(name)
  if known is None:
    return Quantity(name, name.replace("_", " ").strip(), "", "{:.4g}", larger_is_better=False)
  if not known.name.endswith("*"):
    return known
  suffix = name.removeprefix(known.name[:-1])
  words = SUFFIXES.get(suffix, suffix.replace("_", " "))
  return known._replace(name=name, title=f"{known.title} ({words})")


def rank(name: str) -> int:
  """Returns the place of a figure in tables: the smallest first, unknown ones last."""
  known = _entry(name)
  return len(TABLE) if known is None else _RANKS[known.name]


def _entry(name: str) -> Quantity | None:
  """The line of the table that speaks of a name: its own, or that of its family."""
  if name in _RANKS:
    return TABLE[_RANKS[name]]
  families = (entry for entry in TABLE if entry.name.endswith("*"))
  return next((f for f in families if name.startswith(f.name[:-1]) and name != f.name[:-1]), None)

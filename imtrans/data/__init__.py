"""Images in, batches out: NumPy and Grain, no networks."""

from imtrans.data.arrays import ArrayDomain, MappedDomain, from_arrays
from imtrans.data.dataset import Dataset, Domain
from imtrans.data.evaluation import evaluation_batches
from imtrans.data.images import EXTENSIONS, ImageError, read_image, write_image
from imtrans.data.pipeline import paired_batches, unpaired_batches
from imtrans.data.sources import SOURCES, open_dataset
from imtrans.data.specs import ImageSpec, denormalize, image_spec, normalize
from imtrans.data.tasks import TASK_NAMES, TASKS, make_task, open_task

__all__ = [
  "EXTENSIONS",
  "SOURCES",
  "TASKS",
  "TASK_NAMES",
  "ArrayDomain",
  "Dataset",
  "Domain",
  "ImageError",
  "ImageSpec",
  "MappedDomain",
  "denormalize",
  "evaluation_batches",
  "from_arrays",
  "image_spec",
  "make_task",
  "normalize",
  "open_dataset",
  "open_task",
  "paired_batches",
  "read_image",
  "unpaired_batches",
  "write_image",
]

"""To which domain a run translates, where it knows several, and in whose style."""

import numpy as np
from numpy.typing import ArrayLike

from imtrans.data import normalize
from imtrans.data.classes import class_index, with_class
from imtrans.data.transforms import resize
from imtrans.evaluation.translation.pictures import prepared
from imtrans.evaluation.translation.translator import Translator
from imtrans.methods import find_method
from imtrans.methods.method import EXAMPLE
from imtrans.training.input import has_domains


def wanted_domain(translator: Translator, name: str | None) -> int | None:
  """The domain that a user names.

  Args:
    translator: of a run.
    name: of a domain, or its number; None for no name.

  Returns:
    Its number; None for a run that does not translate among domains.

  Raises:
    ValueError: for a name that there is not, a run without domains, or one that needs a name.
  """
  spec = translator.source_spec()
  if not has_domains(translator.run.config) or spec.classes is None:
    if name is not None:
      raise ValueError("this run has one domain to translate to: leave --domain out.")
    return None
  if name is None:
    raise ValueError(f"this run translates to {', '.join(spec.classes)}: name one with --domain.")
  return class_index(name, spec.classes)


def towards(translator: Translator, picture: np.ndarray, domain: int | None) -> np.ndarray:
  """Makes a source of a picture: puts the plane of the domain that is wanted behind its channels.

  Args:
    translator: of a run.
    picture: [height, width, channels], of the type of the run's pictures; grey for RGB too.
    domain: of `wanted_domain`; None leaves the picture as it is.

  Returns:
    [height, width, channels + 1].

  Raises:
    ValueError: for a picture of other channels or type.
  """
  if domain is None:
    return picture
  spec, wanted = translator.source_spec(), translator.target_spec()
  if picture.dtype.name != spec.dtype:
    raise ValueError(
      f"the run was trained on {spec.dtype} pictures, this one holds {picture.dtype.name}: convert "
      "it."
    )
  batch, _ = prepared(picture, wanted)
  return with_class(batch[0], domain, spec)


def in_style_of(
  translator: Translator, picture: ArrayLike, direction: str | None = None
) -> Translator:
  """A run whose translations take the style of a picture, in place of one that is drawn.

  Args:
    translator: of a run whose method finds styles in pictures.
    picture: [height, width, channels] of any size, a member of the domain that is wanted.
    direction: of the translations, "ab" or "ba"; None for the one that the run is about.

  Returns:
    The same run for use with this picture.

  Raises:
    ValueError: for another run, or a picture that `Translator.translate` would not take.
  """
  config = translator.run.config
  if not find_method(config.method.name).styles:
    raise ValueError("this run takes no style from a picture: leave --style out.")
  batch, stored = prepared(np.asarray(picture), translator.target_spec(direction))
  side = config.data.crop_size
  example = normalize(resize(batch[0], side, side), stored)
  return Translator(translator.run._replace(extras={**translator.run.extras, EXAMPLE: example}))

"""The analyses: one file per claim, on paper with `imtrans.theory` and on a trained run.

Each module here has `on_paper(...)`, closed form beside simulation, and, where the claim can be
seen in a trained model, `on_run(run)`; both return a `Finding`. `imtrans analyze` writes them.
"""

import importlib
from types import ModuleType

# Names and what each shows, so that a list of them needs no import of jax.
ANALYSES = {
  "bilinear_game": "simultaneous updates spiral outward, alternating ones turn, others come in",
  "dirac_gan": "a gradient penalty or noise on the images lets a GAN come to rest",
  "spectral_norm": "spectral normalisation bounds a discriminator's slope, though not by one",
  "normalized_game": "a normalised discriminator is slower, and the game still goes round",
  "loss_and_noise": "the L1 weight is an assumption about noise: it fits best at √(2/π) σ",
  "many_answers": "of several right answers L2 predicts the mean, L1 the median, a GAN the mode",
  "patches": "a patch must be longer than what is correlated, and short enough to be many",
  "cycles": "a linear cycle is principal components, and cannot see which code is used",
  "hidden_messages": "an invisible message closes a cycle, and small noise destroys it",
  "soft_threshold": "the identity loss cancels small colour shifts and shortens large ones",
  "instance_norm": "instance normalisation erases shift and contrast, but neither sign nor hue",
  "adaptation": "the error on a target domain is bounded by how well the domains are told apart",
  "transport": "entropy, cycle penalties and translations seen as optimal transport",
  "optimal_discriminator": "the best discriminator's loss measures a Jensen-Shannon divergence",
}


def find_analysis(name: str) -> ModuleType:
  """The module of an analysis.

  Args:
    name: one of `ANALYSES`.

  Returns:
    A module with `on_paper` and maybe `on_run`.

  Raises:
    ValueError: for another name, listing the known ones.
  """
  if name not in ANALYSES:
    raise ValueError(f"unknown analysis {name!r}: choose among {', '.join(ANALYSES)}.")
  return importlib.import_module(f"{__name__}.{name}")

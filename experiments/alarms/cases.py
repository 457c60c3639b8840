"""The runs of the study: healthy ones, and for each alarm one that was made to fail that way."""

from typing import NamedTuple

# Changes of the :tiny variants (16 pixels, four features), so that a run takes seconds. The rate
# is that of pix2pix_openmoji:cpu: small networks, few steps.
SHORT = (
  *("num_steps=1000", "log_every=20", "diagnose_every=20", "batch_size=8"),
  *("sample_every=0", "eval_every=0", "save_every=0", "optimizer.learning_rate=0.002"),
)


class Case(NamedTuple):
  """One run.

  config: a file from the root of the repository; its :tiny variant is meant.
  changes: of the config, as `imtrans train` takes them after "--config."; later ones count.
  alarms: the rules that must speak; none for a healthy run, in which no rule may.
  why: what is wrong with it.
  """

  config: str
  changes: tuple[str, ...]
  alarms: tuple[str, ...]
  why: str


def _pix2pix(alarms: tuple[str, ...], why: str, *changes: str) -> Case:
  small = (*SHORT, "generator.num_levels=2", *changes)
  return Case("configs/pix2pix_openmoji.py", small, alarms, why)


CASES = {
  "healthy_pix2pix": _pix2pix((), "nothing"),
  "healthy_cyclegan": Case(
    "configs/cyclegan_openmoji.py", (*SHORT, "generator.num_blocks=0"), (), "nothing"
  ),
  # Both live on a discriminator that is right little more often than not.
  "healthy_cut": Case("configs/cut_openmoji.py", (*SHORT, "num_steps=2000"), (), "nothing"),
  "healthy_bicyclegan": Case(
    "configs/bicyclegan_openmoji.py", (*SHORT, "num_steps=2000"), (), "nothing"
  ),
  "won": _pix2pix(
    ("discriminator has won",),
    "a large discriminator against a tiny generator that follows L1",
    *("generator.features=1", "method.adversarial_weight=0.001"),
    *("discriminator.features=32", "discriminator.num_layers=2"),
  ),
  "weak": _pix2pix(
    ("discriminator has lost", "outputs collapsed"),
    "a discriminator of two small convolutions, and no L1",
    *("discriminator.features=1", "discriminator.num_layers=0", "method.l1_weight=0.0"),
    "num_steps=2000",
  ),
  "saturated": _pix2pix(
    ("generator does not learn", "players out of balance"),
    "steps so long that the generator's tanh saturates",
    *("optimizer.learning_rate=3.0",),
  ),
  "noise": _pix2pix(
    ("noise ignored",),
    "L1 alone asks for one answer, so a latent code has nothing to do",
    *("method.adversarial_weight=0.0", "num_steps=5000"),
    *("optimizer.schedule=cosine", "optimizer.decay_start=200"),
  )._replace(config="experiments/alarms/latent.py"),
  "back": _pix2pix(
    ("updates turn back",),
    "steps of one length, whatever the gradient's, and without momentum",
    *("optimizer.b1=0.0", "optimizer.b2=0.0", "optimizer.learning_rate=0.03"),
  ),
  "round": _pix2pix(
    ("game goes round",),
    "adversarial loss alone, with long steps and much momentum",
    *("method.l1_weight=0.0", "optimizer.b1=0.9", "optimizer.learning_rate=0.01"),
    *("discriminator.num_layers=0",),
  ),
  "growing": _pix2pix(
    ("kernels grow",),
    "a critic without any bound, and a generator that follows L1 instead",
    *("method.adversarial=wasserstein", "discriminator.norm=none"),
    *("method.adversarial_weight=0.001", "optimizer.learning_rate=0.01"),
  ),
}

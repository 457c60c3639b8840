# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Read the diagnostics
#
# Adversarial training fails in a few ways that the losses do not show. Every so many steps a run
# looks at itself, and a rule book says in plain words what is wrong. Here are two small runs, one
# of them broken on purpose.

# %%
REPOSITORY = "https://github.com/YOUR_NAME/imtrans"  # Put the address of your copy here.

import subprocess
import sys
from pathlib import Path

# Beside the notebook where that lies in a clone, else (in Colab) in a clone that is made here.
places = [Path(".."), Path("."), Path("imtrans-clone")]
root = next((place for place in places if (place / "imtrans" / "__init__.py").exists()), None)
if root is None:
  root = places[-1]
  subprocess.run(["git", "clone", "--depth", "1", REPOSITORY, str(root)], check=True)
sys.path.append(str(root.resolve()))  # What is installed is found by itself from next time on.
# %pip install --quiet --editable {root}

# %%
import tempfile
from pathlib import Path

import numpy as np

import imtrans
from imtrans.commands.configuration import load_config
from imtrans.training.input import open_data
from imtrans.training.journal import LOG, read_log
from imtrans.training.loop import train

CONFIG = Path(imtrans.__file__).parent.parent / "configs" / "pix2pix_openmoji.py"
SHORT = ("num_steps=400", "log_every=20", "diagnose_every=20", "optimizer.learning_rate=0.002")
SILENT = ("eval_every=0", "sample_every=0", "save_every=0")


def run(*changes):
  """Trains a toy and returns its log."""
  overrides = [f"--config.{change}" for change in (*SHORT, *SILENT, *changes)]
  config = load_config(f"{CONFIG}:tiny", overrides)
  workdir = Path(tempfile.mkdtemp())
  data = open_data(config, "train")
  train(config, workdir, data, evaluate=lambda _: {}, sample=lambda _: np.zeros((1, 1, 3)))
  return read_log(workdir / LOG)


healthy = run()

# %% [markdown]
# The second run has neither the L1 term nor the loss that pix2pix gives its generator: with the
# original minimax loss, log(1 - D), a generator gets no gradient from a discriminator that is sure.

# %%
failing = run("method.adversarial=minimax", "method.l1_weight=0.0")

# %%
from imtrans.analyses.finding import BLUE, RED, new_figure

panels_of = {
  "discriminator/accuracy": "discriminator's accuracy (share)",
  "diagnostics/generator_gradient": "length of the generator's gradient",
  "diagnostics/source_spread": "spread of outputs (real pictures: 1)",
  "diagnostics/update_cosine": "cosine of successive updates",
}
figure, panels = new_figure(columns=2, rows=2, width=4.4, height=3.0)
for panel, (name, title) in zip(panels.flat, panels_of.items(), strict=True):
  for records, color, label in ((healthy, BLUE, "healthy"), (failing, RED, "failing")):
    points = [(record["step"], record[name]) for record in records if name in record]
    panel.plot(*zip(*points, strict=True), ".-", color=color, label=label)
  panel.set(xlabel="step", ylabel=title)
panels[0, 1].set_yscale("log")
panels[0, 0].legend()
figure

# %% [markdown]
# What the rule book says of the two logs. The same sentences appear while a run trains, and in its
# gallery.

# %%
import textwrap

from imtrans.training.rules import RULES, alarms

for name, records in (("healthy", healthy), ("failing", failing)):
  print(f"{name}: {len(alarms(records))} alarms")
  for alarm in alarms(records):
    print(textwrap.fill(f"step {alarm.step}: {alarm.text}", 100, initial_indent="  "))

# %% [markdown]
# What each alarm means:
#
# * *discriminator has won*: it is right about every patch, so its gradient hardly says what to
#   change.
# * *discriminator has lost*: it guesses. The pictures are perfect, or it is too weak.
# * *generator does not learn*: its gradient is gone, by saturated losses or saturated outputs.
# * *players out of balance*: one gradient is suddenly a hundred times what it was beside the other.
# * *outputs collapsed*: different sources give nearly the same picture.
# * *noise ignored*: G(x, z) does not depend on z. A note, not a failure: L1 asks for one answer.
# * *updates turn back*: each step undoes the one before, so it is too long.
# * *game goes round*: the accuracy swings between winning and chance, as in the bilinear game.
# * *kernels grow*: the discriminator becomes ever steeper; nothing bounds it.
#
# Each has a quantity in the log that it watches, and a remedy:

# %%
for rule in RULES:
  print(f"{rule.name:26}{rule.quantity:34}{rule.remedy}")

# %% [markdown]
# **Exercise.** A run logs the discriminator's accuracy every 50 steps: 0.9 at steps 50 and 100,
# then 1.00 for ever. When does the rule book speak? It wants five records over at least 200 steps.

# %%
values = [0.9, 0.9, *[1.0] * 8]
records = [{"step": 50 * (i + 1), "discriminator/accuracy": v} for i, v in enumerate(values)]
(alarm,) = alarms(records)
print(f"Answer: at step {alarm.step}: {alarm.text}")

# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Train pix2pix on OpenMoji
#
# Line drawings go in, colour pictures come out. A generator is trained by the distance from the
# artist's picture (L1) and by a discriminator that judges patches. The variant "cpu" takes minutes
# on two cores; "tiny" is two steps of a toy, to see that everything works.

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
import os
import tempfile
from pathlib import Path

import imtrans
from imtrans.commands.configuration import load_config
from imtrans.training.input import open_data

variant = os.environ.get("IMTRANS_VARIANT", "cpu")
workdir = Path(tempfile.mkdtemp()) / "pix2pix"  # Name a folder of your own to keep the run.
configs = Path(imtrans.__file__).parent.parent / "configs"
config = load_config(f"{configs}/pix2pix_openmoji.py:{variant}", ["--config.eval_every=0"])
side, count = config.data.crop_size, config.batch_size
print(f"{config.num_steps} steps of {count} pictures of {side} x {side} pixels")

# %% [markdown]
# Six held-out drawings are translated now and then while the model trains. The training is one
# call: it writes checkpoints, a log and these pictures into the workdir, and called again on the
# same workdir it would go on where it stopped.

# %%
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.pages.previews import contact_sheet
from imtrans.evaluation.pages.sheets import sample_rows
from imtrans.evaluation.translation.generators import preprocessing, trained_generators
from imtrans.training.loop import train

pictures = EvaluationSet(open_data(config, "test"), **preprocessing(config))
sheets, last = {}, None


def sample(snapshot):
  """Translates the drawings by the generator as it is now; rows of source, output, target."""
  global last
  last = trained_generators(config, snapshot.method, snapshot.generator_params, snapshot.extras)
  sheets[snapshot.step] = contact_sheet(sample_rows(last, pictures, count=6))
  return sheets[snapshot.step]


config = config.unlock()
config.sample_every = max(config.num_steps // 60, 1)
train(config.lock(), workdir, open_data(config, "train"), evaluate=lambda _: {}, sample=sample)

# %% [markdown]
# First steps beside the end: drawing, translation, the artist's picture.

# %%
from imtrans.analyses.finding import new_figure

figure, (panels,) = new_figure(columns=2, width=3.2, height=6.0)
for panel, step in zip(panels, (min(sheets), max(sheets)), strict=True):
  panel.imshow(sheets[step])
  panel.set(title=f"after step {step}", xticks=[], yticks=[])
figure

# %% [markdown]
# The curves. L1 falls; the discriminator's accuracy should stay between a coin (0.5) and certainty
# (1): at both ends it teaches nothing.

# %%
from imtrans.training.journal import LOG, read_log

records = [record for record in read_log(workdir / LOG) if "generator/l1" in record]
steps = [record["step"] for record in records]
figure, (panels,) = new_figure(columns=3, width=3.8)
titles = {
  "generator/l1": "mean |output - target| (values in [-1, 1])",
  "generator/adversarial": "generator's adversarial loss (nats)",
  "discriminator/accuracy": "discriminator's accuracy (share)",
}
for panel, (name, title) in zip(panels, titles.items(), strict=True):
  panel.plot(steps, [record[name] for record in records], ".-")
  panel.set(xlabel="step", ylabel=title, ylim=(0.0, None))
panels[2].axhline(0.5, linestyle=":", color="black")
figure

# %% [markdown]
# **Exercise.** A drawing is mostly white, and so is its coloured picture. Does the model beat a
# generator that copies the drawing? Compare both with the held-out pictures, in levels of 255.

# %%
import numpy as np

rows = sample_rows(last, pictures, count=64)
copied, translated = (
  127.5 * np.mean([np.abs(row[place] - row[2]).mean() for row in rows]) for place in (0, 1)
)
print(f"Answer: copying is off by {copied:.1f} levels, the model by {translated:.1f}")
print("it wins" if translated < copied else "it loses: it has seen too few steps")

# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Cycles and hidden messages
#
# A cycle of two translations is an autoencoder whose code must look like the other domain. If that
# domain has less room, something must be lost; or it is hidden where nobody looks.

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
import textwrap

from imtrans.analyses import cycles, hidden_messages

finding = cycles.on_paper()
print(textwrap.fill(finding.text, 100))
finding.figure

# %% [markdown]
# A signal far below the eye's threshold still carries bits through an 8-bit file: enough for a
# CycleGAN to reconstruct what its translation does not show. What trained ones do is measured in
# `experiments/steganography`.

# %%
finding = hidden_messages.on_paper()
print(textwrap.fill(finding.text, 100))
finding.figure

# %% [markdown]
# **Exercise.** How many bits does a hidden signal of one level (rms) carry in each value of an
# 8-bit picture, and how many once noise of four levels is added?

# %%
from imtrans.theory.cycles import hidden_capacity, stored_noise

for noise in (0.0, 4.0):
  bits = float(hidden_capacity(1.0, stored_noise(noise)))
  print(f"Answer, noise of {noise:g} levels and rounding: {bits:.3f} bits")

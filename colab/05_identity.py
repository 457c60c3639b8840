# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # The identity loss is a soft threshold
#
# CycleGAN's identity loss asks a generator to leave pictures of its own target domain alone. If a
# generator could treat every colour by itself, that would act as a soft threshold: small shifts of
# colour vanish, large ones are shortened. How far trained generators follow this is measured in
# `experiments/soft_threshold`.

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

from imtrans.analyses import soft_threshold

finding = soft_threshold.on_paper()
print(textwrap.fill(finding.text, 100))
finding.figure

# %% [markdown]
# **Exercise.** A translation wants a shift of 0.2 and the other losses have the curvature 2 a = 4.
# At which identity weight is the shift cancelled, and what is left at half of it?

# %%
import jax.numpy as jnp

from imtrans.theory.identity import best_shift, critical_weight

weight = critical_weight(jnp.float32(0.2), translation_weight=2.0)
left = best_shift(jnp.float32(0.2), translation_weight=2.0, identity_weight=weight / 2.0)
print(f"Answer: {float(weight):.2f}; {float(left):.2f} is left")

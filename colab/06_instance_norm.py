# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # What instance norm erases
#
# Instance normalisation gives every channel of every picture the same mean and variance. That
# erases the style of a picture; it also erases labels of uniform regions.

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

from imtrans.analyses import instance_norm

finding = instance_norm.on_paper()
print(textwrap.fill(finding.text, 100))
finding.figure

# %% [markdown]
# **Exercise.** A channel has the variance 1e-4. How much of it is left of a variance of one after
# the layer, with ε = 1e-5? And with the variance 1e-6?

# %%
from imtrans.theory.normalization import variance_kept

for variance in (1e-4, 1e-6):
  print(f"Answer, variance {variance:g}: {float(variance_kept(variance, epsilon=1e-5)):.2f}")

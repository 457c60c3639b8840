# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Losses, noise and several answers
#
# An L1 weight is an assumption about noise: L1 is the likelihood of Laplace noise, L2 that of
# Gaussian noise. What does the wrong one cost, and which weight does a level of noise ask for?

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

from imtrans.analyses import loss_and_noise, many_answers

finding = loss_and_noise.on_paper()
print(textwrap.fill(finding.text, 100))
finding.figure

# %% [markdown]
# Where one source has several right answers, L2 predicts their mean, L1 their median; both may be
# pictures that nobody would draw. What they lose is the blur.

# %%
finding = many_answers.on_paper()
print(textwrap.fill(finding.text, 100))
finding.figure

# %% [markdown]
# **Exercise.** The errors of a model have a standard deviation of 0.1. Which Laplace scale fits
# them best, and which weight does it give the mean absolute error of a 256 × 256 colour picture?

# %%
from imtrans.theory.noise import best_laplace_scale, l1_weight

scale = best_laplace_scale(0.1)
weight = l1_weight(scale, num_values=3 * 256**2)
print(f"Answer: scale {scale:.4f}, weight {weight:,.0f}; pix2pix uses 100")

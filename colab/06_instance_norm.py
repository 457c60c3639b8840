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
# From the colab folder of a clone of imtrans; in Colab, clone it and go there by %cd first.
import sys

sys.path.append("..")  # What is installed below is found by itself from the next start on.
# %pip install --quiet --editable ..

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

# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Transport and adaptation
#
# A translation without pairs is a transport map between two distributions. Optimal transport says
# which one is cheapest, entropy makes it computable, and a cycle prefers those that can be undone.

# %%
# From the colab folder of a clone of imtrans; in Colab, clone it and go there by %cd first.
import sys

sys.path.append("..")  # What is installed below is found by itself from the next start on.
# %pip install --quiet --editable ..

# %%
import textwrap

from imtrans.analyses import adaptation, transport

finding = transport.on_paper()
print(textwrap.fill(finding.text, 100))
finding.figure

# %% [markdown]
# Translated pictures may train a classifier for another domain. How much its error can grow is
# bounded by how well the two domains are told apart.

# %%
finding = adaptation.on_paper()
print(textwrap.fill(finding.text, 100))
finding.figure

# %% [markdown]
# **Exercise.** What does it cost to carry N(0, 0.7²) to N(0.8, 1.3²) when cost is the squared
# distance?

# %%
import jax.numpy as jnp

from imtrans.theory import gaussian_wasserstein

cost = gaussian_wasserstein(
  jnp.zeros(1), jnp.array([[0.49]]), jnp.full(1, 0.8), jnp.array([[1.69]])
)
print(f"Answer: {float(cost):.3f}, which is 0.8² + (1.3 - 0.7)²")

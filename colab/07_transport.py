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

from imtrans.theory.transport import gaussian_wasserstein

cost = gaussian_wasserstein(
  jnp.zeros(1), jnp.array([[0.49]]), jnp.full(1, 0.8), jnp.array([[1.69]])
)
print(f"Answer: {float(cost):.3f}, which is 0.8² + (1.3 - 0.7)²")

# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # The bilinear game
#
# The smallest adversarial game has a loss of two numbers: one player lowers g d, the other raises
# it. Its only equilibrium is zero. Plain simultaneous gradient steps never reach it: they spiral
# outward at every step size. This is where the instability of adversarial training begins.

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

from imtrans.analyses import bilinear_game, dirac_gan

finding = bilinear_game.on_paper()
print(textwrap.fill(finding.text, 100))
finding.figure

# %% [markdown]
# The lines of the middle panel are spectral radii in closed form, the marks are measured on plays:
# a step multiplies the distance from the equilibrium by the radius. Alternating updates turn in a
# closed orbit; extragradient and optimistic updates come in. Adam's β1 = 0.9 is measured beside
# 0.5 and 0.

# %%
import jax.numpy as jnp

from imtrans.theory.games import bilinear_loss, play, spectral_radius, update_matrix, zero_sum

start = (jnp.float32(1.0), jnp.float32(0.0))
for rule in ("simultaneous", "alternating", "extragradient"):
  radius = float(spectral_radius(update_matrix(rule, 0.5)))
  g, d = play(zero_sum(bilinear_loss), start, rule, 0.5, 50).trajectory
  far = float(jnp.hypot(g[-1], d[-1]))
  print(f"{rule:12} radius {radius:.4f}; distance 1 becomes {far:.3g} in 50 steps of 0.5")

# %% [markdown]
# A discriminator that is not linear has a way back: a gradient penalty, or noise on the images.

# %%
finding = dirac_gan.on_paper()
print(textwrap.fill(finding.text, 100))
finding.figure

# %% [markdown]
# **Exercise.** Simultaneous steps have the radius √(1 + η²). After how many steps of size 0.1 is
# the distance from the equilibrium doubled?

# %%
import math

radius = float(spectral_radius(update_matrix("simultaneous", 0.1)))
print(f"Answer: {math.log(2.0) / math.log(radius):.1f} steps")

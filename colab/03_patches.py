# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # What a patch discriminator can see
#
# A PatchGAN judges every patch of a picture by itself. Small patches are many and see texture;
# large ones are few and see structure. Between the two lies a best size.

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

from imtrans.analyses import patches

finding = patches.on_paper()
print(textwrap.fill(finding.text, 100))
finding.figure

# %% [markdown]
# **Exercise.** How large is the patch that one logit of the three-layer PatchGAN sees, and how
# many independent patches does it judge in a picture of 256 pixels?

# %%
from imtrans.networks import PatchDiscriminator
from imtrans.theory.patches import effective_patches, output_size, receptive_field

layers = PatchDiscriminator(num_layers=3).layers
side = output_size(layers, 256)
print(f"Answer: {receptive_field(layers)} pixels; {side}² logits are worth")
print(f"{effective_patches(layers, 256):.0f} independent patches")

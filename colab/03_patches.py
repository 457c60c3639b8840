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
# From the colab folder of a clone of imtrans; in Colab, clone it and go there by %cd first.
import sys

sys.path.append("..")  # What is installed below is found by itself from the next start on.
# %pip install --quiet --editable ..

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
from imtrans.theory import effective_patches, output_size, receptive_field

layers = PatchDiscriminator(num_layers=3).layers
side = output_size(layers, 256)
print(f"Answer: {receptive_field(layers)} pixels; {side}² logits are worth")
print(f"{effective_patches(layers, 256):.0f} independent patches")

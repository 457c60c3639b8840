"""How large a patch should a discriminator see? See README.md."""

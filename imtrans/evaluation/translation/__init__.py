"""A trained run as a function of pictures of any size."""

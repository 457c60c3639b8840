"""Features of pictures, and the figures that compare sets by them."""

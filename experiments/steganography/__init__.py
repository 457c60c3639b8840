"""Colour to line drawing and back: what a cycle hides, and what destroys it."""

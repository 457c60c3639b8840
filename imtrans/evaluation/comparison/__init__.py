"""Evaluated runs side by side: read, compared, and shown as a page and as tables."""

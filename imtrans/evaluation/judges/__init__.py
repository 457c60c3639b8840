"""Judges: what sees results go by, and then says its figures."""

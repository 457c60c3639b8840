"""Networks that others trained: their weights read without running them, and what they see."""

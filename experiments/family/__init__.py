"""Every method on the same pictures: see README.md."""

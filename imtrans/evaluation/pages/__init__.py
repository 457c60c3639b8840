"""Pictures, curves and pages for people to look at."""

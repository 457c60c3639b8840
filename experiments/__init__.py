"""Studies: one folder each, with a README, a command and its recorded results."""

"""Speed of the train step, beside the same networks and the same step in PyTorch."""

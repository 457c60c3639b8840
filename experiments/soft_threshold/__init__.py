"""The identity loss as a soft threshold on colours."""

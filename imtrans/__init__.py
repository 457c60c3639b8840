"""imtrans: image-to-image translation with adversarial networks, and the theory beside it."""

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str):
  # `import imtrans` stays light: nothing is imported until a model is loaded.
  if name == "load":
    from imtrans.evaluation.translation.translator import load

    return load
  raise AttributeError(f"module 'imtrans' has no attribute {name!r}")

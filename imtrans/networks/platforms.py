"""Which platform a program is made for, known while it is traced.

What is best on one platform is not on another. `jax.lax.platform_dependent` keeps every platform's
way in a program until it is lowered, and has each of them differentiated, which was more than half
of what tracing a train step took. Here the way is chosen before: by the default backend, or by
`imtrans.training.mesh.on_mesh` for a mesh of other devices.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import jax

# A part of what jax.jit knows a traced function by.
_PLATFORM = jax.make_user_context(default_value=None)


def programs_for(platform: str) -> AbstractContextManager:
  """Returns a context in which functions are traced for "cpu", "gpu" or "tpu"."""
  return _PLATFORM(platform)


def named_platform() -> str | None:
  """Returns the platform that the surrounding `programs_for` names; None outside of any."""
  return _PLATFORM.value


def by_platform(*, default: Callable[..., Any], **ways: Callable[..., Any]) -> Callable[..., Any]:
  """Chooses a way to compute something: that of the platform, or the default.

  Args:
    default: on platforms without a way of their own.
    **ways: by the name of a platform, such as cpu=; equal to `default` up to rounding.

  Returns:
    One of them.
  """
  return ways.get(named_platform() or jax.default_backend(), default)

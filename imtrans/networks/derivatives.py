"""A linear or bilinear function, computed in one way for its value, in others for derivatives."""

from collections.abc import Callable

import jax
from jax import Array
from jax.custom_derivatives import SymbolicZero

Linear = Callable[[Array], Array]
Bilinear = Callable[[Array, Array], Array]


def with_derivative(value: Linear, derivative: Linear) -> Linear:
  """Chooses an algorithm for the derivative of a linear function, which is the function itself.

  Args:
    value: what is computed.
    derivative: the same function; of tangents, and transposed by the reverse mode.

  Returns:
    The function, differentiable in both modes and to any order.
  """

  @jax.custom_jvp
  def function(x: Array) -> Array:
    return value(x)

  function.defjvp(lambda primals, tangents: (function(*primals), derivative(*tangents)))
  return function


def with_derivatives(value: Bilinear, *, images: Bilinear, kernel: Bilinear) -> Bilinear:
  """Chooses an algorithm for each of the three products that training makes of a convolution.

  All three must be the same function of (images, kernel), linear in each. Its derivative in one
  argument is then the function itself, with the tangent in that argument's place, and may be
  computed as any of them; the reverse mode transposes what is chosen here.

  Args:
    value: what is computed where no derivative is asked for, and as the primal beside them.
    images: whose derivative in its first argument is taken.
    kernel: whose derivative in its second argument is taken.

  Returns:
    (images, kernel) -> outputs, differentiable in both modes and to any order.
  """

  @jax.custom_jvp
  def function(x: Array, w: Array) -> Array:
    return value(x, w)

  def derivative(primals: tuple[Array, Array], tangents: tuple) -> tuple:
    (x, w), (dx, dw) = primals, tangents
    parts = []
    # What does not move costs nothing: instantiated, its zeros would be convolved.
    if not isinstance(dx, SymbolicZero):
      parts.append(images(dx, w))
    if not isinstance(dw, SymbolicZero):
      parts.append(kernel(x, dw))
    return function(x, w), parts[0] if len(parts) == 1 else parts[0] + parts[1]

  function.defjvp(derivative, symbolic_zeros=True)
  return function

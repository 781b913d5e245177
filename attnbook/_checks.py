"""What every array function of the package asks of its input, and the words it says otherwise."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device, is_numpy_array

Array = Any  # a NumPy array or a torch tensor; shapes stand in the docstrings


def namespace(**arrays: Array) -> Any:
    """Return the array library shared by `arrays`, which must hold one real float dtype."""
    for name, array in arrays.items():
        if isinstance(array, np.ndarray) and array.dtype == object:
            raise TypeError(f"{name} must hold real floats, got dtype object {array.shape}")
    try:
        xp = array_namespace(*arrays.values())
    except TypeError as error:
        kinds = ", ".join(f"{name} {type(array).__name__}" for name, array in arrays.items())
        raise TypeError(
            f"all arrays must come from one library, NumPy or PyTorch, got {kinds}"
        ) from error
    for name, array in arrays.items():
        if not xp.isdtype(array.dtype, "real floating"):
            raise TypeError(
                f"{name} must hold real floats, got dtype {array.dtype} {tuple(array.shape)}"
            )
    if len({array.dtype for array in arrays.values()}) > 1:
        kinds = ", ".join(f"{name} {array.dtype}" for name, array in arrays.items())
        raise TypeError(f"all arrays must have the same dtype, got {kinds}")
    return xp


def at_least_2d(**arrays: Array) -> None:
    """Raise ValueError unless every array has a row axis and a column axis."""
    for name, array in arrays.items():
        if array.ndim < 2:
            raise ValueError(f"{name} must have at least 2 axes, got shape {tuple(array.shape)}")


def whole_number(name: str, value: Any, *, minimum: int) -> int:
    """Return `value` as an int of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {type(value).__name__}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    return int(value)


def real_number(name: str, value: Any, *, positive: bool = False) -> float:
    """Return `value` as a finite float, above zero where `positive`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {type(value).__name__}")
    number = float(value)
    if not np.isfinite(number) or (positive and number <= 0):
        raise ValueError(f"{name} must be finite{' and above 0' if positive else ''}, got {value}")
    return number


def joint_batch(**arrays: Array) -> tuple[int, ...]:
    """Return the shape to which the leading axes (all but the last two) broadcast."""
    leading = {tuple(array.shape[:-2]) for array in arrays.values()}
    if len(leading) == 1:  # the common case, ten times as fast
        return leading.pop()
    try:
        return np.broadcast_shapes(*leading)
    except ValueError as error:
        shapes = ", ".join(f"{name} {tuple(array.shape)}" for name, array in arrays.items())
        raise ValueError(f"the leading axes must broadcast, got {shapes}") from error


def follow(name: str, array: Array, x: Array, xp: Any) -> Array:
    """Return `array` (NumPy, or of the library of `x`) in the library and on the device of `x`."""
    if is_numpy_array(array):
        if is_numpy_array(x):
            return array
        # A copy: torch shares memory with NumPy and refuses read-only or reversed arrays.
        return xp.asarray(np.array(array), device=device(x))
    if not hasattr(array, "dtype") or is_numpy_array(x) or array_namespace(array) is not xp:
        raise TypeError(
            f"{name} must be a NumPy array or come from the library of the other arrays, "
            f"got {type(array).__name__}"
        )
    return array


def broadcasts_to(name: str, array: Array, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless `array` broadcasts to `shape` and leaves it as it is."""
    message = f"{name} must broadcast to the scores {shape}, got {tuple(array.shape)}"
    try:
        joint = np.broadcast_shapes(tuple(array.shape), shape)
    except ValueError as error:
        raise ValueError(message) from error
    if joint != shape:
        raise ValueError(message)


def widen(x: Array, xp: Any) -> Array:
    """Return half-precision `x` in float32, anything else as it is: halves are for storage."""
    return x if x.dtype in (xp.float32, xp.float64) else xp.astype(x, xp.float32)

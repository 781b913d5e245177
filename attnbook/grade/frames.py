"""Messages between the grader and a worker: a JSON header, then the bytes of arrays.

Nothing here unpickles, and nothing is believed: a reader checks every size before it uses it.
This module runs on both sides, so it imports nothing of the package.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

HEADER, PAYLOAD = 1 << 20, 1 << 24  # bytes that one message may have: parts of the header, arrays
DTYPES = {np.dtype(kind).str for kind in ("?", "u1", "i1", "i2", "i4", "i8", "f2", "f4", "f8")}


class FrameError(ValueError):
    """A message that no honest worker sends."""


def send(file: BinaryIO, header: dict[str, Any], arrays: Sequence[np.ndarray] = ()) -> None:
    """Write one message.

    Parameters
    ----------
    file : binary file
        A pipe.
    header : dict
        Anything that JSON takes.
    arrays : sequence of array, optional
        Of numbers or truth values.

    Raises
    ------
    FrameError
        If an array holds something else.
    """
    parts = [np.ascontiguousarray(a).reshape(np.shape(a)) for a in arrays]
    for part in parts:
        if part.dtype.str not in DTYPES:
            raise FrameError(f"arrays must hold numbers, got {part.dtype}")
    about = [[part.dtype.str, list(part.shape)] for part in parts]
    head = json.dumps(header | {"arrays": about}).encode()
    file.write(b"".join([struct.pack(">I", len(head)), head, *(p.tobytes() for p in parts)]))
    file.flush()


def receive(file: BinaryIO) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Read one message; see `send`.

    Raises
    ------
    EOFError
        If the other side is gone.
    FrameError
        If it is no message.
    """
    (size,) = struct.unpack(">I", _exactly(file, 4))
    if size > HEADER:
        raise FrameError("the header is too long")
    try:
        header = json.loads(_exactly(file, size))
        about = [_shape(*entry) for entry in header["arrays"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FrameError("the header is no header") from error
    if not isinstance(header, dict):
        raise FrameError("the header is no header")
    if sum(count for _, _, count in about) > PAYLOAD:
        raise FrameError("the arrays are too large")
    arrays = []
    for dtype, shape, count in about:
        arrays.append(np.frombuffer(_exactly(file, count), dtype).reshape(shape).copy())
    return header, arrays


def _shape(dtype: Any, shape: Any) -> tuple[np.dtype, tuple[int, ...], int]:
    """Return dtype, shape and number of bytes of an array that is announced."""
    if dtype not in DTYPES or not isinstance(shape, list) or len(shape) > 16:
        raise ValueError
    if not all(type(n) is int and 0 <= n <= PAYLOAD for n in shape):
        raise ValueError
    return np.dtype(dtype), tuple(shape), np.dtype(dtype).itemsize * math.prod(shape)


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise EOFError("the other side is gone")
    return data

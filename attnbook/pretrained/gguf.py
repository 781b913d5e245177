"""Reading GGUF files: what is known about a model, and its weights in small blocks of few bits.

Three kinds of tensors are read: plain 32-bit floats, and blocks of 32 weights with 8 bits (Q8_0) or
4 bits (Q4_1) each. The library ``gguf`` reads all kinds, but takes several seconds for a large
vocabulary.
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 32  # weights
# What a number in the file stands for: the code of a plain value, as the module `struct` has it.
PLAIN = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
TEXT, LIST = 8, 9
KINDS = {  # kind of tensor: its name and the parts of a block
    0: ("F32", np.dtype("<f4")),
    3: ("Q4_1", np.dtype([("d", "<f2"), ("m", "<f2"), ("q", "u1", BLOCK // 2)])),
    8: ("Q8_0", np.dtype([("d", "<f2"), ("q", "i1", BLOCK)])),
}


@dataclass(frozen=True)
class Packed:
    """A tensor as the file holds it.

    Attributes
    ----------
    kind : {"F32", "Q4_1", "Q8_0"}
        How its weights are written.
    shape : tuple of int
        Of the weights; the last axis is the one that lies together in the file.
    blocks : array
        The blocks one after the other: a structured array with the parts ``d`` (step), ``m``
        (offset, in Q4_1 only) and ``q`` (whole numbers); plain floats for F32.
    """

    kind: str
    shape: tuple[int, ...]
    blocks: np.ndarray

    def weights(self) -> np.ndarray:
        r"""Compute the weights.

        .. math:: w = d \, q + m

        Returns
        -------
        float32 array
            Of the tensor's shape.

        Notes
        -----
        In Q4_1 a byte holds two weights: the lower four bits one of the first half of the block,
        the upper four one of the second half.

        Examples
        --------
        Steps of 0.5 from -1: the first byte holds a 3 and, above it, a 15; all others are 0.

        >>> from attnbook.pretrained.gguf import KINDS, Packed
        >>> block = np.zeros(1, dtype=KINDS[3][1])
        >>> block["d"], block["m"], block["q"][0, 0] = 0.5, -1.0, 3 + 16 * 15
        >>> Packed("Q4_1", (32,), block).weights()[[0, 1, 16, 17]]
        array([ 0.5, -1. ,  6.5, -1. ], dtype=float32)
        """
        if self.kind == "F32":
            return np.array(self.blocks, dtype=np.float32).reshape(self.shape)
        out, q = np.empty((len(self.blocks), BLOCK), dtype=np.float32), self.blocks["q"]
        if self.kind == "Q4_1":
            out[:, : BLOCK // 2], out[:, BLOCK // 2 :] = q & 15, q >> 4
        else:
            out[:] = q
        out *= self.blocks["d"][:, None].astype(np.float32)
        if self.kind == "Q4_1":
            out += self.blocks["m"][:, None].astype(np.float32)
        return out.reshape(self.shape)


@dataclass(frozen=True)
class GGUF:
    """What a file holds.

    Attributes
    ----------
    metadata : dict of str to value
        Numbers, texts and lists by name: sizes, license, vocabulary.
    tensors : dict of str to Packed
        In the order of the file.
    """

    metadata: dict[str, Any]
    tensors: dict[str, Packed]


class _Cursor:
    """Takes values from the bytes of a file, one after the other."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 0

    def plain(self, code: str, n: int = 1) -> tuple:
        found = struct.unpack_from(f"<{n}{code}", self.data, self.at)
        self.at += struct.calcsize(f"<{n}{code}")
        return found

    def text(self) -> str:
        (length,) = self.plain("Q")
        if length > len(self.data) - self.at:
            raise struct.error("a text ends beyond the file")
        self.at += length
        return self.data[self.at - length : self.at].decode("utf-8")

    def value(self, kind: int) -> Any:
        if kind in PLAIN:
            return self.plain(PLAIN[kind])[0]
        if kind == TEXT:
            return self.text()
        if kind != LIST:
            raise ValueError(f"a value must be of kind 0 to 12, got {kind}")
        (inner,), (length,) = self.plain("I"), self.plain("Q")
        if inner in PLAIN:
            return list(self.plain(PLAIN[inner], length))
        return [self.value(inner) for _ in range(length)]


def read_gguf(path: str | Path) -> GGUF:
    """Read a GGUF file; the weights stay in the file until they are asked for.

    Parameters
    ----------
    path : str or Path
        Of a file in version 2 or 3 of the format, lowest byte first.

    Returns
    -------
    GGUF
        Metadata and tensors.

    Raises
    ------
    ValueError
        If it is no such file, ends too early, or holds a kind of tensor that is not read here.
    OSError
        If there is no file.

    References
    ----------
    .. [1] "GGUF", the format's description, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from attnbook.pretrained.gguf import read_gguf
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "x.gguf"
    ...     _ = path.write_bytes(b"a story")
    ...     read_gguf(path)
    Traceback (most recent call last):
    ValueError: x.gguf must begin with the letters GGUF, got b'a st'
    """
    path = Path(path)
    with path.open("rb") as file:
        start = file.read(4)
        if start != b"GGUF":
            raise ValueError(f"{path.name} must begin with the letters GGUF, got {start!r}")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return _parse(data)
    except (struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} must be a whole GGUF file: {error}") from error


def _parse(data: mmap.mmap) -> GGUF:
    cursor = _Cursor(data)
    cursor.at = 4
    (version,), (n_tensors, n_values) = cursor.plain("I"), cursor.plain("Q", 2)
    if version not in (2, 3):
        raise ValueError(f"the version of the format must be 2 or 3, got {version}")
    metadata = {}
    for _ in range(n_values):
        name, (kind,) = cursor.text(), cursor.plain("I")
        metadata[name] = cursor.value(kind)
    found = []
    for _ in range(n_tensors):
        name, (axes,) = cursor.text(), cursor.plain("I")
        shape, (kind,), (offset,) = cursor.plain("Q", axes), cursor.plain("I"), cursor.plain("Q")
        found.append((name, shape[::-1], kind, offset))
    step = metadata.get("general.alignment", 32)
    start = -(-cursor.at // step) * step  # the weights begin at the next multiple
    return GGUF(metadata, {name: _packed(data, start, name, *rest) for name, *rest in found})


def _packed(
    data: mmap.mmap, start: int, name: str, shape: tuple[int, ...], kind: int, offset: int
) -> Packed:
    if kind not in KINDS:
        known = ", ".join(title for title, _ in KINDS.values())
        raise ValueError(f"{name} must be one of {known}, got kind {kind} of the format")
    title, dtype = KINDS[kind]
    count = math.prod(shape) // (1 if title == "F32" else BLOCK)
    if start + offset + count * dtype.itemsize > len(data):
        raise struct.error(f"{name} ends beyond the file")
    return Packed(title, shape, np.frombuffer(data, dtype, count, start + offset))

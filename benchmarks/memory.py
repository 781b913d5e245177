"""How much memory attention takes beyond its inputs and its output, as the sequence grows."""

from __future__ import annotations

import tracemalloc

import attnbook
from benchmarks.attention import arrays, matrix

KINDS = {"dense": matrix, "streaming": attnbook.streaming_attention}


def extra_bytes(kind: str, n: int, heads: int = 8, width: int = 64) -> int:
    """Return the largest number of bytes that NumPy held at once, above inputs and output.

    Parameters
    ----------
    kind : {"dense", "streaming"}
        The whole matrix of weights, or one block of it after the other.
    n, heads, width : int
        Shape (1, heads, n, width) of queries, keys and values, in float32.
    """
    q, k, v, _ = arrays((1, heads, n, width))
    tracemalloc.start()
    try:
        out = KINDS[kind](q, k, v)
        return tracemalloc.get_traced_memory()[1] - out.nbytes
    finally:
        tracemalloc.stop()


def memory(sizes: dict[str, tuple[int, ...]]) -> list[dict]:
    """Measure each kind at its sizes; a list with keys n, kind and bytes."""
    return [
        {"n": n, "kind": kind, "bytes": extra_bytes(kind, n)}
        for kind, several in sizes.items()
        for n in several
    ]

"""``python -m attnbook.live.real_heads_data``: make the weights of the figure `RealHeads`.

It reads five sentences with MiniLM and writes ``real_heads.json`` beside this file. A weight is
kept as a whole number of steps of 1/255, chosen so that every row still sums to one.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from .real_heads import FILE, STEPS

SENTENCES = [
    "The dog bit the man.",
    "The man bit the dog.",
    "Anna called Paul because she was worried.",
    "The keys to the cabinet are here.",
    "Why does the moon look larger near the horizon?",
]


def rounded(weights: np.ndarray) -> np.ndarray:
    """Return weights as whole steps of 1/255, every row with the sum 255.

    Parameters
    ----------
    weights : array of shape (..., S)
        Rows that sum to one.

    Returns
    -------
    uint8 array of shape (..., S)
        Less than one step from ``255 * weights``: all are rounded down, then those that lost most
        get one step back.

    Examples
    --------
    >>> from attnbook.live.real_heads_data import rounded
    >>> rounded(np.full(2, 0.5))
    array([128, 127], dtype=uint8)
    """
    exact = STEPS * np.asarray(weights, dtype=float)
    down = np.floor(exact)
    missing = STEPS - down.sum(axis=-1, keepdims=True)
    rank = np.argsort(np.argsort(down - exact, axis=-1, kind="stable"), axis=-1, kind="stable")
    return (down + (rank < missing)).astype(np.uint8)


def collect() -> dict[str, Any]:
    """Read the sentences with the model; return what the file holds."""
    from attnbook.pretrained import minilm

    model = minilm.load()
    readings = [model.read(sentence) for sentence in SENTENCES]
    counts = [rounded(reading.weights.numpy()) for reading in readings]
    return {
        "sentences": SENTENCES,
        "tokens": [reading.tokens for reading in readings],
        "weights": [base64.b64encode(steps.tobytes()).decode() for steps in counts],
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(collect(), indent=0) + "\n", encoding="utf-8")
    print(f"{FILE.name}: {FILE.stat().st_size:,} bytes")

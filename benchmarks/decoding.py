"""How long it takes to get the scores after every token of a text: three ways, one model."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from attnbook.generation import decode_step, empty_cache
from attnbook.models import TinyTransformer

TOKENS = (16, 32, 64, 128, 256, 512)


def cached(model: TinyTransformer, text: torch.Tensor) -> torch.Tensor:
    """Read one token after the other with a cache; return the last scores."""
    cache = empty_cache(model)
    for token in text[0]:
        logits, cache = decode_step(model, token[None], cache)
    return logits


def recomputed(model: TinyTransformer, text: torch.Tensor) -> torch.Tensor:
    """Read the whole beginning again for every token; return the last scores."""
    for stop in range(1, text.shape[1] + 1):
        logits = model(text[:, :stop])[:, -1]
    return logits


def parallel(model: TinyTransformer, text: torch.Tensor) -> torch.Tensor:
    """Read the finished text in one pass; return the last scores."""
    return model(text)[:, -1]


KINDS: dict[str, Callable[[TinyTransformer, torch.Tensor], torch.Tensor]] = {
    "cached": cached,
    "recomputed": recomputed,
    "parallel": parallel,
}


@torch.no_grad()
def decoding(runs: int) -> list[dict]:
    """Time the three ways for each length, interleaved, in float32 on one thread.

    Parameters
    ----------
    runs : int
        Repetitions of every measurement, after one that is not counted.

    Returns
    -------
    list of dict
        With keys tokens, kind ("cached", "recomputed" or "parallel"), seconds (one for each run).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        torch.manual_seed(0)
        model = TinyTransformer(32, 128, 4, 2, max_length=max(TOKENS)).eval()
        rows = []
        for n in TOKENS:
            text = torch.from_numpy(np.random.default_rng(n).integers(32, size=(1, n)))
            ends = [way(model, text) for way in KINDS.values()]  # warm, and the same
            for end in ends[1:]:
                torch.testing.assert_close(end, ends[0], rtol=0, atol=1e-4)
            seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
            for _ in range(runs):
                for kind, way in KINDS.items():
                    start = time.perf_counter()
                    way(model, text)
                    seconds[kind].append(time.perf_counter() - start)
            rows += [{"tokens": n, "kind": kind, "seconds": s} for kind, s in seconds.items()]
        return rows
    finally:
        torch.set_num_threads(threads)

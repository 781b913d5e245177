"""The contestants: attention of this book, of torch, and of two public packages."""

from __future__ import annotations

import importlib.util
import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch.nn import functional

import attnbook
from attnbook import merge_heads
from attnbook.models import MultiHeadAttention

SDPA = "torch SDPA"
PROJECTED = "torch SDPA with projections"


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread for a while."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def formula(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Compute what torch documents for its SDPA, without mask and dropout."""
    weights = torch.softmax(q @ k.transpose(-2, -1) * (1 / math.sqrt(q.shape[-1])), dim=-1)
    return weights @ v


def matrix(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Make the whole matrix of weights, then blend: the equation as it stands in the book."""
    return attnbook.attention_weights(q, k) @ v


NUMPY: dict[str, Callable] = {
    "attnbook NumPy": attnbook.scaled_dot_product_attention,
    "attnbook NumPy, whole matrix": matrix,
    "attnbook NumPy, streaming": attnbook.streaming_attention,
}


def with_torch() -> dict[str, Callable]:
    """Return the functions of torch tensors; a package that is not installed is left out."""
    found: dict[str, Callable] = {
        SDPA: functional.scaled_dot_product_attention,
        "torch formula": formula,
        "attnbook torch": attnbook.scaled_dot_product_attention,
        "attnbook torch, streaming": attnbook.streaming_attention,
    }
    if importlib.util.find_spec("x_transformers"):
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            from x_transformers.attend import Attend

        attend = Attend()
        found["x-transformers"] = lambda q, k, v: attend(q, k, v)[0]
    if importlib.util.find_spec("ring_attention_pytorch"):
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            from ring_attention_pytorch import ring_flash_attn

        def ring(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # its layout is (B, N, H, D)
            return ring_flash_attn(q, k, v, ring_size=1).transpose(1, 2)

        found["ring-attention-pytorch"] = ring
    return found


def modules(heads: int, width: int) -> dict[str, Callable]:
    """Return the layer of `attnbook.models`, and its four projections around torch's SDPA."""
    torch.manual_seed(0)
    layer = MultiHeadAttention(heads * width, heads)

    def projected(x: torch.Tensor) -> torch.Tensor:
        q, k, v = (
            part(x).unflatten(-1, (heads, width)).transpose(1, 2)
            for part in (layer.q, layer.k, layer.v)
        )
        out = functional.scaled_dot_product_attention(q, k, v)
        return layer.o(out.transpose(1, 2).flatten(-2))

    return {PROJECTED: projected, "attnbook MultiHeadAttention": layer}


def arrays(shape: tuple[int, ...], seed: int = 0) -> list[np.ndarray]:
    """Return normal q, k, v and a gradient of the output, in float32."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape, dtype=np.float32) for _ in range(4)]


def calls(shape: tuple[int, ...], what: str) -> dict[str, Callable[[], float]]:
    """Return for each name a function that computes once and tells the seconds it took."""
    *qkv, grad = arrays(shape)
    tensors = [torch.as_tensor(x) for x in qkv]
    tokens = merge_heads(tensors[0])
    backward = what == "backward"
    jobs = {name: (f, tensors) for name, f in with_torch().items()}
    jobs |= {name: (f, [tokens]) for name, f in modules(shape[1], shape[3]).items()}
    if not backward:
        jobs |= {name: (f, qkv) for name, f in NUMPY.items()}

    def forward_seconds(f: Callable, inputs: list) -> float:
        with torch.no_grad():
            start = time.perf_counter()
            f(*inputs)
            return time.perf_counter() - start

    def backward_seconds(f: Callable, inputs: list) -> float:
        leaves = [x.clone().requires_grad_() for x in inputs]
        out = f(*leaves)
        direction = torch.as_tensor(grad)
        direction = direction if out.ndim == 4 else merge_heads(direction)
        start = time.perf_counter()
        out.backward(direction)
        return time.perf_counter() - start

    measure = backward_seconds if backward else forward_seconds
    return {name: lambda f=f, x=x: measure(f, x) for name, (f, x) in jobs.items()}


def interleaved(
    jobs: dict[str, Callable[[], float]], runs: int, warm: int = 1
) -> dict[str, list[float]]:
    """Run all jobs in turn: `warm` rounds that do not count, then `runs`, from changing starts."""
    names = list(jobs)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-warm, runs):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            took = jobs[name]()
            if turn >= 0:
                seconds[name].append(took)
    return seconds


def attention(
    shape: tuple[int, ...],
    what: str,
    runs: int,
    leave_out: tuple[str, ...] = (),
    warm: int = 1,
) -> list[dict]:
    """Time all functions at one shape.

    Parameters
    ----------
    shape : tuple of int
        (B, H, N, D).
    what : {"forward", "backward"}
        Backward is timed alone, after a forward pass that is not.
    runs : int
        Rounds.
    leave_out : tuple of str
        Names that are not run.
    warm : int
        Rounds before that do not count.

    Returns
    -------
    list of dict
        With keys shape, dtype, what, name and seconds (one for each round).
    """
    with one_thread():
        jobs = {n: job for n, job in calls(shape, what).items() if n not in leave_out}
        seconds = interleaved(jobs, runs, warm)
    how = {"shape": list(shape), "dtype": "float32", "what": what}
    return [how | {"name": name, "seconds": took} for name, took in seconds.items()]

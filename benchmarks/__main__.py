"""Measure everything in one run, print the table, store it in results.json and results.txt."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path

import torch

from benchmarks.attention import attention
from benchmarks.llm import llm
from benchmarks.machine import check_threads, machine, roofline, software
from benchmarks.memory import memory
from benchmarks.report import table

FOLDER = Path(__file__).resolve().parent
# Left out where they would take most of the time: those that hold the (N, N) matrix, then others.
WHOLE = ("torch formula", "x-transformers", "attnbook NumPy, whole matrix")
SLOW = ("attnbook torch", "attnbook torch, streaming")
LAYERS = ("torch SDPA with projections", "attnbook MultiHeadAttention")
SIZES = {"dense": (512, 1024, 2048, 4096), "streaming": (512, 1024, 2048, 4096, 8192, 32768)}


def main() -> None:
    """Measure, store, print."""
    torch.set_num_threads(1)
    start = time.perf_counter()

    def say(what: str) -> None:
        print(f"== {time.perf_counter() - start:4.0f} s  {what}", flush=True)

    results = {"machine": machine(), "software": software(), "threads": check_threads()}
    say("the machine")
    results["roofline"] = roofline(runs=15)
    results["attention"] = []
    for shape, runs in {(1, 8, 128, 64): 31, (1, 8, 1024, 64): 31, (4, 8, 512, 64): 11}.items():
        for what in ("forward", "backward"):
            say(f"{what} {shape}")
            results["attention"] += attention(shape, what, runs if what == "forward" else 7)
    for n in (2048, 4096, 8192, 16384, 32768):
        say(f"forward {(1, 1, n, 64)}")
        leave_out = LAYERS + (WHOLE if n > 8192 else ()) + (SLOW if n > 8192 else ())
        runs, warm = (5, 1) if n < 8192 else (3, 0)
        results["attention"] += attention((1, 1, n, 64), "forward", runs, leave_out, warm)
    say("memory")
    results["memory"] = memory(SIZES)
    if importlib.util.find_spec("benchmarks.decoding"):
        from benchmarks.decoding import decoding

        say("decoding")
        results["decoding"] = decoding(5)
    say("a published language model")
    results["llm"] = llm(3)
    say("done")
    (FOLDER / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (FOLDER / "results.txt").write_text(table(results), encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()

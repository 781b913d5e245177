"""How fast a published language model loads, reads and writes on the book's attention."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
READ, PROMPT, WRITTEN = 256, 16, 32  # tokens
LIMITS = {  # what is measured, whether it is the most or the least, and the limit
    "load_seconds": ("at most", 2.0),
    "prefill_tokens_per_second": ("at least", 100.0),
    "decode_tokens_per_second": ("at least", 20.0),
    "peak_bytes": ("at most", 1.2e9),
}
CHILD = f"""
import json, sys, time
import torch
from benchmarks.peak import peak_bytes
torch.set_num_threads(1)
from attnbook.pretrained.smollm import SmolLM

def seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start

model = None
def load():
    global model
    model = SmolLM.load()

loaded = seconds(load)
tokens = torch.randint(17, 49152, (1, {READ}), generator=torch.Generator().manual_seed(0))
prompt = tokens[:, :{PROMPT}]
read = lambda: next(model.generate(tokens, 1))
start = lambda: next(model.generate(prompt, 1))
write = lambda: list(model.generate(prompt, 1 + {WRITTEN}))
for run in (read, start, write):
    run()
n_written = len(write())
prefill = min(seconds(read) for _ in range(3))
decode = min(seconds(write) for _ in range(3)) - min(seconds(start) for _ in range(3))
print(json.dumps({{
    "load_seconds": loaded,
    "prefill_tokens_per_second": {READ} / prefill,
    "decode_tokens_per_second": (n_written - 1) / decode,
    "peak_bytes": peak_bytes(),
}}))
"""


def measured() -> dict[str, float]:
    """Load, read and write once in a process of its own, on one thread; the keys of `LIMITS`."""
    command = [sys.executable, "-c", CHILD]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(run.stdout)


def llm(runs: int) -> dict[str, list[float]]:
    """Measure in `runs` processes, one after the other; what `LIMITS` names, once for each."""
    from attnbook.pretrained import fetch

    fetch("smollm2")  # a download is not measured
    found = [measured() for _ in range(runs)]
    return {name: [one[name] for one in found] for name in LIMITS}


def missed(one: dict[str, float]) -> list[str]:
    """Return which limits a measurement does not keep."""
    return [
        name
        for name, (side, limit) in LIMITS.items()
        if (one[name] > limit if side == "at most" else one[name] < limit)
    ]


def lines(results: dict[str, list[float]]) -> list[str]:
    """Return the results as lines of text: median, least and most, and the limit."""
    out = ["SmolLM2-135M-Instruct, float32: median, least, most"]
    for name, values in results.items():
        unit = 1e6 if name == "peak_bytes" else 1
        title = "peak megabytes" if name == "peak_bytes" else name.replace("_", " ")
        numbers = [v / unit for v in (statistics.median(values), min(values), max(values))]
        side, limit = LIMITS[name]
        out.append(
            f"  {title:30}" + "".join(f"{x:10.2f}" for x in numbers) + f"   {side} {limit / unit:g}"
        )
    return out


if __name__ == "__main__":
    print("\n".join(lines(llm(3))))

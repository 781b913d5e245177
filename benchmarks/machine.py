"""What the machine is and what it can do: parts, libraries, and the ends of its roofline."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.attention import interleaved


def processor() -> str:
    """Return the model name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = re.findall(r"^model name\s*:\s*(.+)$", info.read_text(), flags=re.MULTILINE)
        if names:
            return names[0].strip()
    if platform.system() == "Darwin":
        ask = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip()
    return platform.machine()


def machine() -> dict:
    """Return processor, cores, memory and system; nothing that names this one computer."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "system": platform.system(),
    }


def software() -> dict:
    """Return versions, and the linear algebra of NumPy and torch with the kernels they chose."""
    from threadpoolctl import threadpool_info

    own = [x for x in threadpool_info() if x["user_api"] == "blas" and "numpy" in x["filepath"]]
    if own:
        blas = f"{own[0]['internal_api']} {own[0]['version']}, {own[0].get('architecture')} kernels"
    else:
        found = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        blas = f"{found['name']} {found['version']}"
    mkl = re.search(r"Math Kernel Library Version (\S+?)-", torch.__config__.show())
    theirs = f"oneMKL {mkl[1]}, " if mkl else ""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "blas": f"NumPy: {blas}; torch: {theirs}{torch.backends.cpu.get_cpu_capability()} kernels",
    }


def check_threads() -> int:
    """Return 1, the number of threads; raise where NumPy or torch would use more."""
    from threadpoolctl import threadpool_info

    counts = {x["internal_api"]: x["num_threads"] for x in threadpool_info()}
    counts["torch"] = torch.get_num_threads()
    if set(counts.values()) != {1}:
        raise RuntimeError(f"make bench measures on one thread, but found {counts}")
    return 1


def roofline(runs: int) -> dict[str, list[float]]:
    """Measure what the machine can do at best: multiply and add, move memory, take exponentials.

    A multiplication and an addition count as two operations; a copy reads and writes every byte.
    Each exponential is one of NumPy's, in float32, on a block that stays in the cache.
    """
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 1024, 1024), dtype=np.float32)
    source, target = np.ones((2, 2**25), dtype=np.float32)
    x = -rng.random(2**16, dtype=np.float32)
    y = np.empty_like(x)

    def repeated() -> None:
        for _ in range(20):
            np.exp(x, out=y)

    def seconds(f, *arguments, **options) -> float:
        start = time.perf_counter()
        f(*arguments, **options)
        return time.perf_counter() - start

    took = interleaved(
        {
            "flops_per_second": lambda: seconds(np.matmul, a, b),
            "bytes_per_second": lambda: seconds(np.copyto, target, source),
            "exponentials_per_second": lambda: seconds(repeated),
        },
        runs,
    )
    work = {
        "flops_per_second": 2 * 1024**3,
        "bytes_per_second": 2 * source.nbytes,
        "exponentials_per_second": 20 * x.size,
    }
    return {name: [work[name] / s for s in took[name]] for name in work}

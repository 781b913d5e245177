"""Results as a table, and whether the targets were reached."""

from __future__ import annotations

import statistics

from benchmarks import llm
from benchmarks.attention import PROJECTED, SDPA


def seconds(results: dict, shape: tuple[int, ...], what: str = "forward") -> dict[str, list[float]]:
    """Return the times of one shape by name."""
    return {
        entry["name"]: entry["seconds"]
        for entry in results["attention"]
        if tuple(entry["shape"]) == shape and entry["what"] == what
    }


def ratio(took: dict[str, list[float]], name: str, base: str = SDPA) -> float:
    """Return the median over the rounds of the time of `name` over that of `base`."""
    pairs = zip(took[name], took[base], strict=True)
    return statistics.median(a / b for a, b in pairs)


def table(results: dict) -> str:
    """Return everything in one table of text."""
    machine, software = results["machine"], results["software"]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}; {results['threads']} thread",
        f"Python {software['python']}, NumPy {software['numpy']}, torch {software['torch']}",
        software["blas"],
    ]
    keys = [(tuple(entry["shape"]), entry["what"]) for entry in results["attention"]]
    for shape, what in dict.fromkeys(keys):
        took = seconds(results, shape, what)
        lines += ["", f"{what} {shape}, float32: milliseconds over {len(took[SDPA])} runs"]
        lines += [f"  {'':30}{'median':>10}{'least':>10}{'most':>10}{'x SDPA':>8}"]
        for name, s in took.items():
            numbers = [1e3 * t for t in (statistics.median(s), min(s), max(s))]
            base = PROJECTED if name in (PROJECTED, "attnbook MultiHeadAttention") else SDPA
            lines.append(
                f"  {name:30}"
                + "".join(f"{x:10.2f}" for x in numbers)
                + f"{ratio(took, name, base):8.2f}"
                + (" (of the line with projections)" if base == PROJECTED else "")
            )
    lines += ["", "memory above inputs and output, NumPy, (1, 8, n, 64) in float32: MB"]
    for entry in results["memory"]:
        lines.append(f"  {entry['kind']:12}{entry['n']:8}{entry['bytes'] / 1e6:12.1f}")
    lines += ["", "peak of the machine, median of runs"]
    for name, rates in results["roofline"].items():
        lines.append(f"  {name:30}{statistics.median(rates) / 1e9:10.2f} thousand million")
    if results.get("decoding"):
        lines += ["", "scores after every token of a text: milliseconds, median, least, most"]
    for entry in results.get("decoding", []):
        s = [1e3 * t for t in entry["seconds"]]
        lines.append(
            f"  {entry['kind']:12}{entry['tokens']:8}"
            f"{statistics.median(s):10.2f}{min(s):10.2f}{max(s):10.2f}"
        )
    if results.get("llm"):
        lines += ["", *llm.lines(results["llm"])]
    lines += ["", "targets"]
    for verdict in verdicts(results):
        lines.append(
            f"  {verdict['target']}: {verdict['reached']:.2f} of at most {verdict['bound']:g}"
            f" ({'met' if verdict['met'] else 'missed'})"
        )
    return "\n".join(lines) + "\n"


def verdicts(results: dict) -> list[dict]:
    """Return the targets with what was reached: keys target, reached, bound and met."""
    middle, long = (1, 8, 1024, 64), (1, 1, 8192, 64)
    streamed = next(
        entry["bytes"]
        for entry in results["memory"]
        if (entry["kind"], entry["n"]) == ("streaming", 32768)
    )
    reached = [
        (
            "attnbook NumPy over torch SDPA, (1, 8, 1024, 64)",
            ratio(seconds(results, middle), "attnbook NumPy"),
            1.5,
        ),
        (
            "MultiHeadAttention over the same projections and SDPA, (1, 8, 1024, 64)",
            ratio(seconds(results, middle), "attnbook MultiHeadAttention", PROJECTED),
            1.1,
        ),
        ("megabytes of streaming at (1, 8, 32768, 64)", streamed / 1e6, 200),
        (
            "streaming over the whole matrix, NumPy, (1, 1, 8192, 64)",
            ratio(
                seconds(results, long),
                "attnbook NumPy, streaming",
                "attnbook NumPy, whole matrix",
            ),
            1.0,
        ),
    ]
    return [
        {"target": name, "reached": got, "bound": bound, "met": got <= bound}
        for name, got, bound in reached
    ]

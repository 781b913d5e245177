"""The ledger of claims and the records that notebooks keep: read, checked, put into words.

Plain functions without Sphinx, so that the tests can use them. ``attnbook`` is not imported: building the
book needs none of what running it needs.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from pathlib import Path

RECORD_KEY = "attnbook_claim"


def read_ledger(path: str | Path) -> dict[str, dict[str, str]]:
    """Return the ledger as ``slug -> {chapter, sentence, differs?}``, in the order of the file."""
    with open(path, "rb") as file:
        return tomllib.load(file).get("claims", {})


def anchor(slug: str, number: int | None = None) -> str:
    """Return the HTML id of a claim's entry in the list, or of its record ``number`` in a chapter."""
    name = slug.replace(".", "-")
    return f"ledger-{name}" if number is None else f"claim-{name}-{number}"


def iter_outputs(notebook: dict):
    """Yield ``(cell, output, record)`` for every output that carries a claim's record, in page order."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            record = output.get("metadata", {}).get(RECORD_KEY)
            if record is not None:
                yield cell, output, record


def number_records(records: list[dict]) -> list[dict]:
    """Return copies with ``number`` (counted per slug, from 1) and ``anchor``."""
    seen: dict[str, int] = {}
    numbered = []
    for record in records:
        slug = record["slug"]
        seen[slug] = seen.get(slug, 0) + 1
        numbered.append(record | {"number": seen[slug], "anchor": anchor(slug, seen[slug])})
    return numbered


def read_records(notebook_path: str | Path) -> list[dict]:
    """Return the records stored in a notebook, each with ``cell`` (its id), ``number`` and ``anchor``."""
    notebook = json.loads(Path(notebook_path).read_text(encoding="utf-8"))
    found = [record | {"cell": cell.get("id")} for cell, _, record in iter_outputs(notebook)]
    return number_records(found)


def read_title(notebook_path: str | Path) -> str:
    """Return the first level-one heading of a notebook, or its file name."""
    notebook = json.loads(Path(notebook_path).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for line in "".join(cell["source"]).splitlines():
                if line.startswith("# "):
                    return line[2:].strip()
    return Path(notebook_path).stem


def _flat(value) -> list[float]:
    if isinstance(value, (list, tuple)):
        return [item for part in value for item in _flat(part)]
    return [float(value)]


def satisfied(record: dict) -> bool:
    """Say whether the stored numbers meet the stored requirement."""
    tests = []
    if record.get("holds") is not None:
        tests.append(bool(record["holds"]))
    if record.get("measured") is not None:
        measured = _flat(record["measured"])
        if record.get("expected") is not None:
            expected = _flat(record["expected"])
            if len(expected) == 1:
                expected *= len(measured)
            tolerance = _flat(record.get("tolerance") or 0.0)
            if len(tolerance) == 1:
                tolerance *= len(measured)
            if not len(expected) == len(measured) == len(tolerance):
                return False
            tests += [
                m == e or abs(m - e) <= t
                for m, e, t in zip(measured, expected, tolerance, strict=True)
            ]
        for key, sign in (("at_least", 1), ("at_most", -1)):
            if record.get(key) is not None:
                bounds = _flat(record[key])
                if len(bounds) == 1:
                    bounds *= len(measured)
                if len(bounds) != len(measured):
                    return False
                tests += [sign * m >= sign * b for m, b in zip(measured, bounds, strict=True)]
    return bool(tests) and all(tests)


def tidy(text: str) -> str:
    """Return text with its numbers set for reading: 1e-12 becomes 10^−12, -3 becomes −3."""

    def power(match: re.Match) -> str:
        mantissa, exponent = match[1], f"10^{int(match[2])}"
        return exponent if mantissa == "1" else f"{mantissa} × {exponent}"

    text = re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]?\d+)", power, text)
    return re.sub(r"(?<![\w.)])-(?=\d)", "−", text)


def format_number(value: float) -> str:
    """Return a number for reading: integers in full, others with five digits."""
    value = float(value)
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "not a number")
    return tidy(str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.5g}")


def format_measured(record: dict) -> str:
    """Return what was measured: a number, or the smallest and the largest of several."""
    measured = record.get("measured")
    if measured is None:
        measured = bool(record.get("holds"))
    parts = measured if isinstance(measured, list) else [measured]
    if all(isinstance(part, bool) for part in parts):
        return "true" if all(parts) else "false"
    numbers = _flat(parts)
    low, high = format_number(min(numbers)), format_number(max(numbers))
    return low if low == high else f"{low} to {high}"


def check(ledger: dict, chapters: dict[str, list[dict]]) -> list[str]:
    """Return what is wrong between the ledger and the records of each chapter, one sentence each."""
    problems, recorded = [], set()
    for chapter, records in chapters.items():
        for record in records:
            slug = record["slug"]
            recorded.add(slug)
            if slug not in ledger:
                problems.append(f"{chapter}: the ledger has no claim {slug!r}")
            elif ledger[slug].get("chapter") != chapter:
                problems.append(
                    f"{chapter}: claim {slug!r} belongs to chapter {ledger[slug].get('chapter')!r}"
                )
            if not satisfied(record):
                problems.append(
                    f"{chapter}: the stored record of {slug!r} does not meet its requirement"
                )
    problems += [
        f"no notebook records the claim {slug!r} of chapter {entry.get('chapter')!r}"
        for slug, entry in ledger.items()
        if slug not in recorded
    ]
    return problems

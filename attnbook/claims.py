"""The book's promise in one function: a claim is measured, or the cell fails.

The ledger ``claims.toml`` holds the sentences. `claim` looks one up, checks the measurement,
shows one line, and leaves the record in the output's metadata, from which the site shows it.
"""

from __future__ import annotations

import sys
import tomllib
from importlib import resources
from typing import Any

import numpy as np

METADATA_KEY = "attnbook_claim"


class ClaimError(AssertionError):
    """Raised by `claim`: a claim of the book does not hold.

    The message names the claim, what was measured, and what it must be.
    """


def ledger() -> dict[str, dict[str, str]]:
    """Return the book's claims: slug to chapter, sentence and, where it applies, differs.

    Returns
    -------
    dict of str to dict of str to str
        In the order of the file ``claims.toml``.

    Examples
    --------
    >>> from attnbook.claims import ledger
    >>> ledger()["retrieval.convex"]["chapter"]
    'retrieval'
    """
    text = resources.files("attnbook").joinpath("claims.toml").read_text(encoding="utf-8")
    claims: dict[str, dict[str, str]] = tomllib.loads(text)["claims"]
    return claims


def _numbers(name: str, value: Any) -> np.ndarray:
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be numbers, got {type(value).__name__}")
    return array.astype(np.float64)


def _number(value: float) -> str:
    return str(int(value)) if abs(value) < 1e15 and value == int(value) else f"{value:.6g}"


def _show(value: np.ndarray) -> str:
    """Return up to five numbers one by one, or the range of many, as text."""
    if 1 < value.size <= 5 and value.min() < value.max():
        return ", ".join(map(_number, value.ravel()))
    low, high = _number(value.min()), _number(value.max())
    return low if low == high else f"{low} to {high}"


def claim(
    slug: str,
    measured: Any,
    expected: Any = None,
    tolerance: float = 0.0,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    holds: bool | None = None,
    what: str | None = None,
) -> None:
    """Check a claim of the book against a measurement, and record it.

    Parameters
    ----------
    slug : str
        Name of the claim in the ledger, for example ``"scaling.variance"``.
    measured : number or array
        What the cell measured; every element is checked.
    expected : number or array, optional
        What it should be, within `tolerance`.
    tolerance : float, default 0.0
        Largest absolute difference between any element and `expected`.
    at_least, at_most : float, optional
        Bounds of every element.
    holds : bool, optional
        The verdict itself, for claims on order or bit-equality; `measured` is then shown only.
    what : str, optional
        Which quantity was measured, where a claim has several.

    Raises
    ------
    ClaimError
        If the measurement does not meet the requirement, or is not a number.
    KeyError
        If the ledger has no such slug.
    ValueError
        If nothing is required of the measurement, it is empty, `expected` has another shape, or
        `tolerance` is negative.
    TypeError
        If `measured` holds no numbers or `holds` is not a boolean.

    Examples
    --------
    >>> attnbook.claim("retrieval.convex", [0.25 + 0.75], expected=1, tolerance=1e-12)
    retrieval.convex: = 1 ± 1e-12, holds
    """
    entries = ledger()
    if slug not in entries:
        raise KeyError(f"the ledger attnbook/claims.toml has no claim {slug!r}")
    got = _numbers("measured", measured)
    if got.size == 0:
        raise ValueError(f"{slug}: measured must hold at least one number")
    if holds is not None and not isinstance(holds, bool | np.bool_):
        raise TypeError(f"holds must be True or False, got {type(holds).__name__}")
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be at least 0, got {tolerance}")
    checks: list[tuple[str, bool]] = []
    want = None if expected is None else _numbers("expected", expected)
    if want is not None:
        if want.shape not in ((), got.shape):
            raise ValueError(f"expected must have the shape {got.shape}, got {want.shape}")
        within = f" ± {tolerance:g}" if tolerance else ""
        checks.append((f"= {_show(want)}{within}", bool(np.all(np.abs(got - want) <= tolerance))))
    if at_least is not None:
        checks.append((f"at least {at_least:g}", bool(np.all(got >= at_least))))
    if at_most is not None:
        checks.append((f"at most {at_most:g}", bool(np.all(got <= at_most))))
    if holds is not None:
        checks.append(("as stated", bool(holds)))
    if not checks:
        raise ValueError(f"{slug}: say what must hold: expected, at_least, at_most or holds")
    requirement = " and ".join(text for text, _ in checks)
    label = slug if what is None else f"{slug}, {what}"
    if np.isnan(got).any() or not all(ok for _, ok in checks):
        raise ClaimError(
            f"{label}: measured {_show(got)}, must be: {requirement}\n{entries[slug]['sentence']}"
        )
    record = {
        "slug": slug,
        "what": what,
        "measured": [float(got.min()), float(got.max())],
        "expected": None if want is None else [float(want.min()), float(want.max())],
        "tolerance": float(tolerance),
        "at_least": at_least if at_least is None else float(at_least),
        "at_most": at_most if at_most is None else float(at_most),
        "holds": holds if holds is None else bool(holds),
        "requirement": requirement,
    }
    _emit(f"{label}: {requirement}, holds", record)


def _emit(line: str, record: dict[str, Any]) -> None:
    """Show `line`; in a notebook the record goes with it as metadata."""
    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None:
        print(line)
        return
    from IPython.display import publish_display_data

    publish_display_data({"text/plain": line}, {METADATA_KEY: record})

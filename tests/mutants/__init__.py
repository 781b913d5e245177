"""For every claim one named change under which its cell must raise: `MUTANTS` of each chapter."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A change: of the text of the cells that a claim needs, or of functions of attnbook.

    `cell` is (old, new), and old must stand in those cells. `patch` maps "attnbook.module.function"
    to an expression that replaces the function, evaluated in the names of that module together
    with `original`, the function itself. Of a slug with several claims, `what` names the one that
    fails, where the cells of the others would take long. `slow` ones take about ten seconds or more
    and run in make test-all; make test only holds that their text still stands.
    """

    name: str
    cell: tuple[str, str] | None = None
    patch: dict[str, str] | None = None
    what: str | None = None
    slow: bool = False


def load() -> dict[str, Mutant]:
    """Return slug to mutant, for all chapters."""
    found: dict[str, Mutant] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        found |= importlib.import_module(module.name).MUTANTS
    return found

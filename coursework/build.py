"""From one source per set: the student's notebook, the worked solution, the arrays of `check`.

A source is a percent script, ``sources/pK_topic.py``. Lines between ``# BEGIN SOLUTION`` and
``# END SOLUTION`` are in the solution only, as are cells with the tag ``solution``; cells with the
tag ``student`` are in the student's notebook only.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext

from attnbook.answers import FOLDER, pack
from attnbook.grade.question import PUBLIC, CourseworkError, Question

ELIDED = re.compile(
    r"^[ \t]*# BEGIN SOLUTION\n.*?^[ \t]*# END SOLUTION\n?", re.DOTALL | re.MULTILINE
)
MARKER = re.compile(r"^[ \t]*# (?:BEGIN|END) SOLUTION\n?", re.MULTILINE)


def sources(folder: Path) -> list[Path]:
    """Return the source of every set, in order."""
    return sorted((folder / "sources").glob("p*.py"))


def notebooks(source: Path) -> dict[str, dict[str, Any]]:
    """Return the two notebooks of a source as they are before they run, by their paths.

    The paths are relative to the folder of the coursework.
    """
    script = jupytext.read(source, fmt="py:percent")
    found = {}
    for name, own, other in (
        (f"{source.stem}.ipynb", "student", "solution"),
        (f"solutions/{source.stem}.ipynb", "solution", "student"),
    ):
        cells = []
        for cell in script.cells:
            tags = cell.metadata.get("tags", [])
            if other in tags:
                continue
            text = cell.source + "\n"
            text = (ELIDED if own == "student" else MARKER).sub("", text).rstrip("\n")
            if "SOLUTION" in text:
                raise CourseworkError(f"{source.name}: a mark of a solution without its partner")
            metadata = {k: v for k, v in copy.deepcopy(dict(cell.metadata)).items() if k != "tags"}
            kept = [tag for tag in tags if tag != own]
            cells.append(_cell(cell.cell_type, text, metadata | ({"tags": kept} if kept else {})))
        for number, cell in enumerate(cells, start=1):
            cell["id"] = f"{source.stem.replace('_', '-')}-{number:02d}"
        found[name] = {
            "cells": cells,
            "metadata": {"attnbook": {"set": source.stem.split("_")[0]}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    return found


def _cell(kind: str, text: str, metadata: dict[str, Any]) -> dict[str, Any]:
    lines = text.splitlines(keepends=True)
    cell: dict[str, Any] = {"cell_type": kind, "metadata": metadata, "source": lines}
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def build(folder: Path, questions: dict[str, Question]) -> Iterator[Path]:
    """Write everything that is made of the sources; yield each file when it is there.

    Notebooks are run, so that their pages in the book show pictures and answers.
    """
    import json

    from tests.notebook_tools import execute

    FOLDER.mkdir(exist_ok=True)
    for name, question in questions.items():
        path = FOLDER / f"{name}.npz"
        path.write_bytes(pack(question.exam(PUBLIC)))
        yield path
    for source in sources(folder):
        for name, notebook in notebooks(source).items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(notebook), encoding="utf-8")
            execute(path)
            yield path

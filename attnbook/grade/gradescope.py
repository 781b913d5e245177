"""``python -m attnbook.grade.gradescope BASE SET``: what the zip of `attnbook-grade` runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from attnbook.grade.exports import gradescope_results
from attnbook.grade.report import write_text
from attnbook.grade.runner import Batch, Exams, Grade
from attnbook.grade.session import Limits

LIMITS = Limits(cell=60, call=10, total=240, memory=512)  # Gradescope ends all after 10 minutes


def main(base: Path, kind: str) -> None:
    """Grade the one notebook of a submission, write ``results.json`` in any case.

    Parameters
    ----------
    base : Path
        Gradescope's ``/autograder``.
    kind : str
        The set.
    """
    target = base / "results" / "results.json"
    try:
        results = grade(base, kind)
    except Exception as error:
        text = f"The grader failed ({type(error).__name__}: {error}). Please tell your instructor."
        results = {"score": 0, "output": text}
    write_text(target, json.dumps(results, indent=1))


def grade(base: Path, kind: str) -> dict[str, Any]:
    """Return the results of the submission."""
    source, folder = base / "source", base / "submission"
    seed = (source / "seed.txt").read_text(encoding="utf-8").strip()
    exams = Exams.of(source / "coursework", seed, kind)
    possible = sum(question.most_points for question in exams.questions.values())
    assert possible > 0
    found = sorted(p for p in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
    if len(found) != 1:
        text = f"Hand in exactly one notebook (.ipynb); there are {len(found)}."
        return gradescope_results(Grade("", problem=text), possible)
    hidden = [source, base / "results", folder]
    with Batch(exams, hidden, limits=LIMITS, jobs=1, expected=kind) as batch:
        return gradescope_results(batch.grade_file(found[0], found[0].stem), possible)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

"""How long the grader takes: ``python -m benchmarks.grading [SUBMISSIONS] [JOBS]``.

Every set's worked solution is graded again and again. CPU seconds are those of the grader, of the
processes that fork workers and of the workers together.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from attnbook.grade.runner import Batch, Exams
from coursework.build import notebooks, sources

COURSEWORK = Path(__file__).resolve().parents[1] / "coursework"


def solutions() -> list[bytes]:
    """Return the worked solution of every set as the bytes of a notebook."""
    found = []
    for source in sources(COURSEWORK):
        found += [json.dumps(n).encode() for p, n in notebooks(source).items() if "solutions" in p]
    return found


def measure(data: list[bytes], count: int, jobs: int) -> dict[str, float]:
    """Return seconds per submission, and in all, of `count` submissions."""
    exams = Exams.of(COURSEWORK, "the seed of the benchmark")
    before, start = _used(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number in range(count):
            path = Path(folder) / f"{number}.ipynb"
            path.write_bytes(data[number % len(data)])
            files.append((path, path.stem))
        with Batch(exams, [COURSEWORK], jobs=jobs) as batch:
            grades = list(batch.grade_all(files))
    wall = time.perf_counter() - start
    wrong = [grade for grade in grades if grade.points < grade.possible or grade.problem]
    assert not wrong, wrong[:1]
    workers = sum(grade.cpu for grade in grades)
    return {
        "submissions": count,
        "wall": wall,
        "cpu": (_used() - before + workers) / count,
        "worker": workers / count,
    }


def _used() -> float:
    own, servers = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + servers.ru_utime + servers.ru_stime


def main(arguments: list[str]) -> None:
    """Print the table."""
    count = int(arguments[0]) if arguments else 500
    jobs = int(arguments[1]) if len(arguments) > 1 else os.cpu_count() or 1
    data = solutions()
    torch = [one for one in data if b"torch" in one]
    print(f"{'':24}submissions  wall s  CPU s each  of these in the worker")
    kinds = {"without torch": [one for one in data if one not in torch], "with torch": torch}
    for name, some in (kinds | {"all sets": data}).items():
        if some:
            got = measure(some, count if name == "all sets" else count // 5, jobs)
            print(
                f"{name:24}{got['submissions']:11.0f}  {got['wall']:6.1f}  {got['cpu']:10.3f}  "
                f"{got['worker']:22.3f}"
            )


if __name__ == "__main__":
    main(sys.argv[1:])

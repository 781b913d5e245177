"""``python -m attnbook.grade SUBMISSIONS``: grade a folder of notebooks."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attnbook.grade import report
from attnbook.grade.enclose import UNREADABLE
from attnbook.grade.notebook import SubmissionError, read_bytes
from attnbook.grade.question import CourseworkError
from attnbook.grade.runner import FAILED, Batch, Exams, Grade, digest
from attnbook.grade.session import Limits

SEED = "ATTNBOOK_SEED"
SKIPPED = (".ipynb_checkpoints", "__MACOSX")


class UsageError(ValueError):
    """Something about the command that its user must mend."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade a folder of notebooks, or write what Gradescope or Otter need.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the command line.

    Returns
    -------
    int
        0 when all submissions were looked at, 1 when the grader failed on some, 2 when the command
        cannot be carried out.
    """
    options = parser().parse_args(arguments)
    try:
        return run(options)
    except (UsageError, CourseworkError) as error:
        print(f"attnbook-grade: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        name = f": {error.filename}" if error.filename else ""
        print(f"attnbook-grade: {error.strerror or error}{name}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("attnbook-grade: stopped; run it again to go on from here", file=sys.stderr)
        sys.stderr.flush()
        os._exit(130)  # threads wait for submissions; these end with this process


def parser() -> argparse.ArgumentParser:
    """Return the options of the command."""
    made = argparse.ArgumentParser(
        prog="attnbook-grade",
        description="Grade notebooks of the coursework. Each runs in a process of its own.",
    )
    made.add_argument("submissions", type=Path, nargs="?", help="folder of notebooks, or one")
    made.add_argument("--coursework", type=Path, help="folder with the questions")
    made.add_argument(
        "--seed-file", type=Path, help=f"file with the seed of the hidden cases (or set {SEED})"
    )
    made.add_argument("--out", type=Path, default=Path("grades"), help="default: grades")
    made.add_argument("--jobs", type=int, help="how many at the same time; default: all cores")
    made.add_argument("--set", dest="kind", help="the only set that is accepted, such as p8")
    made.add_argument("--again", action="store_true", help="grade anew what is graded already")
    made.add_argument("--strict", action="store_true", help="refuse to run with less isolation")
    default = Limits()
    for name, unit in (("cell", "seconds for a cell"), ("call", "seconds for one call")):
        made.add_argument(f"--{name}-limit", type=float, default=getattr(default, name), help=unit)
    made.add_argument("--total-limit", type=float, default=default.total, help="seconds for all")
    made.add_argument("--memory", type=int, default=default.memory, help="megabytes")
    made.add_argument(
        "--gradescope", type=Path, metavar="ZIP", help="write an autograder for --set"
    )
    made.add_argument("--otter", type=Path, metavar="FOLDER", help="write Otter tests for --set")
    return made


def run(options: argparse.Namespace) -> int:
    """Carry out the command."""
    if options.jobs is not None and options.jobs < 1:
        raise UsageError("--jobs must be at least 1")
    times = (options.cell_limit, options.call_limit, options.total_limit, options.memory)
    if not all(0 < value < 1e6 for value in times):
        raise UsageError("limits must be larger than 0")
    coursework = find_coursework(options.coursework)
    seed = find_seed(options.seed_file)
    if options.gradescope or options.otter:
        return export(options, coursework, seed)
    files = find_notebooks(options.submissions)
    exams = Exams.of(coursework, seed)
    if options.kind is not None and options.kind not in exams.sets():
        raise UsageError(f"there is no set {options.kind!r}: sets are {', '.join(exams.sets())}")
    limits = Limits(
        cell=options.cell_limit,
        call=options.call_limit,
        total=options.total_limit,
        memory=options.memory,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    hidden = [coursework, options.submissions, options.out]
    hidden += [options.seed_file] if options.seed_file else []
    key = digest(coursework, f"{seed}\n{options.kind}", limits)
    with Batch(exams, hidden, limits=limits, jobs=options.jobs, expected=options.kind) as batch:
        missing = batch.isolation()
        if UNREADABLE in missing:  # right answers would get no points
            raise UsageError(f"{UNREADABLE} Use a Python outside of a private folder.")
        if options.strict and missing:
            raise UsageError(f"--strict: {' '.join(missing)}")
        grades = all_grades(batch, files, options.out, key, options.again)
    write(grades, options.out)
    missing = list(dict.fromkeys(text for one in grades for text in one.isolation))
    for text in missing:
        print(f"Isolation: {text}", file=sys.stderr)
    print(f"{len(grades)} graded: {options.out / 'grades.csv'}, {options.out / 'summary.html'}")
    failed = [one.name for one in grades if (one.problem or "").startswith(FAILED)]
    if failed:
        print(f"The grader failed on {len(failed)}, such as {failed[0]!r}.", file=sys.stderr)
    return int(bool(failed))


def all_grades(
    batch: Batch, files: list[tuple[Path, str]], out: Path, key: str, again: bool
) -> list[Grade]:
    """Return the grades of all files; those that were graded before are read."""
    state = out / ".graded"
    state.mkdir(exist_ok=True)
    grades: list[Grade] = []
    waiting: list[tuple[Path, str]] = []
    keys: dict[str, tuple[Path, str]] = {}
    for path, name in files:
        kept = state / f"{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:32]}.json"
        keys[name] = (kept, _key(path, key))
        found = None if again else _kept(*keys[name])
        if found is None:
            waiting.append((path, name))
        else:
            grades.append(found)
    start, done = time.monotonic(), 0
    _progress(done, len(waiting), len(grades), start)
    for grade in batch.grade_all(waiting):
        kept, whole = keys[grade.name]
        if whole and not (grade.problem or "").startswith(FAILED):
            report.write_text(kept, json.dumps({"key": whole, "grade": grade.as_dict()}))
        report.write_text(out / report.file_name(grade.name), report.page(grade))
        grades.append(grade)
        done += 1
        _progress(done, len(waiting), len(files) - len(waiting), start)
    if waiting:
        print(file=sys.stderr)
    return grades


def _key(path: Path, key: str) -> str:
    """Return what the grade of a file depends on, or nothing where it cannot be read."""
    try:
        return hashlib.sha256(key.encode() + read_bytes(path)).hexdigest()
    except SubmissionError:
        return ""


def _kept(path: Path, key: str) -> Grade | None:
    try:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Grade.from_dict(kept["grade"]) if key and kept["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _progress(done: int, total: int, before: int, start: float) -> None:
    if total == 0:
        return
    text = f"{done} of {total} graded"
    text += f", {before} were before" if before else ""
    if 0 < done < total:
        text += f", about {(time.monotonic() - start) / done * (total - done):.0f} s left"
    end = "" if sys.stderr.isatty() else "\n"
    if end == "" or done in (0, total) or done % 20 == 0:
        print(f"\r{text:60}" if end == "" else text, end=end, file=sys.stderr, flush=True)


def write(grades: Sequence[Grade], out: Path) -> None:
    """Write the table, the pages of the students and the summary."""
    for grade in grades:
        path = out / report.file_name(grade.name)
        if not path.exists():
            report.write_text(path, report.page(grade))
    report.write_text(out / "grades.csv", report.table(grades))
    report.write_text(out / "summary.html", report.summary(grades))


def find_coursework(given: Path | None) -> Path:
    """Return the folder of the questions; by default the one beside the package."""
    folder = given or Path(__file__).resolve().parents[2] / "coursework"
    if not (folder / "questions").is_dir():
        raise UsageError(f"there is no coursework in {folder}: give --coursework PATH")
    return folder


def find_seed(file: Path | None) -> str:
    """Return the seed of the hidden cases."""
    if file is not None:
        if not file.is_file():
            raise UsageError(f"there is no seed file {file}")
        seed = file.read_text(encoding="utf-8", errors="replace").strip()
    else:
        seed = os.environ.get(SEED, "").strip()
    if not seed:
        raise UsageError(
            f"a seed is needed for the hidden cases: put a long random text into a file and "
            f"give --seed-file, or set {SEED}"
        )
    return seed


def find_notebooks(folder: Path | None) -> list[tuple[Path, str]]:
    """Return the notebooks of a folder and their names."""
    if folder is None:
        raise UsageError("give a folder of submissions")
    if folder.is_file():
        return [(folder, folder.stem)]
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}")
    found = []
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith("."))
        for name in sorted(names):
            path = Path(top) / name
            if path.suffix == ".ipynb" and not name.startswith("."):
                found.append((path, path.relative_to(folder).with_suffix("").as_posix()))
    if not found:
        raise UsageError(f"there are no notebooks (.ipynb) in {folder}")
    return found


def export(options: argparse.Namespace, coursework: Path, seed: str) -> int:
    """Write the zip of Gradescope, the tests of Otter, or both."""
    from attnbook.grade import exports

    if options.kind is None:
        raise UsageError("--gradescope and --otter need --set, such as --set p8")
    exams = Exams.of(coursework, seed, options.kind)
    if options.gradescope:
        exports.gradescope(options.gradescope, coursework, seed, exams, options.kind)
        print(options.gradescope)
    if options.otter:
        for path in exports.otter(options.otter, exams):
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

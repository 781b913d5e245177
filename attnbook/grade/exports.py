"""The same grader where a course already has one: a zip for Gradescope, test files for Otter."""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attnbook.answers import answer, pack, unpack
from attnbook.grade.question import CourseworkError
from attnbook.grade.runner import Exams, Grade
from attnbook.verdict import Exam, judge

SETUP = """#!/usr/bin/env bash
# Run once by Gradescope, as root: Python 3.11 or newer with NumPy.
set -e
cd /autograder/source
find_python() {
  for python in python3.13 python3.12 python3.11 python3; do
    if command -v "$python" >/dev/null &&
      "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
    then
      command -v "$python"
      return
    fi
  done
  return 1
}
if ! find_python >/dev/null; then
  apt-get update
  apt-get install -y python3-venv
  find_python >/dev/null || apt-get install -y python3.11 python3.11-venv
fi
"$(find_python)" -m venv /autograder/venv
/autograder/venv/bin/pip install --no-cache-dir "numpy>=2.1" "array-api-compat>=1.12"
chmod -R go-rwx /autograder/source
"""

RUN = """#!/usr/bin/env bash
# Run by Gradescope for every submission; results.json is there whatever happens.
base="${AUTOGRADER:-/autograder}"
python="${ATTNBOOK_PYTHON:-$base/venv/bin/python}"
mkdir -p "$base/results"
cat > "$base/results/results.json" <<'END'
{"score": 0, "output": "The grader did not come to its end. Please tell your instructor."}
END
chmod -R go-rwx "$base/source" "$base/results" 2>/dev/null
cd "$base/source" || exit 0
PYTHONPATH="$base/source" OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \\
  "$python" -m attnbook.grade.gradescope "$base" KIND
exit 0
"""

OTTER = '''"""{name}: made by attnbook-grade; the cases are arrays, judged by attnbook."""

from otter.test_files import test_case

OK_FORMAT = False
name = "{name}"
points = {possible}
PUBLIC = (
{public}
)
HIDDEN = (
{hidden}
)


@test_case(points={points}, hidden=True)
def test_right(env):
    from attnbook.grade.exports import ask

    ask("{function}", env, PUBLIC, HIDDEN)
'''

OTTER_EXTREME = """

@test_case(points={points}, hidden=True)
def test_extreme_numbers(env):
    from attnbook.grade.exports import ask

    ask("{function}", env, PUBLIC, HIDDEN, extreme=True)
"""


def gradescope(target: Path, coursework: Path, seed: str, exams: Exams, kind: str) -> None:
    """Write the autograder zip of one set.

    Parameters
    ----------
    target : Path
        The zip.
    coursework : Path
        Its questions go in, but neither notebooks nor solutions.
    seed : str
        Of the hidden cases; it stands in the zip, which only the instructor and Gradescope have.
    exams : Exams
        Of the set.
    kind : str
        The set.

    Raises
    ------
    CourseworkError
        If the set gives no points.
    """
    _assert_points(exams)
    package = Path(__file__).resolve().parents[1]
    files = {"setup.sh": SETUP, "run_autograder": RUN.replace("KIND", kind), "seed.txt": seed}
    for path in sorted((coursework / "questions").glob("*.py")):
        files[f"coursework/questions/{path.name}"] = path.read_text(encoding="utf-8")
    for path in sorted([*package.glob("*.py"), *(package / "grade").glob("*.py")]):
        files[f"attnbook/{path.relative_to(package).as_posix()}"] = path.read_text(encoding="utf-8")
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f".{target.name}.new")
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            mode = 0o755 if name in ("setup.sh", "run_autograder") else 0o644
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text.replace("\r\n", "\n"))
    new.replace(target)


def gradescope_results(grade: Grade, possible: int) -> dict[str, Any]:
    """Return a grade as Gradescope takes it.

    Parameters
    ----------
    grade : Grade
        Of the submission.
    possible : int
        Points of the set.

    Returns
    -------
    dict
        For ``results.json``.
    """
    output = [grade.problem] if grade.problem else []
    output += [*grade.notes, *(f"Isolation: {text}" for text in grade.isolation)]
    return {
        "score": grade.points,
        "output": "\n".join(output) or f"{grade.points} of {possible} points.",
        "stdout_visibility": "hidden",
        "tests": [
            {
                "name": score.question,
                "score": score.points,
                "max_score": score.possible,
                "output": score.message,
                "visibility": "visible",
            }
            for score in grade.scores
        ],
    }


def otter(folder: Path, exams: Exams) -> Iterator[Path]:
    """Write one test file of Otter per question.

    Parameters
    ----------
    folder : Path
        Such as ``tests``.
    exams : Exams
        Of one set.

    Yields
    ------
    Path
        Of each file. It holds the arrays of the hidden cases, so only the autograder may have it.

    Raises
    ------
    CourseworkError
        If the set gives no points.
    """
    _assert_points(exams)
    folder.mkdir(parents=True, exist_ok=True)
    for name, question in exams.questions.items():
        public, hidden = (_text(pack(some[name])) for some in (exams.public, exams.hidden))
        function = name.partition(".")[2]
        text = OTTER.format(
            name=name,
            possible=question.most_points,
            points=question.points,
            function=function,
            public=public,
            hidden=hidden,
        )
        if exams.hidden[name].extreme:
            text += OTTER_EXTREME.format(points=question.stability_points, function=function)
        path = folder / f"{name.replace('.', '_')}.py"
        path.write_text(text, encoding="utf-8", newline="\n")
        compile(text, str(path), "exec")
        yield path


def ask(
    function: str, env: dict[str, Any], public: str, hidden: str, *, extreme: bool = False
) -> None:
    """Judge a function in the notebook's own process, as a test of Otter does.

    Parameters
    ----------
    function : str
        Its name.
    env : dict
        Names of the notebook.
    public, hidden : str
        Two exams as text.
    extreme : bool
        Whether the extreme cases are asked for.

    Raises
    ------
    AssertionError
        If it is not right; the message is the one of `attnbook.check`.
    """
    program: Callable[..., Any] | None = env.get(function)
    if not callable(program):
        raise AssertionError(f"There is no function {function} in the notebook.")
    for text in (public, hidden):
        exam: Exam = unpack(base64.b64decode(text))
        results = [answer(program, case) for case in exam.cases]
        verdict = judge(exam, results, [answer(program, case) for case in exam.extreme])
        if not verdict.correct or (extreme and not verdict.stable):
            raise AssertionError(verdict.message)


def _text(data: bytes) -> str:
    coded = base64.b64encode(data).decode()
    return "\n".join(f'    "{coded[i : i + 90]}"' for i in range(0, len(coded), 90))


def _assert_points(exams: Exams) -> None:
    if sum(question.most_points for question in exams.questions.values()) <= 0:
        raise CourseworkError("the set gives no points, so nothing could be graded")

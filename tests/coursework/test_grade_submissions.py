"""Bad and cheating submissions: none gains a point, stops the batch or leaves anything behind."""

import contextlib
import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from attnbook.grade import report
from attnbook.grade.enclose import UNREADABLE
from attnbook.grade.question import PUBLIC, load_questions
from attnbook.grade.runner import Batch, Exams
from attnbook.grade.session import FIRST_USER, Limits
from tests.coursework import submissions
from tests.notebook_tools import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the runner's isolation is Linux's")
LIMITS = Limits(cell=0.5, call=0.5, total=20, memory=400, grace=0.3)
NAMES = [one.name for one in submissions.ALL]


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Return the folders that submissions would like to read or to change."""
    top = tmp_path_factory.mktemp("grading")
    folders = {name: top / name for name in ("coursework", "submissions", "outside")}
    for folder in folders.values():
        folder.mkdir()
    folders["outside"].chmod(0o777)
    (folders["coursework"] / "questions").mkdir()
    file = folders["coursework"] / "questions" / "p0_bad.py"
    file.write_text(submissions.QUESTIONS, encoding="utf-8")
    return folders


@pytest.fixture(scope="module")
def grades(places):
    """Return the grades of all submissions by name, and of a right one graded after them."""
    question = load_questions(places["coursework"])["p0.scaled"]
    first = question.exam(PUBLIC).cases[0].arguments[0][0, 0]
    words = {f"{{{name}}}": str(path) for name, path in places.items()}
    words |= {"{package}": str(ROOT / "attnbook"), "{public}": repr(float(first))}
    files = []
    for one in submissions.ALL:
        data = one.file()
        for word, value in words.items():
            data = data.replace(word.encode(), value.encode())
        path = places["submissions"] / f"{one.name}.ipynb"
        path.write_bytes(data)
        files.append((path, one.name))
    right = places["submissions"] / "right.ipynb"
    right.write_bytes(
        submissions.notebook([submissions.START, submissions.SOLUTION, submissions.TOTAL])
    )
    link, pipe = (places["submissions"] / f"{name}.ipynb" for name in ("link", "pipe"))
    link.symlink_to(right)
    os.mkfifo(pipe)
    files += [(link, "link"), (pipe, "pipe"), (right, "right")]
    exams = Exams.of(places["coursework"], "only the instructor has it")
    hidden = [places["coursework"], places["submissions"]]
    with Batch(exams, hidden, limits=LIMITS, jobs=2, expected="p0") as batch:
        return {grade.name: grade for grade in batch.grade_all(files)}


def test_there_are_enough():
    assert len(NAMES) == len(set(NAMES)) >= 35


@pytest.mark.parametrize("one", submissions.ALL, ids=NAMES)
def test_each_gets_its_points_and_its_line(grades, one):
    grade = grades[one.name]
    told = plain(report.page(grade))
    assert (grade.points, grade.possible) == (one.points, 7), told
    assert "The grader failed" not in told
    if (
        UNREADABLE not in grade.isolation
    ):  # there a submission may end earlier: an import is missing
        assert any(part in told for part in one.line.split("|")), told


def plain(page):
    """Return the text of a page as a reader sees it."""
    return html.unescape(re.sub(r"<[^>]+>", " ", page.partition("</style>")[2]))


def test_a_right_one_gets_all_points_after_them(grades):
    assert (grades["right"].points, grades["right"].notes) == (7, ())
    assert grades["link"].problem == "The file is a link, not a notebook."
    assert grades["pipe"].problem == "This is no ordinary file."


def test_what_a_submission_says_is_escaped(grades):
    assert "<script>" not in report.page(grades["html"])


def test_hidden_numbers_are_not_told(grades):
    assert "hidden -" not in report.page(grades["tells_hidden_numbers"])
    assert "raises" not in grades["tells_hidden_numbers"].scores[0].message


def test_nothing_is_left(grades, places):
    assert not list(places["outside"].iterdir())
    users = range(FIRST_USER, FIRST_USER + 10)
    left = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            uid = int(re.search(r"^Uid:\s+(\d+)", status.read_text(), re.MULTILINE)[1])
        except OSError:
            continue
        if uid in users:
            left.append(status)
    assert not left


def may_enclose():
    """Say whether this machine lets root make namespaces; containers often do not."""
    command = ["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "true"]
    with contextlib.suppress(OSError):
        return (
            os.geteuid() == 0
            and subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
        )
    return False


@pytest.mark.skipif(not may_enclose(), reason="needs root that may make namespaces")
def test_as_root_nothing_of_the_isolation_is_missing(grades):
    assert grades["right"].isolation == ()

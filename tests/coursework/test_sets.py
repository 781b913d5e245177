"""The sets as they are handed out: solutions get every point, empty notebooks none."""

import pytest

from attnbook.grade.enclose import UNREADABLE
from attnbook.grade.runner import Batch, Exams
from attnbook.grade.session import Limits
from tests.notebook_tools import ROOT

COURSEWORK = ROOT / "coursework"
STUDENT = sorted(COURSEWORK.glob("p*.ipynb"))
SOLVED = sorted((COURSEWORK / "solutions").glob("p*.ipynb"))


@pytest.fixture(scope="module")
def grades():
    exams = Exams.of(COURSEWORK, "a seed of the tests")
    files = [(path, f"{path.parent.name}/{path.stem}") for path in (*STUDENT, *SOLVED)]
    with Batch(exams, [COURSEWORK], limits=Limits(), jobs=2) as batch:
        if UNREADABLE in batch.isolation():
            pytest.skip("Python lies in a private folder and there are no namespaces")
        return {grade.name: grade for grade in batch.grade_all(files)}


def test_there_are_eight_sets():
    assert len(STUDENT) == len(SOLVED) == 8


@pytest.mark.parametrize("path", SOLVED, ids=lambda path: path.stem)
def test_a_solution_gets_every_point(grades, path):
    grade = grades[f"solutions/{path.stem}"]
    assert grade.points == grade.possible > 0, grade
    if path.stem != "p5_initialization":  # which measures with a part of the package: no points
        assert grade.notes == ()


@pytest.mark.parametrize("path", STUDENT, ids=lambda path: path.stem)
def test_an_empty_notebook_runs_and_gets_no_point(grades, path):
    grade = grades[f"coursework/{path.stem}"]
    assert grade.points == 0 < grade.possible
    assert grade.problem is None
    assert grade.notes == ()

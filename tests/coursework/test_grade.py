"""The command of the grader: a folder in, a table and pages out, one clear line for bad input."""

import csv
import json
import os
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from attnbook.grade import exports, report
from attnbook.grade.__main__ import SEED, main
from attnbook.grade.enclose import UNREADABLE
from attnbook.grade.notebook import SubmissionError, parse, python, which_set
from attnbook.grade.question import CourseworkError
from attnbook.grade.runner import FAILED, Batch, Exams, Grade, Score
from attnbook.grade.session import Limits
from tests.coursework import submissions
from tests.coursework.submissions import SOLUTION, START, TOTAL, WRONG, notebook
from tests.notebook_tools import ROOT

BY_D = "def scaled(x):\n    return np.abs(x) / x.shape[1]"


@pytest.fixture(scope="module")
def coursework(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coursework")
    (folder / "questions").mkdir()
    (folder / "questions" / "p0_bad.py").write_text(submissions.QUESTIONS, encoding="utf-8")
    return folder


@pytest.fixture
def handed_in(tmp_path):
    folder = tmp_path / "submissions"
    (folder / "group b").mkdir(parents=True)
    (folder / "right.ipynb").write_bytes(notebook([START, SOLUTION, TOTAL]))
    (folder / "by_d.ipynb").write_bytes(notebook([START, BY_D, TOTAL]))
    (folder / "group b" / "=1+1.ipynb").write_bytes(notebook([START, "1 / 0", WRONG]))
    (folder / "broken.ipynb").write_bytes(b"no notebook")
    return folder


@pytest.fixture(autouse=True)
def seed(monkeypatch):
    monkeypatch.setenv(SEED, "only the instructor has it")


def run(capsys, *arguments):
    """Return code, output and errors of the command."""
    code = main([str(argument) for argument in arguments])
    said, errors = capsys.readouterr()
    if UNREADABLE in errors:
        pytest.skip("Python lies in a private folder and there are no namespaces")
    return code, said, errors


def test_a_folder_becomes_a_table_pages_and_a_summary(capsys, handed_in, coursework, tmp_path):
    out = tmp_path / "out"
    code, said, progress = run(
        capsys, handed_in, "--coursework", coursework, "--out", out, "--jobs", 2
    )
    assert code == 0
    assert said.startswith("4 graded")
    assert "4 of 4 graded" in progress
    rows = list(csv.DictReader((out / "grades.csv").read_text("utf-8").splitlines()))
    points = {row["submission"]: (row["points"], row["possible"]) for row in rows}
    assert points == {
        "right": ("7", "7"),
        "by_d": ("3", "7"),
        "group b/=1+1": ("0", "7"),
        "broken": ("0", "0"),
    }
    assert "not JSON" in {row["submission"]: row["remark"] for row in rows}["broken"]
    pages = {path.name: path.read_text("utf-8") for path in out.glob("*.html")}
    assert len(pages) == 5
    assert "divided by D, not by its square root" in pages["by_d.html"]
    assert "by_d (1)" in pages["summary.html"]
    for name in re.findall('href="([^"]*)"', pages["summary.html"]):
        assert name in pages
    for text in pages.values():
        assert "<script" not in text
        assert "http" not in text.replace("http-equiv", "")
    assert not [path for path in out.iterdir() if path.name.startswith(".new")]


def test_what_was_graded_is_not_run_again(capsys, handed_in, coursework, tmp_path):
    command = (handed_in, "--coursework", coursework, "--out", tmp_path / "out")
    assert "4 of 4 graded" in run(capsys, *command)[2]
    table = (tmp_path / "out" / "grades.csv").read_bytes()
    assert "graded" not in run(capsys, *command)[2]
    assert (tmp_path / "out" / "grades.csv").read_bytes() == table
    (handed_in / "by_d.ipynb").write_bytes(notebook([START, SOLUTION, TOTAL]))
    assert "1 of 1 graded, 3 were before" in run(capsys, *command)[2]
    assert "by_d,p0,7,7" in (tmp_path / "out" / "grades.csv").read_text("utf-8")
    assert "7 of 7 points" in (tmp_path / "out" / "by_d.html").read_text("utf-8")
    os.environ[SEED] = "another seed"
    assert "4 of 4 graded" in run(capsys, *command)[2]


def test_the_seed_is_in_no_output(capsys, handed_in, coursework, tmp_path):
    out = tmp_path / "out"
    run(capsys, handed_in, "--coursework", coursework, "--out", out)
    for path in out.rglob("*"):
        assert path.is_dir() or b"only the instructor" not in path.read_bytes()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs Linux")
def test_strict_refuses_less_isolation(capsys, handed_in, coursework, tmp_path, monkeypatch):
    monkeypatch.setattr(Batch, "isolation", lambda self: ["The net is open."])
    command = (handed_in, "--coursework", coursework, "--out", tmp_path / "out", "--strict")
    assert run(capsys, *command)[::2] == (2, "attnbook-grade: --strict: The net is open.\n")


def test_a_python_that_submissions_cannot_read_is_refused(
    capsys, handed_in, coursework, tmp_path, monkeypatch
):
    monkeypatch.setattr(Batch, "isolation", lambda self: [UNREADABLE])
    out = tmp_path / "out"
    code = main([str(handed_in), "--coursework", str(coursework), "--out", str(out)])
    assert code == 2
    assert UNREADABLE in capsys.readouterr().err
    assert not (out / "grades.csv").exists()


def test_a_server_that_dies_costs_one_submission(coursework):
    exams = Exams.of(coursework, "seed")
    right = notebook([START, SOLUTION, TOTAL])
    with Batch(exams, jobs=1) as batch:
        if batch.single:
            pytest.skip("there is no server")
        assert batch.grade_bytes(right, "a").points == 7
        (server,) = batch.servers.values()
        server.process.kill()
        server.process.wait()
        assert (batch.grade_bytes(right, "b").problem or "").startswith(FAILED)
        assert batch.grade_bytes(right, "c").points == 7


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{nowhere}"], "there is no folder"),
        ([], "give a folder of submissions"),
        (["{empty}"], "there are no notebooks (.ipynb) in"),
        (["{in}", "--coursework", "{empty}"], "there is no coursework in"),
        (["{in}", "--seed-file", "{nowhere}"], "there is no seed file"),
        (["{in}", "--seed-file", "{blank}"], "a seed is needed"),
        (["{in}", "--set", "p77"], "there is no set 'p77': sets are p0, p9"),
        (["{in}", "--jobs", "0"], "--jobs must be at least 1"),
        (["{in}", "--cell-limit", "-1"], "limits must be larger than 0"),
        (["{in}", "--gradescope", "{new}"], "need --set"),
        (["--otter", "{new}", "--set", "p77"], "no question or set 'p77'"),
        (["{in}", "--out", "{blank}"], "File exists"),
    ],
)
def test_bad_input_gets_one_line(capsys, handed_in, coursework, tmp_path, arguments, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "blank").write_text("\n")
    words = {"in": handed_in, **{n: tmp_path / n for n in ("nowhere", "empty", "blank", "new")}}
    given = [text.format(**words) for text in arguments]
    given += [] if "--coursework" in given else ["--coursework", coursework]
    code, said, errors = run(capsys, *given)
    assert code == 2
    assert says in errors
    assert len(errors.splitlines()) == 1
    assert not said


def test_no_seed_gets_one_line(capsys, handed_in, coursework, monkeypatch):
    monkeypatch.delenv(SEED)
    assert run(capsys, handed_in, "--coursework", coursework)[2].count("\n") == 1
    monkeypatch.setenv(SEED, "public")
    assert "is everybody's" in run(capsys, handed_in, "--coursework", coursework)[2]


def test_the_module_is_a_command(handed_in, coursework):
    command = [sys.executable, "-m", "attnbook.grade", str(handed_in), "--coursework"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, str(handed_in)], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_question_without_points_is_refused(tmp_path):
    (tmp_path / "questions").mkdir()
    text = submissions.QUESTIONS.replace('Question("p9.other")', 'Question("p9.other", points=0)')
    (tmp_path / "questions" / "p0.py").write_text(text, encoding="utf-8")
    with pytest.raises(CourseworkError, match=r"p9\.other must give points"):
        Exams.of(tmp_path, "seed")


@pytest.mark.parametrize(
    ("cell", "runs_as"),
    [
        ("x = (7\n% 4)", "x = (7\n% 4)"),
        ("%time x = 1\ny = 2", "pass\ny = 2"),
        ("files = !ls\ny = 2", "pass\ny = 2"),
        ("if 1:\n    %pip install x", "if 1:\n    pass"),
        ("np.sum?\ny = 2", "pass\ny = 2"),
        ("%%time\ny = 2", "y = 2"),
        ("%%html\n<b>", ""),
    ],
)
def test_what_only_a_notebook_understands_is_left_out(cell, runs_as):
    assert python(cell) == runs_as


def test_the_set_is_guessed_where_nothing_says_it():
    questions = ["p1.a", "p1.b", "p2.c"]
    guessed = parse("x", notebook(["def b(): pass\ndef c(): pass\ndef a(): pass"], "unknown"))
    assert which_set(guessed, questions) == "p1"
    with pytest.raises(SubmissionError, match="set p1, not of p2"):
        which_set(guessed, questions, "p2")
    claimed = parse("x", notebook(["def a(): pass"], "p2"))
    assert which_set(claimed, questions) == "p2"


def test_a_grade_comes_back_from_json():
    grade = Grade("x", "p0", (Score("p0.a", 1, 3, "m", "n"),), ("note",), ("missing",), None, 0.5)
    assert Grade.from_dict(json.loads(json.dumps(grade.as_dict()))) == grade


def test_names_of_files_cannot_do_harm():
    grades = [Grade(name, problem="=cmd()") for name in ("=1+1", "a\udcff", "a\nb", "<b>")]
    table = report.table(grades)
    assert "\n=" not in table
    assert ",=" not in table
    assert len(table.splitlines()) == 5
    assert "<b>" not in report.summary(grades)
    assert len({report.file_name(grade.name) for grade in grades}) == 4
    assert all("/" not in report.file_name(name) for name in ("../../x", "a/b"))


@pytest.mark.parametrize("single", [False, True])
def test_torch_and_figures_are_there(coursework, single):
    pytest.importorskip("torch")
    answer = (
        "import torch\n"
        "import matplotlib.pyplot as plt\n"
        "from attnbook.tasks import repeating_symbols\n"
        "from attnbook import plots\n"
        "fig, ax = plots.anything()\n"
        "def scaled(x):\n"
        "    t = torch.tensor(x).abs()\n"
        "    return (t / t.shape[1] ** 0.5).requires_grad_()\n"
    )
    exams = Exams.of(coursework, "seed")
    with Batch(exams, jobs=1, single=single, limits=Limits(call=30)) as batch:
        grade = batch.grade_bytes(notebook([START, answer, TOTAL]), "torch")
        assert (grade.points, grade.notes) == (7, ())
        cheat = f"open({str(ROOT / 'attnbook' / 'attention.py')!r}).read()"
        grade = batch.grade_bytes(notebook([START, cheat, TOTAL]), "reads")
    assert re.search("PermissionError|FileNotFoundError", grade.notes[0])
    assert bool(grade.isolation) or not single


def test_gradescope_gets_a_zip_that_grades(capsys, coursework, tmp_path):
    zipped = tmp_path / "new" / "p0.zip"
    code, *_ = run(capsys, "--gradescope", zipped, "--set", "p0", "--coursework", coursework)
    assert code == 0
    base = tmp_path / "autograder"
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(base / "source")
        names = set(archive.namelist())
        modes = {i.filename: i.external_attr >> 16 & 0o111 for i in archive.infolist()}
    assert modes["run_autograder"]
    assert modes["setup.sh"]
    assert not [name for name in names if name.endswith((".ipynb", ".npz"))]
    (base / "submission").mkdir()
    env = {**os.environ, "AUTOGRADER": str(base), "ATTNBOOK_PYTHON": sys.executable}
    env.pop("PYTHONPATH", None)
    results = base / "results" / "results.json"

    def grade(python=sys.executable):
        command = ["bash", str(base / "source" / "run_autograder")]
        subprocess.run(command, env=env | {"ATTNBOOK_PYTHON": python}, check=True)
        return json.loads(results.read_text("utf-8"))

    got = grade()
    assert got["score"] == 0
    assert "exactly one notebook" in got["output"]
    (base / "submission" / "x.ipynb").write_bytes(notebook([START, BY_D, TOTAL, "1 / 0"]))
    got = grade()
    assert got["score"] == 3
    assert [(t["score"], t["max_score"]) for t in got["tests"]] == [(0, 4), (3, 3)]
    assert "divided by D" in got["tests"][0]["output"]
    assert "ZeroDivisionError" in got["output"]
    (base / "submission" / "x.ipynb").write_bytes(b"nothing")
    assert "not JSON" in grade()["output"]
    assert "did not come to its end" in grade("/bin/false")["output"]
    (base / "source" / "seed.txt").unlink()
    assert "The grader failed" in grade()["output"]


def test_otter_gets_tests_that_ask_the_same_core(coursework, tmp_path):
    exams = Exams.of(coursework, "seed", "p0")
    files = list(exports.otter(tmp_path / "tests", exams))
    assert [file.name for file in files] == ["p0_scaled.py", "p0_total.py"]
    text = files[0].read_text("utf-8").replace("from otter.test_files import test_case", "")
    space = {"test_case": lambda **about: lambda function: function}
    exec(text, space)
    assert (space["points"], space["name"], space["OK_FORMAT"]) == (4, "p0.scaled", False)
    env = {"np": np}
    for code, right, extreme in ((SOLUTION, True, True), (BY_D, False, False)):
        exec(code, env)
        for test, passes in (
            (space["test_right"], right),
            (space["test_extreme_numbers"], extreme),
        ):
            if passes:
                test(env)
            else:
                with pytest.raises(AssertionError, match="divided by D"):
                    test(env)
    with pytest.raises(AssertionError, match="no function scaled"):
        space["test_right"]({})

"""The coursework itself: every question against right, wrong and changed programs."""

import numpy as np
import pytest

from attnbook.answers import FOLDER, load, names, pack, unpack
from attnbook.grade.question import PUBLIC, CourseworkError, Question, load_questions
from attnbook.verdict import agree, as_result
from coursework.build import notebooks, sources
from coursework.quality import examine, table
from tests.notebook_tools import ROOT, read, source

COURSEWORK = ROOT / "coursework"
QUESTIONS = load_questions(COURSEWORK)
FIXED = {
    "p1.dot_variance",
    "p1.scaled_scores",
    "p2.softmax_rows",
    "p2.softmax_jacobian",
    "p3.thermo",
    "p4.effective_support",
    "p4.temperature_for_entropy",
    "p5.init_std",
    "p5.entropy_small_scores",
    "p6.multi_head",
    "p6.diversity_penalty",
    "p7.rope",
    "p7.rope_scores",
    "p8.causal_attention",
    "p8.teacher_forcing_pair",
    "p8.masked_nll",
}


def test_the_questions_are_those_that_courses_know():
    assert set(QUESTIONS) == FIXED == set(names())
    assert len(sources(COURSEWORK)) == 8


@pytest.mark.parametrize("name", sorted(FIXED))
def test_right_programs_pass_and_every_wrong_one_is_named(name):
    quality = examine(QUESTIONS[name])
    assert not quality.problems, table([quality])


@pytest.mark.parametrize("name", sorted(FIXED))
def test_the_package_holds_the_arrays_of_the_present_question(name):
    assert (FOLDER / f"{name}.npz").read_bytes() == pack(QUESTIONS[name].exam(PUBLIC))


def test_the_package_holds_no_program():
    assert {path.suffix for path in FOLDER.iterdir()} == {".npz"}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 500_000


@pytest.mark.parametrize("path", sources(COURSEWORK), ids=lambda path: path.stem)
def test_both_notebooks_are_those_of_their_source(path):
    for name, made in notebooks(path).items():
        kept = read(COURSEWORK / name)
        assert [source(cell) for cell in kept["cells"]] == [source(c) for c in made["cells"]], name
        assert kept["metadata"]["attnbook"] == made["metadata"]["attnbook"]


@pytest.mark.parametrize("path", sources(COURSEWORK), ids=lambda path: path.stem)
def test_a_stub_is_its_solution_less_some_lines(path):
    student, solution = (
        "\n".join(source(c) for c in notebook["cells"] if c["cell_type"] == "code").splitlines()
        for notebook in notebooks(path).values()
    )
    rest = iter(solution)
    for line in student:
        if not line.startswith("# Your "):  # where the student writes, the solution has its own
            assert line in rest, f"a line of the stub that is not in the solution: {line}"
    assert len(student) < len(solution)
    own = [name for name in FIXED if name.startswith(path.stem.split("_")[0] + ".")]
    for name in own:
        assert any(f'check("{name}", {name.split(".")[1]})' in line for line in student), name


def demo() -> Question:
    """Return a question with one mistake known and one extreme case."""
    question = Question("p0.demo")
    question.reference(lambda x: np.abs(x))
    question.wrong("The sign is turned.", name="turned")(lambda x: -np.abs(x))
    question.naive("The square is too large.", name="squared")(lambda x: np.sqrt(np.square(x)))

    @question.cases
    def cases(rng):
        yield "three numbers", (rng.normal(size=3),)

    @question.extreme
    def extreme(rng):
        yield "a large number", (np.array([1e200]),)

    return question


def test_hidden_cases_differ_from_public_ones_and_between_seeds():
    exams = [demo().exam(seed) for seed in (PUBLIC, "a", "b", "a")]
    first = [exam.cases[0].arguments[0] for exam in exams]
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[1], first[2])
    np.testing.assert_array_equal(first[1], first[3])


def test_an_exam_comes_back_from_its_bytes():
    exam = demo().exam(PUBLIC)
    again = unpack(pack(exam))
    assert pack(again) == pack(exam)
    assert again.wrong[0].sentence == exam.wrong[0].sentence
    np.testing.assert_array_equal(again.extreme[0].want, exam.extreme[0].want)


def test_a_question_that_is_not_whole_is_refused(tmp_path):
    with pytest.raises(CourseworkError, match=r"p0\.x must have a reference and cases"):
        Question("p0.x").exam(PUBLIC)
    with pytest.raises(CourseworkError, match="no questions in"):
        load_questions(tmp_path)
    broken = demo()
    broken.wrong("It does not run.", name="broken")(lambda x: x.nothing)
    with pytest.raises(CourseworkError, match="must run. It raises AttributeError"):
        broken.exam(PUBLIC)


def test_the_rules_notice_a_poor_question():
    question = demo()
    question.wrong("The same again.", name="again")(lambda x: -np.abs(x))
    question.right(lambda x: x)
    problems = "\n".join(examine_quietly(question))
    for part in ("fewer than 3 right", "fewer than 8", "right program", "wrong program"):
        assert part in problems


def examine_quietly(question):
    from coursework import quality

    exam = question.exam(PUBLIC)
    return [*quality._counts(question), *quality._programs(question, PUBLIC, exam)]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "returns None"),
        (..., "returns None"),
        ("text", "array of real numbers, got str"),
        ([1 + 2j], "dtype complex128"),
        ([[1], [1, 2]], "must be an array of numbers, got list"),
    ],
)
def test_what_is_no_result_is_said(value, says):
    assert says in as_result(value).text


def test_torch_and_lists_are_taken():
    import torch

    for value in ([1, 2], (1.0, 2.0), torch.tensor([1.0, 2.0], requires_grad=True)):
        assert agree(as_result(value), np.array([1.0, 2.0]))
    assert agree(as_result(torch.ones(2, dtype=torch.bfloat16)), np.ones(2))


def test_there_is_one_name_for_each_question():
    with pytest.raises(ValueError, match=r"did you mean 'p8\.causal_attention'"):
        load("p8.causal_atention")

"""Is the grader right? Every question against its right, wrong and mutated programs."""

from __future__ import annotations

from dataclasses import dataclass

from attnbook.answers import answer
from attnbook.grade.question import PUBLIC, Known, Program, Question
from attnbook.verdict import Exam, Verdict, judge
from coursework.mutate import mutants, survivors

SEEDS = (PUBLIC, "one", "two")  # the cases that all have, and two hidden draws
FEWEST_RIGHT, FEWEST_WRONG = 3, 8


@dataclass(frozen=True)
class Quality:
    """What was counted for one question, and every rule that it breaks."""

    name: str
    right: int
    wrong: int
    naive: int
    mutants: int
    equivalent: int
    problems: tuple[str, ...]


def examine(question: Question) -> Quality:
    """Hold a question against the rules; `problems` is empty where it keeps them all."""
    exams = {seed: question.exam(seed) for seed in SEEDS}
    problems = [
        *_counts(question),
        *(p for seed, exam in exams.items() for p in _programs(question, seed, exam)),
        *_mutants(question),
    ]
    assert question.right_answer is not None
    return Quality(
        question.name,
        len(question.right_programs),
        len({known.name for known in question.wrong_programs}),
        len(question.naive_programs),
        sum(1 for _ in mutants(question.right_answer)),
        len(question.equivalent),
        tuple(dict.fromkeys(problems)),
    )


def _counts(question: Question) -> list[str]:
    found = []
    if len(question.right_programs) < FEWEST_RIGHT:
        found.append(f"fewer than {FEWEST_RIGHT} right programs beside the reference")
    if len({known.name for known in question.wrong_programs}) < FEWEST_WRONG:
        found.append(f"fewer than {FEWEST_WRONG} misconceptions")
    if question.make_extreme and not question.naive_programs:
        found.append("extreme cases, but no naive program that fails them")
    for known in (*question.wrong_programs, *question.naive_programs):
        if not known.sentence.endswith("."):
            found.append(f"{known.name}: the sentence must end with a full stop")
    return found


def verdict(exam: Exam, program: Program) -> Verdict:
    """Return what the grader says about a program."""
    return judge(
        exam,
        [answer(program, case) for case in exam.cases],
        [answer(program, case) for case in exam.extreme],
    )


def _programs(question: Question, seed: str, exam: Exam) -> list[str]:
    found = []
    for program in question.right_programs:
        said = verdict(exam, program)
        if not said.correct or said.stable is False:
            found.append(f"right program {program.__name__}, seed {seed}: {said.message}")
    for known in question.wrong_programs:
        said = verdict(exam, known.program)
        if said.correct or said.misconception != known.name:
            found.append(f"wrong program {_named(known)}, seed {seed}: {said.message}")
    for known in question.naive_programs:
        said = verdict(exam, known.program)
        if not said.correct or said.stable is not False or said.misconception != known.name:
            found.append(f"naive program {_named(known)}, seed {seed}: {said.message}")
    return found


def _named(known: Known) -> str:
    own = known.program.__name__
    return own if own == known.name else f"{own} ({known.name})"


def _mutants(question: Question) -> list[str]:
    alive = survivors(question, SEEDS)
    found = [f"no case notices the change: {s}" for s in alive if s not in question.equivalent]
    unused = [line for line in question.equivalent if line not in alive]
    return found + [f"listed as equivalent, but is noticed or not made: {line}" for line in unused]


def table(qualities: list[Quality]) -> str:
    """Return the counts of all questions, one line each, and what is wrong below."""
    head = f"{'question':28}{'right':>7}{'wrong':>7}{'naive':>7}{'mutants':>9}{'equivalent':>12}"
    lines = [head]
    for q in qualities:
        counts = f"{q.right:7}{q.wrong:7}{q.naive:7}{q.mutants:9}{q.equivalent:12}"
        lines.append(f"{q.name:28}{counts}")
        lines += [f"    {problem}" for problem in q.problems]
    return "\n".join(lines)

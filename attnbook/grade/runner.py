"""Grade submissions: their functions are called elsewhere, their results are judged here."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from attnbook.grade.notebook import Submission, SubmissionError, parse, read_bytes, which_set
from attnbook.grade.question import PUBLIC, CourseworkError, Question, load_questions
from attnbook.grade.session import Limits, Server, Session
from attnbook.verdict import Case, Exam, Failure, judge

LOADS: tuple[tuple[str, ...], ...] = ((), ("torch",), ("torch.optim",))
FAILED = "The grader failed"  # how the remark of a grade begins that is no fault of the student
Results = tuple[list[np.ndarray | Failure], list[np.ndarray | Failure]]


@dataclass(frozen=True)
class Score:
    """What one question of a submission got.

    Attributes
    ----------
    question : str
        Its name.
    points, possible : int
        Given and at most.
    message : str
        For the student.
    misconception : str or None
        Name of the known program that gives the same results.
    """

    question: str
    points: int
    possible: int
    message: str
    misconception: str | None = None


@dataclass(frozen=True)
class Grade:
    """What a submission got.

    Attributes
    ----------
    name : str
        Of the submission.
    kind : str
        Its set, such as ``"p8"``; empty where none could be found.
    scores : tuple of Score
        One for each question of the set.
    notes : tuple of str
        What went wrong in cells, and other things worth a line.
    isolation : tuple of str
        What could not be kept from the submission on this machine.
    problem : str or None
        Why nothing could be graded.
    cpu : float
        Seconds that the workers took.
    """

    name: str
    kind: str = ""
    scores: tuple[Score, ...] = ()
    notes: tuple[str, ...] = ()
    isolation: tuple[str, ...] = ()
    problem: str | None = None
    cpu: float = 0.0

    @property
    def points(self) -> int:
        """Sum over the questions."""
        return sum(score.points for score in self.scores)

    @property
    def possible(self) -> int:
        """Most points of the set; 0 where no set could be found."""
        return sum(score.possible for score in self.scores)

    def as_dict(self) -> dict[str, Any]:
        """Return the grade as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Grade:
        """Return the grade that `as_dict` turned into a dictionary."""
        scores = tuple(Score(**score) for score in kept["scores"])
        texts = {key: tuple(kept[key]) for key in ("notes", "isolation")}
        return cls(**kept | texts | {"scores": scores})


@dataclass(frozen=True)
class Exams:
    """The public and the hidden cases of every question, made once for a whole batch.

    Parameters
    ----------
    questions : dict
        Name to question.
    public, hidden : dict
        Name to exam.
    """

    questions: dict[str, Question]
    public: dict[str, Exam]
    hidden: dict[str, Exam]

    @classmethod
    def of(cls, coursework: Path, seed: str, wanted: str | None = None) -> Exams:
        """Make them.

        Parameters
        ----------
        coursework : Path
            Folder with the questions.
        seed : str
            Of the hidden cases; only the instructor has it.
        wanted : str, optional
            A set or a question; the others are left out.

        Raises
        ------
        CourseworkError
            If the coursework does not run, there is no such set, or it gives no points.
        """
        if seed == PUBLIC:
            raise CourseworkError("the seed 'public' is everybody's: choose another one")
        questions = load_questions(coursework)
        if wanted is not None:
            chosen = {n: q for n, q in questions.items() if wanted in (n, n.partition(".")[0])}
            if not chosen:
                known = ", ".join(dict.fromkeys(n.partition(".")[0] for n in questions))
                raise CourseworkError(f"there is no question or set {wanted!r}: sets are {known}")
            questions = chosen
        for name, question in questions.items():
            if question.points <= 0 or question.stability_points < 0:
                raise CourseworkError(f"{name} must give points")
        public = {name: question.exam(PUBLIC) for name, question in questions.items()}
        hidden = {name: question.exam(seed) for name, question in questions.items()}
        return cls(questions, public, hidden)

    def sets(self) -> list[str]:
        """Return the sets that there are."""
        return list(dict.fromkeys(name.partition(".")[0] for name in self.questions))


def grade(submission: Submission, kind: str, exams: Exams, server: Server) -> Grade:
    """Grade one submission.

    Parameters
    ----------
    submission : Submission
        As `attnbook.grade.notebook.parse` returns it.
    kind : str
        Its set.
    exams : Exams
        Of the coursework.
    server : Server
        Where its code runs.

    Returns
    -------
    Grade
        With one score per question of the set.
    """
    session = Session(submission.cells, server)
    try:
        scores = [
            score(exams.questions[name], exams.public[name], exams.hidden[name], session)
            for name in exams.questions
            if name.partition(".")[0] == kind
        ]
    finally:
        session.close()
    notes = [f"Code cell {n}: {text}" for n, text in sorted(session.notes.items())]
    if session.printed > 1_000_000:
        notes.append(f"It prints {session.printed / 1e6:.0f} MB, which nobody reads.")
    return Grade(
        submission.name,
        kind,
        tuple(scores),
        tuple(notes),
        tuple(session.missing),
        cpu=round(session.cpu, 3),
    )


def score(question: Question, public: Exam, hidden: Exam, session: Session) -> Score:
    """Ask for the results of one question, and judge them.

    Parameters
    ----------
    question : Question
        For its points.
    public, hidden : Exam
        Cases that everybody has, and those of the instructor.
    session : Session
        Where the submission runs.

    Returns
    -------
    Score
        `points` for what is right in public and hidden cases, `stability_points` for what is right
        in all extreme ones, too.
    """
    function = question.name.partition(".")[2]
    open_verdict = judge(public, *_results(public, function, session))
    if not open_verdict.correct:
        return Score(
            question.name,
            0,
            question.most_points,
            open_verdict.message,
            open_verdict.misconception,
        )
    results = _results(hidden, function, session)
    verdict = judge(hidden, *(list(map(_silent, part)) for part in results))
    if not verdict.correct:
        text = f"{_count(len(public.cases))} that everybody has are right, but hidden ones are not."
        text = f"{text} {verdict.message.removeprefix('Not yet. ')}"
        return Score(question.name, 0, question.most_points, text, verdict.misconception)
    cases = _count(len(public.cases) + len(hidden.cases))
    first, exam = (open_verdict, public) if open_verdict.stable is False else (verdict, hidden)
    message = first.message.replace(f"Right in {_count(len(exam.cases))}", f"Right in {cases}", 1)
    points = question.points + (question.stability_points if first.stable else 0)
    return Score(question.name, points, question.most_points, message, first.misconception)


def _count(n: int) -> str:
    return f"{n} case{'' if n == 1 else 's'}"


def _results(exam: Exam, function: str, session: Session) -> Results:
    """Return results of the cases, and of the extreme ones where the cases have no failure."""

    def ask(cases: Iterable[Case]) -> list[np.ndarray | Failure]:
        return [session.call(function, case.arguments) for case in cases]

    got = ask(exam.cases)
    if any(isinstance(one, Failure) for one in got):
        return got, [Failure("") for _ in exam.extreme]
    return got, ask(exam.extreme)


def _silent(result: np.ndarray | Failure) -> np.ndarray | Failure:
    """Return a result without the words of the submission, which could tell hidden arguments."""
    if isinstance(result, Failure) and "does not end" not in result.text:
        return Failure("It fails, and what it says could tell the hidden numbers.")
    return result


def load_for(submission: Submission) -> tuple[str, ...]:
    """Return what a worker of a submission has imported before it is forked.

    Examples
    --------
    >>> from attnbook.grade.notebook import parse
    >>> from attnbook.grade.runner import load_for
    >>> load_for(parse("a", b'{"cells": [{"cell_type": "code", "source": "import torch"}]}'))
    ('torch',)
    """
    code = "\n".join(text for _, text in submission.cells)
    return LOADS[("torch" in code) + ("torch" in code and "optim" in code)]


class Batch:
    """Many submissions, graded over several cores.

    Parameters
    ----------
    exams : Exams
        Of the coursework.
    hidden : sequence of Path
        What submissions must not read: the coursework, the seed, each other.
    limits : Limits, optional
        Of each.
    jobs : int, optional
        How many at the same time; by default the number of cores.
    expected : str, optional
        The only set that is accepted.
    """

    def __init__(
        self,
        exams: Exams,
        hidden: Sequence[Path] = (),
        *,
        limits: Limits | None = None,
        jobs: int | None = None,
        expected: str | None = None,
        single: bool = not hasattr(os, "fork"),
    ) -> None:
        """Start nothing yet."""
        self.exams, self.expected, self.single = exams, expected, single
        self.hidden = [Path(__file__).resolve().parents[1], *hidden]
        self.limits = limits or Limits()
        self.jobs = jobs or os.cpu_count() or 1
        self.servers: dict[tuple[int, tuple[str, ...]], Server] = {}
        self.slots: SimpleQueue[int] = SimpleQueue()
        for slot in range(self.jobs):
            self.slots.put(slot)
        self.lock = threading.Lock()

    def isolation(self) -> list[str]:
        """Return what cannot be kept from a submission here, as an empty one finds it."""
        session = Session((), self._server(0, ()))
        session.close()
        return session.missing

    def grade_file(self, path: Path, name: str) -> Grade:
        """Grade one file; whatever is wrong with it ends as a line of its grade."""
        try:
            return self.grade_bytes(read_bytes(path), name)
        except SubmissionError as error:
            return Grade(name, scores=self._nothing(self.expected or ""), problem=str(error))

    def grade_bytes(self, data: bytes, name: str) -> Grade:
        """Grade the bytes of one file."""
        kind = ""
        try:
            submission = parse(name, data)
            kind = which_set(submission, self.exams.questions, self.expected)
        except SubmissionError as error:
            return Grade(name, problem=str(error), scores=self._nothing(self.expected or ""))
        slot = self.slots.get()
        try:
            return grade(submission, kind, self.exams, self._server(slot, load_for(submission)))
        except Exception as error:  # the batch must go on; a bug of the grader is told as one
            self._drop(slot)
            text = f"{FAILED} ({type(error).__name__}: {error}); nothing is said on it."
            return Grade(name, kind, self._nothing(kind), problem=text)
        finally:
            self.slots.put(slot)

    def _nothing(self, kind: str) -> tuple[Score, ...]:
        """Return no points for every question of a set."""
        return tuple(
            Score(name, 0, question.most_points, "Not graded.")
            for name, question in self.exams.questions.items()
            if name.partition(".")[0] == kind
        )

    def _server(self, slot: int, load: tuple[str, ...]) -> Server:
        """Return the server of a slot; it is started when it is first needed."""
        key = (slot, load)
        if key not in self.servers:
            user = slot + self.jobs * (1 + LOADS.index(load))
            server = Server(self.hidden, load, self.limits, user, self.single)
            with self.lock:
                self.servers[key] = server
        return self.servers[key]

    def _drop(self, slot: int) -> None:
        """End the servers of a slot, so that the next submission starts new ones."""
        with self.lock:
            dropped = [self.servers.pop(key) for key in list(self.servers) if key[0] == slot]
        for server in dropped:
            server.close()

    def grade_all(self, files: Iterable[tuple[Path, str]]) -> Iterator[Grade]:
        """Yield the grades of files in the order in which they are ready to be told."""
        from concurrent.futures import as_completed

        pool = ThreadPoolExecutor(self.jobs)
        try:
            for future in as_completed([pool.submit(self.grade_file, *file) for file in files]):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """End all processes."""
        for server in self.servers.values():
            server.close()
        self.servers.clear()

    def __enter__(self) -> Batch:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes; a second interrupt must not leave any."""
        if threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)
            self.close()
            signal.signal(signal.SIGINT, before)
        else:
            self.close()


def digest(coursework: Path, seed: str, limits: Limits) -> str:
    """Return what a grade depends on besides the submission, as a hash.

    Parameters
    ----------
    coursework : Path
        All its questions count.
    seed : str
        Of the hidden cases.
    limits : Limits
        Of a submission.
    """
    total = hashlib.sha256(f"{seed}\n{limits}".encode())
    package = Path(__file__).parents[1]
    for file in [
        *sorted((coursework / "questions").glob("*.py")),
        *sorted((package / "grade").glob("*.py")),
        package / "verdict.py",
    ]:
        total.update(file.name.encode() + file.read_bytes())
    return total.hexdigest()

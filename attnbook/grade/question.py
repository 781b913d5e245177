"""One coded question of the coursework: what is asked, what is right, which mistakes are known.

The questions themselves stand in ``coursework/questions/`` and never in the package: who can import
the reference could hand it in.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from attnbook.answers import answer
from attnbook.verdict import Case, Exam, Misconception

PUBLIC = "public"  # the seed of the cases that `attnbook.check` shows to everybody
Program = Callable[..., Any]
Cases = Callable[[np.random.Generator], Iterator[tuple[str, tuple[Any, ...]]]]


class CourseworkError(ValueError):
    """Something about the folder of the coursework that its owner must mend."""


@dataclass(frozen=True)
class Known:
    """A known program: of a mistake, or of right mathematics that fails with extreme numbers."""

    name: str
    sentence: str
    seen: str
    program: Program


@dataclass
class Question:
    """A question and everything by which answers to it are judged; filled by its decorators.

    Parameters
    ----------
    name : str
        Set and function, such as ``"p8.causal_attention"``.
    points : int, default 3
        For a program that is right in every case.
    stability_points : int, default 1
        For one that is right in the extreme cases, too; counts where there are such cases.

    Examples
    --------
    >>> from attnbook.grade.question import Question
    >>> half = Question("p0.half")
    >>> @half.reference
    ... def right(x):
    ...     return x / 2
    >>> @half.wrong("The result is the double.")
    ... def double(x):
    ...     return 2 * x
    >>> @half.cases
    ... def cases(rng):
    ...     yield "three numbers", (rng.normal(size=3),)
    >>> exam = half.exam("public")
    >>> exam.cases[0].want.shape, exam.wrong[0].name
    ((3,), 'double')
    """

    name: str
    points: int = 3
    stability_points: int = 1
    right_answer: Program | None = None
    make_cases: Cases | None = None
    make_extreme: Cases | None = None
    right_programs: list[Program] = field(default_factory=list)
    wrong_programs: list[Known] = field(default_factory=list)
    naive_programs: list[Known] = field(default_factory=list)
    equivalent: dict[str, str] = field(default_factory=dict)
    """Changed lines of the reference that change no result, and why; see ``coursework``."""

    def reference(self, program: Program) -> Program:
        """Take a function as the answer by which all others are judged."""
        self.right_answer = program
        return program

    def cases(self, make: Cases) -> Cases:
        """Take a generator of (label, arguments); sizes and numbers come from its ``rng``."""
        self.make_cases = make
        return make

    def extreme(self, make: Cases) -> Cases:
        """Take a generator of cases with large or special numbers, for points of their own."""
        self.make_extreme = make
        return make

    def right(self, program: Program) -> Program:
        """Take a function that is right, but written in another way than the reference."""
        self.right_programs.append(program)
        return program

    def wrong(
        self, sentence: str, *, seen: str = "", name: str | None = None
    ) -> Callable[[Program], Program]:
        """Take a function that makes a known mistake.

        Parameters
        ----------
        sentence : str
            What to tell the student, ending with a full stop.
        seen : str
            Where the mistake was made in public: repository and number of the issue.
        name : str, optional
            By default that of the function. Programs that give the same numbers share a name, and
            the sentence of the first.
        """

        def keep(program: Program) -> Program:
            known = Known(name or program.__name__, sentence, seen, program)
            self.wrong_programs.append(known)
            return program

        return keep

    def naive(self, sentence: str, *, name: str | None = None) -> Callable[[Program], Program]:
        """Take a function that is right in every case, but not in the extreme ones."""

        def keep(program: Program) -> Program:
            self.naive_programs.append(Known(name or program.__name__, sentence, "", program))
            return program

        return keep

    @property
    def most_points(self) -> int:
        """Points of a program that is right everywhere."""
        return self.points + (self.stability_points if self.make_extreme else 0)

    def exam(self, seed: str) -> Exam:
        """Return the question as arrays.

        Parameters
        ----------
        seed : str
            ``"public"`` for the cases that everybody has; anything else makes cases that only who
            knows the seed can make.

        Returns
        -------
        Exam
            With the results of the reference and of all known programs.

        Raises
        ------
        CourseworkError
            If there is no reference or no case, or a program does not run.
        """
        if self.right_answer is None or self.make_cases is None:
            raise CourseworkError(f"{self.name} must have a reference and cases")
        digest = hashlib.sha256(f"{self.name}\n{seed}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest, "big"))
        cases = self._answered(self.make_cases(rng))
        extreme = self._answered(self.make_extreme(rng)) if self.make_extreme else ()
        if not cases:
            raise CourseworkError(f"{self.name} must have at least one case")
        return Exam(
            self.name,
            cases,
            self._known(self.wrong_programs, cases),
            extreme,
            self._known(self.naive_programs, extreme),
        )

    def _answered(self, drawn: Iterator[tuple[str, tuple[Any, ...]]]) -> tuple[Case, ...]:
        assert self.right_answer is not None
        return tuple(
            Case(label, arguments, self.run(self.right_answer, arguments))
            for label, arguments in drawn
        )

    def _known(self, programs: list[Known], cases: tuple[Case, ...]) -> tuple[Misconception, ...]:
        first = {one.name: one for one in reversed(programs)}
        return tuple(
            Misconception(
                one.name,
                one.sentence,
                tuple(self.run(one.program, case.arguments) for case in cases),
            )
            for one in programs
            if first[one.name] is one
        )

    def run(self, program: Program, arguments: tuple[Any, ...]) -> np.ndarray:
        """Return what one of the question's own programs makes of copies of `arguments`.

        Raises
        ------
        CourseworkError
            If it raises or returns no numbers: a known program must run.
        """
        got = answer(program, Case("", arguments, np.zeros(0)))
        if not isinstance(got, np.ndarray):
            raise CourseworkError(f"{self.name}: {program.__name__} must run. {got.text}")
        return got


def load_questions(folder: Path) -> dict[str, Question]:
    """Return all questions of a coursework by name.

    Parameters
    ----------
    folder : Path
        The coursework; its questions stand in ``questions/p*.py``.

    Returns
    -------
    dict
        Name to question, in the order of the sets.

    Raises
    ------
    CourseworkError
        If there is no such folder, a file does not run, or two questions have one name.
    """
    files = sorted((folder / "questions").glob("p*.py"))
    if not files:
        raise CourseworkError(f"there are no questions in {folder}: give --coursework PATH")
    found: dict[str, Question] = {}
    for file in files:
        spec = importlib.util.spec_from_file_location(f"coursework_{file.stem}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise CourseworkError(f"{file} must run: {type(error).__name__}: {error}") from error
        for question in vars(module).values():
            if isinstance(question, Question):
                if found.setdefault(question.name, question) is not question:
                    raise CourseworkError(f"two questions have the name {question.name}")
    return found

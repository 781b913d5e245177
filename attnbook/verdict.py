"""What a result says about the program that made it: right, a known misconception, or how far off.

`attnbook.check` asks this of a student's function in the notebook, `attnbook.grade` of one that was
handed in. Neither needs the reference program here: an `Exam` holds arrays and sentences only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RTOL, ATOL = 1e-4, 1e-5  # a correct float32 program must pass; the nearest wrong one is 0.6 % away


@dataclass(frozen=True)
class Case:
    """One call of the function: a label in plain words, its arguments and the right result."""

    label: str
    arguments: tuple[Any, ...]
    want: np.ndarray


@dataclass(frozen=True)
class Misconception:
    """A known wrong program: its name, one sentence for the student, its result in every case."""

    name: str
    sentence: str
    results: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Exam:
    """One question as arrays.

    `cases` decide whether a program is right. `extreme` cases hold large or special numbers: a
    program that is right on paper may overflow there. `naive` are the known ways to do so.
    """

    question: str
    cases: tuple[Case, ...]
    wrong: tuple[Misconception, ...]
    extreme: tuple[Case, ...] = ()
    naive: tuple[Misconception, ...] = ()


@dataclass(frozen=True)
class Failure:
    """What came in place of a result: an error, or a time limit. `text` is for the student."""

    text: str


@dataclass(frozen=True)
class Verdict:
    """The answer to a submission of one question.

    Attributes
    ----------
    correct : bool
        Whether every case is right.
    stable : bool or None
        Whether every extreme case is right; None where the question has none or it was not tried.
    message : str
        One or two sentences in plain words.
    misconception : str or None
        Name of the known program that gives the same results.
    """

    correct: bool
    stable: bool | None
    message: str
    misconception: str | None = None


def as_result(value: Any) -> np.ndarray | Failure:
    """Return what a function returned as a float64 array.

    Parameters
    ----------
    value : array, number, list or torch tensor
        Anything that `numpy.asarray` takes.

    Returns
    -------
    float64 array or Failure
        A failure where `value` holds no real numbers.

    Examples
    --------
    >>> from attnbook.verdict import as_result
    >>> as_result([1, 2])
    array([1., 2.])
    >>> as_result(None).text
    'The function returns None: there is no return yet, or it was not reached.'
    """
    if value is None or value is Ellipsis:
        return Failure("The function returns None: there is no return yet, or it was not reached.")
    if hasattr(value, "detach"):  # a torch tensor, with or without a gradient
        value = value.detach().cpu()
        if "bfloat16" in str(value.dtype):
            value = value.float()
    try:
        array = np.asarray(value)
    except Exception:
        return Failure(f"The result must be an array of numbers, got {type(value).__name__}.")
    if array.dtype.kind not in "fiub":
        return Failure(
            f"The result must be an array of real numbers, got {type(value).__name__} "
            f"with dtype {array.dtype}."
        )
    return array.astype(np.float64)


def agree(got: np.ndarray | Failure, want: np.ndarray) -> bool:
    """Say whether a result is `want` within the tolerance; NaN agrees with NaN only.

    Examples
    --------
    >>> from attnbook.verdict import agree
    >>> agree(np.array([1.00001]), np.array([1.0])), agree(np.ones((1, 1)), np.ones(1))
    (True, False)
    """
    if isinstance(got, Failure) or got.shape != want.shape:
        return False
    return bool(np.allclose(got, want, rtol=RTOL, atol=ATOL, equal_nan=True))


def judge(
    exam: Exam,
    results: Sequence[np.ndarray | Failure],
    extreme: Sequence[np.ndarray | Failure] = (),
) -> Verdict:
    """Compare the results of a program with what is right, and with what known mistakes give.

    Parameters
    ----------
    exam : Exam
        What was asked.
    results : sequence of float64 array or Failure
        One for each of ``exam.cases``, as `as_result` makes them.
    extreme : sequence of float64 array or Failure
        One for each of ``exam.extreme``; may be empty while the cases are not right.

    Returns
    -------
    Verdict
        With a message for the student.

    Raises
    ------
    ValueError
        If the numbers of results and cases differ.

    Examples
    --------
    >>> from attnbook.verdict import Case, Exam, Misconception, judge
    >>> double = Misconception("doubled", "The result is twice the right one.", (np.array(4.0),))
    >>> exam = Exam("p0.demo", (Case("a square", (2.0,), np.array(2.0)),), (double,))
    >>> judge(exam, [np.array(4.0)]).message
    'Not yet. It looks like this: The result is twice the right one.'
    """
    if len(results) != len(exam.cases):
        raise ValueError(f"{exam.question}: {len(exam.cases)} cases, {len(results)} results")
    if not all(agree(got, case.want) for got, case in zip(results, exam.cases, strict=True)):
        found = _named(exam.wrong, results)
        if found is not None:
            text = f"Not yet. It looks like this: {found.sentence}"
            return Verdict(False, None, text, found.name)
        return Verdict(False, None, f"Not yet. {_distance(exam.cases, results)}")
    passed = f"Right in {_count(len(exam.cases), 'case')}"
    if not exam.extreme:
        return Verdict(True, None, f"{passed}.")
    if len(extreme) != len(exam.extreme):
        raise ValueError(f"{exam.question}: {len(exam.extreme)} extremes, {len(extreme)} results")
    if all(agree(got, case.want) for got, case in zip(extreme, exam.extreme, strict=True)):
        return Verdict(True, True, f"{passed}, and with extreme numbers.")
    found = _named(exam.naive, extreme)
    reason = found.sentence if found else _distance(exam.extreme, extreme)
    name = found.name if found else None
    return Verdict(True, False, f"{passed}, but not with extreme numbers. {reason}", name)


def _named(
    known: Sequence[Misconception], results: Sequence[np.ndarray | Failure]
) -> Misconception | None:
    """Return the known program that gives all these results."""
    for one in known:
        if all(agree(got, theirs) for got, theirs in zip(results, one.results, strict=True)):
            return one
    return None


def _distance(cases: Sequence[Case], results: Sequence[np.ndarray | Failure]) -> str:
    """Say what is off: a failure first, then a shape, then the size of the largest error."""
    pairs = list(zip(cases, results, strict=True))
    for case, got in pairs:
        if isinstance(got, Failure):
            return f"{got.text} (The case: {case.label}.)"
    for case, got in pairs:
        assert isinstance(got, np.ndarray)
        if got.shape != case.want.shape:
            return (
                f"The result must have shape {case.want.shape}, got {got.shape}. "
                f"(The case: {case.label}.)"
            )
    wrong = [(case, got) for case, got in pairs if not agree(got, case.want)]
    for case, got in wrong:
        if not np.isfinite(got).all():  # type: ignore[arg-type]
            kind = "NaN" if np.isnan(got).any() else "infinity"  # type: ignore[arg-type]
            return f"The result holds {kind}. (The case: {case.label}.)"
    case, got = max(wrong, key=lambda pair: _error(pair[1], pair[0].want))
    share = _error(got, case.want)
    size = f"{100 * share:.2g} %" if share < 10 else f"a factor of {share:.2g}"
    return (
        f"It is off in {len(wrong)} of {_count(len(cases), 'case')}, most by {size} of the largest "
        f"value. (The case: {case.label}.) It is none of the mistakes that we know."
    )


def _error(got: Any, want: np.ndarray) -> float:
    """Return the largest error over the largest right value."""
    return float(np.abs(got - want).max() / max(np.abs(want).max(), ATOL))


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"

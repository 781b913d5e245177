"""`check`: an instant answer to a question of the coursework, in plain words.

The package holds arrays only: the cases of each question, what is right, and what known mistakes
give. The reference programs are not among them.
"""

from __future__ import annotations

import copy
import io
import json
import linecache
import math
import traceback
import zipfile
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from attnbook.verdict import Case, Exam, Failure, Misconception, as_result, judge

FOLDER = Path(__file__).parent / "exams"


def check(question: str, function: Callable[..., Any]) -> None:
    """Try a function on the cases of a question and print what its results say.

    Parameters
    ----------
    question : str
        Name of the question, such as ``"p8.causal_attention"``.
    function : callable
        Your answer. It may return NumPy arrays, numbers, lists or torch tensors.

    Raises
    ------
    ValueError
        If there is no such question.
    TypeError
        If `function` is not callable.

    Examples
    --------
    >>> from attnbook import check
    >>> check("p1.dot_variance", lambda d, var_q, var_k, mean_q, mean_k: None)
    p1.dot_variance: Not yet. The function returns None: there is no return yet, or it was not \
reached. (The case: one component.)
    """
    exam = load(question)
    if not callable(function):
        raise TypeError(f"the second argument must be your function, got {type(function).__name__}")
    results = [answer(function, case) for case in exam.cases]
    verdict = judge(exam, results, [answer(function, case) for case in exam.extreme])
    mark = "✓ " if verdict.correct and verdict.stable is not False else ""
    print(f"{mark}{question}: {verdict.message}")


def names() -> list[str]:
    """Return the names of all questions.

    Examples
    --------
    >>> from attnbook.answers import names
    >>> len(names())
    16
    """
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


def load(question: str) -> Exam:
    """Return the exam of a question as the package holds it.

    Parameters
    ----------
    question : str
        Its name.

    Returns
    -------
    Exam
        Cases, what is right, and what known mistakes give.

    Raises
    ------
    ValueError
        If there is no such question; the message names the nearest one.
    """
    if question not in names():
        near = get_close_matches(str(question), names(), n=1)
        also = f"did you mean {near[0]!r}?" if near else f"the questions are {', '.join(names())}"
        raise ValueError(f"there is no question {question!r}: {also}")
    return unpack((FOLDER / f"{question}.npz").read_bytes())


def answer(function: Callable[..., Any], case: Case) -> np.ndarray | Failure:
    """Return what a function makes of a case; an error becomes a sentence.

    Parameters
    ----------
    function : callable
        A student's.
    case : Case
        Its arguments are copied, so a function that writes into them spoils nothing.

    Returns
    -------
    float64 array or Failure
        As `attnbook.verdict.as_result` makes it.
    """
    try:
        with np.errstate(all="ignore"):
            value = function(*copy.deepcopy(case.arguments))
    except Exception as error:
        return Failure(described(error))
    return as_result(value)


def described(error: Exception) -> str:
    """Return an error and the student's own line in which it arose, in one sentence.

    Examples
    --------
    >>> from attnbook.answers import described
    >>> described(ValueError("too long"))
    'It raises ValueError: too long.'
    """
    text = f"It raises {type(error).__name__}: {str(error).strip() or 'without a message'}"
    own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    if own:
        line = own[0].line or linecache.getline(own[0].filename, own[0].lineno or 0).strip()
        at = [frame for frame in own if "site-packages" not in frame.filename] or own
        line = at[-1].line or line
        text += f", in the line `{line}`" if line else ""
    return text if text.endswith(".") else f"{text}."


def pack(exam: Exam) -> bytes:
    """Return an exam as the bytes of an .npz file, the same at every call.

    Parameters
    ----------
    exam : Exam
        Of one question.

    Returns
    -------
    bytes
        All numbers in one array, without pickles; what is no number stands in another as JSON.
    """
    numbers: list[np.ndarray] = []

    def keep(value: Any) -> tuple[list[int], str]:
        array = np.asarray(value)
        numbers.append(array.astype(np.float64).ravel())
        return list(array.shape), array.dtype.kind

    def cases(some: tuple[Case, ...]) -> list[dict[str, Any]]:
        return [
            {"label": c.label, "arguments": [keep(a) for a in c.arguments], "want": keep(c.want)}
            for c in some
        ]

    def known(some: tuple[Misconception, ...]) -> list[dict[str, Any]]:
        return [
            {"name": m.name, "sentence": m.sentence, "results": [keep(r) for r in m.results]}
            for m in some
        ]

    about = {
        "question": exam.question,
        "cases": cases(exam.cases),
        "wrong": known(exam.wrong),
        "extreme": cases(exam.extreme),
        "naive": known(exam.naive),
    }
    text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:  # np.savez would put in the time
        for name, array in {"about": text, "numbers": np.concatenate(numbers)}.items():
            part = io.BytesIO()
            np.save(part, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue(), zipfile.ZIP_DEFLATED)
    return file.getvalue()


def unpack(data: bytes) -> Exam:
    """Return the exam that `pack` made into bytes.

    Parameters
    ----------
    data : bytes
        Content of an .npz file.

    Returns
    -------
    Exam
        Numbers come back as numbers, arrays as arrays of float64, int64 or bool.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        about, numbers = json.loads(file["about"].tobytes()), file["numbers"]
    place = 0

    def array(shape: list[int], kind: str) -> np.ndarray:
        nonlocal place
        start, place = place, place + math.prod(shape)
        kinds = {"i": np.int64, "u": np.int64, "b": np.bool_}
        return numbers[start:place].reshape(shape).astype(kinds.get(kind, np.float64))

    def value(shape: list[int], kind: str) -> Any:
        found = array(shape, kind)
        return found if shape else found.item()

    def cases(some: list[dict[str, Any]]) -> tuple[Case, ...]:
        return tuple(
            Case(c["label"], tuple(value(*a) for a in c["arguments"]), array(*c["want"]))
            for c in some
        )

    def known(some: list[dict[str, Any]]) -> tuple[Misconception, ...]:
        return tuple(
            Misconception(m["name"], m["sentence"], tuple(array(*r) for r in m["results"]))
            for m in some
        )

    return Exam(  # in the order in which they were packed
        about["question"],
        cases(about["cases"]),
        known(about["wrong"]),
        cases(about["extreme"]),
        known(about["naive"]),
    )

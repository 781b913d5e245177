"""Read a submitted notebook: what it is, which set it answers, its code without shell lines."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import stat
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST = 20_000_000  # bytes; a notebook with every figure of the book has 1 MB
MOST_CELLS = 500
SHELL = re.compile(r"^(\s*)(?:[%!?]|[\w., ]+=\s*[%!]|[\w.]+\?{1,2}\s*$)")
TIMERS = ("%%time", "%%capture")  # the rest of these cells is Python


class SubmissionError(ValueError):
    """A file that cannot be graded; the message is one line for student and instructor."""


@dataclass(frozen=True)
class Submission:
    """A notebook that was handed in.

    Attributes
    ----------
    name : str
        Its path within the folder of submissions, without ``.ipynb``.
    digest : str
        SHA-256 of the file.
    cells : tuple of (int, str)
        Number of each code cell as a reader counts them, from 1, and its Python.
    functions : frozenset of str
        Names that its cells define with ``def``.
    claimed : str or None
        The set that its metadata names.
    """

    name: str
    digest: str
    cells: tuple[tuple[int, str], ...]
    functions: frozenset[str]
    claimed: str | None


def read_bytes(path: Path) -> bytes:
    """Return the content of a file that may be a trap: a link, a pipe, 10 GB.

    Parameters
    ----------
    path : Path
        Of a submission.

    Returns
    -------
    bytes
        All of it.

    Raises
    ------
    SubmissionError
        If it is no ordinary file or larger than a notebook can be.
    """
    try:
        if path.is_symlink():
            raise SubmissionError("The file is a link, not a notebook.")
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | _NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise SubmissionError("This is no ordinary file.")
            if about.st_size > LARGEST:
                raise SubmissionError(
                    f"The file has {about.st_size / 1e6:.0f} MB; a notebook may have "
                    f"{LARGEST / 1e6:.0f} MB."
                )
            return file.read(LARGEST + 1)
    except OSError as error:
        raise SubmissionError(f"The file cannot be read: {error.strerror}.") from error


_NONBLOCK: int = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def parse(name: str, data: bytes) -> Submission:
    r"""Return the submission in the bytes of a file.

    Parameters
    ----------
    name : str
        How reports call it.
    data : bytes
        Of an .ipynb file.

    Returns
    -------
    Submission
        With shell lines and magics taken out.

    Raises
    ------
    SubmissionError
        If it is no notebook, or holds no code.

    Examples
    --------
    >>> from attnbook.grade.notebook import parse
    >>> cell = '{"cell_type": "code", "source": ["%pip install x\\n", "def f(): return 1"]}'
    >>> parse("ann", f'{{"cells": [{cell}]}}'.encode()).cells
    ((1, 'pass\ndef f(): return 1'),)
    """
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise SubmissionError("The file is not JSON, so it is no notebook.") from None
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list):
        raise SubmissionError("The file is JSON, but no notebook of format 4: it has no cells.")
    sources = [text for text in map(_code, cells) if text is not None]
    if not sources:
        raise SubmissionError("The notebook has no code.")
    if len(sources) > MOST_CELLS:
        raise SubmissionError(
            f"The notebook has {len(sources)} code cells, more than {MOST_CELLS}."
        )
    codes = tuple((n, python(text)) for n, text in enumerate(sources, start=1))
    found = frozenset(name for _, code in codes for name in _defined(code))
    return Submission(name, hashlib.sha256(data).hexdigest(), codes, found, _claim(content))


def python(text: str) -> str:
    r"""Return a cell without what only a notebook understands.

    Parameters
    ----------
    text : str
        The cell. When Python understands it as it stands, nothing is changed.

    Returns
    -------
    str
        Shell lines and magics are replaced by ``pass``; a cell in another language is empty.

    Examples
    --------
    >>> from attnbook.grade.notebook import python
    >>> python("if True:\n    !pip install numpy\nx = (7\n % 4)")
    'if True:\n    pass\nx = (7\n % 4)'
    """
    if text.lstrip().startswith("%%"):
        first, _, rest = text.lstrip().partition("\n")
        return python(rest) if first.split()[0] in TIMERS else ""
    lines = text.split("\n")
    for _ in range(len(lines)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse("\n".join(lines))
        except SyntaxError as error:
            at = (error.lineno or 0) - 1
            if not 0 <= at < len(lines) or not SHELL.match(lines[at]):
                break
            lines[at] = re.sub(r"\S.*", "pass", lines[at])
        except (ValueError, RecursionError, MemoryError):
            break  # the worker says what is wrong with it
        else:
            return "\n".join(lines)
    return "\n".join(SHELL.sub(r"\1pass #", line) for line in text.split("\n"))


def which_set(submission: Submission, questions: Iterable[str], expected: str | None = None) -> str:
    """Return the set that a notebook answers.

    Parameters
    ----------
    submission : Submission
        What was handed in.
    questions : iterable of str
        Names of all questions, such as ``"p8.causal_attention"``.
    expected : str, optional
        The only set that is accepted.

    Returns
    -------
    str
        Such as ``"p8"``: what the metadata says, else the set most of whose functions are there.

    Raises
    ------
    SubmissionError
        If no function of any set is there, or it is another set than expected.
    """
    functions: dict[str, set[str]] = {}
    for question in questions:
        kind, _, function = question.partition(".")
        functions.setdefault(kind, set()).add(function)
    found = submission.claimed if submission.claimed in functions else None
    if found is None:
        hits = {kind: len(names & submission.functions) for kind, names in functions.items()}
        best = max(hits.values(), default=0)
        winners = [kind for kind, count in hits.items() if count == best]
        if best and expected in winners:
            found = expected
        elif best:
            found = winners[0]
    if found is None:
        raise SubmissionError(
            "The notebook belongs to no set: it does not say which, and defines no function of any."
        )
    if expected is not None and found != expected:
        raise SubmissionError(f"This is the notebook of set {found}, not of {expected}.")
    return found


def _code(cell: Any) -> str | None:
    """Return the text of a code cell; None for others and for what is no cell."""
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return None
    text = cell.get("source", "")
    if isinstance(text, list):
        text = "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) else None


def _claim(content: dict[str, Any]) -> str | None:
    metadata = content.get("metadata")
    about = metadata.get("attnbook") if isinstance(metadata, dict) else None
    name = about.get("set") if isinstance(about, dict) else None
    return name if isinstance(name, str) else None


def _defined(code: str) -> list[str]:
    return re.findall(r"^\s*(?:async\s+)?def\s+(\w+)", code, re.MULTILINE)

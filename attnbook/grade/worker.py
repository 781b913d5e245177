"""Run the cells of a submission and call its functions; nothing here knows what is right.

This module runs in the worker, where everything can be changed by the student's code: the grader
believes nothing that comes from here but the numbers, and compares these itself.
"""

from __future__ import annotations

import builtins
import importlib
import io
import linecache
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from .frames import receive, send

LONGEST = 600  # characters of an error that are told
MOST = 1_000_000  # numbers that a result may hold


class OutOfTime(BaseException):
    """The time limit of a cell or a call; no ``except Exception`` takes it."""


class Sink(io.TextIOBase):
    """Where the output goes: nobody reads it, so its length is all that is kept."""

    length = 0

    def write(self, text: str) -> int:
        """Count the characters."""
        self.length += len(text)
        return len(text)

    def writable(self) -> bool:
        """Return True."""
        return True


def serve(requests: BinaryIO, replies: BinaryIO, missing: list[str]) -> None:
    """Answer requests until there are no more.

    Parameters
    ----------
    requests, replies : binary file
        Two pipes.
    missing : list of str
        What isolation could not be had; it is told first.
    """
    module = ModuleType("__main__")
    vars(module).update(__builtins__=builtins, input=_input)
    sys.modules["__main__"] = module
    sink = Sink()
    sys.stdout = sys.stderr = sink
    builtins.input = _input
    as_result = importlib.import_module(f"{__package__}.verdict").as_result
    send(replies, {"answers": 0, "missing": missing})
    header: dict[str, Any]
    results: list[np.ndarray]
    with suppress(EOFError):
        while True:
            request, arrays = receive(requests)
            if request["do"] == "cell":
                error = run_cell(vars(module), request)
                header, results = {"error": error, "printed": sink.length}, []
            else:
                header, results = call(vars(module), request, arrays, as_result)
            send(replies, {"answers": request["number"]} | header, results)


def run_cell(names: dict[str, Any], request: dict[str, Any]) -> str | None:
    """Run one cell; return what went wrong in one sentence, or None."""
    number, code = request["cell"], request["code"]
    file = f"<cell {number}>"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    try:
        program = compile(code, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"It is no Python: {error.msg}, in line {error.lineno}."
    except (ValueError, RecursionError, MemoryError) as error:
        return f"It is no Python: {error}."
    return _guarded(lambda: exec(program, names), request["limit"])[1]


def call(
    names: dict[str, Any],
    request: dict[str, Any],
    arrays: list[np.ndarray],
    as_result: Callable[[Any], Any],
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Call a function of the submission; return its result as an array, or a sentence."""
    name = request["function"]
    if name not in names:
        return {"failure": f"There is no function {name} in the notebook.", "absent": True}, []
    if not callable(names[name]):
        return {"failure": f"{name} is no function at the end of the notebook."}, []
    arguments = [a.item() if a.ndim == 0 else a for a in arrays]

    def work() -> Any:
        with np.errstate(all="ignore"):
            return as_result(names[name](*arguments))

    result, error = _guarded(work, request["limit"])
    if error is not None:
        return {"failure": error}, []
    if not isinstance(result, np.ndarray):
        return {"failure": str(getattr(result, "text", "The result is no array."))[:LONGEST]}, []
    if result.size > MOST:
        return {"failure": f"The result holds {result.size} numbers, far more than asked."}, []
    return {}, [np.array(result, dtype=np.float64)]


def _guarded(work: Callable[[], Any], limit: float) -> tuple[Any, str | None]:
    """Return what `work` returns, and an error in words."""
    try:
        _alarm(limit)
        try:
            return work(), None
        finally:
            _alarm(0)
    except OutOfTime:
        _alarm(0)
        return None, f"It does not end within {limit:g} s."
    except SystemExit:
        return None, "It asks Python to exit."
    except MemoryError:
        return None, "It takes more memory than there is."
    except BaseException as error:
        try:
            return None, described(error)
        except BaseException:
            return None, "It raises an error that cannot be read."


def _alarm(seconds: float) -> None:
    """Have `OutOfTime` raised after some seconds; where there are no alarms, the grader kills."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _ring)
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _ring(*_: Any) -> None:
    raise OutOfTime


def _input(*_: Any) -> str:
    raise EOFError("nobody can type an answer to input() while grading")


def described(error: BaseException) -> str:
    """Return an error and the student's line in which it arose, in one sentence."""
    kind, text = type(error).__name__, " ".join(str(error).split()) or "without a message"
    line = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith("<cell "):
            line = linecache.getline(frame.filename, frame.lineno or 0).strip()
    where = f", in the line `{line[:120]}`" if line else ""
    return f"It raises {kind}: {text[:300].rstrip('.')}{where}."

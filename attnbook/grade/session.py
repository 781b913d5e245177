"""One submission in a worker: its cells run, its functions called, its bad behavior survived."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from attnbook.grade import server
from attnbook.grade.frames import FrameError, receive, send
from attnbook.verdict import Failure

FOLDER = Path(__file__).resolve().parent
FIRST_USER = 64100  # user ids from here on belong to nobody


@dataclass(frozen=True)
class Limits:
    """What a submission may take.

    Attributes
    ----------
    cell, call, total : float
        Seconds for one cell, for one call of a function, for everything.
    memory : int
        Megabytes beyond what Python and NumPy take.
    grace : float
        Seconds beyond a limit before the worker is killed: until then the rest of a cell is kept.
    restarts : int
        How often a worker is started anew after the submission ended it.
    """

    cell: float = 60.0
    call: float = 10.0
    total: float = 300.0
    memory: int = 2048
    grace: float = 1.0
    restarts: int = 5


class Died(Exception):
    """The worker ended, or did not answer in time and was killed; says which."""


@dataclass
class Server:
    """A process that forks workers, for one thread of the grader; see `attnbook.grade.server`.

    Parameters
    ----------
    hidden : sequence of Path
        What no submission may read.
    load : sequence of str
        Modules that are imported once, before the workers are forked.
    limits : Limits
        Of every submission.
    slot : int, default 0
        Different for servers that run at the same time.
    single : bool
        Whether a new process is started for every submission, as where there is no fork.
    """

    hidden: Sequence[Path]
    load: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)
    slot: int = 0
    single: bool = not hasattr(os, "fork")

    def __post_init__(self) -> None:
        """Start the process."""
        self.folder = Path(tempfile.mkdtemp(prefix="attnbook-"))
        self.folder.chmod(0o711)
        plan = {
            "root": str(self.folder),
            "hidden": _hideable(self.hidden),
            "user": FIRST_USER + self.slot,
            "memory": self.limits.memory << 20,
            "seconds": int(self.limits.total) + 1,
        }
        config = {"plan": plan, "load": list(self.load), "single": self.single}
        self.command = server.command(FOLDER, config)
        self.control: socket.socket | None = None
        self.process: subprocess.Popen | None = None
        if not self.single:
            self.control, other = socket.socketpair()
            with other:
                self.process = self._popen(stdin=other.fileno(), stdout=subprocess.DEVNULL)
            if self.control.recv(1) != b"+":
                self.close()
                raise RuntimeError("the process that forks workers does not start")

    def _popen(self, **streams: Any) -> subprocess.Popen:
        keep = ("PATH", "SYSTEMROOT", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        env = {k: v for k, v in os.environ.items() if k in keep} | single
        return subprocess.Popen(self.command, env=env, cwd=self.folder, **streams)

    def worker(self) -> Worker:
        """Start a worker."""
        if self.control is None:
            process = self._popen(
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            assert process.stdin is not None
            assert process.stdout is not None
            return Worker(process.stdin, process.stdout, None, process)
        (ours_in, theirs_out), (theirs_in, ours_out) = os.pipe(), os.pipe()
        leash, other = socket.socketpair()
        given = [theirs_in, theirs_out, other.fileno()]
        try:
            socket.send_fds(self.control, [b"w"], given)
        except OSError:
            leash.close()
            os.close(ours_in)
            os.close(ours_out)
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
            other.close()
        return Worker(os.fdopen(ours_out, "wb"), os.fdopen(ours_in, "rb"), leash, None)

    def close(self) -> None:
        """End the process; its workers end with it."""
        if self.control is not None:
            self.control.close()
        if self.process is not None:
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _hideable(paths: Sequence[Path]) -> list[str]:
    """Return what to hide: folders without those of Python's libraries that stand in them."""
    libraries = [Path(p).resolve() for p in (sys.prefix, sys.base_prefix, *_library_paths())]
    found = []
    for path in (p.resolve() for p in paths if p.exists()):
        if any(library.is_relative_to(path) for library in libraries):
            inner = [p for p in path.iterdir() if not p.is_symlink()]
            found += [str(p) for p in inner if not any(x.is_relative_to(p) for x in libraries)]
        else:
            found.append(str(path))
    return found


def _library_paths() -> list[str]:
    return [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")]


class Worker:
    """The grader's end of one worker: requests out, replies in, and the means to kill it."""

    def __init__(
        self,
        requests: BinaryIO | Any,
        replies: BinaryIO | Any,
        leash: socket.socket | None,
        process: subprocess.Popen | None,
    ) -> None:
        """Read the replies in a thread of its own, so that none is waited for forever."""
        self.requests, self.replies = requests, replies
        self.leash, self.process = leash, process
        self.inbox: queue.Queue[Any] = queue.Queue(maxsize=4)
        self.closing = False
        self.cpu = 0.0
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.missing = self._hello()
        except BaseException:
            self.close()
            raise

    def _hello(self) -> list[str]:
        header, _ = self.ask(None, (), 30.0)
        told = header.get("missing")
        return [str(text) for text in told] if isinstance(told, list) else []

    def _read(self) -> None:
        while not self.closing:
            try:
                message: Any = receive(self.replies)
            except (EOFError, OSError, ValueError) as error:
                message = error
            while not self.closing:
                with contextlib.suppress(queue.Full):
                    self.inbox.put(message, timeout=0.1)
                    break
            if isinstance(message, Exception):
                break
        self.replies.close()

    def ask(
        self,
        request: dict[str, Any] | None,
        arrays: Sequence[np.ndarray],
        seconds: float,
    ) -> tuple[dict[str, Any], list[np.ndarray]]:
        """Send a request, return the reply.

        Raises
        ------
        Died
            If the worker ended, did not answer in time, or answered nonsense.
        """
        try:
            number = 0
            if request is not None:
                number = secrets.randbits(60)  # what was written before it was asked is noticed
                send(self.requests, request | {"number": number}, arrays)
            reply = self.inbox.get(timeout=max(seconds, 0.01))
        except FrameError:
            raise
        except (OSError, ValueError):
            raise Died("It ends the process that runs it.") from None
        except queue.Empty:
            raise Died("It does not end when its time is up.") from None
        if isinstance(reply, FrameError):
            raise Died("It writes into the connection with the grader.")
        if isinstance(reply, Exception):
            raise Died("It ends the process that runs it.")
        header, results = reply
        if header.get("answers") != number:
            raise Died("It writes into the connection with the grader.")
        return header, results

    def close(self) -> None:
        """End the worker and everything that it started."""
        self.closing = True
        with contextlib.suppress(OSError):
            self.requests.close()
        if self.leash is not None:
            with contextlib.suppress(OSError, ValueError):
                self.leash.shutdown(socket.SHUT_WR)
                self.leash.settimeout(10)
                told = json.loads(self.leash.recv(1000) or b"{}")
                self.cpu = float(told.get("cpu", 0.0))
            self.leash.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class Session:
    """A submission that is being graded.

    Parameters
    ----------
    cells : sequence of (int, str)
        Numbers and code.
    server : Server
        Where its workers come from.
    """

    def __init__(self, cells: Sequence[tuple[int, str]], server: Server) -> None:
        """Run the cells."""
        self.cells, self.server, self.limits = cells, server, server.limits
        self.notes: dict[int, str] = {}
        self.left_out: set[int] = set()
        self.deadly: dict[str, str] = {}
        self.missing: list[str] = []
        self.printed = 0
        self.cpu = 0.0
        self.deaths = 0
        self.end = time.monotonic() + self.limits.total
        self.worker: Worker | None = None
        self._run()

    def _run(self) -> None:
        """Run the cells in a fresh worker; once more for every cell that ends it."""
        while self.deaths <= self.limits.restarts and self._left() > 0:
            self.worker = self.server.worker()
            self.missing = list(dict.fromkeys(self.worker.missing))
            number = 0
            try:
                for number, code in self.cells:
                    if number not in self.left_out:
                        self._cell(self.worker, number, code)
                return
            except Died as death:
                self.left_out.add(number)
                self.notes[number] = f"{death} The cell is left out, the others run again."
                self._bury()

    def _cell(self, worker: Worker, number: int, code: str) -> None:
        request = {"do": "cell", "cell": number, "code": code, "limit": self.limits.cell}
        wait = min(self.limits.cell + self.limits.grace, self._left())
        reply, _ = worker.ask(request, (), wait)
        self.notes.pop(number, None)
        if reply.get("error") is not None:
            self.notes[number] = _plain(reply["error"])
        printed = reply.get("printed")
        self.printed = printed if type(printed) is int else 0

    def call(self, function: str, arguments: Sequence[Any]) -> np.ndarray | Failure:
        """Return what a function of the submission makes of arguments.

        Parameters
        ----------
        function : str
            Its name.
        arguments : sequence of array or number
            They are sent to the worker, so nothing here can be changed.

        Returns
        -------
        float64 array or Failure
            As `attnbook.verdict.judge` takes it.
        """
        if function in self.deadly:
            return Failure(self.deadly[function])
        if self.worker is None and self.deaths <= self.limits.restarts:
            self._run()
        if self.worker is None:
            return Failure("It is not tried: the notebook ended its own process too often.")
        if self._left() <= 0:
            self._bury()
            return Failure(f"The notebook takes more than {self.limits.total:g} s in all.")
        request = {"do": "call", "function": function, "limit": self.limits.call}
        wait = min(self.limits.call + self.limits.grace, self._left())
        try:
            arrays = [np.asarray(a) for a in arguments]
            reply, results = self.worker.ask(request, arrays, wait)
        except Died as death:
            self.deadly[function] = str(death)
            self._bury()
            return Failure(str(death))
        if "failure" in reply or len(results) != 1:
            text = _plain(reply.get("failure"))
            if "does not end within" in text or reply.get("absent"):
                self.deadly[function] = text
            return Failure(text)
        return results[0].astype(np.float64)

    def _left(self) -> float:
        return self.end - time.monotonic()

    def _bury(self) -> None:
        self.deaths += 1
        self.close()

    def close(self) -> None:
        """End the worker."""
        if self.worker is not None:
            self.worker.close()
            self.cpu += self.worker.cpu
            self.worker = None


def _plain(text: Any) -> str:
    """Return a sentence of a worker as printable text of a bounded length."""
    if not isinstance(text, str) or not text:
        return "It gives no answer."
    return "".join(c if c.isprintable() else " " for c in text[:600])

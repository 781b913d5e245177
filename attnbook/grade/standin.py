"""What a worker has in place of the package and of figures: nothing that answers a question.

`attnbook` is there with a `check` that does nothing and with its tasks; anything else of it can be
imported, so that a cell with many imports runs, but not called. Figures and displays take every
call and draw nothing. This module runs in the worker, so it imports nothing of the package.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from types import CodeType, ModuleType
from typing import Any

FIGURES = ("matplotlib", "mpl_toolkits", "seaborn", "plotly", "IPython", "ipywidgets", "anywidget")
HARMLESS = ("attnbook.plots", "attnbook.diagrams", "attnbook.live")
SUBMODULES = (*HARMLESS, "attnbook.tasks")  # ``from attnbook import plots`` asks for these
UNPACKS = "UNPACK_SEQUENCE"


class Nothing:
    """An object that takes every call, attribute and index, and does nothing."""

    def __getattr__(self, name: str) -> Any:
        """Return another one, except for what NumPy and pickle ask of any object."""
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Return another one."""
        return Nothing()

    def __iter__(self) -> Iterator[Any]:
        """Return as many as an assignment such as ``figure, axes = ...`` unpacks, else none."""
        return iter([Nothing() for _ in range(_wanted(sys._getframe(1)))])

    def __format__(self, _: str) -> str:
        """Return an empty text."""
        return ""

    def __bool__(self) -> bool:
        """Return False."""
        return False

    def __len__(self) -> int:
        """Return 0."""
        return 0

    def __enter__(self) -> Any:
        """Return another one."""
        return Nothing()

    def __exit__(self, *_: Any) -> None:
        """Let errors pass."""

    def __getitem__(self, _: Any) -> Any:
        """Return another one."""
        return Nothing()

    def __setitem__(self, _: Any, __: Any) -> None:
        """Forget it."""

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __call__
    __truediv__ = __rtruediv__ = __neg__ = __call__


def _wanted(frame: Any) -> int:
    """Return how many values the instruction of a frame unpacks."""
    import dis

    code: CodeType = frame.f_code
    at = frame.f_lasti
    if dis.opname[code.co_code[at]] == UNPACKS:
        return code.co_code[at + 1]
    return 0


class Refused:
    """Something of the package that is not there while grading; saying so when it is called."""

    def __init__(self, name: str) -> None:
        """Keep the name."""
        self._name = name

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Raise: an answer must not come from here."""
        raise ImportError(f"{self._name} is not there while grading")

    def __getattr__(self, name: str) -> Any:
        """Raise, too."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise ImportError(f"{self._name} is not there while grading")

    def __mro_entries__(self, _: Any) -> tuple[type, ...]:
        """Raise: no class can be made of it."""
        raise ImportError(f"{self._name} is not there while grading")


class _Figures(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()


class _Package(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"
        return importlib.import_module(full) if full in SUBMODULES else Refused(full)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Find stand-ins before anything on disk is looked for.

    Parameters
    ----------
    tasks : str
        Source of `attnbook.tasks`, which makes data and answers nothing.
    """

    def __init__(self, tasks: str) -> None:
        """Keep the source."""
        self.tasks = tasks

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return a spec for the package and for figures; None for the rest."""
        top = name.partition(".")[0]
        if top == "attnbook" or top in FIGURES:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Return the stand-in."""
        name = spec.name
        if name == "attnbook.tasks":
            return ModuleType(name)
        figures = name.partition(".")[0] in FIGURES or name.startswith(HARMLESS)
        return (_Figures if figures else _Package)(name)

    def exec_module(self, module: ModuleType) -> None:
        """Fill it."""
        if module.__name__ == "attnbook":
            vars(module).update(check=_check, __version__="grading")
        if module.__name__ == "attnbook.tasks":
            exec(compile(self.tasks, "attnbook/tasks.py", "exec"), vars(module))


def _check(*_: Any) -> None:
    """Do nothing: the grader asks itself."""

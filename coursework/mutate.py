"""Generic mutants of a reference: small changes that no list of misconceptions thinks of."""

from __future__ import annotations

import ast
import copy
import inspect
import signal
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np

from attnbook.answers import answer
from attnbook.grade.question import Question
from attnbook.verdict import Case, agree

OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.FloorDiv: ast.Mod, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
    ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
NAMES = {
    "sin": "cos", "cos": "sin", "max": "min", "min": "max", "maximum": "minimum",
    "minimum": "maximum", "tril": "triu", "triu": "tril", "sum": "mean", "mean": "sum",
    "zeros": "ones", "ones": "zeros", "log": "log2", "var": "std", "std": "var",
}  # fmt: skip
SECONDS = 5  # a changed number may make a loop endless


def mutants(program: Callable[..., Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield (changed line, changed function) for every single change of a function's body."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(program)))
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.decorator_list = []
    if ast.get_docstring(function):
        function.body = function.body[1:]
    count = sum(1 for _ in _changes(copy.deepcopy(function)))
    for wanted in range(count):
        changed = copy.deepcopy(tree)
        line = next(islice(_changes(changed.body[0]), wanted, None))  # and no further
        names = dict(program.__globals__)
        exec(compile(ast.fix_missing_locations(changed), "mutant", "exec"), names)
        yield line, names[program.__name__]


def _changes(function: Any) -> Iterator[str]:
    """Make one change after the other in place and yield its line while it stands."""
    for statement in (node for node in ast.walk(function) if isinstance(node, ast.stmt)):
        if isinstance(statement, ast.FunctionDef):
            continue
        inner = [n for n in ast.iter_child_nodes(statement) if not isinstance(n, ast.stmt)]
        for node in [n for child in inner for n in ast.walk(child)]:
            for target, name, value in _variants(node):
                old = getattr(target, name)
                setattr(target, name, value)
                yield ast.unparse(statement).splitlines()[0]
                setattr(target, name, old)


def _variants(node: ast.AST) -> Iterator[tuple[Any, str, Any]]:
    """Yield what to set in a node: (object, attribute, new value)."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        yield node, "op", OPERATORS[type(node.op)]()
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OPERATORS:
        yield node, "ops", [OPERATORS[type(node.ops[0])](), *node.ops[1:]]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node, "op", ast.UAdd()
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield node, "value", not node.value
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield node, "value", node.value + 1
        yield node, "value", node.value - 1
    if isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield node, "attr", NAMES[node.attr]
    if isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
        yield node, "attr", "real"  # the same array, not transposed
    if isinstance(node, ast.Call):
        for i in range(len(node.keywords)):
            yield node, "keywords", node.keywords[:i] + node.keywords[i + 1 :]


@contextmanager
def limited() -> Iterator[None]:
    """Stop what runs longer than the limit."""

    def stop(*_: Any) -> None:
        raise TimeoutError("too slow")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def survivors(question: Question, seeds: tuple[str, ...]) -> list[str]:
    """Return the changed lines under which every result of every exam stays right."""
    assert question.right_answer is not None
    exams = [question.exam(seed) for seed in seeds]
    cases: list[Case] = [c for exam in exams for c in (*exam.cases, *exam.extreme)]
    alive = []
    for line, program in mutants(question.right_answer):
        with np.errstate(all="ignore"), limited():
            if all(agree(answer(program, case), case.want) for case in cases):
                alive.append(line)
    return alive

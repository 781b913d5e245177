"""`check`: every kind of answer gets its sentence, and never a traceback of ours."""

import numpy as np
import pytest

from attnbook import check
from attnbook.answers import load

NAME = "p8.causal_attention"


def right(q, k, v):
    scores = np.where(np.tri(len(q)) == 1, q @ k.T / np.sqrt(q.shape[1]), -np.inf)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True) @ v


def said(capsys, function) -> str:
    check(NAME, function)
    return capsys.readouterr().out


def test_a_right_answer_is_marked(capsys):
    assert said(capsys, right).startswith(f"✓ {NAME}: Right in ")


def test_a_naive_answer_passes_but_for_extremes(capsys):
    def naive(q, k, v):
        e = np.exp(q @ k.T / np.sqrt(q.shape[1])) * np.tri(len(q))
        return e / e.sum(axis=1, keepdims=True) @ v

    assert "but not with extreme numbers" in said(capsys, naive)


def test_a_mistake_is_named(capsys):
    def no_scale(q, k, v):
        return right(q * np.sqrt(q.shape[1]), k, v)

    assert "It looks like this: " in said(capsys, no_scale)


def test_an_unknown_error_is_measured(capsys):
    out = said(capsys, lambda q, k, v: right(q, k, v) + 0.1)
    assert "most by" in out
    assert "none of the mistakes that we know" in out


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda q, k, v: None, "returns None"),
        (lambda q, k, v: right(q, k, v).T, "must have shape"),
        (lambda q, k, v: right(q, k, v) * np.nan, "holds NaN"),
        (lambda q, k, v: q @ v, "It raises ValueError: matmul"),
        (lambda q: q, "It raises TypeError"),
        (lambda q, k, v: "weights", "real numbers, got str"),
    ],
)
def test_other_answers_get_a_sentence(capsys, function, says):
    assert says in said(capsys, function)


def test_a_function_may_write_into_its_arguments(capsys):
    def greedy(q, k, v):
        q *= 1
        out = right(q, k, v)
        q[:] = k[:] = v[:] = 0
        return out

    assert said(capsys, greedy).startswith("✓")
    assert np.abs(load(NAME).cases[0].arguments[0]).sum() > 0


def test_bad_calls_are_refused():
    with pytest.raises(ValueError, match="there is no question 'p9'"):
        check("p9", right)
    with pytest.raises(TypeError, match="must be your function, got ndarray"):
        check(NAME, np.zeros(3))

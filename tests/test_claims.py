"""`claim` must raise whenever the measurement does not meet what is required of it."""

import numpy as np
import pytest

import attnbook as ab

SLUG = "retrieval.convex"


@pytest.mark.parametrize(
    ("measured", "requirement"),
    [
        (1.1, {"expected": 1.0, "tolerance": 0.05}),
        ([1.0, 1.1], {"expected": 1.0, "tolerance": 0.05}),
        (np.nan, {"expected": 1.0, "tolerance": 10.0}),
        (0.1, {"at_least": 0.2}),
        ([0.3, 0.1], {"at_least": 0.2}),
        (np.nan, {"at_most": 0.2}),
        (0.3, {"at_most": 0.2}),
        (1.0, {"holds": False}),
        (np.nan, {"holds": True}),
        (1.0, {"expected": 1.0, "at_least": 2.0}),
    ],
)
def test_false_claims_raise(measured, requirement):
    with pytest.raises(ab.ClaimError, match=SLUG):
        ab.claim(SLUG, measured, **requirement)


def test_true_claims_print_one_line(capsys):
    ab.claim(SLUG, np.array([1.0, 1.04]), 1.0, 0.05, what="sum of a row")
    ab.claim(SLUG, 0.3, at_least=0.2, at_most=0.4)
    ab.claim(SLUG, 7, holds=True)
    assert capsys.readouterr().out.splitlines() == [
        "retrieval.convex, sum of a row: = 1 ± 0.05, holds",
        "retrieval.convex: at least 0.2 and at most 0.4, holds",
        "retrieval.convex: as stated, holds",
    ]


def test_misuse():
    with pytest.raises(KeyError, match=r"no\.such"):
        ab.claim("no.such", 1.0, 1.0)
    with pytest.raises(ValueError, match="say what must hold"):
        ab.claim(SLUG, 1.0)
    with pytest.raises(ValueError, match="at least one number"):
        ab.claim(SLUG, [], 1.0)
    with pytest.raises(ValueError, match="must have the shape"):
        ab.claim(SLUG, 1.0, [1.0, 1.0])
    with pytest.raises(ValueError, match="tolerance must be"):
        ab.claim(SLUG, 1.0, 1.0, -0.1)
    with pytest.raises(TypeError, match="must be numbers"):
        ab.claim(SLUG, "one", 1.0)
    with pytest.raises(TypeError, match="True or False"):
        ab.claim(SLUG, 1.0, holds=1.0)

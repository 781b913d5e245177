"""Masks: small ones by hand, alignment, errors."""

import numpy as np
import pytest

import attnbook as ab


def test_causal_mask():
    np.testing.assert_array_equal(ab.causal_mask(3), np.tril(np.ones((3, 3), bool)))
    np.testing.assert_array_equal(ab.causal_mask(2, 4), [[1, 1, 1, 0], [1, 1, 1, 1]])
    np.testing.assert_array_equal(ab.causal_mask(3, 1), [[0], [0], [1]])
    assert ab.causal_mask(0, 3).shape == (0, 3)


def test_sliding_window_mask():
    expected = [[0, 1, 1, 0], [0, 0, 1, 1]]
    np.testing.assert_array_equal(ab.sliding_window_mask(2, 4, window=2), expected)
    np.testing.assert_array_equal(ab.sliding_window_mask(4, window=9), ab.causal_mask(4))


def test_padding_mask():
    mask = ab.padding_mask(np.array([0, 2]), 3)
    assert mask.shape == (2, 1, 1, 3)
    np.testing.assert_array_equal(mask[:, 0, 0], [[0, 0, 0], [1, 1, 0]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ab.causal_mask(-1), ValueError, "n_queries must be at least 0"),
        (lambda: ab.causal_mask(2.0), TypeError, "n_queries must be an integer"),
        (lambda: ab.sliding_window_mask(2, window=0), ValueError, "window must be at least 1"),
        (lambda: ab.padding_mask(np.array([4]), 3), ValueError, r"lie in 0\.\.3"),
        (lambda: ab.padding_mask(np.array([1.0]), 3), TypeError, "integers"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

"""Sequences with periods of their own."""

import numpy as np
import pytest

from attnbook.tasks import periods_in_context


def test_every_sequence_repeats_with_its_own_period():
    inputs, targets, periods = periods_in_context(
        np.random.default_rng(0), 50, 29, shortest=2, longest=7, n_symbols=1000
    )
    assert inputs.shape == targets.shape == (50, 29)
    assert set(periods) == {2, 3, 4, 5, 6, 7}
    np.testing.assert_array_equal(targets[:, :-1], inputs[:, 1:])
    for sequence, period in zip(inputs, periods, strict=True):
        shown = np.arange(29)
        np.testing.assert_array_equal(sequence, sequence[shown % period])
        # among a thousand symbols no shorter period arises by chance here
        for shorter in range(1, period):
            assert (sequence[shorter:] != sequence[:-shorter]).any()


def test_symbols_come_from_the_whole_alphabet_and_patterns_differ():
    inputs, _, _ = periods_in_context(
        np.random.default_rng(1), 40, 12, shortest=12, longest=12, n_symbols=5
    )
    assert set(inputs.ravel()) == {0, 1, 2, 3, 4}
    assert len(np.unique(inputs, axis=0)) == 40


def test_the_draws_are_those_of_the_generator():
    first, again = (
        periods_in_context(np.random.default_rng(7), 3, 9, shortest=2, longest=4) for _ in range(2)
    )
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("shortest", "longest"), [(0, 3), (4, 3)])
def test_ranges_without_periods_are_refused(shortest, longest):
    with pytest.raises(ValueError, match=f"got {shortest} to {longest}"):
        periods_in_context(np.random.default_rng(0), 1, 5, shortest=shortest, longest=longest)

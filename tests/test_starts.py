"""Starts of the recall layer, and the task that needs a given number of tokens."""

import math

import numpy as np
import pytest
import torch

from attnbook.group_means import GroupHead, group_means, train_group_means
from attnbook.recall import train_recall
from attnbook.starts import recall_start, steps_to_learn


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 30.0), ("adam", 0.03)])
def test_equal_gains_are_the_training_of_recall(optimizer, rate):
    how = dict(learning_rate=rate, optimizer=optimizer)
    run = train_recall(2, 64, scale=1 / 8, gain=0.5, steps=60, **how)
    means = np.convolve(run.accuracies, np.ones(10) / 10, "valid")
    first = int(np.flatnonzero(means >= 0.95 - 1e-12)[0]) + 10
    assert steps_to_learn(2, 0.5, 0.5, **how) == first


def test_gains_are_those_of_queries_and_of_keys():
    start = recall_start(np.random.default_rng(0), 500, 2.0, 0.25)
    assert start["q"].std() == pytest.approx(2.0, rel=0.03)
    assert start["k"].std() == pytest.approx(0.25, rel=0.03)
    assert math.isinf(steps_to_learn(0, 0.0, 0.0, learning_rate=1.0, budget=12))
    with pytest.raises(ValueError, match="'sgd' or 'adam', got 'lion'"):
        steps_to_learn(0, 1.0, 1.0, learning_rate=1.0, optimizer="lion")


@pytest.mark.parametrize("needed", [1, 3, 12])
def test_answers_are_means_of_the_group(needed):
    lists = group_means(np.random.default_rng(0), 5, needed, n_tokens=12)
    for asked, groups, values, answer in zip(*lists, strict=True):
        assert (groups == asked).sum() == needed
        np.testing.assert_allclose(values[groups == asked].mean(axis=0), answer, atol=1e-6)
    with pytest.raises(ValueError, match="must divide n_tokens, 12, got 5"):
        group_means(np.random.default_rng(0), 5, 5, n_tokens=12)


def test_hand_set_weights_solve_it():
    asked, groups, values, answers = map(
        torch.from_numpy, group_means(np.random.default_rng(1), 8, 4)
    )
    head = GroupHead(8, head_dim=8)
    with torch.no_grad():
        head.queries.weight.copy_(100 * torch.eye(8))
        head.keys.weight.copy_(torch.eye(8))
        head.values.weight.copy_(torch.eye(4))
        torch.testing.assert_close(head(asked, groups, values), answers)
        weights = head.weights(asked, groups)[:, 0]
    torch.testing.assert_close(weights, (groups == asked[:, None]) / 4.0)


def test_training_is_repeatable_and_lowers_the_loss():
    one, two = (train_group_means(0, 8, steps=60, learning_rate=0.1) for _ in range(2))
    np.testing.assert_array_equal(one.losses, two.losses)
    assert one.losses[-5:].mean() < 0.1 * one.losses[:5].mean()
    assert one.tokens[0] > 12 > one.tokens[-1] >= 8 - 1e-4

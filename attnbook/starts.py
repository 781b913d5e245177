"""How fast the recall layer learns from different starts: a gain for queries, another for keys."""

from __future__ import annotations

import math

import numpy as np

from attnbook._checks import real_number, whole_number
from attnbook.recall import recall_steps

WINDOW = 10  # steps over which the accuracy is averaged


def recall_start(
    rng: np.random.Generator, d: int, gain_q: float, gain_k: float
) -> dict[str, np.ndarray]:
    """Draw the start of the recall layer, as in `attnbook.recall.train_recall` for equal gains.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    d : int
        D, the width of queries and keys.
    gain_q, gain_k : float
        Standard deviation of the components of queries and of keys.

    Returns
    -------
    dict of str to array
        "q" and "k" of shape (32, D), "v" of shape (8, 8).

    Raises
    ------
    TypeError, ValueError
        If a gain is not a finite number, or `d` not a positive integer.

    Examples
    --------
    >>> from attnbook.starts import recall_start
    >>> start = recall_start(np.random.default_rng(0), 4, 0.0, 1.0)
    >>> float(abs(start["q"]).max()), start["k"].shape
    (0.0, (32, 4))
    """
    shape = (32, whole_number("d", d, minimum=1))
    gains = {"q": real_number("gain_q", gain_q), "k": real_number("gain_k", gain_k)}
    return {name: g * rng.standard_normal(shape) for name, g in gains.items()} | {"v": np.eye(8)}


def steps_to_learn(
    seed: int,
    gain_q: float,
    gain_k: float,
    *,
    learning_rate: float,
    optimizer: str = "sgd",
    d: int = 64,
    level: float = 0.95,
    budget: int = 300,
) -> float:
    """Train the recall layer until it is right often enough, and count the steps.

    Parameters
    ----------
    seed : int
        Fixes the start and the lists, as in `attnbook.recall.train_recall`.
    gain_q, gain_k : float
        Standard deviation of the components of queries and of keys at the start.
    learning_rate : float
        Of all weights.
    optimizer : {"sgd", "adam"}, default "sgd"
        Plain gradient descent, or Adam with the usual constants.
    d : int, default 64
        D, the width of queries and keys; their products are divided by its root.
    level : float, default 0.95
        Share of right answers over the last ten steps, 64 fresh lists each, that counts as learned.
    budget : int, default 300
        Number of steps after which training stops.

    Returns
    -------
    float
        The number of steps, or infinity if the budget did not suffice.

    Raises
    ------
    ValueError
        If `optimizer` is neither of the two.

    Examples
    --------
    Queries and keys of zero stay zero, since each gets its gradient through the other:

    >>> from attnbook.starts import steps_to_learn
    >>> steps_to_learn(0, 0.0, 0.0, learning_rate=30.0, budget=50)
    inf
    """
    rng = np.random.default_rng(seed)
    weights, rates = recall_start(rng, d, gain_q, gain_k), dict.fromkeys("qkv", learning_rate)
    training = recall_steps(rng, weights, d**-0.5, rates, optimizer=optimizer)
    right: list[float] = []
    for step in range(1, budget + 1):
        right.append(next(training)[1])
        if step >= WINDOW and sum(right[-WINDOW:]) >= level * WINDOW:
            return float(step)
    return math.inf

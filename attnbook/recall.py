"""The smallest attention layer that can be trained with or without a scale, gradients by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import numpy as np

from attnbook.attention import softmax
from attnbook.tasks import associative_recall

BETAS = (0.9, 0.999)  # of Adam, as everyone sets them


class RecallRun(NamedTuple):
    """What a training left, from `train_recall`.

    Attributes
    ----------
    losses : array of shape (steps,)
        Cross-entropy in nats before each step.
    accuracies : array of shape (steps,)
        Share of right answers before each step, 0 to 1.
    scores : array of shape (symbols, symbols)
        At the end: row *i* holds the scaled scores of the query of symbol *i*.
    """

    losses: np.ndarray
    accuracies: np.ndarray
    scores: np.ndarray


def recall_gradients(
    weights: dict[str, np.ndarray], scale: float, lists: tuple[np.ndarray, ...]
) -> tuple[dict[str, np.ndarray], float, float]:
    """Return the gradient of the mean loss over `lists`, the loss, and the share of right answers.

    Parameters
    ----------
    weights : dict of str to array
        "q" and "k" of shape (symbols, D), a query and a key for each symbol; "v" of shape
        (classes, classes), a value for each class.
    scale : float
        Factor of the dot products.
    lists : tuple of arrays
        As `attnbook.tasks.associative_recall` returns them.

    Returns
    -------
    gradients : dict of str to array
        In the shapes of `weights`.
    loss, accuracy : float
        Cross-entropy in nats, and a share between 0 and 1.

    Examples
    --------
    Without queries and keys all weights are equal, and the scores get no gradient from zeros:

    >>> from attnbook.recall import recall_gradients
    >>> from attnbook.tasks import associative_recall
    >>> weights = {"q": np.zeros((32, 2)), "k": np.zeros((32, 2)), "v": np.eye(8)}
    >>> lists = associative_recall(np.random.default_rng(0), 4)
    >>> gradients, loss, accuracy = recall_gradients(weights, 1.0, lists)
    >>> float(abs(gradients["q"]).max())
    0.0
    """
    asked, symbols, classes, answers = lists
    rows, one_hot = np.arange(len(asked)), np.eye(len(weights["v"]))
    table = scale * weights["q"] @ weights["k"].T  # every symbol's query against every key
    a = softmax(table[asked[:, None], symbols])
    shown = one_hot[classes]
    mixed = np.einsum("bs,bsc->bc", a, shown)
    logits = mixed @ weights["v"]
    p = softmax(logits)
    d_logits = (p - one_hot[answers]) / len(asked)
    d_a = np.einsum("bc,bsc->bs", d_logits @ weights["v"].T, shown)
    d_scores = a * (d_a - (a * d_a).sum(axis=-1, keepdims=True))  # the Jacobian of the softmax
    d_table = np.zeros_like(table)
    np.add.at(d_table, (asked[:, None], symbols), scale * d_scores)
    gradients = {
        "q": d_table @ weights["k"],
        "k": d_table.T @ weights["q"],
        "v": mixed.T @ d_logits,
    }
    loss = -np.log(np.maximum(p[rows, answers], 1e-300)).mean()
    return gradients, float(loss), float((logits.argmax(axis=-1) == answers).mean())


def recall_steps(
    rng: np.random.Generator,
    weights: dict[str, np.ndarray],
    scale: float,
    rates: dict[str, float],
    *,
    optimizer: str = "sgd",
    epsilon: float = 1e-8,
    batch_size: int = 64,
) -> Iterator[tuple[float, float, dict[str, np.ndarray]]]:
    """Train the recall layer without end, fresh lists at every step.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the lists.
    weights, scale
        Of the start, as in `recall_gradients`; the arrays stay as they are.
    rates : dict of str to float
        The learning rate of "q", "k" and "v".
    optimizer : {"sgd", "adam"}
        Plain gradient descent, or Adam [1]_.
    epsilon : float, default 1e-8
        Adam's, for queries and keys; for the values it is always 1e-8.
    batch_size : int, default 64
        Lists at each step.

    Yields
    ------
    loss, accuracy : float
        On the lists of the step, before it.
    weights : dict of str to array
        After it.

    Raises
    ------
    ValueError
        If `optimizer` is neither of the two.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015,
       https://arxiv.org/abs/1412.6980

    Examples
    --------
    A learning rate of zero changes nothing:

    >>> from attnbook.recall import recall_steps
    >>> rng, start = np.random.default_rng(0), {"q": np.eye(32), "k": np.eye(32), "v": np.eye(8)}
    >>> loss, accuracy, end = next(recall_steps(rng, start, 1.0, dict.fromkeys("qkv", 0.0)))
    >>> bool((end["q"] == start["q"]).all())
    True
    """
    if optimizer not in ("sgd", "adam"):
        raise ValueError(f"optimizer must be 'sgd' or 'adam', got {optimizer!r}")
    weights, epsilons = dict(weights), {"q": epsilon, "k": epsilon, "v": 1e-8}
    first = {name: np.zeros_like(w) for name, w in weights.items()}
    second = {name: np.zeros_like(w) for name, w in weights.items()}
    for step in count(1):
        gradients, loss, accuracy = recall_gradients(
            weights, scale, associative_recall(rng, batch_size)
        )
        for name, g in gradients.items():
            update = g
            if optimizer == "adam":
                first[name] = BETAS[0] * first[name] + (1 - BETAS[0]) * g
                second[name] = BETAS[1] * second[name] + (1 - BETAS[1]) * g**2
                m, v = (
                    moment / (1 - beta**step)
                    for moment, beta in zip((first[name], second[name]), BETAS, strict=True)
                )
                update = m / (np.sqrt(v) + epsilons[name])
            weights[name] = weights[name] - rates[name] * update
        yield loss, accuracy, weights


def train_recall(
    seed: int,
    d: int,
    *,
    scale: float,
    gain: float = 1.0,
    learning_rate: float,
    value_learning_rate: float | None = None,
    optimizer: str = "sgd",
    epsilon: float = 1e-8,
    steps: int = 200,
    batch_size: int = 64,
) -> RecallRun:
    """Train one attention head on associative recall, fresh lists at every step.

    Parameters
    ----------
    seed : int
        Fixes the start and the lists.
    d : int
        D, the width of queries and keys.
    scale : float
        Factor of the dot products, ``d**-0.5`` in scaled attention and 1 in unscaled.
    gain : float, default 1.0
        Standard deviation of the components of queries and keys at the start.
    learning_rate : float
        Of queries and keys.
    value_learning_rate : float, optional
        Of the values, by default the same.
    optimizer : {"sgd", "adam"}
        Plain gradient descent, or Adam.
    epsilon : float, default 1e-8
        Adam's, for queries and keys; for the values it is always 1e-8.
    steps : int, default 200
        Number of updates.
    batch_size : int, default 64
        Lists at each step.

    Returns
    -------
    RecallRun
        Loss and accuracy at every step, on lists not seen before, and at the end the scaled score
        of every symbol's query against every symbol's key.

    Raises
    ------
    ValueError
        If `optimizer` is neither of the two.

    Examples
    --------
    >>> from attnbook.recall import train_recall
    >>> run = train_recall(0, 16, scale=0.25, learning_rate=10.0, steps=150)
    >>> bool(run.accuracies[-20:].mean() > 0.9)
    True
    """
    rng = np.random.default_rng(seed)
    weights = {name: gain * rng.standard_normal((32, d)) for name in "qk"} | {"v": np.eye(8)}
    rates = dict.fromkeys("qk", learning_rate)
    rates["v"] = learning_rate if value_learning_rate is None else value_learning_rate
    training = recall_steps(
        rng, weights, scale, rates, optimizer=optimizer, epsilon=epsilon, batch_size=batch_size
    )
    losses, accuracies = np.zeros(steps), np.zeros(steps)
    for step in range(steps):
        losses[step], accuracies[step], weights = next(training)
    return RecallRun(losses, accuracies, scale * weights["q"] @ weights["k"].T)

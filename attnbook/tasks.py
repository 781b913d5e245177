"""Small tasks with a known answer, made by NumPy from a random generator that the caller owns."""

from __future__ import annotations

import numpy as np


def name_lookup(
    rng: np.random.Generator, batch_size: int, *, n_names: int = 6, content_width: int = 4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw tables of named contents, and questions that know the name only.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    batch_size : int
        B, the number of tables.
    n_names : int, default 6
        S, the number of names; every table holds each once, in its own order.
    content_width : int, default 4
        C, the width of a content.

    Returns
    -------
    tables : float32 array of shape (B, S, S + C)
        Each row is a token: its name as a one-hot vector, then its content.
    questions : float32 array of shape (B, S, S + C)
        The names in alphabetical order, with zeros where the content would be.
    answers : float32 array of shape (B, S, C)
        The content that belongs to each question.

    Examples
    --------
    >>> from attnbook.tasks import name_lookup
    >>> tables, questions, answers = name_lookup(np.random.default_rng(0), 2)
    >>> tables.shape, questions.shape, answers.shape
    ((2, 6, 10), (2, 6, 10), (2, 6, 4))
    """
    names = np.eye(n_names, dtype=np.float32)
    order = rng.permuted(np.tile(np.arange(n_names), (batch_size, 1)), axis=1)
    contents = rng.standard_normal((batch_size, n_names, content_width)).astype(np.float32)
    tables = np.concatenate([names[order], contents], axis=-1)
    blank = np.zeros_like(contents)
    questions = np.concatenate([np.broadcast_to(names, (batch_size, n_names, n_names)), blank], -1)
    answers = np.take_along_axis(contents, np.argsort(order, axis=1)[..., None], axis=1)
    return tables, questions, answers

"""A task that needs a given number of tokens, and the smallest head that can solve it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from attnbook._checks import whole_number
from attnbook.attention import attention_entropy, attention_weights


def group_means(
    rng: np.random.Generator, batch_size: int, needed: int, *, n_tokens: int = 32, width: int = 4
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw lists of tokens in groups of one size, and ask for the mean value of one group.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    batch_size : int
        B, the number of lists.
    needed : int
        Number of tokens in a group, a divisor of `n_tokens`.
    n_tokens : int, default 32
        N, the number of tokens in a list.
    width : int, default 4
        C, the width of a value.

    Returns
    -------
    asked : int64 array of shape (B,)
        The group asked for.
    groups : int64 array of shape (B, N)
        The group of each token, in random order.
    values : float32 array of shape (B, N, C)
        Standard normal numbers.
    answers : float32 array of shape (B, C)
        The mean of the values of the group asked for.

    Raises
    ------
    TypeError
        If `needed` is not an integer.
    ValueError
        If `needed` does not divide `n_tokens`.

    Examples
    --------
    >>> from attnbook.group_means import group_means
    >>> asked, groups, values, answers = group_means(np.random.default_rng(0), 1, 2, n_tokens=4)
    >>> bool(np.allclose(values[groups == asked[:, None]].mean(axis=0), answers[0]))
    True
    """
    if n_tokens % whole_number("needed", needed, minimum=1):
        raise ValueError(f"needed must divide n_tokens, {n_tokens}, got {needed}")
    n_groups = n_tokens // needed
    order = np.repeat(np.arange(n_groups), needed)
    groups = rng.permuted(np.tile(order, (batch_size, 1)), axis=1)
    asked = rng.integers(n_groups, size=batch_size)
    values = rng.standard_normal((batch_size, n_tokens, width)).astype(np.float32)
    inside = (groups == asked[:, None]).astype(np.float32) / needed
    return asked, groups, values, np.einsum("bn,bnc->bc", inside, values)


class GroupHead(nn.Module):
    """One attention head with a query and a key for each group, and a matrix for the values.

    Parameters
    ----------
    n_groups : int
        Number of groups.
    head_dim : int, default 32
        D, the width of queries and keys, which start with components of variance one.
    width : int, default 4
        C, the width of a value.

    Examples
    --------
    >>> import torch
    >>> from attnbook.group_means import GroupHead
    >>> head = GroupHead(16)
    >>> head(torch.tensor([3]), torch.zeros(1, 8, dtype=torch.long), torch.ones(1, 8, 4)).shape
    torch.Size([1, 4])
    """

    def __init__(self, n_groups: int, *, head_dim: int = 32, width: int = 4) -> None:
        super().__init__()
        self.queries = nn.Embedding(n_groups, head_dim)
        self.keys = nn.Embedding(n_groups, head_dim)
        self.values = nn.Linear(width, width, bias=False)

    def weights(self, asked: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
        """Return how the query attends to the tokens.

        Parameters
        ----------
        asked : int64 tensor of shape (B,)
            The group asked for.
        groups : int64 tensor of shape (B, N)
            The group of each token.

        Returns
        -------
        tensor of shape (B, 1, N)
            They sum to one.
        """
        return attention_weights(self.queries(asked)[:, None], self.keys(groups))

    def forward(
        self, asked: torch.Tensor, groups: torch.Tensor, values: torch.Tensor
    ) -> torch.Tensor:
        """Return the blend of the values.

        Parameters
        ----------
        asked, groups
            As in `weights`.
        values : tensor of shape (B, N, C)
            What the tokens hold.

        Returns
        -------
        tensor of shape (B, C)
            One output for each list.
        """
        return (self.weights(asked, groups) @ self.values(values))[:, 0]


class GroupRun(NamedTuple):
    """What a training left, from `train_group_means`.

    Attributes
    ----------
    losses : array of shape (steps,)
        Mean squared error before each step.
    tokens : array of shape (steps,)
        The effective number of tokens before each step: exp of the mean entropy of the weights.
    """

    losses: np.ndarray
    tokens: np.ndarray


def train_group_means(
    seed: int,
    needed: int,
    *,
    n_tokens: int = 32,
    steps: int = 300,
    learning_rate: float = 0.03,
    batch_size: int = 32,
) -> GroupRun:
    """Train one head on `group_means` with Adam, fresh lists at every step.

    Parameters
    ----------
    seed : int
        Fixes the start and the lists.
    needed : int
        Number of tokens in a group.
    n_tokens : int, default 32
        N.
    steps : int, default 300
        Number of updates.
    learning_rate : float, default 0.03
        Step size.
    batch_size : int, default 32
        Lists at each step.

    Returns
    -------
    GroupRun
        At every step, before the update: the mean squared error, and exp of the mean entropy of the
        weights, the effective number of tokens.

    Raises
    ------
    ValueError
        If `needed` does not divide `n_tokens`.

    Examples
    --------
    With a single group every key is the same, and the head attends to all tokens from the start:

    >>> from attnbook.group_means import train_group_means
    >>> train_group_means(0, 32, steps=1).tokens.round(3)
    array([32.])
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    head = GroupHead(n_tokens // needed)
    rule = torch.optim.Adam(head.parameters(), lr=learning_rate)
    losses, tokens = np.zeros(steps), np.zeros(steps)
    for step in range(steps):
        lists = group_means(rng, batch_size, needed, n_tokens=n_tokens)
        asked, groups, values, answers = map(torch.from_numpy, lists)
        weights = head.weights(asked, groups)
        loss = nn.functional.mse_loss((weights @ head.values(values))[:, 0], answers)
        rule.zero_grad()
        loss.backward()
        rule.step()
        losses[step] = loss.item()
        tokens[step] = math.exp(attention_entropy(weights.detach()).mean().item())
    return GroupRun(losses, tokens)

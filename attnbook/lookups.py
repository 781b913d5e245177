r"""The small model of the chapter on several heads: one attention layer that looks things up.

A question names two tokens. Scores are made from the question and from the tokens' *names* alone,
outputs from the tokens' *values* alone, and one linear readout turns the layer's output into
classes. That separation is what lets the chapter prove what a single head cannot do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from attnbook.attention import attention_weights, merge_heads, split_heads

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


class LookupLayer(nn.Module):
    r"""One attention layer with H heads over named values, and a linear readout.

    Parameters
    ----------
    num_heads : int
        H; each head is ``d_model / H`` wide, so the number of parameters does not depend on H.
    n_slots : int
        How many answers are read out.
    d_model : int, default 64
        Width of the layer and of the fixed random vectors that stand for names and values.
    n_tokens, n_classes : int
        Size of the table and number of different values.
    n_answers : int, optional
        How many classes each slot's readout has, by default `n_classes`.
    seed : int, default 0
        Draws the fixed vectors and the initial weights.
    tied : bool, default False
        Start all heads from the same weights, their blocks of ``w_o`` included.

    Examples
    --------
    Four projections of 64 times 64 and a readout of 64 times 2 slots of 8 classes:

    >>> from attnbook.lookups import LookupLayer
    >>> layer = LookupLayer(num_heads=2, n_slots=2)
    >>> sum(p.numel() for p in layer.parameters())
    17408
    """

    def __init__(
        self,
        num_heads: int,
        n_slots: int,
        *,
        d_model: int = 64,
        n_tokens: int = 12,
        n_classes: int = 8,
        n_answers: int | None = None,
        seed: int = 0,
        tied: bool = False,
    ) -> None:
        super().__init__()
        g = torch.Generator().manual_seed(seed)
        self.num_heads, self.n_slots = num_heads, n_slots
        self.first, self.second, self.names = (
            torch.randn(n_tokens, d_model, generator=g) for _ in range(3)
        )
        self.values = torch.randn(n_classes, d_model, generator=g)

        def weight(n_out: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(d_model, n_out, generator=g) / d_model**0.5)

        self.w_q, self.w_k, self.w_v, self.w_o = (weight(d_model) for _ in range(4))
        self.readout = weight(n_slots * (n_answers or n_classes))
        if tied:
            self._copy_first_head(d_model // num_heads)

    @torch.no_grad()
    def _copy_first_head(self, width: int) -> None:
        for w in (self.w_q, self.w_k, self.w_v):
            w.copy_(w[:, :width].repeat(1, self.num_heads))
        self.w_o.copy_(self.w_o[:width].repeat(self.num_heads, 1))

    def attend(self, asked: torch.Tensor) -> torch.Tensor:
        """Return how each head attends to the tokens.

        Parameters
        ----------
        asked : int tensor of shape (B, 2)
            The two tokens that each question names, in order.

        Returns
        -------
        tensor of shape (B, H, N)
            Weights; they sum to one over the tokens.

        Raises
        ------
        ValueError
            If the number of heads does not divide the width.
        """
        question = self.first[asked[:, 0]] + self.second[asked[:, 1]]
        q = split_heads(question[:, None] @ self.w_q, self.num_heads)  # (B, H, 1, D)
        k = split_heads(self.names @ self.w_k, self.num_heads)  # (H, N, D)
        return attention_weights(q, k)[..., 0, :]

    def forward(
        self, asked: torch.Tensor, table: torch.Tensor, *, keep: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Answer questions about tables of values.

        Parameters
        ----------
        asked : int tensor of shape (B, 2)
            The two tokens that each question names, in order.
        table : int tensor of shape (B, N)
            The class that each token holds.
        keep : bool tensor of shape (H,), optional
            False removes a head: its output becomes zero.

        Returns
        -------
        logits : tensor of shape (B, n_slots, n_answers)
            Scores of the classes.
        weights : tensor of shape (B, H, N)
            As from `attend`.
        """
        weights = self.attend(asked)
        v = split_heads(self.values[table] @ self.w_v, self.num_heads)  # (B, H, N, D)
        heads = weights[:, :, None] @ v  # (B, H, 1, D)
        if keep is not None:
            heads = heads * keep[:, None, None]
        logits = merge_heads(heads)[:, 0] @ self.w_o @ self.readout
        return logits.unflatten(-1, (self.n_slots, -1)), weights


def map_similarity(weights: torch.Tensor) -> torch.Tensor:
    """Measure how much the maps of different heads resemble each other.

    Parameters
    ----------
    weights : tensor of shape (B, H, N)
        One map for each head, H at least 2.

    Returns
    -------
    tensor with no axes
        The mean cosine between the maps of two different heads: 1 for copies.

    Examples
    --------
    Two copies, then two heads that attend to different tokens:

    >>> import torch
    >>> from attnbook.lookups import map_similarity
    >>> copies, apart = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]]), torch.eye(2)[None]
    >>> float(map_similarity(copies)), float(map_similarity(apart))
    (1.0, 0.0)
    """
    unit = nn.functional.normalize(weights, dim=-1)
    cosines = unit @ unit.mT  # (B, H, H)
    other = ~torch.eye(weights.shape[1], dtype=torch.bool)
    return cosines[:, other].mean()


def train_lookup(
    layer: LookupLayer,
    task: Callable[[np.random.Generator, int], Batch],
    *,
    steps: int,
    learning_rate: float = 5e-3,
    batch_size: int = 64,
    diversity: float = 0.0,
    seed: int = 0,
    every: int = 20,
) -> tuple[np.ndarray, np.ndarray]:
    """Train a layer with Adam, in place.

    Parameters
    ----------
    layer : LookupLayer
        The layer to train.
    task : callable
        ``task(rng, n)`` returns arrays ``asked (n, 2)``, ``table (n, N)``, ``answers (n, slots)``.
    steps, learning_rate, batch_size : numbers
        Of the optimizer.
    diversity : float, default 0.0
        Factor of `map_similarity` in the loss.
    seed : int, default 0
        Draws the batches.
    every : int, default 20
        How often the accuracy is measured.

    Returns
    -------
    steps, accuracy : arrays of shape (steps // every + 1,)
        Steps done, and the share of a thousand questions apart from the training with every slot
        right, before and along the training.

    Examples
    --------
    >>> from attnbook.lookups import LookupLayer, train_lookup
    >>> from attnbook.tasks import two_lookups
    >>> steps, accuracy = train_lookup(LookupLayer(2, 2), two_lookups, steps=40)
    >>> steps
    array([ 0, 20, 40])
    """
    rng = np.random.default_rng(seed)
    test = task(np.random.default_rng(seed + 10_000), 1000)
    adam = torch.optim.Adam(layer.parameters(), lr=learning_rate)
    accuracy = [slots_right(layer, test).all(-1).mean()]
    for step in range(1, steps + 1):
        asked, table, answers = map(torch.as_tensor, task(rng, batch_size))
        logits, weights = layer(asked, table)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), answers.flatten())
        if diversity:
            loss = loss + diversity * map_similarity(weights)
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % every == 0:
            accuracy.append(slots_right(layer, test).all(-1).mean())
    return np.arange(len(accuracy)) * every, np.array(accuracy)


@torch.no_grad()
def slots_right(layer: LookupLayer, test: Batch, *, keep: np.ndarray | None = None) -> np.ndarray:
    """Find out which slots of which questions a layer answers correctly.

    Parameters
    ----------
    layer : LookupLayer
        The layer to test.
    test : tuple of arrays
        ``asked (n, 2)``, ``table (n, N)`` and ``answers (n, slots)``, as the tasks return them.
    keep : bool array of shape (H,), optional
        False removes a head.

    Returns
    -------
    bool array of shape (n, slots)
        True where the class with the largest score is the answer.

    Examples
    --------
    >>> from attnbook.lookups import LookupLayer, slots_right
    >>> from attnbook.tasks import two_lookups
    >>> slots_right(LookupLayer(2, 2), two_lookups(np.random.default_rng(0), 5)).shape
    (5, 2)
    """
    asked, table, answers = map(torch.as_tensor, test)
    kept = None if keep is None else torch.as_tensor(keep)
    logits, _ = layer(asked, table, keep=kept)
    return (logits.argmax(-1) == answers).numpy()

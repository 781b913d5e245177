"""The smallest model that has to know distances: one layer, one head, no MLP."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from attnbook.masks import causal_mask
from attnbook.models import MultiHeadAttention
from attnbook.positions import rope_angles, sinusoidal_positions

POSITIONS = ("learned", "sinusoidal", "rope", "none")


class OneHeadModel(nn.Module):
    """Embedding, one causal attention head added to its input, and a linear readout.

    Parameters
    ----------
    n_symbols : int
        Size of the vocabulary.
    d_model : int
        Width, even.
    positions : {"learned", "sinusoidal", "rope", "none"}
        How the model is told where a symbol stands.
    max_position : int, default 0
        Number of rows of the learned table; the others take any position.

    Raises
    ------
    ValueError
        If `positions` is unknown, or a position lies outside the learned table.

    Examples
    --------
    >>> import torch
    >>> from attnbook.periodic import OneHeadModel
    >>> model = OneHeadModel(5, 8, "rope")
    >>> model(torch.zeros(1, 3, dtype=torch.long), shift=1000).shape
    torch.Size([1, 3, 5])
    """

    def __init__(
        self, n_symbols: int, d_model: int, positions: str, *, max_position: int = 0
    ) -> None:
        super().__init__()
        if positions not in POSITIONS:
            raise ValueError(f"positions must be one of {POSITIONS}, got {positions!r}")
        self.positions = positions
        self.embedding = nn.Embedding(n_symbols, d_model)
        self.table = nn.Embedding(max_position, d_model) if positions == "learned" else None
        self.attention = MultiHeadAttention(d_model, 1)
        self.readout = nn.Linear(d_model, n_symbols)

    def forward(self, symbols: torch.Tensor, *, shift: int = 0) -> torch.Tensor:
        """Return the scores of the next symbol.

        Parameters
        ----------
        symbols : int64 tensor of shape (B, N)
            The sequences.
        shift : int, default 0
            Position of the first symbol; those after it follow on.

        Returns
        -------
        tensor of shape (B, N, n_symbols)
            A row of scores for each position.
        """
        n = symbols.shape[-1]
        x = self.embedding(symbols)
        if self.table is not None:
            if shift + n > self.table.num_embeddings:
                raise ValueError(
                    f"the learned table ends at {self.table.num_embeddings}, "
                    f"got positions up to {shift + n - 1}"
                )
            x = x + self.table.weight[shift : shift + n]
        if self.positions == "sinusoidal":
            table = sinusoidal_positions(shift + n, x.shape[-1])[shift:]
            x = x + torch.as_tensor(table).to(x)
        angles = None
        if self.positions == "rope":
            angles = rope_angles(np.arange(shift, shift + n), x.shape[-1])
        mask = torch.as_tensor(causal_mask(n), device=x.device)
        return self.readout(x + self.attention(x, mask=mask, angles=angles))

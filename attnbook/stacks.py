"""Deep stacks of transformer blocks with parts left out, many runs side by side.

Every weight has the runs as its first axis: one pass computes all runs, and none sees another.
That makes experiments over seeds and learning rates as cheap as one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from attnbook._checks import whole_number
from attnbook.attention import merge_heads, scaled_dot_product_attention, split_heads
from attnbook.masks import causal_mask
from attnbook.positions import sinusoidal_positions

NORMS = ("pre", "post", "none")


def _linear(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return x @ w run by run, for x (R, ..., n_in) and w (R, n_in, n_out)."""
    return (x.flatten(1, -2) @ w).unflatten(1, x.shape[1:-1])


def _draw(
    seeds: Sequence[int], shapes: Mapping[str, tuple[int, ...]], gain: float | Sequence[float]
) -> nn.ParameterDict:
    """Draw weights of variance ``2 gain^2 / (n_in + n_out)``, each run from its own seed."""
    gains = gain if isinstance(gain, Sequence) else [gain] * len(seeds)
    if len(gains) != len(seeds):
        raise ValueError(f"gain must have one value for each of {len(seeds)} seeds, got {gain}")
    runs = []
    for seed, factor in zip(seeds, gains, strict=True):
        g = torch.Generator().manual_seed(seed)
        runs.append(
            {
                name: torch.randn(shape, generator=g, dtype=torch.float64)
                * (factor * math.sqrt(2 / (shape[-2] + shape[-1])))
                for name, shape in shapes.items()
            }
        )
    return nn.ParameterDict({name: torch.stack([run[name] for run in runs]) for name in shapes})


class Stack(nn.Module):
    """L transformer blocks for R runs at once, any part of which can be left out.

    Parameters
    ----------
    d_model, num_heads, depth : int
        Width of the tokens, heads, and number of blocks L.
    seeds : sequence of int
        One for each run; it fixes the weights of that run, whatever the other runs.
    norm : {"pre", "post", "none"}, default "pre"
        Normalize the input of every part, or the sum after it, or nothing.
    residual : bool, default True
        Whether a part adds its output to its input, or replaces it.
    attention, mlp : bool, default True
        Which of the two parts a block has.
    gain : float or sequence of R floats, default 1.0
        Factor of all weights at the start, one for all runs or one for each.

    Raises
    ------
    ValueError
        If `norm` is unknown, a block has no part, or there are more or fewer gains than runs.

    Notes
    -----
    Weights start normal with variance ``2 / (n_in + n_out)`` [1]_, all biases at zero; numbers are
    float64. The network of a block is ReLU between two matrices, four times as wide as the tokens.

    References
    ----------
    .. [1] X. Glorot and Y. Bengio, "Understanding the Difficulty of Training Deep Feedforward
       Neural Networks", AISTATS 2010, https://proceedings.mlr.press/v9/glorot10a.html

    Examples
    --------
    >>> import torch
    >>> from attnbook.stacks import Stack
    >>> stack = Stack(8, 2, 3, seeds=[0, 1])
    >>> x = torch.zeros(2, 5, 4, 8, dtype=torch.float64)  # 2 runs, 5 sequences of 4 tokens
    >>> stack(x).shape, len(stack.stream(x))
    (torch.Size([2, 5, 4, 8]), 4)
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        depth: int,
        *,
        seeds: Sequence[int],
        norm: str = "pre",
        residual: bool = True,
        attention: bool = True,
        mlp: bool = True,
        gain: float | Sequence[float] = 1.0,
    ) -> None:
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"norm must be one of {NORMS}, got {norm!r}")
        if not (attention or mlp):
            raise ValueError("a block must have attention or an mlp, got neither")
        self.depth = whole_number("depth", depth, minimum=0)
        self.num_heads = whole_number("num_heads", num_heads, minimum=1)
        self.norm, self.residual = norm, residual
        self.parts = ("attention",) * attention + ("mlp",) * mlp
        wide = 4 * d_model
        shapes = {name: (depth, d_model, d_model) for name in ("w_q", "w_k", "w_v", "w_o")}
        shapes |= {"w_1": (depth, d_model, wide), "w_2": (depth, wide, d_model)}
        self.weights = _draw(seeds, shapes, gain)
        zeros = {"b_1": wide, "b_2": d_model, "shift_attention": d_model, "shift_mlp": d_model}
        for name, width in zeros.items():
            self.weights[name] = torch.zeros(len(seeds), depth, 1, width, dtype=torch.float64)
        for name in ("scale_attention", "scale_mlp"):
            self.weights[name] = torch.ones(len(seeds), depth, 1, d_model, dtype=torch.float64)

    def _part(
        self, name: str, x: torch.Tensor, w: dict[str, torch.Tensor], mask: torch.Tensor | None
    ) -> torch.Tensor:
        """Return what one part, attention or network, writes for the tokens x."""
        if name == "mlp":
            hidden = torch.relu(_linear(x, w["w_1"]) + w["b_1"][:, None])
            return _linear(hidden, w["w_2"]) + w["b_2"][:, None]
        q, k, v = (split_heads(_linear(x, w[n]), self.num_heads) for n in ("w_q", "w_k", "w_v"))
        return _linear(merge_heads(scaled_dot_product_attention(q, k, v, mask=mask)), w["w_o"])

    def _normalized(self, name: str, x: torch.Tensor, w: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return every token with mean 0 and variance 1, then scaled and shifted as learned."""
        unit = functional.layer_norm(x, x.shape[-1:])
        return unit * w[f"scale_{name}"][:, None] + w[f"shift_{name}"][:, None]

    def stream(self, x: torch.Tensor, *, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the tokens before the first block and after each.

        Parameters
        ----------
        x, mask
            As for a call of the stack.

        Returns
        -------
        list of tensors of shape (R, B, N, d_model)
            One more than there are blocks.
        """
        tokens = [x]
        by_layer = {name: weight.unbind(dim=1) for name, weight in self.weights.items()}
        for layer in range(self.depth):
            w = {name: weights[layer] for name, weights in by_layer.items()}
            for name in self.parts:
                inner = self._normalized(name, x, w) if self.norm == "pre" else x
                written = self._part(name, inner, w, mask)
                x = x + written if self.residual else written
                x = self._normalized(name, x, w) if self.norm == "post" else x
            tokens.append(x)
        return tokens

    def forward(self, x: torch.Tensor, *, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Pass tokens through all blocks.

        Parameters
        ----------
        x : tensor of shape (R, B, N, d_model)
            Tokens of every run.
        mask : bool tensor that broadcasts to (R, B, H, N, N), optional
            True where a query may attend.

        Returns
        -------
        tensor of shape (R, B, N, d_model)
            The tokens after the last block.
        """
        return self.stream(x, mask=mask)[-1]


def token_spread(x: torch.Tensor) -> torch.Tensor:
    r"""Measure how different the tokens of a sequence are: 0 when all are the same vector.

    Parameters
    ----------
    x : tensor of shape (..., N, d_model)
        Tokens.

    Returns
    -------
    tensor of shape (...)
        :math:`\sqrt{\sum_i |x_i - \bar x|^2 / \sum_i |x_i|^2}`, between 0 and 1.

    Examples
    --------
    >>> import torch
    >>> from attnbook.stacks import token_spread
    >>> float(token_spread(torch.tensor([[3.0, 0.0], [3.0, 0.0]])))
    0.0
    >>> float(token_spread(torch.tensor([[1.0, 0.0], [-1.0, 0.0]])))
    1.0
    """
    apart = x - x.mean(dim=-2, keepdim=True)
    return torch.linalg.matrix_norm(apart) / torch.linalg.matrix_norm(x)


class DeepReader(nn.Module):
    """A causal language model for every run: embeddings, a `Stack`, a readout.

    Parameters
    ----------
    n_tokens : int
        Size of the vocabulary.
    d_model, num_heads, depth : int
        Of the stack.
    seeds : sequence of int
        One for each run.
    **parts
        As of `Stack`.

    Notes
    -----
    Positions are sinusoids added to the embeddings; both have components of about unit size. With
    ``norm="pre"`` the tokens are normalized once more before the readout. Weights are float32.

    Examples
    --------
    >>> import torch
    >>> from attnbook.stacks import DeepReader
    >>> model = DeepReader(5, 8, 2, 3, seeds=[0, 1])
    >>> model(torch.zeros(2, 4, 6, dtype=torch.long)).shape  # 2 runs, 4 texts of 6 tokens
    torch.Size([2, 4, 6, 5])
    """

    def __init__(
        self,
        n_tokens: int,
        d_model: int,
        num_heads: int,
        depth: int,
        *,
        seeds: Sequence[int],
        **parts: Any,
    ) -> None:
        super().__init__()
        self.stack = Stack(d_model, num_heads, depth, seeds=seeds, **parts)
        shapes = {"embedding": (n_tokens, d_model), "readout": (d_model, n_tokens)}
        self.ends = _draw([10_000 + seed for seed in seeds], shapes, 1.0)
        self.ends["embedding"] = self.ends["embedding"] * math.sqrt((n_tokens + d_model) / 2)
        self.float()

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the scores of the next token.

        Parameters
        ----------
        tokens : int64 tensor of shape (R, B, N)
            Texts of every run.

        Returns
        -------
        tensor of shape (R, B, N, n_tokens)
            The logits after each token.
        """
        run = torch.arange(len(tokens))[:, None, None]
        x = self.ends["embedding"][run, tokens]
        places = sinusoidal_positions(tokens.shape[-1], x.shape[-1])
        x = x + math.sqrt(2) * torch.as_tensor(places).to(x)
        x = self.stack(x, mask=torch.as_tensor(causal_mask(tokens.shape[-1])))
        if self.stack.norm == "pre":
            x = functional.layer_norm(x, x.shape[-1:])
        return _linear(x, self.ends["readout"])


def train_runs(
    model: nn.Module,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    learning_rates: Sequence[float],
    *,
    warm_up: int | Sequence[int] = 0,
) -> np.ndarray:
    """Train all runs of a model at once with Adam, each with a learning rate of its own.

    Parameters
    ----------
    model : torch module
        From inputs (R, ...) to logits (R, ..., n_tokens); every parameter has R as first axis.
    batches : iterable of (inputs, targets)
        One for each step.
    learning_rates : sequence of R floats
        One for each run.
    warm_up : int or sequence of R ints, default 0
        Number of steps in which the learning rate rises in a straight line to its value.

    Returns
    -------
    float array of shape (R, steps)
        Cross-entropy in nats before each step.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015,
       https://arxiv.org/abs/1412.6980

    Examples
    --------
    >>> import torch
    >>> from attnbook.stacks import DeepReader, train_runs
    >>> model = DeepReader(2, 8, 2, 1, seeds=[0, 0])
    >>> text = torch.arange(7).remainder(2).expand(2, 1, 7)  # 0, 1, 0, 1, ...
    >>> losses = train_runs(model, [(text[..., :-1], text[..., 1:])] * 60, [0.01, 0.0])
    >>> bool(losses[0, -1] < 0.1 * losses[0, 0]), bool(losses[1, -1] == losses[1, 0])
    (True, True)
    """
    rates = torch.tensor(learning_rates, dtype=torch.float64)
    rise = torch.as_tensor(warm_up).clamp(min=1)
    parameters = [p for p in model.parameters() if p.requires_grad]
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]
    history = []
    for step, (inputs, targets) in enumerate(batches, start=1):
        logits = model(inputs)
        loss = functional.cross_entropy(
            logits.flatten(0, -2), targets.flatten(), reduction="none"
        ).unflatten(0, (len(rates), -1))
        history.append(loss.detach().mean(dim=1).numpy())
        gradients = torch.autograd.grad(loss.mean(dim=1).sum(), parameters, allow_unused=True)
        size = rates * (step / rise).clamp(max=1.0)
        with torch.no_grad():
            for p, g, (m, v) in zip(parameters, gradients, moments, strict=True):
                if g is None:
                    continue
                m.lerp_(g, 0.1)
                v.mul_(0.999).addcmul_(g, g, value=0.001)
                root = (v / (1 - 0.999**step)).sqrt_().add_(1e-8)
                by_run = (size / (1 - 0.9**step)).reshape(-1, *[1] * (p.ndim - 1)).to(p)
                p.sub_(m.mul(by_run).div_(root))
    return np.array(history).T

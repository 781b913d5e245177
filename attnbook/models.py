"""Torch modules: multi-head attention, the transformer block, and a small transformer.

They call ``torch.nn.functional.scaled_dot_product_attention`` where the weights are not asked for,
and the book's own `attention_weights` where they are.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from attnbook._checks import whole_number
from attnbook.attention import attention_weights, merge_heads, split_heads
from attnbook.masks import causal_mask
from attnbook.positions import alibi_bias, apply_rope, rope_angles, sinusoidal_positions

POSITIONS = ("rope", "sinusoidal", "learned", "alibi", "none")


class MultiHeadAttention(nn.Module):
    """Multi-head attention with learned projections.

    Parameters
    ----------
    d_model : int
        Width of the tokens.
    num_heads : int
        H.
    head_dim : int, optional
        D, by default ``d_model // num_heads``.
    use_bias : bool, default True
        Whether the four linear layers have a bias.

    Raises
    ------
    ValueError
        If `num_heads` does not divide `d_model` and no `head_dim` is given.

    References
    ----------
    .. [1] A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.2.2,
       https://arxiv.org/abs/1706.03762

    Examples
    --------
    >>> import torch
    >>> from attnbook.models import MultiHeadAttention
    >>> MultiHeadAttention(8, 2)(torch.zeros(1, 3, 8)).shape
    torch.Size([1, 3, 8])
    """

    def __init__(
        self, d_model: int, num_heads: int, *, head_dim: int | None = None, use_bias: bool = True
    ) -> None:
        super().__init__()
        self.num_heads = whole_number("num_heads", num_heads, minimum=1)
        if head_dim is None:
            if d_model % num_heads:
                raise ValueError(
                    f"num_heads must divide d_model, got d_model {d_model} and {num_heads} heads"
                )
            head_dim = d_model // num_heads
        width = num_heads * head_dim
        self.q = nn.Linear(d_model, width, bias=use_bias)
        self.k = nn.Linear(d_model, width, bias=use_bias)
        self.v = nn.Linear(d_model, width, bias=use_bias)
        self.o = nn.Linear(width, d_model, bias=use_bias)

    def forward(
        self,
        x: torch.Tensor,
        *,
        context: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
        bias: torch.Tensor | None = None,
        angles: torch.Tensor | None = None,
        return_weights: bool = False,
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Attend from `x` to `context`, by default to `x` itself.

        Parameters
        ----------
        x : tensor of shape (B, L, d_model)
            Where the queries come from.
        context : tensor of shape (B, S, d_model), optional
            Where keys and values come from.
        mask : bool tensor that broadcasts to (B, H, L, S), optional
            True where a query may attend.
        bias : float tensor that broadcasts to (B, H, L, S), optional
            Added to the scaled scores. Together with `mask` it gets ``-inf`` where that is False.
        angles : float array of shape (L, D/2), optional
            RoPE angles for queries and keys.
        return_weights : bool, default False
            Whether to return the weights too.

        Returns
        -------
        tensor of shape (B, L, d_model), or with the weights (B, H, L, S)
            The output of every token.
        """
        context = x if context is None else context
        q = split_heads(self.q(x), self.num_heads)
        k = split_heads(self.k(context), self.num_heads)
        v = split_heads(self.v(context), self.num_heads)
        if angles is not None:
            q, k = apply_rope(q, angles), apply_rope(k, angles)
        if return_weights:
            weights = attention_weights(q, k, mask=mask, bias=bias)
            return self.o(merge_heads(weights @ v)), weights
        if bias is not None and mask is not None:
            mask = bias.masked_fill(~mask, -torch.inf)
        elif bias is not None:
            mask = bias
        return self.o(merge_heads(functional.scaled_dot_product_attention(q, k, v, mask)))


class TransformerBlock(nn.Module):
    """Attention, then a two-layer network for each token; each is added to what it read.

    Parameters
    ----------
    d_model : int
        Width of the tokens.
    num_heads : int
        H.
    mlp_width : int, optional
        Hidden width of the network, by default ``4 * d_model``.
    norm : {"pre", "post"}, default "pre"
        Normalize what each part reads, ``x + part(norm(x))``, or the sum, ``norm(x + part(x))``.

    Raises
    ------
    ValueError
        If `norm` is unknown, or `num_heads` does not divide `d_model`.

    References
    ----------
    .. [1] R. Xiong et al., "On Layer Normalization in the Transformer Architecture", ICML 2020,
       https://arxiv.org/abs/2002.04745

    Examples
    --------
    >>> import torch
    >>> from attnbook.models import TransformerBlock
    >>> TransformerBlock(8, 2)(torch.zeros(1, 3, 8)).shape
    torch.Size([1, 3, 8])
    """

    def __init__(
        self, d_model: int, num_heads: int, *, mlp_width: int | None = None, norm: str = "pre"
    ) -> None:
        super().__init__()
        if norm not in ("pre", "post"):
            raise ValueError(f"norm must be 'pre' or 'post', got {norm!r}")
        self.norm = norm
        mlp_width = 4 * d_model if mlp_width is None else mlp_width
        self.norm_attention, self.norm_mlp = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.mlp = nn.Sequential(
            nn.Linear(d_model, mlp_width), nn.GELU(), nn.Linear(mlp_width, d_model)
        )

    def forward(
        self,
        x: torch.Tensor,
        *,
        mask: torch.Tensor | None = None,
        bias: torch.Tensor | None = None,
        angles: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Pass the tokens through attention and network.

        Parameters
        ----------
        x : tensor of shape (B, N, d_model)
            Tokens.
        mask, bias, angles
            As in the forward pass of `MultiHeadAttention`.

        Returns
        -------
        tensor of shape (B, N, d_model)
            The tokens after both.
        """
        given = {"mask": mask, "bias": bias, "angles": angles}
        if self.norm == "post":
            x = self.norm_attention(x + self.attention(x, **given))
            return self.norm_mlp(x + self.mlp(x))
        x = x + self.attention(self.norm_attention(x), **given)
        return x + self.mlp(self.norm_mlp(x))


class TinyTransformer(nn.Module):
    """A small transformer from token numbers to a score for every token of the vocabulary.

    Parameters
    ----------
    n_tokens : int
        Size of the vocabulary.
    d_model, num_heads, n_layers : int
        Width, heads and blocks.
    max_length : int
        Longest sequence; learned positions have this many rows, the others follow any length.
    positions : {"rope", "sinusoidal", "learned", "alibi", "none"}, default "rope"
        How the model is told where a token stands.
    causal : bool, default True
        Whether a token may see the past and itself only.

    Raises
    ------
    ValueError
        If `positions` is unknown, `num_heads` does not divide `d_model`, or a sequence is longer
        than a learned table.

    Notes
    -----
    Every block is a `TransformerBlock` that normalizes what its parts read; one more norm stands
    before the readout [1]_.

    References
    ----------
    .. [1] A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019,
       section 2.3, https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf

    Examples
    --------
    >>> import torch
    >>> from attnbook.models import TinyTransformer
    >>> model = TinyTransformer(5, 8, 2, 1, max_length=4)
    >>> model(torch.zeros(1, 3, dtype=torch.long)).shape
    torch.Size([1, 3, 5])
    """

    def __init__(
        self,
        n_tokens: int,
        d_model: int,
        num_heads: int,
        n_layers: int,
        *,
        max_length: int,
        positions: str = "rope",
        causal: bool = True,
    ) -> None:
        super().__init__()
        if positions not in POSITIONS:
            raise ValueError(f"positions must be one of {POSITIONS}, got {positions!r}")
        self.positions, self.causal, self.num_heads = positions, causal, num_heads
        self.head_dim = d_model // num_heads
        self.embedding = nn.Embedding(n_tokens, d_model)
        self.table = nn.Embedding(max_length, d_model) if positions == "learned" else None
        self.blocks = nn.ModuleList(TransformerBlock(d_model, num_heads) for _ in range(n_layers))
        self.norm = nn.LayerNorm(d_model)
        self.readout = nn.Linear(d_model, n_tokens)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the scores of the next token.

        Parameters
        ----------
        tokens : int64 tensor of shape (B, N)
            Numbers of tokens.

        Returns
        -------
        tensor of shape (B, N, n_tokens)
            The logits after each token.
        """
        n = tokens.shape[-1]
        x = self.embedding(tokens)
        if self.table is not None:
            if n > self.table.num_embeddings:
                raise ValueError(
                    f"learned positions end at {self.table.num_embeddings}, got {n} tokens"
                )
            x = x + self.table.weight[:n]
        if self.positions == "sinusoidal":
            x = x + torch.as_tensor(sinusoidal_positions(n, x.shape[-1])).to(x)
        angles = rope_angles(n, self.head_dim) if self.positions == "rope" else None
        bias = None
        if self.positions == "alibi":
            bias = torch.as_tensor(alibi_bias(self.num_heads, n)).to(x)
        mask = torch.as_tensor(causal_mask(n), device=x.device) if self.causal else None
        for block in self.blocks:
            x = block(x, mask=mask, bias=bias, angles=angles)
        return self.readout(self.norm(x))

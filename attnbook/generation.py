"""Writing text with a `TinyTransformer`: the cache of keys and values, and rules of sampling.

Needs PyTorch. The cache is a value: every function takes one and returns another, and no module
remembers anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch.nn import functional

from attnbook._checks import real_number, whole_number
from attnbook.attention import merge_heads, split_heads
from attnbook.models import TinyTransformer, TransformerBlock
from attnbook.positions import alibi_slopes, apply_rope, rope_angles, sinusoidal_positions


@dataclass(frozen=True)
class KVCache:
    """The keys and values of the tokens that a model has read, to be used again.

    Attributes
    ----------
    keys, values : tuple of tensors of shape (B, H, S, D)
        One pair for each block. Keys are already turned by RoPE where the model uses it.
    positions : int array of shape (S,)
        Where the stored tokens stand in the text; with a window some are missing.
    n_read : int
        Number of tokens read so far, and so the position of the next one.

    Examples
    --------
    Three tokens in 2 heads of width 4 and a single block: 24 numbers of 4 bytes, as keys and as
    values:

    >>> import torch
    >>> from attnbook.generation import prefill
    >>> from attnbook.models import TinyTransformer
    >>> model = TinyTransformer(5, 8, 2, 1, max_length=4)
    >>> _, cache = prefill(model, torch.tensor([[3, 1, 4]]))
    >>> cache.n_read, cache.nbytes
    (3, 192)
    """

    keys: tuple[torch.Tensor, ...]
    values: tuple[torch.Tensor, ...]
    positions: np.ndarray
    n_read: int

    @property
    def nbytes(self) -> int:
        """Bytes that the keys and values of all blocks take."""
        return sum(t.numel() * t.element_size() for t in (*self.keys, *self.values))


def empty_cache(model: TinyTransformer, batch_size: int = 1) -> KVCache:
    """Make the cache of a model that has read nothing.

    Parameters
    ----------
    model : TinyTransformer
        Gives the number of blocks, the heads and their width, dtype and device.
    batch_size : int, default 1
        B.

    Returns
    -------
    KVCache
        With S = 0.

    Examples
    --------
    >>> from attnbook.generation import empty_cache
    >>> from attnbook.models import TinyTransformer
    >>> empty_cache(TinyTransformer(5, 8, 2, 1, max_length=4)).keys[0].shape
    torch.Size([1, 2, 0, 4])
    """
    shape = (batch_size, model.num_heads, 0, model.head_dim)
    nothing = tuple(model.embedding.weight.new_zeros(shape) for _ in model.blocks)
    return KVCache(nothing, nothing, np.zeros(0, dtype=np.int64), 0)


def extend(
    model: TinyTransformer,
    tokens: torch.Tensor,
    cache: KVCache | None = None,
    *,
    window: int | None = None,
    sinks: int = 0,
) -> tuple[torch.Tensor, KVCache]:
    r"""Read L more tokens on top of those in the cache.

    .. math:: y_n = \operatorname{softmax}\!\left(\frac{q_n K_{1..n}^\top}{\sqrt{D}}\right) V_{1..n}

    Parameters
    ----------
    model : TinyTransformer
        Causal; its weights are used as they are.
    tokens : int tensor of shape (B, L)
        What comes next in the text, L at least 1.
    cache : KVCache, optional
        What was read before, by default nothing.
    window : int, optional
        A token sees the last `window` positions up to its own, by default all.
    sinks : int, default 0
        With a window: the first positions of the text that every token sees besides.

    Returns
    -------
    logits : tensor of shape (B, L, n_tokens)
        Scores of the next token after each of the new ones.
    cache : KVCache
        With L more tokens; the one that was given stays as it is.

    Raises
    ------
    ValueError
        If the model is not causal, `tokens` has not two axes or no column, the batches differ, a
        learned table ends before the text does, `window` is below one or, with a window, `sinks`
        negative.
    TypeError
        If `tokens` does not hold integers, or `window` or `sinks` is no integer.

    See Also
    --------
    prefill : the first call, with nothing in the cache.
    decode_step : a call with one token.
    trim : drop what a window no longer sees.

    Notes
    -----
    A causal mask makes this exact: no token changes the keys and values of those before it.

    References
    ----------
    .. [1] R. Pope et al., "Efficiently Scaling Transformer Inference", MLSys 2023,
       https://arxiv.org/abs/2211.05102

    Examples
    --------
    Two tokens and then a third, or three at once:

    >>> import torch
    >>> from attnbook.generation import extend
    >>> from attnbook.models import TinyTransformer
    >>> model = TinyTransformer(5, 8, 2, 2, max_length=4).double()
    >>> text = torch.tensor([[3, 1, 4]])
    >>> _, cache = extend(model, text[:, :2])
    >>> logits, cache = extend(model, text[:, 2:], cache)
    >>> torch.allclose(logits, model(text)[:, 2:]), cache.n_read
    (True, 3)
    """
    if not model.causal:
        raise ValueError("a cache needs a causal model: without the mask every new token changes")
    if tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool:
        raise TypeError(f"tokens must hold integers, got {tokens.dtype}")
    if tokens.ndim != 2 or tokens.shape[1] == 0:
        raise ValueError(f"tokens must have shape (B, L), L at least 1, got {tuple(tokens.shape)}")
    batch_size, length = tokens.shape
    cache = empty_cache(model, batch_size) if cache is None else cache
    if cache.keys and cache.keys[0].shape[0] != batch_size:
        raise ValueError(
            f"tokens and cache must hold the same number of texts, got tokens "
            f"{tuple(tokens.shape)} and a cache for {cache.keys[0].shape[0]}"
        )
    stop = cache.n_read + length
    new = np.arange(cache.n_read, stop)
    positions = np.concatenate([cache.positions, new])
    distance = new[:, None] - positions  # (L, S): how far key j lies behind query i
    visible = distance >= 0
    if window is not None:
        window = whole_number("window", window, minimum=1)
        sinks = whole_number("sinks", sinks, minimum=0)
        visible &= (distance < window) | (positions < sinks)
    x = model.embedding(tokens)
    if model.table is not None:
        if stop > model.table.num_embeddings:
            raise ValueError(
                f"learned positions end at {model.table.num_embeddings}, got {stop} tokens"
            )
        x = x + model.table.weight[cache.n_read : stop]
    if model.positions == "sinusoidal":
        x = x + torch.as_tensor(sinusoidal_positions(stop, x.shape[-1])[cache.n_read :]).to(x)
    angles = rope_angles(new, model.head_dim) if model.positions == "rope" else None
    mask = None if visible.all() else torch.as_tensor(visible, device=x.device)
    if model.positions == "alibi":
        bias = -alibi_slopes(model.num_heads)[:, None, None] * np.abs(distance)
        mask = torch.as_tensor(np.where(visible, bias, -np.inf)).to(x)

    keys, values = [], []
    blocks = cast(list[TransformerBlock], list(model.blocks))
    for block, old_k, old_v in zip(blocks, cache.keys, cache.values, strict=True):
        attention, h = block.attention, block.norm_attention(x)
        q, k, v = (
            split_heads(f(h), model.num_heads) for f in (attention.q, attention.k, attention.v)
        )
        if angles is not None:
            q, k = apply_rope(q, angles), apply_rope(k, angles)
        k, v = torch.cat([old_k, k], dim=-2), torch.cat([old_v, v], dim=-2)  # (B, H, S + L, D)
        y = functional.scaled_dot_product_attention(q, k, v, mask)
        x = x + attention.o(merge_heads(y))
        x = x + block.mlp(block.norm_mlp(x))
        keys.append(k)
        values.append(v)
    return model.readout(model.norm(x)), KVCache(tuple(keys), tuple(values), positions, stop)


def prefill(
    model: TinyTransformer, tokens: torch.Tensor, *, window: int | None = None, sinks: int = 0
) -> tuple[torch.Tensor, KVCache]:
    """Read a whole prompt in one pass.

    Parameters
    ----------
    model, tokens, window, sinks
        As in `extend`.

    Returns
    -------
    logits : tensor of shape (B, L, n_tokens)
        As from ``model(tokens)``.
    cache : KVCache
        Of all L tokens.

    Raises
    ------
    ValueError, TypeError
        As in `extend`.

    Examples
    --------
    >>> import torch
    >>> from attnbook.generation import prefill
    >>> from attnbook.models import TinyTransformer
    >>> model = TinyTransformer(5, 8, 2, 1, max_length=4)
    >>> logits, cache = prefill(model, torch.tensor([[3, 1, 4]]))
    >>> logits.shape, cache.keys[0].shape
    (torch.Size([1, 3, 5]), torch.Size([1, 2, 3, 4]))
    """
    return extend(model, tokens, None, window=window, sinks=sinks)


def decode_step(
    model: TinyTransformer,
    token: torch.Tensor,
    cache: KVCache,
    *,
    window: int | None = None,
    sinks: int = 0,
) -> tuple[torch.Tensor, KVCache]:
    """Read one more token of each text; with a window drop first what it no longer sees.

    Parameters
    ----------
    model, cache, window, sinks
        As in `extend`.
    token : int tensor of shape (B,)
        The next token of each text.

    Returns
    -------
    logits : tensor of shape (B, n_tokens)
        Scores of the token after it.
    cache : KVCache
        With the token; at most ``sinks + window`` are stored where there is a window.

    Raises
    ------
    ValueError, TypeError
        As in `extend`; and if `token` has not one axis.

    Examples
    --------
    >>> import torch
    >>> from attnbook.generation import decode_step, empty_cache
    >>> from attnbook.models import TinyTransformer
    >>> model = TinyTransformer(5, 8, 2, 1, max_length=4)
    >>> logits, cache = decode_step(model, torch.tensor([3]), empty_cache(model))
    >>> logits.shape, cache.n_read
    (torch.Size([1, 5]), 1)
    """
    if token.ndim != 1:
        raise ValueError(f"token must have shape (B,), got {tuple(token.shape)}")
    if window is not None:
        cache = trim(cache, window=window, sinks=sinks)
    logits, cache = extend(model, token[:, None], cache, window=window, sinks=sinks)
    return logits[:, 0], cache


def trim(cache: KVCache, *, window: int, sinks: int = 0) -> KVCache:
    """Drop the keys and values that the next token, and those after it, will not see.

    Parameters
    ----------
    cache : KVCache
        Stays as it is.
    window : int
        The next token sees this many positions, its own among them.
    sinks : int, default 0
        The first positions of the text, which stay.

    Returns
    -------
    KVCache
        With at most ``sinks + window - 1`` tokens; `n_read` is the same.

    Raises
    ------
    ValueError
        If `window` is below one or `sinks` negative.
    TypeError
        If one of them is not an integer.

    References
    ----------
    .. [1] G. Xiao et al., "Efficient Streaming Language Models with Attention Sinks", ICLR 2024,
       https://arxiv.org/abs/2309.17453. Their keys get new positions inside the cache; here they
       keep those of the text.

    Examples
    --------
    After six tokens a window of three leaves the last two, and the first as a sink:

    >>> import torch
    >>> from attnbook.generation import prefill, trim
    >>> from attnbook.models import TinyTransformer
    >>> model = TinyTransformer(5, 8, 2, 1, max_length=8)
    >>> _, cache = prefill(model, torch.tensor([[0, 1, 2, 3, 4, 0]]))
    >>> trim(cache, window=3, sinks=1).positions.tolist()
    [0, 4, 5]
    """
    window = whole_number("window", window, minimum=1)
    sinks = whole_number("sinks", sinks, minimum=0)
    kept = np.flatnonzero((cache.positions > cache.n_read - window) | (cache.positions < sinks))
    if len(kept) == len(cache.positions):
        return cache
    keys = tuple(k[..., kept, :] for k in cache.keys)
    values = tuple(v[..., kept, :] for v in cache.values)
    return KVCache(keys, values, cache.positions[kept], cache.n_read)


def next_token_probabilities(
    logits: torch.Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> torch.Tensor:
    r"""Turn the scores of a model into the chances from which a token is drawn.

    .. math:: \pi_i = \frac{e^{z_i / T}}{\sum_j e^{z_j / T}}

    then all but the `top_k` likeliest tokens get 0, then all but the fewest likeliest ones whose
    chances reach `top_p`; what is left is divided by its sum.

    Parameters
    ----------
    logits : float tensor of shape (..., n_tokens)
        Scores.
    temperature : float, default 1.0
        T; 0 takes the likeliest token, the first of equals.
    top_k : int, optional
        How many tokens may be drawn, at least 1.
    top_p : float, optional
        Which share of the chances they must reach, above 0 and at most 1.

    Returns
    -------
    tensor of shape (..., n_tokens)
        Non-negative, with sum 1.

    Raises
    ------
    ValueError
        If `temperature` is negative, `top_k` below 1, or `top_p` outside (0, 1].
    TypeError
        If one of them is of the wrong kind, or `logits` holds no real floats.

    References
    ----------
    .. [1] A. Fan, M. Lewis, Y. Dauphin, "Hierarchical Neural Story Generation", ACL 2018 (top-k),
       https://arxiv.org/abs/1805.04833
    .. [2] A. Holtzman et al., "The Curious Case of Neural Text Degeneration", ICLR 2020 (top-p),
       https://arxiv.org/abs/1904.09751

    Examples
    --------
    Of the chances 1/2, 3/8 and 1/8 the first two reach three quarters:

    >>> import torch
    >>> from attnbook.generation import next_token_probabilities
    >>> logits = torch.log(torch.tensor([4.0, 3.0, 1.0]))
    >>> (7 * next_token_probabilities(logits, top_p=0.75)).round(decimals=4)
    tensor([4., 3., 0.])
    """
    if not logits.is_floating_point():
        raise TypeError(f"logits must hold real floats, got {logits.dtype}")
    temperature = real_number("temperature", temperature)
    if temperature < 0:
        raise ValueError(f"temperature must be at least 0, got {temperature}")
    if temperature == 0:
        chances = functional.one_hot(logits.argmax(dim=-1), logits.shape[-1]).to(logits)
    else:
        chances = torch.softmax((logits - logits.amax(-1, keepdim=True)) / temperature, dim=-1)
    ordered, order = chances.sort(dim=-1, descending=True, stable=True)
    if top_k is not None:
        ranks = torch.arange(ordered.shape[-1], device=logits.device)
        ordered = ordered.where(ranks < whole_number("top_k", top_k, minimum=1), 0)
        ordered = ordered / ordered.sum(dim=-1, keepdim=True)
    if top_p is not None:
        top_p = real_number("top_p", top_p, positive=True)
        if top_p > 1:
            raise ValueError(f"top_p must be at most 1, got {top_p}")
        before = ordered.cumsum(dim=-1) - ordered  # the chances of all likelier tokens
        ordered = ordered.where((before < top_p) | (top_p == 1), 0)
        ordered = ordered / ordered.sum(dim=-1, keepdim=True)
    return torch.zeros_like(chances).scatter(-1, order, ordered)


@torch.no_grad()
def generate(
    model: TinyTransformer,
    prompt: torch.Tensor,
    n_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
    cached: bool = True,
    context: int | None = None,
    window: int | None = None,
    sinks: int = 0,
) -> torch.Tensor:
    """Write `n_tokens` tokens after a prompt, each drawn given all before it.

    Parameters
    ----------
    model : TinyTransformer
        Without a causal mask only with ``cached=False``.
    prompt : int tensor of shape (B, P)
        How each text begins, P at least 1.
    n_tokens : int
        How many tokens to add.
    temperature, top_k, top_p
        As in `next_token_probabilities`; temperature 0 is greedy.
    generator : torch.Generator, optional
        Source of the draws, by default torch's own.
    cached : bool, default True
        Whether to keep keys and values; otherwise every token reads the text anew.
    context : int, optional
        Without a cache: give the model the last `context` tokens only.
    window, sinks
        With a cache: as in `extend`.

    Returns
    -------
    int tensor of shape (B, P + n_tokens)
        The prompts and what was written.

    Raises
    ------
    ValueError
        As in `extend` and `next_token_probabilities`; if `n_tokens` is negative, `context` is given
        with a cache, or `window` without one.

    Examples
    --------
    >>> import torch
    >>> from attnbook.generation import generate
    >>> from attnbook.models import TinyTransformer
    >>> model = TinyTransformer(5, 8, 2, 1, max_length=8)
    >>> prompt = torch.tensor([[3, 1]])
    >>> with_cache, without = (
    ...     generate(model, prompt, 4, temperature=0, cached=c) for c in (True, False)
    ... )
    >>> with_cache.shape, torch.equal(with_cache, without)
    (torch.Size([1, 6]), True)
    """
    whole_number("n_tokens", n_tokens, minimum=0)
    if cached and context is not None:
        raise ValueError("context is for cached=False; a cache has window and sinks")
    if not cached and window is not None:
        raise ValueError("window and sinks are for cached=True; without a cache there is context")
    if context is not None:
        context = whole_number("context", context, minimum=1)
    text, cache = prompt, None
    if cached and n_tokens:
        logits, cache = prefill(model, prompt, window=window, sinks=sinks)
        logits = logits[:, -1]
    for step in range(n_tokens):
        if cache is None:
            logits = model(text if context is None else text[:, -context:])[:, -1]
        chances = next_token_probabilities(
            logits, temperature=temperature, top_k=top_k, top_p=top_p
        )
        drawn = torch.multinomial(chances, 1, generator=generator)  # (B, 1)
        text = torch.cat([text, drawn], dim=1)
        if cache is not None and step < n_tokens - 1:
            logits, cache = decode_step(model, drawn[:, 0], cache, window=window, sinks=sinks)
    return text

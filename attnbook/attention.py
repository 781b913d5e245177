"""Scaled dot-product attention and its parts, for NumPy arrays and PyTorch tensors alike.

Letters: B batch, H heads, L queries, S keys, N tokens (where L = S), D width of a head, Dv width
of its values. Layout ``(..., H, N, D)``. A mask is boolean and True where a query may attend.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from array_api_compat import is_numpy_array

from attnbook._checks import (
    Array,
    at_least_2d,
    broadcasts_to,
    follow,
    joint_batch,
    namespace,
    real_number,
    whole_number,
    widen,
)

BLOCK = 2**18  # scores that are held at once: one megabyte in float32, about a processor's cache
FLOOR = 1e-30  # of a sum of exponentials: it is 0 or, with the largest score taken off, at least 1
FEWEST_ROWS = 64  # of a block: matrix products of fewer rows are slow


def softmax(x: Array, axis: int = -1) -> Array:
    r"""Turn scores into weights that are non-negative and sum to one.

    .. math:: a_j = \frac{e^{s_j}}{\sum_k e^{s_k}}

    Parameters
    ----------
    x : array of shape (..., S)
        Scores s; ``-inf`` means "never".
    axis : int, default -1
        Axis along which the weights sum to one.

    Returns
    -------
    array of the shape, dtype and library of `x`
        Weights without a unit. A slice that holds only ``-inf`` gives zeros.

    Raises
    ------
    TypeError
        If `x` is not a NumPy array or torch tensor of real floats, or `axis` not an integer.
    ValueError
        If `axis` is not an axis of `x`.

    Notes
    -----
    The largest score is subtracted first. That changes no ratio of weights, and keeps every
    exponent at or below zero, so nothing overflows. Half precision is computed in float32.

    References
    ----------
    .. [1] J. Bridle, "Probabilistic interpretation of feedforward classification network
       outputs", Neurocomputing, 1990, https://doi.org/10.1007/978-3-642-76153-9_28

    Examples
    --------
    Scores 0 and ln 3 have odds of 1 to 3:

    >>> attnbook.softmax(np.log([1.0, 3.0])).round(6)
    array([0.25, 0.75])
    """
    xp = namespace(x=x)
    whole_number("axis", axis, minimum=-x.ndim)
    if axis >= x.ndim:
        raise ValueError(f"axis must be an axis of x, got {axis} for shape {tuple(x.shape)}")
    return xp.astype(_softmax(widen(x, xp), axis, xp), x.dtype)


def _softmax(x: Array, axis: int, xp: Any) -> Array:
    if x.shape[axis] == 0:  # no keys: nothing to share out
        return x
    e = exponentials(x, xp.max(x, axis=axis, keepdims=True), xp)
    return divided(e, xp.sum(e, axis=axis, keepdims=True), xp)


def exponentials(x: Array, peak: Array, xp: Any, *, reuse: bool = False) -> Array:
    """Return exp(x - peak), in the memory of `x` where `reuse`; zeros where `peak` is -inf."""
    peak = xp.clip(peak, min=xp.finfo(peak.dtype).min)  # all -inf: exp(-inf - finite) = 0
    out = x if reuse else None
    return xp.exp(xp.subtract(x, peak, out=out), out=out)


def divided(e: Array, total: Array, xp: Any) -> Array:
    """Return e / total, and zeros where `total` is 0."""
    return e / xp.clip(total, min=FLOOR)


def queries_keys_values(q: Array, k: Array, v: Array) -> Any:
    """Return the library of `q`, `k` and `v` once their axes fit."""
    xp = namespace(q=q, k=k, v=v)
    at_least_2d(q=q, k=k, v=v)
    if k.shape[-2] != v.shape[-2]:
        raise ValueError(
            "k and v must have the same number of rows S, "
            f"got k {tuple(k.shape)} and v {tuple(v.shape)}"
        )
    joint_batch(q=q, k=k, v=v)
    return xp


def scores_shape(q: Array, k: Array) -> tuple[int, ...]:
    """Return (..., L, S), the shape of the scores of `q` against `k`."""
    if q.shape[-1] != k.shape[-1] or q.shape[-1] == 0:
        raise ValueError(
            "q and k must have the same last axis D, at least 1, "
            f"got q {tuple(q.shape)} and k {tuple(k.shape)}"
        )
    return (*joint_batch(q=q, k=k), q.shape[-2], k.shape[-2])


def masked_scores(
    q: Array, k: Array, mask: Array | None, bias: Array | None, scale: float | None, xp: Any
) -> Array:
    """Return scale * q k^T + bias, with -inf where `mask` is False; (..., L, S), float32 up."""
    shape = scores_shape(q, k)
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else real_number("scale", scale)
    scores = widen(q, xp) * scale @ xp.matrix_transpose(widen(k, xp))
    if bias is not None:
        bias = checked_bias(bias, q, shape, xp)
        scores = scores + xp.astype(bias, scores.dtype)
    if mask is not None:
        mask = checked_mask(mask, q, shape, xp)
        scores = xp.where(mask, scores, -xp.inf)
    return scores


def checked_bias(bias: Array, q: Array, shape: tuple[int, ...], xp: Any) -> Array:
    """Return `bias` in the library of `q` once it holds floats and fits scores of `shape`."""
    bias = follow("bias", bias, q, xp)
    if not xp.isdtype(bias.dtype, "real floating"):
        raise TypeError(f"bias must hold real floats, got {bias.dtype} {tuple(bias.shape)}")
    broadcasts_to("bias", bias, shape)
    return bias


def checked_mask(mask: Array, q: Array, shape: tuple[int, ...], xp: Any) -> Array:
    """Return `mask` in the library of `q` once it is boolean and fits scores of `shape`."""
    mask = follow("mask", mask, q, xp)
    if mask.dtype != xp.bool:
        raise TypeError(
            "mask must be boolean, True where a query may attend, "
            f"got {mask.dtype} {tuple(mask.shape)}"
        )
    broadcasts_to("mask", mask, shape)
    return mask


def in_blocks(
    attend: Callable[..., Array],
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None,
    bias: Array | None,
    rows: int,
    xp: Any,
) -> Array:
    """Return attend(q, k, v, mask, bias), for long sequences one head and `rows` queries at a time.

    The result is the same. But scores that fit into the cache of a processor are at hand when the
    next step needs them, and their memory is used again and again.
    """
    scores, batch = scores_shape(q, k), joint_batch(q=q, k=k, v=v)
    n_queries, n_keys = scores[-2:]
    if mask is not None:
        mask = xp.broadcast_to(checked_mask(mask, q, scores, xp), scores)
    if bias is not None:
        bias = xp.broadcast_to(checked_bias(bias, q, scores, xp), scores)
    if n_queries * n_keys < BLOCK or 0 in batch:
        return attend(q, k, v, mask, bias)

    def heads(x: Array | None) -> list[Array | None]:
        """Return `x` as one matrix for each head, without a copy."""
        if x is None:
            return [None] * math.prod(batch)
        found = [xp.broadcast_to(x, (*batch, *x.shape[-2:]))]
        for _ in batch:
            found = [part for whole in found for part in xp.unstack(whole)]
        return found

    def cut(x: Array | None, start: int) -> Array | None:
        return None if x is None else x[start : min(start + rows, n_queries), :]

    starts = range(0, n_queries, rows)
    blocks = [
        attend(cut(q1, i), k1, v1, cut(m1, i), cut(b1, i))
        for q1, k1, v1, m1, b1 in zip(*map(heads, (q, k, v, mask, bias)), strict=True)
        for i in starts
    ]
    return xp.reshape(xp.concat(blocks), (*batch, n_queries, v.shape[-1]))


def attention_weights(
    q: Array,
    k: Array,
    *,
    mask: Array | None = None,
    bias: Array | None = None,
    scale: float | None = None,
) -> Array:
    r"""Compute how much of each value every query takes.

    .. math:: A = \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt{D}} + \text{bias}\right)

    Parameters
    ----------
    q : array of shape (..., L, D)
        Queries.
    k : array of shape (..., S, D)
        Keys; the leading axes broadcast with those of `q`.
    mask : bool array that broadcasts to (..., L, S), optional
        True where query *i* may attend to key *j*. NumPy, or the library of `q`.
    bias : float array that broadcasts to (..., L, S), optional
        Added to the scaled scores. NumPy, or the library of `q`.
    scale : float, optional
        Factor of the dot products, by default ``1 / sqrt(D)``.

    Returns
    -------
    array of shape (..., L, S)
        Row *i* holds the weights of query *i*, in the dtype and library of `q`. They sum to one;
        a row in which nothing may be attended to holds zeros.

    Raises
    ------
    TypeError
        If `q` and `k` differ in library or dtype, or hold no real floats; if `mask` is not boolean,
        `bias` holds no real floats, or `scale` is not a real number.
    ValueError
        If `q` and `k` differ in their last axis or have leading axes that do not broadcast, if
        `mask` or `bias` does not fit the scores, or `scale` is not finite.

    See Also
    --------
    scaled_dot_product_attention : the weights, applied to values.

    References
    ----------
    .. [1] A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.2.1,
       https://arxiv.org/abs/1706.03762. Their d_k is our D.

    Examples
    --------
    The first key scores ln 3 above the second, so it weighs three times as much:

    >>> q, k = np.array([[np.log(3.0)]]), np.array([[1.0], [0.0]])
    >>> attnbook.attention_weights(q, k).round(6)
    array([[0.75, 0.25]])
    """
    xp = namespace(q=q, k=k)
    at_least_2d(q=q, k=k)
    weights = _softmax(masked_scores(q, k, mask, bias, scale, xp), -1, xp)
    return xp.astype(weights, q.dtype, copy=False)


def scaled_dot_product_attention(
    q: Array,
    k: Array,
    v: Array,
    *,
    mask: Array | None = None,
    bias: Array | None = None,
    scale: float | None = None,
) -> Array:
    r"""Blend the values, each query by its own weights.

    .. math:: O = \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt{D}} + \text{bias}\right) V

    Parameters
    ----------
    q : array of shape (..., L, D)
        Queries.
    k : array of shape (..., S, D)
        Keys.
    v : array of shape (..., S, Dv)
        Values, one for each key.
    mask : bool array that broadcasts to (..., L, S), optional
        True where query *i* may attend to key *j*.
    bias : float array that broadcasts to (..., L, S), optional
        Added to the scaled scores.
    scale : float, optional
        Factor of the dot products, by default ``1 / sqrt(D)``.

    Returns
    -------
    array of shape (..., L, Dv)
        Row *i* is the output of query *i*; zeros where it may attend to nothing.

    Raises
    ------
    TypeError
        As in `attention_weights`; the same library and dtype is asked of `v`.
    ValueError
        As in `attention_weights`; and if `k` and `v` differ in the number of rows S.

    See Also
    --------
    attention_weights : the weights alone.
    attnbook.streaming_attention : the same without the (L, S) matrix.

    Notes
    -----
    Computes what ``torch.nn.functional.scaled_dot_product_attention`` does. Its ``attn_mask`` is
    `mask` here when boolean and `bias` when float. There is no dropout and no ``is_causal``: pass
    ``attnbook.causal_mask(L, S)``, which says how unequal lengths are aligned.

    Two things serve speed. The sums divide the blended values, not the weights, of which there
    are more where S is larger than Dv. And with many scores it takes one head and a block of
    queries at a time, so that their scores stay in the cache of the processor.

    References
    ----------
    .. [1] A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, equation 1,
       https://arxiv.org/abs/1706.03762. Their d_k is our D, their d_v our Dv.

    Examples
    --------
    Three parts of the first value and one of the second:

    >>> q, k = np.array([[np.log(3.0)]]), np.array([[1.0], [0.0]])
    >>> v = np.array([[4.0, 0.0], [0.0, 8.0]])
    >>> attnbook.scaled_dot_product_attention(q, k, v).round(6)
    array([[3., 2.]])
    """
    xp = queries_keys_values(q, k, v)

    def attend(q: Array, k: Array, v: Array, mask: Array | None, bias: Array | None) -> Array:
        scores = masked_scores(q, k, mask, bias, scale, xp)
        if scores.shape[-1] == 0:  # no keys: nothing to blend
            return scores @ widen(v, xp)
        peak = xp.max(scores, axis=-1, keepdims=True)
        e = exponentials(scores, peak, xp, reuse=is_numpy_array(scores))
        return divided(e @ widen(v, xp), xp.sum(e, axis=-1, keepdims=True), xp)

    rows = max(FEWEST_ROWS, BLOCK // max(1, k.shape[-2]))
    return xp.astype(in_blocks(attend, q, k, v, mask, bias, rows, xp), q.dtype, copy=False)


def split_heads(x: Array, num_heads: int) -> Array:
    """Cut the last axis into heads and move them in front of the tokens.

    Parameters
    ----------
    x : array of shape (..., N, H*D)
        Head *h* is block *h* of the last axis.
    num_heads : int
        H.

    Returns
    -------
    array of shape (..., H, N, D)
        The blocks.

    Raises
    ------
    ValueError
        If `num_heads` is below one or does not divide the last axis, or `x` has fewer than two
        axes.
    TypeError
        If `x` is not an array of real floats or `num_heads` not an integer.

    See Also
    --------
    merge_heads : the inverse.

    Examples
    --------
    One token of width 4 becomes two heads of width 2:

    >>> attnbook.split_heads(np.array([[1.0, 2.0, 3.0, 4.0]]), 2).tolist()
    [[[1.0, 2.0]], [[3.0, 4.0]]]
    """
    xp = namespace(x=x)
    at_least_2d(x=x)
    num_heads = whole_number("num_heads", num_heads, minimum=1)
    if x.shape[-1] % num_heads:
        raise ValueError(
            "num_heads must divide the last axis, "
            f"got {num_heads} heads for x of shape {tuple(x.shape)}"
        )
    *batch, n, width = x.shape
    return xp.moveaxis(xp.reshape(x, (*batch, n, num_heads, width // num_heads)), -2, -3)


def merge_heads(x: Array) -> Array:
    """Put the heads of every token side by side again.

    Parameters
    ----------
    x : array of shape (..., H, N, D)
        One block a head.

    Returns
    -------
    array of shape (..., N, H*D)
        Head *h* is block *h* of the last axis.

    Raises
    ------
    ValueError
        If `x` has fewer than three axes.
    TypeError
        If `x` is not an array of real floats.

    See Also
    --------
    split_heads : the inverse.

    Examples
    --------
    >>> attnbook.merge_heads(np.array([[[1.0, 2.0]], [[3.0, 4.0]]])).tolist()
    [[1.0, 2.0, 3.0, 4.0]]
    """
    xp = namespace(x=x)
    if x.ndim < 3:
        raise ValueError(f"x must have axes (..., H, N, D), got shape {tuple(x.shape)}")
    *batch, heads, n, width = x.shape
    return xp.reshape(xp.moveaxis(x, -3, -2), (*batch, n, heads * width))


def repeat_heads(kv: Array, num_heads: int) -> Array:
    """Give every query head its key or value head, for grouped-query attention.

    Parameters
    ----------
    kv : array of shape (..., G, S, D)
        Keys or values of G groups.
    num_heads : int
        H, the number of query heads, a multiple of G.

    Returns
    -------
    array of shape (..., H, S, D)
        Query head *h* reads group ``h // (H // G)``.

    Raises
    ------
    ValueError
        If `kv` has fewer than three axes, or G does not divide `num_heads`.
    TypeError
        If `kv` is not an array of real floats or `num_heads` not an integer.

    References
    ----------
    .. [1] J. Ainslie et al., "GQA: Training Generalized Multi-Query Transformer Models from
       Multi-Head Checkpoints", EMNLP 2023, https://arxiv.org/abs/2305.13245

    Examples
    --------
    Two groups serve four heads:

    >>> attnbook.repeat_heads(np.array([[[1.0]], [[2.0]]]), 4).ravel().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """
    xp = namespace(kv=kv)
    num_heads = whole_number("num_heads", num_heads, minimum=1)
    if kv.ndim < 3:
        raise ValueError(f"kv must have axes (..., G, S, D), got shape {tuple(kv.shape)}")
    *batch, groups, s, width = kv.shape
    if groups == 0 or num_heads % groups:
        raise ValueError(
            "num_heads must be a multiple of the number of groups G, "
            f"got {num_heads} heads for kv of shape {tuple(kv.shape)}"
        )
    shape = (*batch, groups, num_heads // groups, s, width)
    repeated = xp.broadcast_to(kv[..., :, None, :, :], shape)
    return xp.reshape(repeated, (*batch, num_heads, s, width))


def multi_head_attention(
    x: Array,
    w_q: Array,
    w_k: Array,
    w_v: Array,
    w_o: Array,
    *,
    num_heads: int,
    mask: Array | None = None,
    bias: Array | None = None,
) -> Array:
    r"""Let H heads look at the same tokens side by side and add what they found.

    .. math:: Y = \sum_{h=1}^{H} O_h W_O^h, \qquad
       O_h = \operatorname{attention}(X W_Q^h, X W_K^h, X W_V^h)

    Parameters
    ----------
    x : array of shape (..., N, d_model)
        Tokens.
    w_q, w_k : array of shape (d_model, H*D)
        Projections to queries and keys, used as ``x @ w``; head *h* is column block *h*.
    w_v : array of shape (d_model, H*Dv)
        Projection to values.
    w_o : array of shape (H*Dv, d_out)
        Output projection; head *h* is row block *h*.
    num_heads : int
        H.
    mask : bool array that broadcasts to (..., H, N, N), optional
        True where query *i* may attend to key *j*.
    bias : float array that broadcasts to (..., H, N, N), optional
        Added to the scaled scores.

    Returns
    -------
    array of shape (..., N, d_out)
        In the dtype and library of `x`.

    Raises
    ------
    ValueError
        If a width does not fit its neighbor or is not a multiple of `num_heads`.
    TypeError
        If the arrays differ in library or dtype, or hold no real floats.

    References
    ----------
    .. [1] A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.2.2,
       https://arxiv.org/abs/1706.03762. Their h is our H, their W_i^Q our column block i of w_q.

    Examples
    --------
    A head that sees one token returns its value:

    >>> one = np.eye(2)
    >>> attnbook.multi_head_attention(np.array([[5.0, 7.0]]), one, one, one, one, num_heads=2)
    array([[5., 7.]])
    """
    xp = namespace(x=x, w_q=w_q, w_k=w_k, w_v=w_v, w_o=w_o)
    at_least_2d(x=x)
    for name, w in {"w_q": w_q, "w_k": w_k, "w_v": w_v}.items():
        if w.ndim != 2 or w.shape[0] != x.shape[-1]:
            raise ValueError(
                f"{name} must have shape (d_model, width) with the d_model of x, "
                f"got {name} {tuple(w.shape)} and x {tuple(x.shape)}"
            )
    if w_o.ndim != 2 or w_o.shape[0] != w_v.shape[1]:
        raise ValueError(
            "w_o must have one row for each column of w_v, "
            f"got w_o {tuple(w_o.shape)} and w_v {tuple(w_v.shape)}"
        )
    q, k, v = (split_heads(widen(x, xp) @ widen(w, xp), num_heads) for w in (w_q, w_k, w_v))
    heads = scaled_dot_product_attention(q, k, v, mask=mask, bias=bias)
    return xp.astype(merge_heads(heads) @ widen(w_o, xp), x.dtype)


def attention_entropy(weights: Array, *, base: float | None = None) -> Array:
    r"""Measure how widely each query spreads its attention.

    .. math:: S_i = -\sum_j a_{ij} \ln a_{ij}

    Parameters
    ----------
    weights : array of shape (..., L, S)
        Rows of weights; ``0 ln 0`` counts as 0.
    base : float, optional
        Base of the logarithm: 2 gives bits. By default e, which gives nats.

    Returns
    -------
    array of shape (..., L)
        0 for a single key, ``ln S`` for S equal weights; ``exp`` of it is the effective number of
        keys.

    Raises
    ------
    TypeError
        If `weights` is not an array of real floats, or `base` not a real number.
    ValueError
        If `base` is not above 0 and different from 1, or `weights` has no axis.

    References
    ----------
    .. [1] C. Shannon, "A Mathematical Theory of Communication", Bell System Technical Journal,
       1948, https://doi.org/10.1002/j.1538-7305.1948.tb01338.x

    Examples
    --------
    Four equal weights are two bits:

    >>> attnbook.attention_entropy(np.full((1, 4), 0.25), base=2)
    array([2.])
    """
    xp = namespace(weights=weights)
    if weights.ndim < 1:
        raise ValueError(f"weights must have axes (..., S), got shape {tuple(weights.shape)}")
    unit = 1.0
    if base is not None:
        unit = math.log(real_number("base", base, positive=True))
        if unit == 0:
            raise ValueError(f"base must differ from 1, got {base}")
    a = widen(weights, xp)
    log = xp.log(xp.where(a > 0, a, xp.ones_like(a)))  # 0 ln 0 = 0, with a finite gradient
    return xp.astype(xp.sum(-a * log, axis=-1) / unit, weights.dtype)

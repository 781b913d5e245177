"""Attention over blocks of keys, without ever holding the whole matrix of scores."""

from __future__ import annotations

from attnbook._checks import Array, broadcasts_to, follow, whole_number, widen
from attnbook.attention import masked_scores, queries_keys_values, scores_shape


def streaming_attention(
    q: Array,
    k: Array,
    v: Array,
    *,
    mask: Array | None = None,
    scale: float | None = None,
    block_size: int = 64,
) -> Array:
    r"""Compute attention one block of keys at a time.

    A block leaves three things for each query: its largest score m, its sum l of
    exp(score - m), and its weighted values o. Two blocks merge to

    .. math:: m = \max(m_1, m_2), \quad l = l_1 e^{m_1 - m} + l_2 e^{m_2 - m}, \quad
       o = o_1 e^{m_1 - m} + o_2 e^{m_2 - m}

    and the output is o / l.

    Parameters
    ----------
    q : array of shape (..., L, D)
        Queries.
    k : array of shape (..., S, D)
        Keys.
    v : array of shape (..., S, Dv)
        Values.
    mask : bool array that broadcasts to (..., L, S), optional
        True where query *i* may attend to key *j*.
    scale : float, optional
        Factor of the dot products, by default ``1 / sqrt(D)``.
    block_size : int, default 64
        Keys in a block; the memory for scores is L times this, whatever S.

    Returns
    -------
    array of shape (..., L, Dv)
        Equal to `attnbook.scaled_dot_product_attention` to rounding.

    Raises
    ------
    TypeError, ValueError
        As in `attnbook.scaled_dot_product_attention`; and if `block_size` is below one.

    References
    ----------
    .. [1] M. Milakov, N. Gimelshein, "Online normalizer calculation for softmax", 2018,
       https://arxiv.org/abs/1805.02867
    .. [2] T. Dao et al., "FlashAttention", NeurIPS 2022, https://arxiv.org/abs/2205.14135

    Examples
    --------
    Equal scores average the values, whatever the block:

    >>> q, k, v = np.zeros((1, 1)), np.zeros((4, 1)), np.array([[1.0], [2.0], [3.0], [6.0]])
    >>> attnbook.streaming_attention(q, k, v, block_size=3)
    array([[3.]])
    """
    xp = queries_keys_values(q, k, v)
    block_size = whole_number("block_size", block_size, minimum=1)
    shape, n_keys = scores_shape(q, k), k.shape[-2]
    if mask is not None:
        mask = follow("mask", mask, q, xp)
        broadcasts_to("mask", mask, shape)
        mask = xp.broadcast_to(mask, shape)

    # The start of the sum: no key seen. Taking no key also checks the scale and the mask's dtype.
    empty = masked_scores(
        q, k[..., :0, :], None if mask is None else mask[..., :0], None, scale, xp
    )
    total = xp.sum(empty, axis=-1, keepdims=True)  # zeros, (..., L, 1)
    m = total - xp.inf
    o = empty @ widen(v, xp)[..., :0, :]  # zeros, (..., L, Dv)
    for start in range(0, n_keys, block_size):
        stop = min(start + block_size, n_keys)
        block = None if mask is None else mask[..., start:stop]
        scores = masked_scores(q, k[..., start:stop, :], block, None, scale, xp)
        peak = xp.maximum(m, xp.max(scores, axis=-1, keepdims=True))
        shift = xp.where(peak == -xp.inf, xp.zeros_like(peak), peak)  # nothing allowed so far
        old, e = xp.exp(m - shift), xp.exp(scores - shift)
        total = total * old + xp.sum(e, axis=-1, keepdims=True)
        o = o * old + e @ widen(v, xp)[..., start:stop, :]
        m = peak
    return xp.astype(o / xp.where(total == 0, xp.ones_like(total), total), q.dtype)

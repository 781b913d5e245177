"""Attention over blocks of keys, without ever holding the whole matrix of scores."""

from __future__ import annotations

from array_api_compat import is_numpy_array

from attnbook._checks import Array, whole_number, widen
from attnbook.attention import (
    divided,
    exponentials,
    in_blocks,
    masked_scores,
    queries_keys_values,
)


def streaming_attention(
    q: Array,
    k: Array,
    v: Array,
    *,
    mask: Array | None = None,
    scale: float | None = None,
    block_size: int = 512,
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
    block_size : int, default 512
        Keys in a block, and queries too where there are many scores: then one head's scores of
        one block against another are held at a time, whatever L and S.

    Returns
    -------
    array of shape (..., L, Dv)
        Equal to `attnbook.scaled_dot_product_attention` to rounding.

    Raises
    ------
    TypeError
        As in `attnbook.scaled_dot_product_attention`; and if `block_size` is not an integer.
    ValueError
        As in `attnbook.scaled_dot_product_attention`; and if `block_size` is below one.

    References
    ----------
    .. [1] M. Milakov, N. Gimelshein, "Online normalizer calculation for softmax", 2018,
       https://arxiv.org/abs/1805.02867
    .. [2] T. Dao et al., "FlashAttention: Fast and Memory-Efficient Exact Attention with
       IO-Awareness", NeurIPS 2022, https://arxiv.org/abs/2205.14135

    Examples
    --------
    Equal scores average the values, whatever the block:

    >>> q, k, v = np.zeros((1, 1)), np.zeros((4, 1)), np.array([[1.0], [2.0], [3.0], [6.0]])
    >>> attnbook.streaming_attention(q, k, v, block_size=3)
    array([[3.]])
    """
    xp = queries_keys_values(q, k, v)
    block_size = whole_number("block_size", block_size, minimum=1)

    def attend(q: Array, k: Array, v: Array, mask: Array | None, bias: Array | None) -> Array:
        """Stream once over the keys; there is no bias."""
        empty = masked_scores(q, k[..., :0, :], None, None, scale, xp)  # no key seen yet
        o = empty @ widen(v, xp)[..., :0, :]  # zeros, (..., L, Dv)
        total = xp.sum(empty, axis=-1, keepdims=True)  # zeros, (..., L, 1)
        m = total - xp.inf
        n_keys = k.shape[-2]
        for start in range(0, n_keys, block_size):
            keys = slice(start, min(start + block_size, n_keys))
            some = None if mask is None else mask[..., keys]
            scores = masked_scores(q, k[..., keys, :], some, bias, scale, xp)
            peak = xp.maximum(m, xp.max(scores, axis=-1, keepdims=True))
            old = exponentials(m, peak, xp)
            e = exponentials(scores, peak, xp, reuse=is_numpy_array(scores))
            total = total * old + xp.sum(e, axis=-1, keepdims=True)
            o = o * old + e @ widen(v, xp)[..., keys, :]
            m = peak
        return divided(o, total, xp)

    return xp.astype(in_blocks(attend, q, k, v, mask, None, block_size, xp), q.dtype, copy=False)

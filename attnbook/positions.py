"""Positions: sinusoids, rotary embedding (RoPE) in both pairings, and ALiBi.

Angles, tables and slopes are made by NumPy in float64; `apply_rope` follows the library and dtype
of what it rotates.
"""

from __future__ import annotations

import numpy as np

from attnbook._checks import Array, at_least_2d, follow, namespace, real_number, whole_number, widen
from attnbook.masks import _offsets

PAIRINGS = ("adjacent", "halves")


def _frequencies(width: int, base: float) -> np.ndarray:
    """Return base^(-2i/width) for the pairs i = 0 .. width/2 - 1, in radians a position."""
    return real_number("base", base, positive=True) ** (-np.arange(0, width, 2) / width)


def _even(name: str, value: int) -> int:
    value = whole_number(name, value, minimum=2)
    if value % 2:
        raise ValueError(f"{name} must be even, a pair of channels a frequency, got {value}")
    return value


def sinusoidal_positions(n_positions: int, d_model: int, *, base: float = 10_000.0) -> np.ndarray:
    r"""Make the sinusoidal position vectors of the original Transformer.

    .. math:: p_{t,2i} = \sin(\omega_i t), \quad p_{t,2i+1} = \cos(\omega_i t), \quad
       \omega_i = \text{base}^{-2i/d_{model}}

    Parameters
    ----------
    n_positions : int
        N; row *t* belongs to position *t*.
    d_model : int
        Width, even.
    base : float, default 10000.0
        Sets the slowest frequency.

    Returns
    -------
    float64 array of shape (N, d_model)
        To be added to the token vectors.

    Raises
    ------
    ValueError
        If `d_model` is odd or a number out of range.
    TypeError
        If a number is of the wrong kind.

    References
    ----------
    .. [1] A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.5,
       https://arxiv.org/abs/1706.03762. Their pos is our t.

    Examples
    --------
    Position 0 has every sine 0 and every cosine 1:

    >>> attnbook.sinusoidal_positions(1, 4)
    array([[0., 1., 0., 1.]])
    """
    n_positions = whole_number("n_positions", n_positions, minimum=0)
    angles = np.arange(n_positions)[:, None] * _frequencies(_even("d_model", d_model), base)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(n_positions, d_model)


def rope_angles(
    positions: int | np.ndarray, head_dim: int, *, base: float = 10_000.0
) -> np.ndarray:
    r"""Compute by which angle RoPE turns each pair of channels at each position.

    .. math:: \theta_i(t) = t \cdot \text{base}^{-2i/D}

    Parameters
    ----------
    positions : int or real array of shape (N,)
        An int n stands for 0 .. n-1; an array may hold any finite positions in any order.
    head_dim : int
        D, even.
    base : float, default 10000.0
        Sets the slowest frequency.

    Returns
    -------
    float64 array of shape (N, D/2)
        Angles in radians; column *i* belongs to pair *i*.

    Raises
    ------
    ValueError
        If `head_dim` is odd, `base` not above 0, a position not finite or, as a number of
        positions, negative, or `positions` has not one axis.
    TypeError
        If `positions` does not hold real numbers, or `head_dim` or `base` is of the wrong kind.

    References
    ----------
    .. [1] J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021,
       section 3.2, https://arxiv.org/abs/2104.09864. Their m is our t, their theta_i our
       frequency of pair i - 1.

    Examples
    --------
    The first pair turns one radian a position, the second a hundredth of it:

    >>> attnbook.rope_angles(np.array([0, 3]), 4)
    array([[0.  , 0.  ],
           [3.  , 0.03]])
    """
    if isinstance(positions, int | np.integer) and not isinstance(positions, bool):
        positions = np.arange(whole_number("positions", positions, minimum=0))
    positions = np.asarray(positions)
    if positions.dtype.kind not in "fiu":
        raise TypeError(f"positions must hold real numbers, got dtype {positions.dtype}")
    if positions.ndim != 1 or not np.all(np.isfinite(positions)):
        raise ValueError(
            f"positions must be finite and have one axis, got shape {positions.shape} "
            f"with {int(np.sum(~np.isfinite(positions)))} not finite"
        )
    return positions.astype(np.float64)[:, None] * _frequencies(_even("head_dim", head_dim), base)


def apply_rope(x: Array, angles: Array, *, pairing: str = "adjacent") -> Array:
    r"""Rotate each pair of channels of queries or keys by its angle.

    .. math:: \begin{pmatrix} x'_a \\ x'_b \end{pmatrix} =
       \begin{pmatrix} \cos\theta & -\sin\theta \\ \sin\theta & \cos\theta \end{pmatrix}
       \begin{pmatrix} x_a \\ x_b \end{pmatrix}

    Parameters
    ----------
    x : array of shape (..., N, D)
        Queries or keys. Values are not rotated.
    angles : float array that broadcasts to (..., N, D/2)
        From `rope_angles`. NumPy, or the library of `x`.
    pairing : {"adjacent", "halves"}, default "adjacent"
        Which channels form pair *i*: ``(2i, 2i + 1)``, as in RoFormer, or ``(i, i + D/2)``, as in
        GPT-NeoX and in Llama weights in the Hugging Face format.

    Returns
    -------
    array of shape (..., N, D)
        In the dtype and library of `x`; every pair keeps its length.

    Raises
    ------
    ValueError
        If D is odd, `angles` does not fit, or `pairing` is unknown.
    TypeError
        If `x` or `angles` does not hold real floats.

    See Also
    --------
    convert_pairing : from one pairing to the other.

    Notes
    -----
    Cosine and sine are taken in float64 and only then cast to the dtype of `x`: the rounding error
    of an angle held in float32 grows with the position, and spoils the fast pairs first.

    References
    ----------
    .. [1] J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021,
       equation 34, https://arxiv.org/abs/2104.09864. Their d is our D.

    Examples
    --------
    A quarter turn takes the first axis to the second:

    >>> attnbook.apply_rope(np.array([[1.0, 0.0]]), np.array([[np.pi / 2]])).round(6)
    array([[0., 1.]])
    """
    xp = namespace(x=x)
    at_least_2d(x=x)
    _known(pairing)
    half = _even("the last axis D of x", x.shape[-1]) // 2
    angles = follow("angles", angles, x, xp)
    if not xp.isdtype(angles.dtype, "real floating"):
        raise TypeError(f"angles must hold real floats, got dtype {angles.dtype}")
    shape = (*x.shape[:-1], half)
    try:
        fits = (
            tuple(angles.shape) == shape[-2:]  # the common case, in less time
            or np.broadcast_shapes(tuple(angles.shape), shape) == shape
        )
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"angles must broadcast to (..., N, D/2) = {shape}, "
            f"got angles {tuple(angles.shape)} and x {tuple(x.shape)}"
        )
    wide = widen(x, xp)
    angles = xp.astype(angles, xp.float64, copy=False)
    cos, sin = xp.astype(xp.cos(angles), wide.dtype), xp.astype(xp.sin(angles), wide.dtype)
    if pairing == "adjacent":
        a, b = wide[..., 0::2], wide[..., 1::2]
        turned = xp.stack([a * cos - b * sin, a * sin + b * cos], axis=-1)
        turned = xp.reshape(turned, tuple(x.shape))
    else:
        a, b = wide[..., :half], wide[..., half:]
        turned = xp.concat([a * cos - b * sin, a * sin + b * cos], axis=-1)
    return xp.astype(turned, x.dtype, copy=False)


def _known(pairing: str) -> None:
    if pairing not in PAIRINGS:
        raise ValueError(f"the pairing must be one of {PAIRINGS}, got {pairing!r}")


def convert_pairing(x: Array, *, to: str) -> Array:
    """Reorder the channels of a head from one RoPE pairing to the other.

    Parameters
    ----------
    x : array of shape (..., D)
        Queries, keys, or the columns of one head of a projection.
    to : {"halves", "adjacent"}
        The pairing that the result is for; `x` is in the other one.

    Returns
    -------
    array of shape (..., D)
        A permutation of the last axis; dot products stay as they are.

    Raises
    ------
    ValueError
        If D is odd or `to` unknown.
    TypeError
        If `x` does not hold real floats.

    Examples
    --------
    Channels 0, 1 and 2, 3 are pairs; in halves the first of each comes first:

    >>> attnbook.convert_pairing(np.array([0.0, 1.0, 2.0, 3.0]), to="halves")
    array([0., 2., 1., 3.])
    """
    xp = namespace(x=x)
    _known(to)
    if x.ndim < 1:
        raise ValueError("x must have a last axis D, got a single number")
    half = _even("the last axis D of x", x.shape[-1]) // 2
    if to == "halves":
        return xp.concat([x[..., 0::2], x[..., 1::2]], axis=-1)
    return xp.reshape(xp.stack([x[..., :half], x[..., half:]], axis=-1), tuple(x.shape))


def alibi_slopes(num_heads: int) -> np.ndarray:
    r"""Compute how fast each head's attention falls with distance under ALiBi.

    .. math:: m_h = 2^{-8h/H}, \quad h = 1 \dots H \quad (H \text{ a power of two})

    Parameters
    ----------
    num_heads : int
        H. For other numbers: the slopes of the power of two below, then every second slope of the
        power of two above.

    Returns
    -------
    float64 array of shape (H,)
        Score lost for each position of distance.

    Raises
    ------
    ValueError
        If `num_heads` is below one.
    TypeError
        If `num_heads` is not an integer.

    References
    ----------
    .. [1] O. Press, N. Smith, M. Lewis, "Train Short, Test Long: Attention with Linear Biases
       Enables Input Length Extrapolation", ICLR 2022, https://arxiv.org/abs/2108.12409

    Examples
    --------
    With two heads, 1/16 and 1/256:

    >>> attnbook.alibi_slopes(2)
    array([0.0625    , 0.00390625])
    """
    num_heads = whole_number("num_heads", num_heads, minimum=1)
    power = 1 << (num_heads.bit_length() - 1)  # the largest power of two up to H
    slopes = 2.0 ** (-8 * np.arange(1, power + 1) / power)
    between = 2.0 ** (-8 * np.arange(1, 2 * power, 2) / (2 * power))
    return np.concatenate([slopes, between[: num_heads - power]])


def alibi_bias(num_heads: int, n_queries: int, n_keys: int | None = None) -> np.ndarray:
    r"""Make the ALiBi bias: minus the slope of the head times the distance.

    .. math:: b_{hij} = -m_h \, |i - j|

    Parameters
    ----------
    num_heads : int
        H.
    n_queries : int
        L.
    n_keys : int, optional
        S, by default L; the last query sits on the last key.

    Returns
    -------
    float64 array of shape (H, L, S)
        To be given as `bias`.

    Raises
    ------
    ValueError
        If a number is out of range.
    TypeError
        If a number is not an integer.

    References
    ----------
    .. [1] O. Press, N. Smith, M. Lewis, "Train Short, Test Long", ICLR 2022,
       https://arxiv.org/abs/2108.12409. They need j <= i only; the distance is ours for the rest.

    Examples
    --------
    One head has the slope 1/256; the query sits on the last of three keys:

    >>> (attnbook.alibi_bias(1, 1, 3)[0] * 256).tolist()
    [[-2.0, -1.0, 0.0]]
    """
    nearness = -np.abs(_offsets(n_queries, n_keys))
    return alibi_slopes(num_heads)[:, None, None] * nearness

"""Boolean masks, made by NumPy: True where a query may attend. Every function takes them as is."""

from __future__ import annotations

import numpy as np

from attnbook._checks import whole_number


def _offsets(n_queries: int, n_keys: int | None) -> np.ndarray:
    """Return how far key j lies behind query i, (L, S); the last query sits on the last key."""
    n_queries = whole_number("n_queries", n_queries, minimum=0)
    n_keys = n_queries if n_keys is None else whole_number("n_keys", n_keys, minimum=0)
    return np.arange(n_queries)[:, None] + (n_keys - n_queries) - np.arange(n_keys)


def causal_mask(n_queries: int, n_keys: int | None = None) -> np.ndarray:
    """Let every query see its own position and what came before.

    Parameters
    ----------
    n_queries : int
        L.
    n_keys : int, optional
        S, by default L. With more keys than queries the last query sees the last key, as in
        decoding with a cache; with fewer, the first queries see nothing.

    Returns
    -------
    bool array of shape (L, S)
        True where key *j* is not in the future of query *i*.

    Raises
    ------
    ValueError
        If a number is negative.
    TypeError
        If a number is not an integer.

    Notes
    -----
    torch's ``is_causal=True`` aligns the *first* query with the first key. The two agree only for
    L = S.

    Examples
    --------
    >>> attnbook.causal_mask(3).astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]])
    >>> attnbook.causal_mask(1, 3).astype(int)
    array([[1, 1, 1]])
    """
    return _offsets(n_queries, n_keys) >= 0


def sliding_window_mask(n_queries: int, n_keys: int | None = None, *, window: int) -> np.ndarray:
    """Let every query see the last `window` positions up to its own.

    Parameters
    ----------
    n_queries : int
        L.
    n_keys : int, optional
        S, by default L; aligned as in `causal_mask`.
    window : int
        Number of keys that a query sees, its own among them.

    Returns
    -------
    bool array of shape (L, S)
        True where key *j* lies in the window of query *i*.

    Raises
    ------
    ValueError
        If `window` is below one or another number negative.
    TypeError
        If a number is not an integer.

    Examples
    --------
    >>> attnbook.sliding_window_mask(3, window=2).astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [0, 1, 1]])
    """
    window = whole_number("window", window, minimum=1)
    behind = _offsets(n_queries, n_keys)
    return (behind >= 0) & (behind < window)


def padding_mask(lengths: np.ndarray, n_keys: int) -> np.ndarray:
    """Hide the padding behind the real tokens of every sequence.

    Parameters
    ----------
    lengths : int array of shape (B,)
        Number of real tokens of each sequence, 0 to S.
    n_keys : int
        S, the padded length.

    Returns
    -------
    bool array of shape (B, 1, 1, S)
        True at real tokens; broadcasts over heads and queries.

    Raises
    ------
    ValueError
        If a length lies outside 0 to S, or `lengths` has not one axis.
    TypeError
        If `lengths` does not hold integers.

    Examples
    --------
    >>> attnbook.padding_mask(np.array([1, 3]), 3)[:, 0, 0].astype(int)
    array([[1, 0, 0],
           [1, 1, 1]])
    """
    n_keys = whole_number("n_keys", n_keys, minimum=0)
    lengths = np.asarray(lengths)
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"lengths must hold integers, got dtype {lengths.dtype}")
    if lengths.ndim != 1 or np.any(lengths < 0) or np.any(lengths > n_keys):
        raise ValueError(
            f"lengths must have one axis and lie in 0..{n_keys}, got {lengths.tolist()}"
        )
    return (np.arange(n_keys) < lengths[:, None])[:, None, None, :]

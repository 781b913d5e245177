"""Random numbers that Python and the figures' modules draw alike."""

from __future__ import annotations

import numpy as np

MASK = 0xFFFFFFFF


def normals(seed: int, n: int) -> np.ndarray:
    r"""Return n independent standard normal numbers, the same that `normals` in ``kit.js`` returns.

    Parameters
    ----------
    seed : int
        From 0 to 2**32 - 1.
    n : int
        How many.

    Returns
    -------
    array of shape (n,)
        From two uniform numbers each, by :math:`\sqrt{-2 \ln u_1} \cos 2 \pi u_2`. The uniform
        numbers are those of mulberry32, a 32-bit generator that takes a few lines in either
        language. It serves pictures; for experiments use ``numpy.random.default_rng``.

    Examples
    --------
    >>> from attnbook.live.chance import normals
    >>> x = normals(0, 10_000)
    >>> abs(x.mean()) < 0.05, abs(x.std() - 1) < 0.05
    (np.True_, np.True_)
    """
    state = (seed + 0x6D2B79F5 * np.arange(1, 2 * n + 1, dtype=np.uint64)) & np.uint64(MASK)
    t = ((state ^ (state >> np.uint64(15))) * (state | np.uint64(1))) & np.uint64(MASK)
    t ^= (t + (((t ^ (t >> np.uint64(7))) * (t | np.uint64(61))) & np.uint64(MASK))) & np.uint64(
        MASK
    )
    uniform = ((t ^ (t >> np.uint64(14))) & np.uint64(MASK)) / 2**32
    return np.sqrt(-2 * np.log(1 - uniform[::2])) * np.cos(2 * np.pi * uniform[1::2])

"""Attention over random scores, from a handful of keys to more than there are atoms.

n scores drawn from a normal distribution are the energies of Derrida's random energy model. Only
the largest of them need to be drawn one by one; the rest enter through their mean.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from attnbook._checks import real_number, whole_number

LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)
LARGEST_N = 1e300  # 1 / n must stay a normal float


class RowSums(NamedTuple):
    """What the weights of each row add up to, from `row_sums`.

    Attributes
    ----------
    log_z : array of shape (draws,)
        Logarithm of the sum of exponentials.
    entropy : array of shape (draws,)
        Of the weights, in nats.
    heat_capacity : array of shape (draws,)
        At temperature one: the variance of the scores under the weights.
    participation : array of shape (draws,)
        Sum of the squared weights.
    largest : array of shape (draws,)
        The largest weight.
    """

    log_z: np.ndarray
    entropy: np.ndarray
    heat_capacity: np.ndarray
    participation: np.ndarray
    largest: np.ndarray


def mills_ratio(x: np.ndarray) -> np.ndarray:
    r"""Return the upper tail of the standard normal distribution over its density.

    .. math:: R(x) = \frac{Q(x)}{\varphi(x)} = \int_0^\infty e^{-x t - t^2 / 2} \, dt

    Parameters
    ----------
    x : array of any shape
        Zero or more.

    Returns
    -------
    array of the shape of `x`
        Between :math:`x / (1 + x^2)` and :math:`1 / x`, and :math:`\sqrt{\pi / 2}` at 0.

    Raises
    ------
    ValueError
        If an `x` is negative or not a number.

    Notes
    -----
    Below 2 the series :math:`\sqrt{\pi/2}\, e^{x^2/2} - \sum_k x^{2k+1} / (2k+1)!!`, which solves
    :math:`R' = x R - 1` (integrate by parts); from 2 on Laplace's continued fraction
    :math:`1 / (x + 1 / (x + 2 / (x + 3 / \dots)))` [1]_, cut off where it no longer changes a
    float.

    References
    ----------
    .. [1] NIST Digital Library of Mathematical Functions, sections 7.6 and 7.9,
       https://dlmf.nist.gov/7

    Examples
    --------
    Far out the ratio is nearly 1 / x:

    >>> from attnbook.random_energy import mills_ratio
    >>> mills_ratio(np.array([0.0, 100.0])).round(4)
    array([1.2533, 0.01  ])
    """
    x = np.asarray(x, dtype=np.float64)
    if not np.all(x >= 0):
        raise ValueError("x must be at least 0 everywhere")
    ratio, is_near = np.empty_like(x), x < 2
    near, far = x[is_near], x[~is_near]
    term, series = near, near
    for k in range(1, 30):
        term = term * near**2 / (2 * k + 1)
        series = series + term
    ratio[is_near] = math.sqrt(math.pi / 2) * np.exp(near**2 / 2) - series
    fraction = far
    for k in range(8 + math.ceil(400 / float(far.min(initial=np.inf)) ** 2), 0, -1):
        fraction = far + k / fraction
    ratio[~is_near] = 1 / fraction
    return ratio


def log_normal_tail(x: np.ndarray) -> np.ndarray:
    r"""Return the logarithm of the probability that a standard normal number exceeds `x`.

    Parameters
    ----------
    x : array of any shape
        Of either sign.

    Returns
    -------
    array of the shape of `x`
        :math:`\ln Q(x)`, accurate where :math:`Q` itself is too small for a float.

    Raises
    ------
    ValueError
        If an `x` is not a number.

    Examples
    --------
    >>> from attnbook.random_energy import log_normal_tail
    >>> np.exp(log_normal_tail(np.array([-1.96, 0.0, 1.96]))).round(3)
    array([0.975, 0.5  , 0.025])
    """
    x = np.asarray(x, dtype=np.float64)
    upper = np.log(mills_ratio(np.abs(x))) - x**2 / 2 - LOG_ROOT_2PI
    return np.where(x >= 0, upper, np.log1p(-np.exp(upper)))


def normal_tail_inverse(log_p: np.ndarray) -> np.ndarray:
    r"""Return the number that a standard normal number exceeds with a given probability.

    Parameters
    ----------
    log_p : array of any shape
        :math:`\ln p`, below 0; :math:`p` itself may be too small for a float.

    Returns
    -------
    array of the shape of `log_p`
        :math:`x` with :math:`\ln Q(x) = \ln p`.

    Raises
    ------
    ValueError
        If a `log_p` is not below 0.

    Notes
    -----
    Newton's method for :math:`\ln Q(x) = \ln p`. The derivative of :math:`\ln Q` is
    :math:`-\varphi / Q = -1 / R(x)`, so one step adds :math:`(\ln Q(x) - \ln p)\, R(x)`. It starts
    at :math:`\sqrt{-2 \ln p}`, which lies above the solution since :math:`Q(x) \le e^{-x^2/2}`.
    Since :math:`\ln Q` is concave, each step stays above the solution and comes nearer. For
    :math:`p > 1/2` the symmetry :math:`Q(-x) = 1 - Q(x)` is used.

    Examples
    --------
    >>> from attnbook.random_energy import normal_tail_inverse
    >>> normal_tail_inverse(np.log([0.5, 0.025]))
    array([0.        , 1.95996398])

    One in ten to the hundred:

    >>> normal_tail_inverse(np.array([-100 * np.log(10)])).round(4)
    array([21.2735])
    """
    log_p = np.asarray(log_p, dtype=np.float64)
    if not np.all(log_p < 0):
        raise ValueError("log_p must be below 0 everywhere")
    with np.errstate(divide="ignore"):
        mirrored = np.where(log_p > -math.log(2), np.log(-np.expm1(log_p)), log_p)
    x = np.sqrt(-2 * mirrored)
    for _ in range(6):
        ratio = mills_ratio(x)
        log_q = np.log(ratio) - x**2 / 2 - LOG_ROOT_2PI
        x = np.maximum(x + (log_q - mirrored) * ratio, 0.0)
    return np.where(log_p > -math.log(2), -x, x)


def largest_scores(
    rng: np.random.Generator, n: float, draws: int, *, top: int = 4096
) -> np.ndarray:
    r"""Draw the largest of n standard normal numbers without drawing the others.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    n : int or float
        How many numbers there are, 1 to 1e300; beyond 2**53 their exact number does not matter.
    draws : int
        Number of rows.
    top : int, default 4096
        How many of each row are drawn; all of them where `n` is not larger.

    Returns
    -------
    array of shape (draws, min(n, top))
        In each row from the largest down.

    Raises
    ------
    TypeError
        If an argument is not a number of its kind.
    ValueError
        If `n` is not between 1 and 1e300, or not whole where it could be, or `draws` or `top` is
        below 1.

    Notes
    -----
    The smallest of n exponential numbers is exponential with mean 1/n; what the next ones add is
    exponential again, with mean 1/(n-1), 1/(n-2), ... [1]_. A tail probability
    :math:`p = 1 - e^{-y}` makes such a number :math:`y` into one that is uniform between 0 and 1,
    and the inverse of the normal tail makes it normal: the smallest become the largest.

    References
    ----------
    .. [1] A. Rényi, "On the theory of order statistics", Acta Mathematica Academiae Scientiarum
       Hungaricae, 1953, https://doi.org/10.1007/BF02127580

    Examples
    --------
    The largest of 10 to the hundred lies near the square root of 2 ln n, here 21.5:

    >>> from attnbook.random_energy import largest_scores
    >>> x = largest_scores(np.random.default_rng(0), 1e100, 200)
    >>> x.shape, round(float(x[:, 0].mean()))
    ((200, 4096), 21)
    """
    if not 1 <= n <= LARGEST_N or n != math.floor(n):
        raise ValueError(f"n must be whole and between 1 and {LARGEST_N:g}, got {n}")
    n = real_number("n", n)
    draws = whole_number("draws", draws, minimum=1)
    kept = int(min(n, whole_number("top", top, minimum=1)))
    gaps = rng.standard_exponential((draws, kept)) / (n - np.arange(kept))
    return normal_tail_inverse(np.log(-np.expm1(-np.cumsum(gaps, axis=1))))


def row_sums(x: np.ndarray, n: float, sigma: float) -> RowSums:
    r"""Return entropy and the like of attention over the scores sigma times x.

    Parameters
    ----------
    x : array of shape (draws, top)
        The largest of n standard normal numbers in each row, from the largest down, as
        `largest_scores` draws them.
    n : int or float
        How many numbers there are, at least ``top``.
    sigma : float
        Standard deviation of the scores, 0 or more.

    Returns
    -------
    RowSums
        Arrays of shape (draws,): the logarithm of the sum of exponentials, the entropy in nats, the
        heat capacity at temperature one, the sum of squared weights, and the largest weight.

    Raises
    ------
    TypeError
        If `sigma` is not a real number.
    ValueError
        If `x` has not two axes, `n` is below ``top``, or `sigma` is negative.

    Notes
    -----
    Where the row is complete (``n == top``) the sums are exact. Otherwise the numbers that were not
    drawn lie below the last one drawn, :math:`b`, and are independent. Their sums are replaced by
    the means, with :math:`\Phi` the normal distribution function and :math:`\varphi` its density:

    .. math::

        \frac{n - \text{top}}{\Phi(b)} \int_{-\infty}^b e^{\sigma x} \varphi(x)\, dx
        = \frac{n - \text{top}}{\Phi(b)} \; e^{\sigma^2/2}\, \Phi(b - \sigma)

    and its derivatives with respect to :math:`\sigma` for the sums with a factor x or x squared.

    Examples
    --------
    Scores that are all equal have the entropy ln n, here that of 10 to the hundred keys:

    >>> from attnbook.random_energy import largest_scores, row_sums
    >>> x = largest_scores(np.random.default_rng(0), 1e100, 5)
    >>> bool(np.allclose(row_sums(x, 1e100, 0.0).entropy, 100 * np.log(10)))
    True
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] < 1:
        raise ValueError(f"x must have the shape (draws, top), got {x.shape}")
    top, n = x.shape[1], float(n)
    if not n >= top:
        raise ValueError(f"n must be at least the number of columns, {top}, got {n:g}")
    sigma = real_number("sigma", sigma)
    if sigma < 0:
        raise ValueError(f"sigma must be at least 0, got {sigma}")
    peak = x[:, :1]
    e = np.exp(sigma * (x - peak))
    z, z2 = e.sum(axis=1), (e**2).sum(axis=1)
    first, second = (e * x).sum(axis=1), (e * x**2).sum(axis=1)
    if n > top:
        b, shift = x[:, -1], sigma * peak[:, 0]
        log_rest = math.log(n - top) - log_normal_tail(-b)
        height = np.exp(log_rest + sigma**2 / 2 - shift + log_normal_tail(sigma - b))
        edge = np.exp(log_rest + sigma**2 / 2 - shift - (b - sigma) ** 2 / 2 - LOG_ROOT_2PI)
        z = z + height
        first = first + sigma * height - edge
        second = second + (sigma**2 + 1) * height - (sigma + b) * edge
        z2 = z2 + np.exp(log_rest + 2 * sigma**2 - 2 * shift + log_normal_tail(2 * sigma - b))
    mean = first / z
    log_z = np.log(z) + sigma * peak[:, 0]
    return RowSums(
        log_z,
        log_z - sigma * mean,
        sigma**2 * (second / z - mean**2),
        z2 / z**2,
        1 / z,
    )

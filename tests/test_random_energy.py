"""Random scores, their largest ones, and the sums over weights: against other ways to get them."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from attnbook.attention import attention_entropy, softmax
from attnbook.random_energy import (
    largest_scores,
    log_normal_tail,
    mills_ratio,
    normal_tail_inverse,
    row_sums,
)


@pytest.mark.parametrize("x", [0.0, 0.3, 1.0, 1.9999, 2.0, 2.5, 5.0, 9.0, 20.0, 25.0])
def test_mills_ratio_is_tail_over_density(x):
    tail = math.erfc(x / math.sqrt(2)) / 2
    wanted = tail * math.exp(x**2 / 2) * math.sqrt(2 * math.pi)
    for others in ([], [0.0, 2.0], [60.0]):  # the depth of the fraction follows the smallest x
        assert mills_ratio(np.array([x, *others]))[0] == pytest.approx(wanted, rel=3e-14)


def test_mills_ratio_far_out():
    x = np.array([1e2, 1e4, 1e8])
    np.testing.assert_allclose(mills_ratio(x), 1 / x - 1 / x**3 + 3 / x**5, rtol=1e-10)
    assert mills_ratio(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("x", [-6.0, -1.0, -0.1, 0.0, 0.7, 4.0, 30.0])
def test_log_tail_is_that_of_the_standard_library(x):
    wanted = math.log(math.erfc(x / math.sqrt(2)) / 2)
    assert log_normal_tail(np.array(x)) == pytest.approx(wanted, rel=1e-12, abs=1e-16)


@pytest.mark.parametrize("p", [1e-15, 0.003, 0.49, 0.5, 0.51, 0.9, 1 - 1e-9])
def test_inverse_is_that_of_the_standard_library(p):
    wanted = NormalDist().inv_cdf(1 - p) if p > 1e-6 else -NormalDist().inv_cdf(p)
    got = normal_tail_inverse(np.array([math.log(p)]))[0]
    assert got == pytest.approx(wanted, rel=1e-7, abs=1e-12)


def test_inverse_undoes_the_tail():
    log_p = -np.concatenate([np.geomspace(1e-6, 1e5, 300), [math.log(2)]])
    x = normal_tail_inverse(log_p)
    np.testing.assert_allclose(log_normal_tail(x), log_p, rtol=1e-9)
    assert (np.diff(x[:-1]) > 0).all()


def test_bad_probabilities_are_refused():
    with pytest.raises(ValueError, match="log_p must be below 0"):
        normal_tail_inverse(np.array([0.0]))
    with pytest.raises(ValueError, match="x must be at least 0"):
        mills_ratio(np.array([np.nan]))


@pytest.mark.parametrize("n", [1, 2, 7])
def test_complete_rows_are_distributed_as_sorted_normal_numbers(n):
    x = largest_scores(np.random.default_rng(0), n, 20_000)
    y = -np.sort(-np.random.default_rng(1).standard_normal((20_000, n)), axis=1)
    assert x.shape == (20_000, n)
    assert (np.diff(x, axis=1) <= 0).all()
    np.testing.assert_allclose(x.mean(axis=0), y.mean(axis=0), atol=0.04)
    np.testing.assert_allclose(x.std(axis=0), y.std(axis=0), atol=0.03)


def test_the_largest_of_many_follows_its_law():
    n = 1e100
    largest = largest_scores(np.random.default_rng(2), n, 4000, top=1)[:, 0]
    for p in [0.1, 0.5, 0.9]:  # P(largest < x) = (1 - Q(x))^n
        x = normal_tail_inverse(np.log([-math.log(p)]) - math.log(n))[0]
        assert np.mean(largest < x) == pytest.approx(p, abs=0.03)


@pytest.mark.parametrize("sigma", [0.0, 0.7, 2.0, 9.0])
def test_sums_over_complete_rows(sigma):
    x = largest_scores(np.random.default_rng(3), 40, 6)
    sums, a = row_sums(x, 40, sigma), softmax(sigma * x)
    np.testing.assert_allclose(sums.log_z, np.log(np.exp(sigma * x).sum(axis=1)))
    np.testing.assert_allclose(sums.entropy, attention_entropy(a), atol=1e-12)
    np.testing.assert_allclose(sums.participation, (a**2).sum(axis=1))
    np.testing.assert_allclose(sums.largest, a.max(axis=1))
    mean = (a * x).sum(axis=1, keepdims=True)
    heat = sigma**2 * (a * (x - mean) ** 2).sum(axis=1)
    np.testing.assert_allclose(sums.heat_capacity, heat, atol=1e-11)


@pytest.fixture(scope="module")
def complete():
    return largest_scores(np.random.default_rng(4), 20_000, 60, top=20_000)


@pytest.mark.parametrize("sigma", [0.0, 1.0, 2.0, 3.5, 4.5, 7.0])
def test_the_mean_of_the_rest_stands_for_the_rest(complete, sigma):
    full, cut = row_sums(complete, 20_000, sigma), row_sums(complete[:, :500], 20_000, sigma)
    bounds = dict(log_z=0.02, entropy=0.03, heat_capacity=0.05, participation=4e-4, largest=5e-4)
    for name, bound in bounds.items():
        assert abs(getattr(full, name) - getattr(cut, name)).mean() < bound, name


def test_misuse():
    rng = np.random.default_rng(0)
    for n in [0, 2.5, 1e301, 10**400]:
        with pytest.raises(ValueError, match="n must be whole and between"):
            largest_scores(rng, n, 1)
    with pytest.raises(TypeError):
        largest_scores(rng, "many", 1)
    with pytest.raises(ValueError, match="top must be at least 1"):
        largest_scores(rng, 5, 1, top=0)
    with pytest.raises(ValueError, match="shape"):
        row_sums(np.zeros(3), 3, 1.0)
    with pytest.raises(ValueError, match="at least the number of columns, 3"):
        row_sums(np.zeros((1, 3)), 2, 1.0)
    with pytest.raises(ValueError, match="sigma must be at least 0"):
        row_sums(np.zeros((1, 3)), 3, -1.0)

"""Set 1, the variance of dot products: where the square root of the width comes from."""

import numpy as np

from attnbook.grade.question import Question

variance = Question("p1.dot_variance")
scores = Question("p1.scaled_scores")


# --- dot_variance -------------------------------------------------------------------------------


def _moments(rng):
    """Two variances and two means, none of them near 0 or 1, the first mean negative."""
    low, high = rng.uniform(0.3, 0.7), rng.uniform(1.5, 2.5)
    return float(low), float(high), float(-rng.uniform(0.4, 0.8)), float(rng.uniform(1.2, 1.8))


@variance.cases
def variance_cases(rng):
    yield "one component", (1, *_moments(rng))
    var_q, var_k, mean_q, mean_k = _moments(rng)
    yield "6 components", (6, var_q, var_k, mean_q, mean_k)
    yield "512 components, means of size 3", (512, var_k, var_q, 4 * mean_q, 2 * mean_k)
    yield "37 components, the queries constant", (37, 0.0, var_k, mean_q, mean_k)
    yield "20 components, means 0", (20, var_q, var_k, 0.0, 0.0)


@variance.extreme
def variance_extremes(rng):
    small, large = float(rng.uniform(1, 2)), float(rng.uniform(2, 4))
    arguments = (5, small / 1000, large / 1000, 1e6 * large, -1e6 * small)
    yield "means in the millions, variances of a thousandth", arguments
    yield "means of ten billion", (8, small, large, 1e10 * small, 1e10 * large)


@variance.reference
def dot_variance(d, var_q, var_k, mean_q, mean_k):
    return d * (var_q * var_k + var_q * mean_k**2 + var_k * mean_q**2)


@variance.right
def law_of_total_variance(d, var_q, var_k, mean_q, mean_k):
    within = var_q * (var_k + mean_k**2)  # the query varies, the key is given
    between = mean_q**2 * var_k
    return np.array(d * (within + between))


@variance.right
def component_by_component(d, var_q, var_k, mean_q, mean_k):
    total = 0.0
    for _ in range(d):
        total += var_q * var_k
        total += (var_q**0.5 * mean_k) ** 2 + (var_k**0.5 * mean_q) ** 2
    return total


@variance.right
def two_coins(d, var_q, var_k, mean_q, mean_k):
    """The distribution does not matter: take mean plus or minus the standard deviation."""
    sides = np.array([-1.0, 1.0])
    products = np.outer(mean_q + sides * np.sqrt(var_q), mean_k + sides * np.sqrt(var_k))
    return d * products.var()


@variance.right
def covariance_matrices(d, var_q, var_k, mean_q, mean_k):
    c_q, c_k = var_q * np.eye(d), var_k * np.eye(d)
    m_q, m_k = np.full(d, mean_q), np.full(d, mean_k)
    return [np.einsum("ij,ji", c_q, c_k) + m_k @ c_q @ m_k + m_q @ c_k @ m_q][0]


@variance.right
def in_single_precision(d, var_q, var_k, mean_q, mean_k):
    var_q, var_k, mean_q, mean_k = np.float32([var_q, var_k, mean_q, mean_k])
    return np.float32(d) * (var_q * (var_k + mean_k**2) + var_k * mean_q**2)


@variance.right
def with_torch(d, var_q, var_k, mean_q, mean_k):
    import torch

    var, mean = torch.tensor([[var_q, var_k], [mean_q, mean_k]], dtype=torch.float64)
    return d * (var.prod() + (var * mean.flip(0) ** 2).sum())


@variance.wrong("The means are left out: this is right only where both of them are 0.")
def zero_means_assumed(d, var_q, var_k, mean_q, mean_k):
    return d * var_q * var_k


@variance.wrong("It does not grow with d: this is the variance of one product, not of their sum.")
def one_product(d, var_q, var_k, mean_q, mean_k):
    return dot_variance(1, var_q, var_k, mean_q, mean_k)


@variance.wrong("This is the variance of one product.", name="one_product")
def of_the_scaled_score(d, var_q, var_k, mean_q, mean_k):
    return dot_variance(d, var_q, var_k, mean_q, mean_k) / np.sqrt(d) ** 2


@variance.wrong(
    "It grows with the square of d, as the variance of d times one product does. The products here "
    "are independent of each other."
)
def same_product_d_times(d, var_q, var_k, mean_q, mean_k):
    return dot_variance(d, var_q, var_k, mean_q, mean_k) * d


@variance.wrong(
    "It grows with the square root of d. The standard deviation of a sum does so, its variance not."
)
def root_of_d(d, var_q, var_k, mean_q, mean_k):
    return dot_variance(1, var_q, var_k, mean_q, mean_k) * np.sqrt(d)


@variance.wrong("It grows with the root of d only.", name="root_of_d")
def variance_over_root_of_d(d, var_q, var_k, mean_q, mean_k):
    return dot_variance(d, var_q, var_k, mean_q, mean_k) / np.sqrt(d)


@variance.wrong("This is the standard deviation; the question asks for its square.")
def standard_deviation(d, var_q, var_k, mean_q, mean_k):
    return np.sqrt(dot_variance(d, var_q, var_k, mean_q, mean_k))


@variance.wrong("The two variances are added. They add for a sum of q and k, not for a product.")
def variances_added(d, var_q, var_k, mean_q, mean_k):
    return d * (var_q + var_k)


@variance.wrong("var_q and var_k are squared, as if they were standard deviations.")
def variances_squared(d, var_q, var_k, mean_q, mean_k):
    return dot_variance(d, var_q**2, var_k**2, mean_q, mean_k)


@variance.wrong("The roots of var_q and var_k stand where the variances themselves belong.")
def deviations_for_variances(d, var_q, var_k, mean_q, mean_k):
    return dot_variance(d, np.sqrt(var_q), np.sqrt(var_k), mean_q, mean_k)


@variance.wrong(
    "This is d times the mean square of one product. The square of its mean must come off."
)
def mean_square_of_the_products(d, var_q, var_k, mean_q, mean_k):
    return d * (var_q + mean_q**2) * (var_k + mean_k**2)


@variance.wrong(
    "This is the mean square of the dot product. The square of its mean is not subtracted."
)
def mean_square_of_the_dot_product(d, var_q, var_k, mean_q, mean_k):
    return dot_variance(d, var_q, var_k, mean_q, mean_k) + (d * mean_q * mean_k) ** 2


@variance.wrong(
    "The squared mean is subtracted once from the sum. Every one of the d products has a mean."
)
def squared_mean_subtracted_once(d, var_q, var_k, mean_q, mean_k):
    return mean_square_of_the_products(d, var_q, var_k, mean_q, mean_k) - (mean_q * mean_k) ** 2


@variance.wrong(
    "The squared mean of the whole sum is subtracted from d mean squares of single products. The "
    "mean square of the sum also holds products of different components."
)
def mixed_squares_left_out(d, var_q, var_k, mean_q, mean_k):
    return mean_square_of_the_products(d, var_q, var_k, mean_q, mean_k) - (d * mean_q * mean_k) ** 2


@variance.wrong("The mean of a product is subtracted as it is. It must be squared first.")
def mean_not_squared(d, var_q, var_k, mean_q, mean_k):
    return mean_square_of_the_products(d, var_q, var_k, mean_q, mean_k) - d * mean_q * mean_k


@variance.wrong(
    "The product of the squared means is added to that of the variances. What is missing are the "
    "terms with one mean and one variance."
)
def squared_means_added(d, var_q, var_k, mean_q, mean_k):
    return d * (var_q * var_k + mean_q**2 * mean_k**2)


@variance.wrong("Each variance meets the mean of its own vector. It should meet that of the other.")
def means_swapped(d, var_q, var_k, mean_q, mean_k):
    return dot_variance(d, var_q, var_k, mean_k, mean_q)


@variance.wrong("Only the mean of the keys enters: the mean of the queries is left out.")
def queries_of_mean_zero(d, var_q, var_k, mean_q, mean_k):
    return dot_variance(d, var_q, var_k, 0, mean_k)


@variance.wrong("Only the mean of the queries enters: the mean of the keys is left out.")
def keys_of_mean_zero(d, var_q, var_k, mean_q, mean_k):
    return dot_variance(d, var_q, var_k, mean_q, 0)


@variance.wrong("The product of the variances is missing: only the terms with a mean are there.")
def product_of_variances_left_out(d, var_q, var_k, mean_q, mean_k):
    return d * (var_q * mean_k**2 + var_k * mean_q**2)


@variance.wrong("This is the mean of the dot product, not its variance.")
def mean_of_the_dot_product(d, var_q, var_k, mean_q, mean_k):
    return d * mean_q * mean_k


@variance.wrong("It is twice the right one, as if q and k were the same vector or counted twice.")
def counted_twice(d, var_q, var_k, mean_q, mean_k):
    return 2 * dot_variance(d, var_q, var_k, mean_q, mean_k)


@variance.naive(
    "Two large and nearly equal numbers are subtracted, and their digits cancel. Multiply out."
)
def large_squares_subtracted(d, var_q, var_k, mean_q, mean_k):
    return d * ((var_q + mean_q**2) * (var_k + mean_k**2) - mean_q**2 * mean_k**2)


# --- scaled_scores ------------------------------------------------------------------------------


@scores.cases
def scores_cases(rng):
    """No width is a square or 4, where the root is half of it, and no two sizes are equal."""
    for n_q, n_k, d, size, mean in ((3, 5, 7, 1, 0.5), (6, 2, 11, 4, -1), (1, 8, 3, 2, 0)):
        q = mean + size * rng.normal(size=(n_q, d))
        k = 0.3 + rng.uniform(0.5, 1.5, size=(n_k, 1)) * rng.normal(size=(n_k, d))
        queries = "1 query" if n_q == 1 else f"{n_q} queries"
        yield f"{queries}, {n_k} keys, D = {d}", (q, k)


@scores.reference
def scaled_scores(q, k):
    return q @ k.T / np.sqrt(q.shape[1])


@scores.right
def score_by_score(q, k):
    scale = len(q[0]) ** 0.5
    return [[sum(a * b for a, b in zip(row, key, strict=True)) / scale for key in k] for row in q]


@scores.right
def einsum_of_scaled_queries(q, k):
    return np.einsum("id,jd->ij", q * q.shape[-1] ** -0.5, k)


@scores.right
def both_by_the_fourth_root(q, k):
    root = k.shape[1] ** 0.25
    return (q / root) @ (k / root).T


@scores.right
def transposed_twice(q, k):
    return ((k @ q.T) / np.sqrt(k.shape[1])).T


@scores.right
def from_squared_distances(q, k):
    squares = (q**2).sum(axis=1)[:, None] + (k**2).sum(axis=1)
    distances = ((q[:, None] - k) ** 2).sum(axis=2)
    return (squares - distances) / (2 * np.sqrt(q.shape[1]))


@scores.right
def scores_in_single_precision(q, k):
    q, k = np.float32(q), np.float32(k)
    return q @ k.T / np.sqrt(np.float32(q.shape[1]))


@scores.right
def scores_with_torch(q, k):
    import torch

    q, k = torch.tensor(q), torch.tensor(k)
    return torch.matmul(q, k.transpose(-2, -1)) / q.size(-1) ** 0.5


@scores.wrong("The scores are not scaled at all.", seen="PAIR-code/tiny-transformers #71")
def no_scale(q, k):
    return q @ k.T


@scores.wrong("The exponent is 0: the scores are not scaled.", name="no_scale")
def integer_division_in_the_exponent(q, k):
    return q @ k.T / q.shape[1] ** (1 // 2)


@scores.wrong("The scores are divided by D, not by its square root.")
def divided_by_d(q, k):
    return q @ k.T / q.shape[1]


@scores.wrong("Both factors are divided by root D, so the scores by D.", name="divided_by_d")
def both_by_the_root(q, k):
    root = np.sqrt(q.shape[1])
    return (q / root) @ (k / root).T


@scores.wrong("The scores are multiplied by the square root of D, not divided by it.")
def multiplied_by_the_root(q, k):
    return q @ k.T * np.sqrt(q.shape[1])


@scores.wrong("The scores are divided by the fourth root of D: only one of two factors is scaled.")
def fourth_root(q, k):
    return (q / q.shape[1] ** 0.25) @ k.T


@scores.wrong(
    "The scores are divided by 2 D. Python takes powers before divisions: D ** -1/2 is half of 1/D."
)
def power_before_division(q, k):
    return q @ k.T * q.shape[1] ** -1 / 2


@scores.wrong(
    "The scores are divided by D/2. Python takes a power before a division: D ** 1/2 is half of D."
)
def half_of_d(q, k):
    return q @ k.T / (q.shape[1] ** 1 / 2)


@scores.wrong("The square root of D is rounded to a whole number.")
def whole_root(q, k):
    return q @ k.T / int(np.sqrt(q.shape[1]))


@scores.wrong(
    "The scores are divided by the root of the number of keys. What counts is how many terms one "
    "dot product has."
)
def root_of_the_number_of_keys(q, k):
    return q @ k.T / np.sqrt(len(k))


@scores.wrong(
    "The scores are divided by the root of the number of queries. What counts is how many terms "
    "one dot product has."
)
def root_of_the_number_of_queries(q, k):
    return q @ k.T / np.sqrt(len(q))


@scores.wrong("The lengths of query and key are divided out: these are cosines.")
def cosines(q, k):
    return _unit(q) @ _unit(k).T


def _unit(x):
    return x / np.sqrt((x**2).sum(axis=1, keepdims=True))


@scores.wrong("These are cosines over the square root of D. The lengths of q and k should count.")
def scaled_cosines(q, k):
    return scaled_scores(_unit(q), _unit(k))


@scores.wrong("The rows are already softmaxed: they sum to 1. The question asks for the scores.")
def softmaxed(q, k):
    e = np.exp(scaled_scores(q, k))
    return e / e.sum(axis=1, keepdims=True)


@scores.wrong("The result is transposed: it has a row for each key, not for each query.")
def keys_by_queries(q, k):
    return scaled_scores(k, q)


@scores.wrong(
    "Every row has mean 0 and standard deviation 1: the scores are divided by the spread that they "
    "happen to have, not by the one expected at width D."
)
def standardized(q, k):
    s = q @ k.T
    return (s - s.mean(axis=1, keepdims=True)) / s.std(axis=1, keepdims=True)


@scores.wrong("The scores are divided by their standard deviation in this batch, not by root D.")
def measured_deviation(q, k):
    s = q @ k.T
    return s / s.std()


@scores.wrong("The mean of each vector is subtracted first. The means are part of the dot product.")
def centered(q, k):
    return scaled_scores(q - q.mean(axis=1, keepdims=True), k - k.mean(axis=1, keepdims=True))


@scores.wrong("These are scaled distances between q and k, not dot products.")
def distances(q, k):
    return np.sqrt(((q[:, None] - k) ** 2).sum(axis=2) / q.shape[1])


@scores.wrong("The scores are divided by the root of 2 D, not by that of D.")
def root_of_two_d(q, k):
    return q @ k.T / np.sqrt(2 * q.shape[1])

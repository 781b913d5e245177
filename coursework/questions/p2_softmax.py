"""Set 2, softmax saturation: weights, their derivatives, and when both stand still."""

import math

import numpy as np

from attnbook.grade.question import Question

rows = Question("p2.softmax_rows")
jacobian = Question("p2.softmax_jacobian")


def _softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _eighths(z):
    """Round to eighths, which single precision holds exactly at any size used here."""
    return np.round(8 * z) / 8


# --- softmax_rows -------------------------------------------------------------------------------


@rows.cases
def rows_cases(rng):
    for n, m, mean, size in ((4, 7, 2, 1.0), (6, 3, -3, 1.5), (1, 5, 0.5, 2.0), (3, 8, -1, 5.0)):
        z = mean + size * rng.normal(size=(n, m)) + rng.normal(size=(n, 1))
        yield f"{n} row{'s' if n > 1 else ''} of {m} scores", (z,)


@rows.extreme
def rows_extremes(rng):
    yield "scores near 2000", (2000 + _eighths(2 * rng.normal(size=(3, 5))),)
    z = _eighths(rng.normal(size=(4, 6)))
    z[1] -= 3000
    yield "one row 3000 below the others", (z,)
    z = 1500 * np.sign(rng.normal(size=(5, 7)))
    z[:, :4] = [1500, 1500, -1500, -1500]
    yield "scores near 1500 and near -1500", (z + _eighths(rng.normal(size=(5, 7))),)


@rows.reference
def softmax_rows(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@rows.right
def number_by_number(z):
    result = []
    for row in z.tolist():
        largest = max(row)
        e = [math.exp(x - largest) for x in row]
        result.append([x / sum(e) for x in e])
    return result


@rows.right
def from_differences(z):
    """An overflow is right here: one over infinity is 0."""
    return 1 / np.exp(z[:, None, :] - z[:, :, None]).sum(axis=2)


@rows.right
def by_the_logarithm_of_the_sum(z):
    return np.exp(z - np.logaddexp.reduce(z, axis=1)[:, None])


@rows.right
def columns_of_the_transposed(z):
    t = z.T - z.max(axis=1)
    return (np.exp(t) / np.exp(t).sum(axis=0)).T


@rows.right
def rows_in_single_precision(z):
    return _softmax(np.float32(z))


@rows.right
def rows_with_torch(z):
    import torch

    return torch.softmax(torch.tensor(z, requires_grad=True), dim=-1)


@rows.wrong(
    "The columns sum to 1, not the rows.",
    seen="labmlai/annotated_deep_learning_paper_implementations #146",
)
def wrong_axis(z):
    return _softmax(z.T).T


@rows.wrong("All entries together sum to 1. Each row should.")
def over_the_whole_array(z):
    e = np.exp(z - z.max())
    return e / e.sum()


@rows.wrong("The signs are turned: the lowest score gets the largest weight.")
def of_minus_z(z):
    return _softmax(-z)


@rows.wrong("The scores themselves are divided by their sum. The exponential is missing.")
def no_exponential(z):
    return z / z.sum(axis=1, keepdims=True)


@rows.wrong("The sizes of the scores are divided by their sum: no exponential, and no signs.")
def absolute_values(z):
    return np.abs(z) / np.abs(z).sum(axis=1, keepdims=True)


@rows.wrong("This is a sigmoid: each weight looks at its own score only, and rows do not sum to 1.")
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@rows.wrong(
    "This is a sigmoid, then a division by the sum. The rows sum to 1, but it is no softmax."
)
def sigmoid_over_its_sum(z):
    return sigmoid(z) / sigmoid(z).sum(axis=1, keepdims=True)


@rows.wrong("These are the logarithms of the weights.")
def logarithms(z):
    return np.log(_softmax(z))


@rows.wrong("The exponentials are not divided by their sum: the largest entry of each row is 1.")
def not_normalized(z):
    return np.exp(z - z.max(axis=1, keepdims=True))


@rows.wrong("The exponentials are divided by nothing at all.")
def exponentials(z):
    return np.exp(z)


@rows.wrong("The rows sum to their number of entries: divided by the mean, not by the sum.")
def divided_by_the_mean(z):
    return _softmax(z) * z.shape[1]


@rows.wrong("The squares of each row sum to 1. The weights themselves should.")
def length_one(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / np.sqrt((e**2).sum(axis=1, keepdims=True))


@rows.wrong("All of the weight is on the largest score: this is the argmax.")
def hard_argmax(z):
    return (z == z.max(axis=1, keepdims=True)).astype(float)


@rows.wrong(
    "Each column has lost its own maximum. What is subtracted must be the same for all scores of a "
    "row."
)
def maximum_of_each_column(z):
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=1, keepdims=True)


@rows.wrong("The scores are divided by their maximum, which changes the weights. Subtract it.")
def divided_by_the_maximum(z):
    return _softmax(z / z.max(axis=1, keepdims=True))


@rows.wrong("The weights are nearly even: they went through the softmax twice.")
def twice(z):
    return _softmax(_softmax(z))


@rows.wrong("Powers of 2 stand in place of powers of e.")
def powers_of_two(z):
    return _softmax(z * np.log(2))


@rows.wrong("Powers of 10 stand in place of powers of e.")
def powers_of_ten(z):
    return _softmax(z * np.log(10))


@rows.wrong(
    "Each row is brought to mean 0 and standard deviation 1 first, which loses its sharpness."
)
def standardized(z):
    return _softmax((z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, keepdims=True))


@rows.wrong("The scores are divided by the root of their number. z is scaled already.")
def scaled_again(z):
    return _softmax(z / np.sqrt(z.shape[1]))


@rows.wrong("The rows sum to less than 1: there is an additional 1 in the denominator.")
def one_in_the_denominator(z):
    return np.exp(z) / (1 + np.exp(z).sum(axis=1, keepdims=True))


@rows.wrong("Negative scores count as 0.")
def negative_scores_cut(z):
    return _softmax(np.maximum(z, 0))


@rows.naive("Without the largest score taken off first, the exponential overflows.")
def overflows(z):
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


@rows.naive("A sum has overflowed, or has become 0, before its logarithm was taken.")
def logarithm_of_an_overflow(z):
    return np.exp(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))


@rows.naive(
    "The largest score of the whole array is subtracted. A row that lies far below becomes 0 / 0."
)
def one_maximum_for_all(z):
    e = np.exp(z - z.max())
    return e / e.sum(axis=1, keepdims=True)


@rows.naive("The mean is subtracted, not the maximum: a score far above it still overflows.")
def mean_subtracted(z):
    e = np.exp(z - z.mean(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@rows.naive("The scores are cut off at a limit, and beyond it they count as equal.")
def cut_off(z):
    e = np.exp(np.clip(z, -50, 50))
    return e / e.sum(axis=1, keepdims=True)


# --- softmax_jacobian ---------------------------------------------------------------------------


@jacobian.cases
def jacobian_cases(rng):
    yield "4 scores", (1 + rng.normal(size=4),)
    yield "7 scores of size 3", (3 * rng.normal(size=7) - 2,)
    z = rng.normal(size=5) - 1
    z[1] = z[3] = 2 + rng.uniform()
    yield "5 scores, the largest of them twice", (z,)
    yield "2 scores", (rng.uniform(0.2, 0.8) * np.array([1.0, -1.5]),)
    yield "3 scores between 9 and 12", (9 + 3 * rng.uniform(size=3),)


@jacobian.extreme
def jacobian_extremes(rng):
    yield "scores near 400", (400 + _eighths(rng.normal(size=4)),)
    yield "scores near -3000", (-3000 + _eighths(rng.normal(size=6)),)
    z = _eighths(rng.normal(size=5))
    yield "scores near 2000 and near -2000", (z + [-2000, 2000, 2000, -2000, 2000],)


@jacobian.reference
def softmax_jacobian(z):
    e = np.exp(z - z.max())
    a = e / e.sum()
    return np.diag(a) - np.outer(a, a)


@jacobian.right
def entry_by_entry(z):
    a = _softmax(z).tolist()
    n = range(len(a))
    return [[a[i] * (1 - a[i]) if i == j else -a[i] * a[j] for j in n] for i in n]


@jacobian.right
def delta_minus_weight(z):
    a = _softmax(z)
    return a[:, None] * (np.eye(len(a)) - a)


@jacobian.right
def rows_that_sum_to_zero(z):
    a = _softmax(z)
    products = np.einsum("i,j->ij", a, a)
    return np.diag(products.sum(axis=1)) - products


@jacobian.right
def quotient_rule(z):
    e = np.exp(z - z.max())
    return (np.diag(e) * e.sum() - np.outer(e, e)) / e.sum() ** 2


@jacobian.right
def central_differences(z):
    steps = 1e-5 * np.eye(len(z))
    return ((_softmax(z + steps) - _softmax(z - steps)) / 2e-5).T


@jacobian.right
def imaginary_steps(z):
    e = np.exp(z - z.max() + 1e-20j * np.eye(len(z)))
    return (e / e.sum(axis=1, keepdims=True)).imag.T * 1e20


@jacobian.right
def jacobian_in_single_precision(z):
    a = _softmax(np.float32(z))
    return np.diag(a) - np.outer(a, a)


@jacobian.right
def automatic_differentiation(z):
    import torch

    return torch.autograd.functional.jacobian(lambda x: torch.softmax(x, dim=0), torch.tensor(z))


@jacobian.wrong("Only the diagonal is there. A score also changes the weights of all the others.")
def diagonal_only(z):
    a = _softmax(z)
    return np.diag(a * (1 - a))


@jacobian.wrong("Only the diagonal is there.", name="diagonal_only")
def squares_for_products(z):
    a = _softmax(z)
    return np.diag(a) - np.diag(a) ** 2


@jacobian.wrong("This is the diagonal as a vector. The result is an array of n rows and n columns.")
def a_vector(z):
    a = _softmax(z)
    return a * (1 - a)


@jacobian.wrong("All signs are turned: a weight should grow with its own score.")
def wrong_sign(z):
    return -softmax_jacobian(z)


@jacobian.wrong("The products of weights are added to the diagonal. They should be subtracted.")
def products_added(z):
    a = _softmax(z)
    return np.diag(a) + np.outer(a, a)


@jacobian.wrong(
    "The diagonal is right, but the entries beside it are positive. A weight should fall when "
    "another score rises."
)
def positive_off_the_diagonal(z):
    return np.abs(softmax_jacobian(z))


@jacobian.wrong(
    "The denominator is treated as a constant: only the weights on the diagonal are left."
)
def denominator_held_fixed(z):
    return np.diag(_softmax(z))


@jacobian.wrong("The entries off the diagonal are right, but on it the weight itself is missing.")
def no_delta(z):
    a = _softmax(z)
    return -np.outer(a, a)


@jacobian.wrong("There is a 1 on the diagonal where the weight belongs.")
def ones_on_the_diagonal(z):
    a = _softmax(z)
    return np.eye(len(a)) - np.outer(a, a)


@jacobian.wrong("Every entry has 1 in place of the delta, which is 1 on the diagonal only.")
def delta_always_one(z):
    a = _softmax(z)
    return np.outer(a, 1 - a)


@jacobian.wrong("This is the derivative of the logarithms of the weights: a factor is missing.")
def of_the_logarithms(z):
    return np.eye(len(z)) - _softmax(z)


@jacobian.wrong(
    "In each row the product is the square of the same weight. It should be that of two weights."
)
def own_weight_twice(z):
    a = _softmax(z)
    return np.diag(a) - (a**2)[:, None] * np.ones(len(a))


@jacobian.wrong(
    "In each column the same number is subtracted: a * a multiplies entry by entry. All pairs of "
    "weights are needed."
)
def entrywise_product(z):
    a = _softmax(z)
    return np.diag(a) - a * a


@jacobian.wrong(
    "The same number is subtracted everywhere: the inner product of the weights, in place of the "
    "outer one."
)
def inner_product(z):
    a = _softmax(z)
    return np.diag(a) - a @ a


@jacobian.wrong("The formula is right, but the scores stand in it, not their softmax.")
def scores_for_weights(z):
    return np.diag(z) - np.outer(z, z)


@jacobian.wrong("The formula is right, but the softmax is taken twice before it.")
def weights_softmaxed_again(z):
    return softmax_jacobian(_softmax(z))


@jacobian.wrong("The formula is right, but the exponentials in it are not divided by their sum.")
def weights_not_normalized(z):
    e = np.exp(z - z.max())
    return np.diag(e) - np.outer(e, e)


@jacobian.wrong(
    "It looks like the quotient rule with the sum of the exponentials in the denominator, where "
    "the square of this sum belongs."
)
def sum_not_squared(z):
    return softmax_jacobian(z) * np.exp(z).sum()


@jacobian.wrong("The weights are summed before they are differentiated. Their sum is always 1.")
def derivative_of_the_sum(z):
    return np.zeros(len(z))


@jacobian.wrong("This is the derivative of a sigmoid, in which no score knows of another.")
def of_a_sigmoid(z):
    p = 1 / (1 + np.exp(-z))
    return np.diag(p * (1 - p))


@jacobian.wrong("These are the weights. The question asks for their derivatives.")
def the_weights(z):
    return _softmax(z)


@jacobian.naive("Without the largest score taken off first, the exponential overflows.")
def exponential_overflows(z):
    a = np.exp(z) / np.exp(z).sum()
    return np.diag(a) - np.outer(a, a)


@jacobian.naive(
    "The square of the sum overflows, even where the sum does not. Divide before you multiply."
)
def square_overflows(z):
    e = np.exp(z)
    return (np.diag(e) * e.sum() - np.outer(e, e)) / e.sum() ** 2


@jacobian.naive("The mean is subtracted, not the maximum: a score far above it still overflows.")
def mean_taken_off(z):
    return exponential_overflows(z - z.mean())


@jacobian.naive("The scores are cut off at a limit, and beyond it they count as equal.")
def scores_cut_off(z):
    return softmax_jacobian(np.clip(z, -50, 50))

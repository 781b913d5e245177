"""Set 5, initialization: how large the first scores are, and how even the first weights."""

import math

import numpy as np

from attnbook.grade.question import Question

start = Question("p5.init_std")


@start.cases
def start_cases(rng):
    """No target is 1 and no two widths are equal; one head is wider than the model."""
    for low, high, narrow, wide in ((20, 40, 3, 9), (300, 700, 33, 90), (6, 15, 17, 40)):
        d_model, d_k = int(rng.integers(low, high)), int(rng.integers(narrow, wide))
        target = round(float(rng.uniform(0.25, 0.8)), 2)
        yield labeled(d_model, d_k, target), (d_model, d_k, target)
    d_k, target = int(rng.integers(60, 120)), round(float(rng.uniform(2.2, 5)), 1)
    yield labeled(4096, d_k, target), (4096, d_k, target)


def labeled(d_model, d_k, target):
    return f"d_model = {d_model}, d_k = {d_k}, target = {target}"


@start.reference
def init_std(d_model, d_k, target):
    return np.sqrt(target / d_model)


@start.right
def step_by_step(d_model, d_k, target):
    spread_of_dot_product = target * math.sqrt(d_k)
    variance_of_component = spread_of_dot_product / math.sqrt(d_k)
    return math.sqrt(variance_of_component) / math.sqrt(d_model)


@start.right
def single_precision(d_model, d_k, target):
    return np.float32(target) ** np.float32(0.5) * np.float32(d_model) ** np.float32(-0.5)


@start.right
def in_torch(d_model, d_k, target):
    import torch

    return torch.exp(0.5 * (torch.log(torch.tensor(target)) - math.log(d_model)))


@start.right
def by_bisection(d_model, d_k, target):
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        component = sum(middle**2 for _ in range(d_model))
        variance = sum(component * component for _ in range(d_k)) / d_k
        low, high = (middle, high) if variance < target**2 else (low, middle)
    return np.array(low)


@start.wrong(
    "The result follows the width of the head, the fan-out. What a weight is summed with on the "
    "way to one component is the fan-in."
)
def fan_out(d_model, d_k, target):
    return np.sqrt(target / d_k)


@start.wrong(
    "Fan-in and fan-out are averaged, as Glorot's rule does for the sake of the backward pass. "
    "Here only the size of the scores is asked for."
)
def fans_averaged(d_model, d_k, target):
    return np.sqrt(2 * target / (d_model + d_k))


@start.wrong("The result is the variance of the entries, not their standard deviation.")
def variance_returned(d_model, d_k, target):
    return target / d_model


@start.wrong(
    "The result is proportional to the target, as if only one of the two projections had this "
    "start: the score holds a product of both."
)
def one_projection(d_model, d_k, target):
    return target / np.sqrt(d_model)


@start.wrong(
    "The result is meant for scores that are never divided: the square root of d_k is missing.",
    seen="PAIR-code/tiny-transformers #71",
)
def scale_forgotten(d_model, d_k, target):
    return np.sqrt(target / (d_model * np.sqrt(d_k)))


@start.wrong("The scale is counted twice: the scores are divided by d_k, not by its square root.")
def scale_twice(d_model, d_k, target):
    return np.sqrt(target * np.sqrt(d_k) / d_model)


@start.wrong(
    "The scores are divided by the square root of d_model. The scale belongs to the width of "
    "the head.",
    seen="karpathy/ng-video-lecture PR #6",
)
def scale_of_the_model(d_model, d_k, target):
    return np.sqrt(target / np.sqrt(d_model * d_k))


@start.wrong("The target is taken for the variance of the scores; it is their standard deviation.")
def target_is_variance(d_model, d_k, target):
    return np.sqrt(np.sqrt(target) / d_model)


@start.wrong("The result does not depend on the target: the scores always get spread 1.")
def target_ignored(d_model, d_k, target):
    return 1 / np.sqrt(d_model)


@start.wrong(
    "The result is the same for all widths and all targets, like a habit of many programs."
)
def always_two_hundredths(d_model, d_k, target):
    return 0.02


@start.wrong(
    "The sum over d_model terms is missing: a component of a query is counted as one product."
)
def one_term(d_model, d_k, target):
    return np.sqrt(target)


@start.wrong(
    "The width stands there without its root. The variances of the d_model terms add, not their "
    "sizes."
)
def width_without_root(d_model, d_k, target):
    return np.sqrt(target) / d_model


@start.wrong(
    "There is a factor 2 under the root, as for layers with a ReLU. No ReLU follows a projection "
    "to queries."
)
def factor_of_relu(d_model, d_k, target):
    return np.sqrt(2 * target / d_model)


@start.wrong(
    "The result is the limit of a uniform distribution. The question asks for the standard "
    "deviation of the entries."
)
def uniform_limit(d_model, d_k, target):
    return np.sqrt(3 * target / d_model)


@start.wrong(
    "The result is too small by the square root of 2. That happens when the three projections "
    "are drawn as one matrix by Glorot's rule, or when two variances are added."
)
def drawn_as_one_matrix(d_model, d_k, target):
    return np.sqrt(2 * target / (d_model + 3 * d_model))


@start.wrong("A larger target gives smaller entries here: the target stands on the wrong side.")
def target_divides(d_model, d_k, target):
    return 1 / np.sqrt(target * d_model)


@start.wrong(
    "The heads' width is under the root as well, as if a component of a query were a sum over "
    "d_model and over d_k."
)
def both_widths_summed(d_model, d_k, target):
    return np.sqrt(target / (d_model * d_k))


entropy = Question("p5.entropy_small_scores")


@entropy.cases
def entropy_cases(rng):
    """From two weights to many; s not 0 but for one case, and never 1 or 2."""
    for low, high, small, large in ((2, 4, 0.3, 0.5), (5, 12, 0.55, 0.75), (200, 900, 0.3, 0.8)):
        n, s = int(rng.integers(low, high)), round(float(rng.uniform(small, large)), 2)
        yield f"{n} weights, s = {s}", (n, s)
    n, s = int(rng.integers(20, 60)), round(float(rng.uniform(1.1, 1.3)), 2)
    yield f"{n} weights, s = {s}, the largest here", (n, s)
    yield "9 weights, equal scores", (9, 0.0)


@entropy.reference
def entropy_small_scores(n, s):
    return np.log(n) - s**2 / 2


@entropy.right
def in_plain_python(n, s):
    return math.log(n * math.exp(-s * s / 2))


@entropy.right
def second_derivative(n, s):
    """H(t) of the scores t u is even to this order, so a difference of differences gives it."""
    u = np.linspace(-1, 1, n)
    u *= s / u.std()

    def exact(t):
        e = np.exp(t * u)
        a = e / e.sum()
        return -(a * np.log(a)).sum()

    h = 1e-3
    return exact(0) + (exact(h) - 2 * exact(0) + exact(-h)) / h**2 / 2


@entropy.right
def from_weights(n, s):
    """Evenly spaced scores; to first order a weight departs from 1/n by its score over n."""
    u = np.arange(n, dtype=float)
    deviations = s * (u - u.mean()) / u.std() / n
    terms = [1 / n * math.log(1 / n) + n * d**2 / 2 for d in deviations]
    return np.array(-sum(terms))


@entropy.right
def single_precision_entropy(n, s):
    n, s = np.float32(n), np.float32(s)
    return np.log(n) - np.float32(0.5) * s * s


@entropy.right
def entropy_in_torch(n, s):
    import torch

    even = torch.full((n,), 1 / n)
    return torch.special.entr(even).sum() - torch.tensor(s).square() / 2


@entropy.wrong(
    "The entropy grows with the spread here. Even weights have the most of it; log Z is what grows."
)
def spread_raises_entropy(n, s):
    return np.log(n) + s**2 / 2


@entropy.wrong(
    "What is taken off is twice too much: there is a factor 1/2 in front of the variance."
)
def half_missing(n, s):
    return np.log(n) - s**2


@entropy.wrong("What is taken off is proportional to s: the spread must come in as a square.")
def not_squared(n, s):
    return np.log(n) - s / 2


@entropy.wrong("The spread itself is taken off: neither a square nor the factor 1/2 is there.")
def spread_taken_off(n, s):
    return np.log(n) - s


@entropy.wrong("The result is in bits; the question asks for nats.")
def bits(n, s):
    return (np.log(n) - s**2 / 2) / np.log(2)


@entropy.wrong("The logarithm of n is in bits, but what is taken off is in nats.")
def mixed_units(n, s):
    return np.log2(n) - s**2 / 2


@entropy.wrong("The result is an effective number of keys; the entropy is its logarithm.")
def effective_number(n, s):
    return n * np.exp(-(s**2) / 2)


@entropy.wrong(
    "The squared deviations are added, not averaged: what is taken off grows with n. Each weight "
    "is about 1/n."
)
def squares_added(n, s):
    return np.log(n) - n * s**2 / 2


@entropy.wrong("What is taken off is divided by n once more: a variance is already a mean.")
def averaged_twice(n, s):
    return np.log(n) - s**2 / (2 * n)


@entropy.wrong(
    "This is the mean over scores drawn with standard deviation s. Here s is the spread of the n "
    "scores about their own mean."
)
def mean_over_draws(n, s):
    return np.log(n) - (1 - 1 / n) * s**2 / 2


@entropy.wrong(
    "The variance is corrected by n/(n - 1), as for a sample. Nothing is estimated here: the n "
    "scores are all there are."
)
def corrected_as_sample(n, s):
    return np.log(n) - n / (n - 1) * s**2 / 2


@entropy.wrong("The result is a share of ln n; the question asks for the entropy in nats.")
def share_of_largest(n, s):
    return (np.log(n) - s**2 / 2) / np.log(n)


@entropy.wrong("The result is what is missing from the entropy of even weights, not the entropy.")
def missing_part(n, s):
    return s**2 / 2


@entropy.wrong("The result does not depend on the spread: it is the term of order zero alone.")
def order_zero(n, s):
    return np.log(n) + 0 * s


@entropy.wrong(
    "The fourth power of s is taken off, with the 1/2 of the second. It belongs to the gain of a "
    "projection, whose square is s."
)
def gain_for_spread(n, s):
    return np.log(n) - s**4 / 2


@entropy.wrong(
    "This is the exact entropy of scores that are s or -s. The question asks for the terms up to "
    "the second order, which are the same for all scores."
)
def exact_for_two_values(n, s):
    return np.log(n) + np.log(np.cosh(s)) - s * np.tanh(s)


@entropy.wrong(
    "The effective number of keys is expanded, and then its logarithm taken: terms of fourth "
    "order are left in."
)
def number_expanded(n, s):
    return np.log(n * (1 - s**2 / 2))


@entropy.wrong(
    "This is the collision entropy, minus the logarithm of the summed squares. It loses twice as "
    "much as the entropy."
)
def collision_entropy(n, s):
    return np.log(n) - np.log(1 + s**2)


@entropy.wrong("The logarithm is missing: even weights on n keys have entropy ln n.")
def logarithm_forgotten(n, s):
    return n - s**2 / 2

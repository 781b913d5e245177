"""Set 4, sharp and diffuse: over how many keys a row spreads, and which temperature does that."""

import math

import numpy as np

from attnbook.grade.question import Question

support = Question("p4.effective_support")


@support.cases
def support_cases(rng):
    """Numbers of rows and keys always differ; from nearly even rows to sharp ones, no weight 0."""
    for rows, keys, size in ((4, 6, 1.0), (7, 3, 0.6), (2, 9, 3.0), (1, 5, 1.5)):
        label = f"{rows} row{'s' if rows > 1 else ''}, {keys} keys, scores of spread {size:g}"
        yield label, (softmax(size * rng.normal(size=(rows, keys))),)
    lopsided = rng.permuted([[0.85, 0.1, 0.03, 0.02], [0.25] * 4, [0.4, 0.3, 0.2, 0.1]], axis=1)
    yield "3 rows, 4 keys, one row even", (lopsided,)


@support.extreme
def support_extremes(rng):
    yield "a single key each, 3 rows", (np.eye(5)[rng.choice(5, size=3, replace=False)],)
    yield "6 tokens under a causal mask", (softmax(causal(rng.normal(size=(6, 6)))),)
    yield "scores in the thousands", (softmax(1000 * rng.normal(size=(4, 7))),)


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def causal(z):
    return np.where(np.tri(len(z), dtype=bool), z, -np.inf)


@support.reference
def effective_support(weights):
    log = np.log(np.where(weights > 0, weights, 1))
    return np.exp(-(weights * log).sum(axis=1))


support.equivalent["log = np.log(np.where(weights > 0, weights, 2))"] = (
    "the logarithm at a weight of zero counts zero times"
)


@support.right
def one_by_one(weights):
    return [math.exp(-sum(p * math.log(p) for p in row if p > 0)) for row in weights]


@support.right
def in_torch(weights):
    import torch

    return torch.special.entr(torch.tensor(weights)).sum(-1).exp()


@support.right
def with_epsilon(weights):
    return np.exp(-np.einsum("ij,ij->i", weights, np.log(weights + 1e-12)))


@support.right
def as_product(weights):
    """No logarithm: 0 to the power 0 is 1."""
    return np.prod(weights**-weights, axis=-1)


@support.right
def single_precision(weights):
    w = weights.astype(np.float32)
    return np.exp2(-(w * np.log2(np.maximum(w, np.float32(1e-30)))).sum(axis=1))


@support.right
def as_limit_of_orders(weights):
    """The Renyi entropies of orders just below and above 1 average to the one of order 1."""
    e = 1e-4
    orders = [np.log((weights**q).sum(axis=1)) / (1 - q) for q in (1 - e, 1 + e)]
    return np.exp(np.mean(orders, axis=0))


def entropies(weights):
    return -(weights * np.log(weights)).sum(axis=1)


@support.wrong("These are the entropies themselves; the question asks for their exponentials.")
def entropy_itself(weights):
    return entropies(weights)


@support.wrong("The entropy is in bits, but the exponential is to base e: the bases must agree.")
def exp_of_bits(weights):
    return np.exp(entropies(weights) / np.log(2))


@support.wrong("The entropy is in nats, but the exponential is to base 2: the bases must agree.")
def two_to_the_nats(weights):
    return 2 ** entropies(weights)


@support.wrong("The result is an entropy in bits; the question asks for a number of keys.")
def entropy_in_bits(weights):
    return entropies(weights) / np.log(2)


@support.wrong(
    "The result is one over the sum of squared weights. That is also called an effective number, "
    "but it is another one, and never larger."
)
def inverse_participation(weights):
    return 1 / (weights**2).sum(axis=1)


@support.wrong("The result is the sum of squared weights, which is small where the row is diffuse.")
def participation(weights):
    return (weights**2).sum(axis=1)


@support.wrong("The result is one over the largest weight: all other weights are left out.")
def inverse_of_largest(weights):
    return 1 / weights.max(axis=1)


@support.wrong(
    "The sum runs over the queries, so there is a number for each key: the weights of a *row* are "
    "the distribution."
)
def columns(weights):
    return np.exp(entropies(weights.T))


@support.wrong("There is one number for the whole matrix: its weights are summed over all rows.")
def whole_matrix(weights):
    return np.exp(entropies(weights).sum())


@support.wrong("There is one number for the whole matrix: the exponential of the mean entropy.")
def exp_of_mean_entropy(weights):
    return np.exp(entropies(weights).mean())


@support.wrong("There is one number for the whole matrix: the mean over the rows.")
def mean_of_rows(weights):
    return np.exp(entropies(weights)).mean()


@support.wrong(
    "There is one number for the whole matrix, as if all its weights were one distribution."
)
def matrix_as_one_row(weights):
    return np.exp(entropies((weights / weights.sum()).reshape(1, -1)))[0]


@support.wrong("The sign of the entropy is missing: the results are one over the right ones.")
def sign_missing(weights):
    return np.exp(-entropies(weights))


@support.wrong("The results are shares of all keys; the question asks for numbers of keys.")
def share_of_keys(weights):
    return np.exp(entropies(weights)) / weights.shape[1]


@support.wrong("The results are entropies as shares of the largest, ln S.")
def share_of_largest_entropy(weights):
    return entropies(weights) / np.log(weights.shape[1])


@support.wrong("The entropy is divided by ln S first, so even weights give e, however many keys.")
def exp_of_share(weights):
    return np.exp(entropies(weights) / np.log(weights.shape[1]))


@support.wrong("The terms of the entropy are averaged; they must be summed.")
def mean_for_sum(weights):
    return np.exp(entropies(weights) / weights.shape[1])


@support.wrong(
    "Every logarithm counts alike here. In an entropy each one is weighted with its own weight."
)
def logarithms_not_weighted(weights):
    return np.exp(-np.log(weights).mean(axis=1))


@support.wrong("The weights are taken for scores and go through a softmax again: too even a row.")
def softmax_again(weights):
    return np.exp(entropies(softmax(weights)))


@support.wrong("All keys with any weight are counted alike, so the result says nothing of spread.")
def count_of_keys(weights):
    return (weights > 0).sum(axis=1)


@support.wrong("Keys with more than the even share are counted. The result must not jump.")
def keys_above_even(weights):
    return (weights > 1 / weights.shape[1]).sum(axis=1)


@support.wrong(
    "The entropy holds a term for each weight's opposite, 1 - a, as for S separate yes-or-no "
    "questions. A row is one choice among S."
)
def binary_entropies(weights):
    rest = 1 - weights
    return np.exp(entropies(weights) - (rest * np.log(rest)).sum(axis=1))


@support.wrong("The result is the divergence from even weights: zero where the row is even.")
def divergence_from_even(weights):
    return np.log(weights.shape[1]) - entropies(weights)


@support.wrong("The weights stand squared before the logarithm.")
def weights_squared(weights):
    return np.exp(-(weights**2 * np.log(weights)).sum(axis=1))


@support.wrong("The standard deviation of the weights is given: it says nothing about how many.")
def spread_of_weights(weights):
    return weights.std(axis=1)


@support.naive("A weight of exactly zero makes NaN of its row: 0 ln 0 must count as 0.")
def zero_log_zero(weights):
    return np.exp(-(weights * np.log(weights)).sum(axis=1))


inverse = Question("p4.temperature_for_entropy", points=4)


@inverse.cases
def inverse_cases(rng):
    """Entropies above 1 nat where the row is long, below where it is short; no mean is zero."""
    for n, size, mean, low, high in (
        (6, 1.0, 1.5, 0.70, 0.85),
        (11, 3.0, -4.0, 0.50, 0.65),
        (8, 0.5, 0.7, 0.80, 0.90),
        (20, 6.0, 2.0, 0.60, 0.75),
    ):
        H = round(float(rng.uniform(low, high)) * math.log(n), 2)
        yield f"{n} scores, H = {H}", (mean + size * spread_out(rng, n), H)
    gap, H = round(float(rng.uniform(1.5, 4)), 2), round(float(rng.uniform(0.25, 0.5)), 2)
    yield f"2 scores, {gap} apart, H = {H}", (np.array([0.6, 0.6 + gap]), H)
    tied = rng.permutation([3.2, 3.2, 2.1, 1.4, -0.5])
    yield "5 scores, two tie for the best, H = 1.1", (tied, 1.1)


def spread_out(rng, n):
    """Return n scores in any order, mean 0 and variance 1; normal but for their evenness."""
    x = np.sort(rng.normal(size=(9, n)), axis=1).mean(axis=0)
    return rng.permutation((x - x.mean()) / x.std())


@inverse.extreme
def inverse_extremes(rng):
    """Steps of a quarter are exact in single precision, too."""
    for factor, level, where in (
        (1.0, 2000.0, "near 2000"),
        (2.0**17, 0.0, "in the hundred thousands"),
        (2.0**-7, 0.0, "within a tenth"),
    ):
        steps = rng.choice(np.arange(1, 20), size=7, replace=False) / 4
        yield f"7 scores {where}, H = 1.2", (level + factor * steps, 1.2)
    steps = rng.choice(np.arange(1, 20), size=5, replace=False) / 4
    yield "6 scores, one key masked with -1e9, H = 1.1", (np.append(steps, -1e9), 1.1)


@inverse.reference
def temperature_for_entropy(s, H):
    low, high = -60.0, 60.0
    for _ in range(60):
        x = (low + high) / 2
        z = (s - s.max()) / 2**x
        w = np.exp(z)
        entropy = np.log(w.sum()) - w @ z / w.sum()
        low, high = (x, high) if entropy < H else (low, x)
    return 2**x


WIDER = "the bracket only has to hold the answer, and the steps are more than enough"
inverse.equivalent.update(
    {
        "low, high = (-61.0, 60.0)": WIDER,
        "low, high = (-59.0, 60.0)": WIDER,
        "low, high = (-60.0, 61.0)": WIDER,
        "low, high = (-60.0, 59.0)": WIDER,
        "for _ in range(61):": WIDER,
        "for _ in range(59):": WIDER,
        "low, high = (x, high) if entropy <= H else (low, x)": "the search meets H up to rounding",
    }
)


def entropy_at(s, T):
    a = softmax(s / T)
    return -(a * np.log(np.where(a > 0, a, 1))).sum()


def solve(rising, target, low=1e-15, high=1e15):
    """Return where a rising function of a positive number meets a target."""
    for _ in range(100):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return middle


@inverse.right
def doubling_then_halving(s, H):
    best = max(s)

    def entropy(T):
        w = [math.exp((one - best) / T) for one in s]
        return -sum(part / sum(w) * math.log(part / sum(w)) for part in w if part > 0)

    high = 1.0
    while entropy(high) < H:
        high *= 2
    low = high / 2
    while entropy(low) > H:
        low /= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if entropy(middle) < H else (low, middle)
    return high


@inverse.right
def newton_in_logarithm(s, H):
    """Newton's steps for ln T, with dS / d ln T = Var(s) / T^2, kept inside a bracket."""
    low, high, x = -40.0, 40.0, 0.0
    for _ in range(200):
        a = softmax(s / np.exp(x))
        off = entropy_at(s, np.exp(x)) - H
        low, high = (x, high) if off < 0 else (low, x)
        slope = a @ (s - a @ s) ** 2 / np.exp(2 * x)
        x = x - off / slope if slope > 0 else low
        x = x if low < x < high else (low + high) / 2
    return np.exp(x)


@inverse.right
def in_torch_single_precision(s, H):
    import torch

    scores = torch.tensor(s, dtype=torch.float32)
    low, high = torch.tensor(1e-8), torch.tensor(1e8)
    for _ in range(50):
        middle = (low * high).sqrt()
        entropy = torch.distributions.Categorical(logits=(scores - scores.max()) / middle).entropy()
        low, high = (middle, high) if entropy < H else (low, middle)
    return middle


@inverse.right
def grids_ever_finer(s, H):
    low, high = -35.0, 35.0
    for _ in range(12):
        x = np.linspace(low, high, 21)
        a = softmax(s / np.exp(x)[:, None])
        S = -(a * np.log(a + (a == 0))).sum(axis=1)
        after = int(np.argmax(S >= H))
        low, high = x[after - 1], x[after]
    return np.exp(low)


@inverse.right
def by_inverse_temperature(s, H):
    """The entropy falls as the inverse temperature rises."""
    return 1 / solve(lambda beta: -entropy_at(s - s.max(), 1 / beta), -H)


@inverse.wrong("The result is one over the temperature: the scores are multiplied by it.")
def inverse_temperature(s, H):
    return 1 / solve(lambda T: entropy_at(s, T), H)


@inverse.wrong("The result is the logarithm of the temperature.")
def logarithm_of_temperature(s, H):
    return np.log(solve(lambda T: entropy_at(s, T), H))


@inverse.wrong(
    "The scores are divided by the root of T: the result is the square of the right one."
)
def square_of_temperature(s, H):
    return solve(lambda T: entropy_at(s, math.sqrt(T)), H)


@inverse.wrong("The entropy is in bits where H is in nats: the row comes out too cold.")
def entropy_in_bits_meets_nats(s, H):
    return solve(lambda T: entropy_at(s, T) / np.log(2), H)


@inverse.wrong(
    "Collision entropy, minus the logarithm of the summed squares, meets H here: the row comes out "
    "too hot."
)
def collision_entropy(s, H):
    return solve(lambda T: -np.log((softmax(s / T) ** 2).sum()), H)


@inverse.wrong("Minus the logarithm of the largest weight meets H here, not the entropy.")
def largest_weight_only(s, H):
    return solve(lambda T: -np.log(softmax(s / T).max()), H)


@inverse.wrong("T times the entropy meets H here: H is an entropy, not an energy.")
def entropy_times_temperature(s, H):
    return solve(lambda T: T * entropy_at(s, T), H)


@inverse.wrong("What the entropy lacks from ln n meets H here, not the entropy itself.")
def missing_entropy(s, H):
    return solve(lambda T: entropy_at(s, T) - np.log(len(s)), -H)


@inverse.wrong("The scores are taken for energies: the key with the lowest score gets most weight.")
def scores_are_energies(s, H):
    return solve(lambda T: entropy_at(-s, T), H)


@inverse.wrong(
    "The scores are divided by their standard deviation first, so the temperature is that of other "
    "scores than the ones given."
)
def standardized_scores(s, H):
    return solve(lambda T: entropy_at(s / s.std(), T), H)


@inverse.wrong(
    "The scores are divided by the largest size among them first, so the temperature is that of "
    "other scores than the ones given."
)
def scores_over_largest(s, H):
    return solve(lambda T: entropy_at(s / abs(s).max(), T), H)


@inverse.wrong(
    "The scores are divided by the root of their number first; the temperature is to be for the "
    "scores as given."
)
def scores_over_root(s, H):
    return solve(lambda T: entropy_at(s / np.sqrt(len(s)), T), H)


@inverse.wrong(
    "This is the formula for small scores, ln n less half the variance over T squared, solved for "
    "T. These rows are not nearly even."
)
def small_score_formula(s, H):
    return s.std() / np.sqrt(2 * (np.log(len(s)) - H))


@inverse.wrong(
    "This is the formula for small scores with a factor 1/2 missing, and these rows are not nearly "
    "even."
)
def small_score_formula_without_half(s, H):
    return s.std() / np.sqrt(np.log(len(s)) - H)


@inverse.wrong("This is the freezing temperature of random scores; H does not come in at all.")
def freezing_temperature(s, H):
    return s.std() / np.sqrt(2 * np.log(len(s)))


@inverse.wrong("The result is H over ln n, which does not depend on the scores.")
def entropy_over_largest(s, H):
    return H / np.log(len(s))


@inverse.wrong("The result is the spread of the scores, whatever H is.")
def spread_of_scores(s, H):
    return s.std()


@inverse.wrong(
    "The result is the best point of a grid with steps of 0.1. That is near, but a search can "
    "halve its interval until nothing is left of it."
)
def coarse_grid(s, H):
    T = np.arange(1, 1001) / 10
    return T[np.argmin([abs(entropy_at(s, one) - H) for one in T])]


@inverse.wrong(
    "The result is the best point of a grid with steps of 0.01. That is near, but a search can "
    "halve its interval until nothing is left of it."
)
def fine_grid(s, H):
    T = np.arange(1, 10001) / 100
    return T[np.argmin([abs(entropy_at(s, one) - H) for one in T])]


@inverse.wrong("The search takes the wrong half each time and ends far off: hotter is more even.")
def wrong_half(s, H):
    low, high = 1e-3, 1e3
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if entropy_at(s, middle) > H else (low, middle)
    return middle


@inverse.wrong(
    "The entropy at T = 1 is given back. What is wanted is the temperature at which it is H."
)
def entropy_returned(s, H):
    return entropy_at(s, 1)


@inverse.wrong("The temperature fits the effective number of keys to H; H is its logarithm.")
def effective_number_meets_entropy(s, H):
    return solve(lambda T: np.exp(entropy_at(s, T)), H)


@inverse.naive("Without their largest taken off first, the exponentials of large scores overflow.")
def overflows(s, H):
    def entropy(T):
        w = np.exp(s / T)
        return np.log(w.sum()) - w @ s / w.sum() / T

    low, high = around(entropy, H)
    return solve(entropy, H, low, high)


@inverse.naive(
    "The search looks between fixed temperatures only. What is hot and what is cold depends on the "
    "spread of the scores."
)
def fixed_bracket(s, H):
    return solve(lambda T: entropy_at(s, T), H, 0.05, 100)


@inverse.naive("A weight that is exactly zero makes NaN of the entropy: 0 ln 0 must count as 0.")
def zero_log_zero_in_search(s, H):
    def entropy(T):
        a = softmax(s / T)
        return -(a * np.log(a)).sum()

    low, high = around(entropy, H)
    return solve(entropy, H, low, high)


@inverse.naive(
    "The search looks near the standard deviation of the scores only. A single masked key makes "
    "that huge."
)
def bracket_from_spread(s, H):
    return solve(lambda T: entropy_at(s, T), H, s.std() / 100, s.std() * 100)


def around(entropy, H):
    """Return two temperatures around the one that is wanted, by doubling and halving."""
    low = high = 1.0
    while entropy(high) < H:
        high *= 2
    while entropy(low) > H:
        low /= 2
    return low, high

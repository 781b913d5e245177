"""Set 3, temperature: mean energy, entropy and free energy of a row of scores."""

import math

import numpy as np

from attnbook.grade.question import Question

thermo_question = Question("p3.thermo")


@thermo_question.cases
def thermo_cases(rng):
    """No temperature is 1, no mean is 0; the fourth row is cold, with scores over T up to 40."""
    for n, size, mean, low, high in (
        (5, 1.0, 1.5, 0.4, 0.7),
        (8, 2.0, -3.0, 2.2, 3.5),
        (12, 5.0, 0.8, 0.35, 0.5),
    ):
        T = round(float(rng.uniform(low, high)), 2)
        yield f"{n} scores, T = {T}", (mean + size * rng.normal(size=n), T)
    T, level = round(float(rng.uniform(2.5, 4)), 1), round(float(rng.uniform(1.2, 2)), 1)
    yield f"4 equal scores, T = {T}", (np.full(4, level), T)
    yield "a single score, T = 0.3", (rng.uniform(1, 3, size=1), 0.3)


@thermo_question.extreme
def thermo_extremes(rng):
    """Steps of a quarter are exact in single precision, too."""
    yield "scores in the thousands, T = 0.5", (1000 * rng.normal(size=6), 0.5)
    for level in (1000, -2000):
        steps = rng.choice(np.arange(16), size=5, replace=False) / 4
        yield f"scores near {level}, T = 1.5", (level + steps, 1.5)
    tied = 900 + rng.permutation([25.0, 25.0, 12.5, 3.25, 7.75, 1.5, 0.25])
    yield "two scores tie for the best, T = 1e-12", (tied, 1e-12)


@thermo_question.reference
def thermo(s, T):
    z = (s - s.max()) / T
    log_sum = np.log(np.exp(z).sum())
    a = np.exp(z - log_sum)
    U = -(a @ s)
    S = -(a @ (z - log_sum))
    F = -s.max() - T * log_sum
    return np.array([U, S, F])


@thermo_question.right
def key_by_key(s, T):
    best = max(s)
    w = [math.exp((one - best) / T) for one in s]
    Z = sum(w)
    U = sum(-one * part / Z for one, part in zip(s, w, strict=True))
    S = -sum(part / Z * math.log(part / Z) for part in w if part > 0)
    return [U, S, U - T * S]


@thermo_question.right
def in_torch(s, T):
    import torch

    scores = torch.tensor(s, requires_grad=True)
    a = torch.softmax(scores / T, dim=0)
    S = torch.special.entr(a).sum()
    F = -T * torch.logsumexp(scores / T, dim=0)
    return torch.stack([(a * -scores).sum(), S, F])


@thermo_question.right
def by_derivative(s, T):
    """S = -dF/dT, by a step along the imaginary axis; then U = F + TS."""
    step = 1e-20 * T
    warm = T + 1j * step
    F = -s.max() - warm * np.log(np.exp((s - s.max()) / warm).sum())
    S = -F.imag / step
    return np.array([F.real + T * S, S, F.real])


@thermo_question.right
def single_precision(s, T):
    s, T = s.astype(np.float32), np.float32(T)
    w = np.exp((s - s.max()) / T)
    a = w / w.sum()
    S = -np.einsum("j,j", a, np.log(np.where(a > 0, a, 1)), dtype=np.float32)
    return np.array([a @ -s, S, -s.max() - T * np.log(w.sum())], dtype=np.float32)


@thermo_question.right
def with_epsilon(s, T):
    E = -s
    w = np.exp((E.min() - E) / T)
    a = w / w.sum()
    U, S = a @ E, -(a * np.log(a + 1e-12)).sum()
    return np.array([U, S, U - T * S])


@thermo_question.right
def best_bargain(s, T):
    """The price U[p] - T S[p], raised by the divergence from the Boltzmann weights, for even p."""
    z = (s - s.max()) / T
    log_a = z - np.log(np.exp(z).sum())
    price = -s.mean() - T * np.log(len(s))
    F = price + T * (log_a + np.log(len(s))).mean()
    S = -(np.exp(log_a) * log_a).sum()
    return np.array([-(np.exp(log_a) * s).sum(), S, F])


def parts(z):
    """Return weights, entropy and ln Z of a row of exponents."""
    log_sum = np.log(np.exp(z - z.max()).sum())
    log_a = z - z.max() - log_sum
    return np.exp(log_a), -(np.exp(log_a) @ log_a), z.max() + log_sum


@thermo_question.wrong("The scores are multiplied by T: the row grows colder as T rises.")
def temperature_multiplies(s, T):
    a, S, log_z = parts(s * T)
    return np.array([-(a @ s), S, -T * log_z])


@thermo_question.wrong(
    "The scores are multiplied by T, and F follows from U and S. The row grows colder as T rises."
)
def temperature_multiplies_in_weights(s, T):
    a, S, _ = parts(s * T)
    return np.array([-(a @ s), S, -(a @ s) - T * S])


@thermo_question.wrong("The weights are those of T = 1: the temperature comes in at F only.")
def temperature_not_in_weights(s, T):
    a, S, _ = parts(s)
    return np.array([-(a @ s), S, -(a @ s) - T * S])


@thermo_question.wrong("The temperature comes in as the factor of F only; ln Z is that of T = 1.")
def temperature_not_in_sum(s, T):
    a, S, log_z = parts(s)
    return np.array([-(a @ s), S, -T * log_z])


@thermo_question.wrong("The scores are divided by the root of T, not by T.")
def root_of_temperature(s, T):
    a, S, _ = parts(s / np.sqrt(T))
    return np.array([-(a @ s), S, -(a @ s) - T * S])


@thermo_question.wrong(
    "The scores are taken for the energies. Then the best key has the highest energy, and the "
    "least weight."
)
def scores_are_energies(s, T):
    a, S, log_z = parts(-s / T)
    return np.array([a @ s, S, -T * log_z])


@thermo_question.wrong(
    "The weights favor low scores, but U is minus the mean score. One of two signs is missing."
)
def sign_in_weights_only(s, T):
    a, S, _ = parts(-s / T)
    return np.array([-(a @ s), S, -(a @ s) - T * S])


@thermo_question.wrong(
    "U is the mean score, not the mean energy; F has the right sign, so it no longer is U - TS."
)
def mean_score(s, T):
    a, S, log_z = parts(s / T)
    return np.array([a @ s, S, -T * log_z])


@thermo_question.wrong("U is the mean score, not the mean energy, and F inherits its sign.")
def mean_score_in_free_energy(s, T):
    a, S, _ = parts(s / T)
    return np.array([a @ s, S, a @ s - T * S])


@thermo_question.wrong("F is minus ln Z: it has no factor T, and so is not an energy.")
def factor_missing(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s), S, -log_z])


@thermo_question.wrong("F is U - S: the entropy is taken off without its price, the temperature.")
def entropy_without_price(s, T):
    a, S, _ = parts(s / T)
    return np.array([-(a @ s), S, -(a @ s) - S])


@thermo_question.wrong("ln Z is divided by T in F: T and its inverse are mixed up.")
def inverse_factor(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s), S, -log_z / T])


@thermo_question.wrong("F is U + TS. Spread is worth something, so it makes F lower, not higher.")
def entropy_added(s, T):
    a, S, _ = parts(s / T)
    return np.array([-(a @ s), S, -(a @ s) + T * S])


@thermo_question.wrong("F has the wrong sign: a larger Z must make it lower.")
def free_energy_sign(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s), S, T * log_z])


@thermo_question.wrong("The entropy is negative here: logarithms of weights are below zero.")
def entropy_sign(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s), -S, -T * log_z])


@thermo_question.wrong(
    "The entropy is negative, and F inherits its sign: logarithms of weights are below zero."
)
def entropy_sign_in_free_energy(s, T):
    a, S, _ = parts(s / T)
    return np.array([-(a @ s), -S, -(a @ s) + T * S])


@thermo_question.wrong("The entropy is in bits; the question asks for nats.")
def entropy_in_bits(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s), S / np.log(2), -T * log_z])


@thermo_question.wrong("The entropy is in bits, and F with it: both need the natural logarithm.")
def bits_in_free_energy(s, T):
    a, S, _ = parts(s / T)
    return np.array([-(a @ s), S / np.log(2), -(a @ s) - T * S / np.log(2)])


@thermo_question.wrong("The logarithms of entropy and of Z are to base 2; both must be natural.")
def base_two_in_sum(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s), S / np.log(2), -T * log_z / np.log(2)])


@thermo_question.wrong(
    "F does not change when the same number is added to all scores. The largest score, taken off "
    "for safety, must come back."
)
def shift_forgotten(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s), S, -T * (log_z - s.max() / T)])


@thermo_question.wrong(
    "The largest score comes back into F multiplied by T: it stands among numbers that are divided "
    "by T."
)
def shift_in_wrong_units(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s), S, -T * (log_z - s.max() / T + s.max())])


@thermo_question.wrong(
    "The largest score comes back into F with the wrong sign: the best key must lower F."
)
def shift_sign(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s), S, -T * (log_z - s.max() / T) + s.max()])


@thermo_question.wrong(
    "U and F are those of the scores less the largest one, not of the scores that were given. A "
    "shift leaves the weights alone, but it moves the energies."
)
def shifted_energies(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s), S, -T * log_z]) + np.array([1, 0, 1]) * s.max()


@thermo_question.wrong("U is the plain mean of the energies; each must count with its weight.")
def unweighted_energy(s, T):
    _, S, log_z = parts(s / T)
    return np.array([-s.mean(), S, -T * log_z])


@thermo_question.wrong("U is the mean of E/T: it is counted in units of T, but F is not.")
def energy_over_temperature(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s) / T, S, -T * log_z])


@thermo_question.wrong(
    "U and F are both too small by a factor T, as if the scores over T were the energies."
)
def units_of_temperature(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s) / T, S, -log_z])


@thermo_question.wrong("U is the energy of the best key, which is right at T = 0 only.")
def lowest_energy(s, T):
    _, S, log_z = parts(s / T)
    return np.array([-s.max(), S, -T * log_z])


@thermo_question.wrong(
    "The entropy is given as an effective number of keys; the question asks for its logarithm."
)
def effective_number(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s), np.exp(S), -T * log_z])


@thermo_question.wrong("The entropy is given as a share of ln n; the question asks for nats.")
def share_of_largest_entropy(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s), S / np.log(len(s)), -T * log_z])


@thermo_question.wrong(
    "The entropy is minus the logarithm of the summed squares of the weights, which is another one."
)
def collision_entropy(s, T):
    a, _, log_z = parts(s / T)
    return np.array([-(a @ s), -np.log((a**2).sum()), -T * log_z])


@thermo_question.wrong("Z is the mean of the exponentials; it must be their sum.")
def mean_for_sum(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s), S, -T * (log_z - np.log(len(s)))])


@thermo_question.wrong("Z sums exponentials of the energies over T; a sign is missing in F only.")
def sign_in_sum_only(s, T):
    a, S, _ = parts(s / T)
    return np.array([-(a @ s), S, -T * parts(-s / T)[2]])


@thermo_question.wrong(
    "All three numbers are right, but in the order F, U, S; the question asks for U, S, F."
)
def order_of_the_chapter(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-T * log_z, -(a @ s), S])


@thermo_question.wrong(
    "All three numbers are right, but in the order U, F, S; the question asks for U, S, F."
)
def energies_first(s, T):
    a, S, log_z = parts(s / T)
    return np.array([-(a @ s), -T * log_z, S])


OVERFLOW = "The exponential of a large score overflows, and that of a very low one leaves Z = 0."
ZERO = "A weight that underflows to zero makes NaN of the entropy: 0 ln 0 must count as 0."


@thermo_question.naive(OVERFLOW)
def overflows(s, T):
    w = np.exp(s / T)
    a = w / w.sum()
    return np.array([-(a @ s), -(a * np.log(a)).sum(), -T * np.log(w.sum())])


@thermo_question.naive(OVERFLOW)
def overflows_in_all_three(s, T):
    w = np.exp(s / T)
    a = w / w.sum()
    U, S = -(a @ s), -(a * np.log(a)).sum()
    return np.array([U, S, U - T * S])


@thermo_question.naive(ZERO)
def zero_log_zero(s, T):
    a = np.exp((s - s.max()) / T)
    Z = a.sum()
    a = a / Z
    return np.array([-(a @ s), -(a * np.log(a)).sum(), -s.max() - T * np.log(Z)])


@thermo_question.naive(ZERO)
def zero_log_zero_in_free_energy(s, T):
    a = np.exp((s - s.max()) / T)
    a = a / a.sum()
    U, S = -(a @ s), -(a * np.log(a)).sum()
    return np.array([U, S, U - T * S])


@thermo_question.naive(
    "The entropy is the difference of two nearly equal energies over a tiny T: its digits are lost."
)
def entropy_from_difference(s, T):
    a = np.exp((s - s.max()) / T)
    U, F = -(a @ s) / a.sum(), -s.max() - T * np.log(a.sum())
    return np.array([U, (U - F) / T, F])

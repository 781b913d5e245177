"""Set 7, rotary positions: turn every pair by its own clock, and distance alone is left."""

import cmath
import math

import numpy as np

from attnbook.grade.question import Question

rotary = Question("p7.rope")


@rotary.cases
def rotary_cases(rng):
    """Positions unsorted, repeated, not from 0; small enough for angles in single precision."""
    for n, d, low, high in ((5, 8, 3, 20), (7, 6, 10, 50), (4, 12, 0, 30)):
        yield labeled(n, d, low, high), (1 + rng.normal(size=(n, d)), placed(rng, n, low, high))
    yield "one token, D = 2", (rng.normal(size=(1, 2)), rng.integers(2, 6, size=1))


def labeled(n, d, low, high):
    return f"{n} tokens, D = {d}, unsorted positions from {low} to {high}, one of them twice"


def placed(rng, n, low, high):
    """Both ends, one position twice, and the first token not at the lowest position."""
    inner = rng.choice(np.arange(low + 2, high - 1), size=n - 3, replace=False)
    positions = np.concatenate([[high, low], inner, [high]])
    order = rng.permutation(n - 1) + 1
    return np.concatenate([positions[:1], positions[order]])


@rotary.extreme
def rotary_extremes(rng):
    positions = rng.integers(2_000_000, 9_000_000, size=6)
    yield "positions in the millions", (rng.normal(size=(6, 10)), positions)


@rotary.reference
def rope(x, positions):
    d = x.shape[1]
    angles = positions[:, None] * 10000.0 ** (-np.arange(0, d, 2) / d)
    a, b = x[:, 0::2], x[:, 1::2]
    out = np.empty(x.shape)
    out[:, 0::2] = a * np.cos(angles) - b * np.sin(angles)
    out[:, 1::2] = a * np.sin(angles) + b * np.cos(angles)
    return out


def angles_of(x, positions, base=10000.0):
    d = x.shape[1]
    return positions[:, None] * base ** (-np.arange(0, d, 2) / d)


def turned(x, theta):
    """Turn neighbors by theta, shape (N, D/2)."""
    z = (x[:, 0::2] + 1j * x[:, 1::2]) * np.exp(1j * theta)
    return np.stack([z.real, z.imag], axis=-1).reshape(x.shape)


def half_turned(x, theta):
    """Turn channel i with channel i + D/2 by theta."""
    a, b = np.split(x, 2, axis=1)
    return np.hstack([a * np.cos(theta) - b * np.sin(theta), a * np.sin(theta) + b * np.cos(theta)])


def half_swapped(x):
    a, b = np.split(x, 2, axis=1)
    return np.hstack([-b, a])


def neighbors_swapped(x):
    return np.stack([-x[:, 1::2], x[:, 0::2]], axis=-1).reshape(x.shape)


@rotary.right
def pair_by_pair(x, positions):
    rows = []
    for row, t in zip(x.tolist(), positions.tolist(), strict=True):
        out = []
        for i in range(len(row) // 2):
            z = complex(row[2 * i], row[2 * i + 1]) * cmath.exp(1j * t / 100 ** (4 * i / len(row)))
            out += [z.real, z.imag]
        rows.append(out)
    return rows


@rotary.right
def with_matrices(x, positions):
    """A block-diagonal rotation for each position."""
    n, d = x.shape
    matrices = np.zeros((n, d, d))
    for i in range(d // 2):
        angle = positions * 10000 ** (-2 * i / d)
        matrices[:, 2 * i, 2 * i] = matrices[:, 2 * i + 1, 2 * i + 1] = np.cos(angle)
        matrices[:, 2 * i + 1, 2 * i] = np.sin(angle)
        matrices[:, 2 * i, 2 * i + 1] = -np.sin(angle)
    return np.einsum("nij,nj->ni", matrices, x)


@rotary.right
def neighbors_exchanged(x, positions):
    """Cosine and sine repeated for both channels of a pair; numbers in single precision."""
    theta = np.repeat(angles_of(x, positions), 2, axis=1)
    cos, sin = np.cos(theta).astype(np.float32), np.sin(theta).astype(np.float32)
    x = x.astype(np.float32)
    return x * cos + neighbors_swapped(x) * sin


@rotary.right
def halves_between_two_permutations(x, positions):
    d = x.shape[1]
    order = np.concatenate([np.arange(0, d, 2), np.arange(1, d, 2)])
    out = np.empty_like(x)
    out[:, order] = half_turned(x[:, order], angles_of(x, positions))
    return out


@rotary.right
def rope_in_torch(x, positions):
    import torch

    x, positions = torch.as_tensor(x), torch.as_tensor(positions).double()
    powers = torch.arange(0, x.shape[1], 2, dtype=torch.float64) / x.shape[1]
    theta = torch.outer(positions, torch.exp(-math.log(10000) * powers))
    turn = torch.polar(torch.ones_like(theta), theta)
    return torch.view_as_real(torch.view_as_complex(x.reshape(len(x), -1, 2)) * turn).flatten(1)


@rotary.right
def three_shears(x, positions):
    """A rotation is three shears; this one works in place, and is right."""
    out, theta = x.copy(), np.angle(np.exp(1j * angles_of(x, positions)))
    a, b = out[:, 0::2], out[:, 1::2]
    quarter = np.abs(theta) > np.pi / 2
    a[quarter], b[quarter] = -a[quarter], -b[quarter]
    theta = np.where(quarter, theta - np.pi * np.sign(theta), theta)
    a -= np.tan(theta / 2) * b
    b += np.sin(theta) * a
    a -= np.tan(theta / 2) * b
    return out


@rotary.naive(
    "The angles are held in single precision. It has about seven digits in all, so few are left "
    "behind the point of a large angle, and those are the ones that a rotation needs."
)
def angles_in_single_precision(x, positions):
    frequencies = np.float32(10000) ** (-np.arange(0, x.shape[1], 2) / x.shape[1])
    theta = positions[:, None].astype(np.float32) * frequencies.astype(np.float32)
    return turned(x, theta.astype(np.float64))


@rotary.naive(
    "The frequencies are held in single precision. A large position multiplies their rounding."
)
def frequencies_in_single_precision(x, positions):
    frequencies = (10000.0 ** (-np.arange(0, x.shape[1], 2) / x.shape[1])).astype(np.float32)
    return turned(x, positions[:, None] * frequencies.astype(np.float64))


@rotary.wrong(
    "Channel i is paired with channel i + D/2. That is the other pairing in use; this question "
    "asks for neighbors.",
    seen="karpathy/nanochat #264",
)
def halves_paired(x, positions):
    return half_turned(x, angles_of(x, positions))


@rotary.wrong(
    "The pairings are mixed: the angles are repeated for neighbors, but the partners come from the "
    "other half of the channels.",
    seen="raiyanyahya/how-to-train-your-gpt #6",
)
def partners_from_halves(x, positions):
    theta = np.repeat(angles_of(x, positions), 2, axis=1)
    return x * np.cos(theta) + half_swapped(x) * np.sin(theta)


@rotary.wrong(
    "The pairings are mixed: the partners are neighbors, but the list of angles is laid out for "
    "two halves, so the two channels of a pair get different angles.",
    seen="facebookresearch/vjepa2 PR #15",
)
def angles_for_halves(x, positions):
    theta = np.tile(angles_of(x, positions), 2)
    return x * np.cos(theta) + neighbors_swapped(x) * np.sin(theta)


@rotary.wrong(
    "The pairs are turned right and then put back as two halves: the first numbers of all pairs, "
    "followed by the second ones."
)
def not_interleaved_again(x, positions):
    return turned(x, angles_of(x, positions)).reshape(len(x), -1, 2).swapaxes(1, 2).reshape(x.shape)


@rotary.wrong("The pairs turn the wrong way: by minus the angle.")
def wrong_way(x, positions):
    return turned(x, -angles_of(x, positions))


@rotary.wrong(
    "The second channel of each pair is made from the first one after it was overwritten. Keep "
    "both old values until both new ones are there."
)
def overwritten(x, positions):
    theta = angles_of(x, positions)
    x[:, 0::2] = x[:, 0::2] * np.cos(theta) - x[:, 1::2] * np.sin(theta)
    x[:, 1::2] = x[:, 0::2] * np.sin(theta) + x[:, 1::2] * np.cos(theta)
    return x


@rotary.wrong("All pairs turn at the same speed, one radian a position.")
def one_frequency(x, positions):
    return turned(x, np.repeat(positions[:, None], x.shape[1] // 2, axis=1))


@rotary.wrong(
    "The frequencies fall too slowly: the exponent is that of pair i over D, without the factor 2."
)
def exponent_halved(x, positions):
    d = x.shape[1]
    return turned(x, positions[:, None] * 10000.0 ** (-np.arange(d // 2) / d))


@rotary.wrong(
    "The frequencies fall too fast: the factor 2 of the exponent is there twice. Counting in steps "
    "of two has it already."
)
def exponent_doubled(x, positions):
    d = x.shape[1]
    return turned(x, positions[:, None] * 10000.0 ** (-2 * np.arange(0, d, 2) / d))


@rotary.wrong(
    "The last frequency is exactly 1/10000: the exponent is divided by the number of pairs minus "
    "one."
)
def exponent_reaches_one(x, positions):
    pairs = x.shape[1] // 2
    return turned(x, positions[:, None] * 10000.0 ** (-np.arange(pairs) / max(pairs - 1, 1)))


@rotary.wrong("The exponents begin at pair 1, not at pair 0: every pair turns too slowly.")
def pairs_counted_from_one(x, positions):
    d = x.shape[1]
    return turned(x, positions[:, None] * 10000.0 ** (-np.arange(2, d + 1, 2) / d))


@rotary.wrong("The frequencies grow from pair to pair: the sign of the exponent is missing.")
def frequencies_grow(x, positions):
    return turned(x, angles_of(x, positions, 1 / 10000))


@rotary.wrong("The frequencies are in reversed order: the last pair must be the slowest.")
def frequencies_reversed(x, positions):
    return turned(x, angles_of(x, positions)[:, ::-1])


@rotary.wrong(
    "The base is that of another model, 500,000. The question asks for 10,000.",
)
def another_base(x, positions):
    return turned(x, angles_of(x, positions, 500_000.0))


@rotary.wrong("The base is 1000: a zero is missing.")
def base_of_a_thousand(x, positions):
    return turned(x, angles_of(x, positions, 1000.0))


@rotary.wrong("The angles are taken for degrees; they are in radians.")
def degrees(x, positions):
    return turned(x, np.deg2rad(angles_of(x, positions)))


@rotary.wrong("The angles are multiplied by 2 pi, as if positions were counted in full turns.")
def full_turns(x, positions):
    return turned(x, 2 * np.pi * angles_of(x, positions))


@rotary.wrong(
    "The number of the row is taken for its position. The positions are given, and need not be "
    "0, 1, 2 and so on."
)
def rows_for_positions(x, positions):
    return turned(x, angles_of(x, np.arange(len(x))))


@rotary.wrong("The positions are counted from the first token of the array. They are absolute.")
def counted_from_first_token(x, positions):
    return turned(x, angles_of(x, positions - positions[0]))


@rotary.wrong("The positions are counted from the lowest one. They are absolute.")
def counted_from_lowest(x, positions):
    return turned(x, angles_of(x, positions - positions.min()))


@rotary.wrong("Every position is too large by one, as if the first were 1.")
def counted_from_one(x, positions):
    return turned(x, angles_of(x, positions + 1))


@rotary.wrong("The positions are sorted first, so they belong to other tokens.")
def positions_sorted(x, positions):
    return turned(x, angles_of(x, np.sort(positions)))


@rotary.wrong("Sine and cosine are exchanged.")
def sine_and_cosine_exchanged(x, positions):
    return turned(x, np.pi / 2 - angles_of(x, positions))


@rotary.wrong(
    "This is no rotation: both sines have the sign plus, and lengths change. One must be negative."
)
def both_signs_plus(x, positions):
    theta, out = angles_of(x, positions), np.empty(x.shape)
    out[:, 0::2] = x[:, 0::2] * np.cos(theta) + x[:, 1::2] * np.sin(theta)
    out[:, 1::2] = x[:, 0::2] * np.sin(theta) + x[:, 1::2] * np.cos(theta)
    return out


@rotary.wrong(
    "This is no rotation: both sines have the sign minus, and lengths change. One must be positive."
)
def both_signs_minus(x, positions):
    theta, out = angles_of(x, positions), np.empty(x.shape)
    out[:, 0::2] = x[:, 0::2] * np.cos(theta) - x[:, 1::2] * np.sin(theta)
    out[:, 1::2] = x[:, 1::2] * np.cos(theta) - x[:, 0::2] * np.sin(theta)
    return out


@rotary.wrong("Each channel is multiplied with itself only: its partner is missing.")
def partner_missing(x, positions):
    theta = np.repeat(angles_of(x, positions), 2, axis=1)
    return x * np.cos(theta) + x * np.sin(theta)


@rotary.wrong("Each channel is multiplied by a cosine, and the part with the sine is missing.")
def cosine_only(x, positions):
    return x * np.cos(np.repeat(angles_of(x, positions), 2, axis=1))


@rotary.wrong("Sine and cosine of the angles are added to x, as in absolute encodings.")
def added(x, positions):
    theta = angles_of(x, positions)
    return x + np.stack([np.sin(theta), np.cos(theta)], axis=-1).reshape(x.shape)


@rotary.wrong("The rotation is applied twice: every angle is doubled.")
def rotated_twice(x, positions):
    return turned(x, 2 * angles_of(x, positions))


@rotary.wrong("Nothing is turned: the result is x.")
def not_turned(x, positions):
    return x


@rotary.wrong("Only the first pair is turned. Every pair has an angle of its own.")
def first_pair_only(x, positions):
    theta = angles_of(x, positions)
    theta[:, 1:] = 0
    return turned(x, theta)


@rotary.wrong("All rows are turned by the angles of the first position.")
def one_position_for_all(x, positions):
    return turned(x, angles_of(x, np.full(len(x), positions[0])))


scores = Question("p7.rope_scores")


@scores.cases
def scores_cases(rng):
    """Positions as before; one case with scores that are large."""
    for n, d, low, high, size in ((5, 8, 3, 20, 1.0), (7, 6, 10, 40, 1.0), (6, 4, 1, 15, 3.0)):
        q, k = size * (rng.normal(size=(2, n, d)) + 0.5)
        yield labeled(n, d, low, high), (q, k, placed(rng, n, low, high))
    q, k = rng.normal(size=(2, 1, 10))
    yield "one token, D = 10", (q, k, rng.integers(3, 9, size=1))


@scores.extreme
def scores_extremes(rng):
    q, k = rng.normal(size=(2, 6, 10))
    yield "positions in the millions", (q, k, rng.integers(2_000_000, 9_000_000, size=6))


@scores.reference
def rope_scores(q, k, positions):
    return rope(q, positions) @ rope(k, positions).T / np.sqrt(q.shape[1])


def scored(q, k, turn_q, turn_k):
    return turned(q, turn_q) @ turned(k, turn_k).T / np.sqrt(q.shape[1])


@scores.right
def distance_for_distance(q, k, positions):
    """The angle of the difference, once for every pair of tokens; nothing is turned before."""
    n, d = q.shape
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            for c in range(0, d, 2):
                angle = (int(positions[j]) - int(positions[i])) * 10000 ** (-c / d)
                along = q[i, c] * k[j, c] + q[i, c + 1] * k[j, c + 1]
                across = q[i, c + 1] * k[j, c] - q[i, c] * k[j, c + 1]
                out[i, j] += along * math.cos(angle) + across * math.sin(angle)
    return out / math.sqrt(d)


@scores.right
def common_offset(q, k, positions):
    """Only differences count, so positions may be counted from anywhere."""
    theta = angles_of(q, positions - positions.min() - 5)
    return scored(q, k, theta, theta)


@scores.right
def channels_reordered(q, k, positions):
    """Turned pairs that are left as two halves: the same order in both, so the same products."""
    theta, d = angles_of(q, positions), q.shape[1]
    order = np.concatenate([np.arange(0, d, 2), np.arange(1, d, 2)])
    q, k = (half_turned(x[:, order], theta) for x in (q, k))
    return (q / d**0.5) @ k.T


@scores.right
def complex_numbers(q, k, positions):
    turn = np.exp(1j * angles_of(q, positions))
    a, b = ((x[:, 0::2] + 1j * x[:, 1::2]) * turn for x in (q, k))
    return np.einsum("ic,jc->ij", a, b.conj()).real / np.sqrt(q.shape[1])


@scores.right
def sum_and_difference(q, k, positions):
    """cos(x - y) = cos x cos y + sin x sin y, for all pairs at once."""
    theta = np.repeat(angles_of(q, positions), 2, axis=1)
    cos, sin, other = np.cos(theta), np.sin(theta), neighbors_swapped(k)
    same = (q * cos) @ (k * cos).T + (q * sin) @ (k * sin).T
    return (same + (q * cos) @ (other * sin).T - (q * sin) @ (other * cos).T) / np.sqrt(q.shape[1])


@scores.right
def scores_in_torch(q, k, positions):
    import torch

    turn = torch.as_tensor(np.exp(1j * angles_of(q, positions))).to(torch.complex64)
    a, b = (torch.as_tensor(x).float().reshape(len(x), -1, 2) for x in (q, k))
    a, b = (torch.view_as_real(torch.view_as_complex(x) * turn).flatten(1) for x in (a, b))
    return a @ b.mT * q.shape[1] ** -0.5


@scores.naive(
    "The angles are held in single precision. It has about seven digits in all, so few are left "
    "behind the point of a large angle. Distances that are small do not help: each token is turned "
    "by its own large angle first."
)
def scores_angles_in_single_precision(q, k, positions):
    rows = (angles_in_single_precision(x, positions) for x in (q, k))
    return next(rows) @ next(rows).T / np.sqrt(q.shape[1])


@scores.naive(
    "The frequencies are held in single precision. A large distance multiplies their rounding."
)
def scores_frequencies_in_single_precision(q, k, positions):
    rows = (frequencies_in_single_precision(x, positions) for x in (q, k))
    return next(rows) @ next(rows).T / np.sqrt(q.shape[1])


@scores.wrong("Only the queries are turned: the scores depend on the query's position alone.")
def queries_only(q, k, positions):
    theta = angles_of(q, positions)
    return scored(q, k, theta, 0 * theta)


@scores.wrong("Only the keys are turned: the scores depend on the key's position alone.")
def keys_only(q, k, positions):
    theta = angles_of(q, positions)
    return scored(q, k, 0 * theta, theta)


@scores.wrong("Nothing is turned: the scores do not depend on the positions.")
def no_positions(q, k, positions):
    return q @ k.T / np.sqrt(q.shape[1])


@scores.wrong(
    "The scores depend on the sum of the two positions: query and key are turned opposite ways."
)
def sum_of_positions(q, k, positions):
    theta = angles_of(q, positions)
    return scored(q, k, theta, -theta)


@scores.wrong(
    "The distance has the wrong sign: a key three places back is treated like one three places "
    "ahead. Both are turned the wrong way, or sine and cosine are exchanged."
)
def distance_reversed(q, k, positions):
    theta = angles_of(q, positions)
    return scored(q, k, -theta, -theta)


@scores.wrong("Sine and cosine are exchanged.", name="distance_reversed")
def sine_for_cosine(q, k, positions):
    theta = np.pi / 2 - angles_of(q, positions)
    return scored(q, k, theta, theta)


@scores.wrong(
    "The distance has lost its sign: a key three places back and one three places ahead are turned "
    "alike."
)
def distance_without_sign(q, k, positions):
    a, b = (x[:, 0::2] + 1j * x[:, 1::2] for x in (q, k))
    theta = np.abs(positions[:, None] - positions)[..., None] * angles_of(q, np.ones(1))
    return np.einsum("ic,jc,ijc->ij", a, b.conj(), np.exp(1j * theta)).real / np.sqrt(q.shape[1])


@scores.wrong(
    "Each product is multiplied by the cosine of its angle, and the part with the sine is missing."
)
def cosine_of_distance_only(q, k, positions):
    theta = (positions[:, None] - positions)[..., None] * angles_of(q, np.ones(1))
    products = q[:, None] * k
    return (products * np.cos(np.repeat(theta, 2, axis=-1))).sum(axis=-1) / np.sqrt(q.shape[1])


@scores.wrong(
    "Channel i is paired with channel i + D/2, in queries and keys. Distance alone still counts, "
    "but this question asks for neighbors.",
    seen="karpathy/nanochat #264",
)
def scores_halves_paired(q, k, positions):
    q, k = (half_turned(x, angles_of(x, positions)) for x in (q, k))
    return q @ k.T / np.sqrt(q.shape[1])


@scores.wrong(
    "Queries and keys are paired in different ways, neighbors in one and halves in the other: not "
    "even distance is left."
)
def two_pairings(q, k, positions):
    theta = angles_of(q, positions)
    return turned(q, theta) @ half_turned(k, theta).T / np.sqrt(q.shape[1])


@scores.wrong(
    "Queries and keys are paired in different ways, halves in the queries and neighbors in the "
    "keys: not even distance is left."
)
def two_pairings_exchanged(q, k, positions):
    theta = angles_of(q, positions)
    return half_turned(q, theta) @ turned(k, theta).T / np.sqrt(q.shape[1])


@scores.wrong(
    "The angles are repeated for neighbors, but the partners come from the other half of the "
    "channels, in queries and keys alike.",
    seen="raiyanyahya/how-to-train-your-gpt #6",
)
def scores_partners_from_halves(q, k, positions):
    rows = [partners_from_halves(x, positions) for x in (q, k)]
    return rows[0] @ rows[1].T / np.sqrt(q.shape[1])


@scores.wrong(
    "The partners are neighbors, but the list of angles is laid out for two halves, in queries and "
    "keys alike.",
    seen="facebookresearch/vjepa2 PR #15",
)
def scores_angles_for_halves(q, k, positions):
    rows = [angles_for_halves(x, positions) for x in (q, k)]
    return rows[0] @ rows[1].T / np.sqrt(q.shape[1])


@scores.wrong("The scores are not divided by the square root of D.")
def scale_missing(q, k, positions):
    return rope_scores(q, k, positions) * np.sqrt(q.shape[1])


@scores.wrong("The scores are divided by D, not by its square root.")
def scale_squared(q, k, positions):
    return rope_scores(q, k, positions) / np.sqrt(q.shape[1])


@scores.wrong("The scores are divided by the square root of D/2, the number of pairs.")
def scale_of_pairs(q, k, positions):
    return rope_scores(q, k, positions) * np.sqrt(2)


@scores.wrong(
    "The scores are divided by the square root of the number of tokens. The scale is that of the "
    "width D."
)
def scale_of_length(q, k, positions):
    return rope_scores(q, k, positions) * np.sqrt(q.shape[1] / len(q))


@scores.wrong("The scores are transposed: row i must belong to query i, column j to key j.")
def keys_in_rows(q, k, positions):
    return rope_scores(q, k, positions).T


@scores.wrong("The result is attention weights; the question asks for scores, before the softmax.")
def weights_for_scores(q, k, positions):
    s = rope_scores(q, k, positions)
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@scores.wrong("The scores with keys of later rows are zero: a mask is not part of this question.")
def masked_as_well(q, k, positions):
    return np.tril(rope_scores(q, k, positions))


@scores.wrong(
    "The number of the row is taken for its position. The positions are given, and need not be "
    "0, 1, 2 and so on."
)
def scores_rows_for_positions(q, k, positions):
    theta = angles_of(q, np.arange(len(q)))
    return scored(q, k, theta, theta)


@scores.wrong(
    "The positions of the keys are counted from the first token, those of the queries are not."
)
def keys_counted_from_first(q, k, positions):
    return scored(q, k, angles_of(q, positions), angles_of(k, positions - positions[0]))


@scores.wrong(
    "The positions of the queries are counted from the first token, those of the keys are not.",
)
def queries_counted_from_first(q, k, positions):
    return scored(q, k, angles_of(q, positions - positions[0]), angles_of(k, positions))


@scores.wrong("The keys are turned twice, as when keys are kept turned and then turned again.")
def keys_turned_twice(q, k, positions):
    theta = angles_of(q, positions)
    return scored(q, k, theta, 2 * theta)


@scores.wrong("Queries and keys are turned twice: every distance counts double.")
def turned_twice(q, k, positions):
    theta = 2 * angles_of(q, positions)
    return scored(q, k, theta, theta)


@scores.wrong("All pairs turn at the same speed, one radian a position.")
def scores_one_frequency(q, k, positions):
    theta = np.repeat(positions[:, None], q.shape[1] // 2, axis=1)
    return scored(q, k, theta, theta)


@scores.wrong(
    "The frequencies fall too slowly: the exponent is that of pair i over D, without the factor 2."
)
def scores_exponent_halved(q, k, positions):
    theta = angles_of(q, positions, 100.0)
    return scored(q, k, theta, theta)


@scores.wrong("The frequencies fall too fast: the factor 2 of the exponent is there twice.")
def scores_exponent_doubled(q, k, positions):
    theta = angles_of(q, positions, 1e8)
    return scored(q, k, theta, theta)


@scores.wrong("The frequencies grow from pair to pair: the sign of the exponent is missing.")
def scores_frequencies_grow(q, k, positions):
    theta = angles_of(q, positions, 1e-4)
    return scored(q, k, theta, theta)


@scores.wrong("The base is that of another model, 500,000. The question asks for 10,000.")
def scores_another_base(q, k, positions):
    theta = angles_of(q, positions, 500_000.0)
    return scored(q, k, theta, theta)


@scores.wrong("The angles are taken for degrees; they are in radians.")
def scores_degrees(q, k, positions):
    theta = np.deg2rad(angles_of(q, positions))
    return scored(q, k, theta, theta)


@scores.wrong(
    "The second channel of each pair is made from the first one after it was overwritten."
)
def scores_overwritten(q, k, positions):
    return overwritten(q, positions) @ overwritten(k, positions).T / np.sqrt(q.shape[1])


@scores.wrong("Sine and cosine of the angles are added to queries and keys, which turns nothing.")
def scores_added(q, k, positions):
    return added(q, positions) @ added(k, positions).T / np.sqrt(q.shape[1])

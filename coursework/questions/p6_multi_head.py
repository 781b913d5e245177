"""Set 6, several heads: what a layer does with them, and how alike their maps are."""

import numpy as np

from attnbook.grade.question import Question

layer = Question("p6.multi_head")


@layer.cases
def layer_cases(rng):
    """All sizes differ, no mean is zero, and the spread of the scores is about 1 to 4."""
    sizes = ((2, 6, 7, 3, 4, 5), (3, 4, 10, 5, 2, 7), (4, 7, 5, 2, 3, 6), (5, 3, 8, 6, 4, 2))
    for (heads, n, m, d, dv, out), size in zip(sizes, (1.0, 1.5, 2.0, 1.2), strict=True):
        x = 0.4 + rng.normal(size=(n, m))
        w_q, w_k = (size * rng.normal(0.1, m**-0.5, size=(heads, m, d)) for _ in "qk")
        w_v = rng.normal(0.1, m**-0.5, size=(heads, m, dv))
        w_o = rng.normal(0.2, 0.5, size=(heads * dv, out))
        label = f"{heads} heads, {n} tokens, M = {m}, D = {d}, Dv = {dv}, M' = {out}"
        yield label, (x, w_q, w_k, w_v, w_o)


@layer.extreme
def layer_extremes(rng):
    """Whole numbers and D = 4, so that single precision holds the scores without error."""
    x = rng.integers(-9, 10, size=(6, 5)).astype(float)
    x[2], x[4] = 0.0, np.where(x[4] < 0, -9.0, 9.0)
    w_q, w_k = (rng.integers(-9, 10, size=(3, 5, 4)).astype(float) for _ in "qk")
    w_k[1] = w_q[1] = np.arange(1.0, 21.0).reshape(5, 4)
    w_v, w_o = rng.normal(size=(3, 5, 2)), rng.normal(size=(6, 3))
    yield "scores in the thousands, one token of zeros", (x, w_q, w_k, w_v, w_o)


@layer.reference
def multi_head(x, w_q, w_k, w_v, w_o):
    heads = []
    for h in range(len(w_q)):
        q, k, v = x @ w_q[h], x @ w_k[h], x @ w_v[h]
        scores = q @ k.T / np.sqrt(q.shape[1])
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        heads.append(e / e.sum(axis=1, keepdims=True) @ v)
    return np.concatenate(heads, axis=1) @ w_o


def softmax(z, axis=-1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def scores_of(x, w_q, w_k):
    return (x @ w_q) @ (x @ w_k).swapaxes(-1, -2) / np.sqrt(w_q.shape[-1])


def side_by_side(outputs):
    """Turn (H, N, Dv) into (N, H * Dv): head after head within each token."""
    return outputs.transpose(1, 0, 2).reshape(outputs.shape[1], -1)


def outputs_of(x, w_q, w_k, w_v):
    return softmax(scores_of(x, w_q, w_k)) @ (x @ w_v)


@layer.right
def batched_and_transposed(x, w_q, w_k, w_v, w_o):
    return side_by_side(outputs_of(x, w_q, w_k, w_v)) @ w_o


@layer.right
def sum_of_what_heads_write(x, w_q, w_k, w_v, w_o):
    blocks = np.split(w_o, len(w_v))
    return sum(
        a @ x @ w @ o for a, w, o in zip(softmax(scores_of(x, w_q, w_k)), w_v, blocks, strict=True)
    )


@layer.right
def by_einsum(x, w_q, w_k, w_v, w_o):
    heads, _, dv = w_v.shape
    z = np.einsum("im,hmd,hnd,jn->hij", x, w_q, w_k, x, optimize=True) / np.sqrt(w_q.shape[2])
    e = np.exp(z - z.max(axis=2, keepdims=True))
    a = np.einsum("hij,hi->hij", e, 1 / e.sum(axis=2))
    return np.einsum("hij,jm,hmv,hvo->io", a, x, w_v, w_o.reshape(heads, dv, -1), optimize=True)


@layer.right
def one_matrix_for_all_heads(x, w_q, w_k, w_v, w_o):
    """Project with all heads at once, then split the columns head by head."""

    def split(w):
        joined = np.concatenate(list(w), axis=1)
        return (x @ joined).reshape(len(x), len(w), -1).swapaxes(0, 1)

    q, k, v = split(w_q), split(w_k), split(w_v)
    a = softmax(q / np.sqrt(w_q.shape[2]) @ k.transpose(0, 2, 1))
    return (a @ v).swapaxes(0, 1).reshape(len(x), -1) @ w_o


@layer.right
def token_by_token_in_lists(x, w_q, w_k, w_v, w_o):
    rows = []
    for token in x:
        found = []
        for p, r, w in zip(w_q, w_k, w_v, strict=True):
            z = [(token @ p) @ (other @ r) / p.shape[1] ** 0.5 for other in x]
            e = [np.exp(one - max(z)) for one in z]
            found.extend(sum(c / sum(e) * (other @ w) for c, other in zip(e, x, strict=True)))
        rows.append([sum(f * o for f, o in zip(found, column, strict=True)) for column in w_o.T])
    return rows


@layer.right
def heads_in_another_order(x, w_q, w_k, w_v, w_o):
    """The order of the heads does not matter where the blocks of w_o go with them."""
    blocks = w_o.reshape(len(w_v), -1, w_o.shape[1])[::-1]
    return np.einsum("hnv,hvo->no", outputs_of(x, w_q, w_k, w_v)[::-1], blocks)


@layer.right
def layer_in_torch(x, w_q, w_k, w_v, w_o):
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    x, w_q, w_k, w_v, w_o = map(torch.as_tensor, (x, w_q, w_k, w_v, w_o))
    heads = scaled_dot_product_attention(x @ w_q, x @ w_k, x @ w_v)
    return heads.transpose(0, 1).flatten(1) @ w_o


@layer.right
def layer_in_single_precision(x, w_q, w_k, w_v, w_o):
    return multi_head(*(np.asarray(a, dtype=np.float32) for a in (x, w_q, w_k, w_v, w_o)))


@layer.naive("Without its largest score taken off first, the exponential overflows.")
def overflows(x, w_q, w_k, w_v, w_o):
    e = np.exp(scores_of(x, w_q, w_k))
    return side_by_side(e / e.sum(axis=2, keepdims=True) @ (x @ w_v)) @ w_o


@layer.naive(
    "One largest score is taken off the whole matrix: in rows with smaller scores all exponentials "
    "become zero. Take off the largest of each row."
)
def largest_of_the_matrix(x, w_q, w_k, w_v, w_o):
    z = scores_of(x, w_q, w_k)
    e = np.exp(z - z.max(axis=(1, 2), keepdims=True))
    return side_by_side(e / e.sum(axis=2, keepdims=True) @ (x @ w_v)) @ w_o


@layer.naive("Large scores are cut off at a limit, so keys beyond it share the weight.")
def scores_cut_off(x, w_q, w_k, w_v, w_o):
    e = np.exp(np.clip(scores_of(x, w_q, w_k), -300, 300))
    return side_by_side(e / e.sum(axis=2, keepdims=True) @ (x @ w_v)) @ w_o


@layer.wrong("The result is that of the layer divided by the number of heads: heads add up.")
def heads_averaged(x, w_q, w_k, w_v, w_o):
    return multi_head(x, w_q, w_k, w_v, w_o) / len(w_q)


@layer.wrong(
    "The outputs of the heads are added before the output projection, so all of them go through "
    "the block of the first head."
)
def added_before_projection(x, w_q, w_k, w_v, w_o):
    return outputs_of(x, w_q, w_k, w_v).sum(axis=0) @ w_o[: w_v.shape[2]]


@layer.wrong(
    "The outputs of the heads are averaged before the output projection, so all of them go through "
    "the block of the first head."
)
def averaged_before_projection(x, w_q, w_k, w_v, w_o):
    return outputs_of(x, w_q, w_k, w_v).mean(axis=0) @ w_o[: w_v.shape[2]]


@layer.wrong("The heads stand side by side, but the output projection is missing.")
def no_output_projection(x, w_q, w_k, w_v, w_o):
    return side_by_side(outputs_of(x, w_q, w_k, w_v))


@layer.wrong(
    "The heads are put side by side from the last to the first, but the blocks of w_o are not."
)
def heads_reversed(x, w_q, w_k, w_v, w_o):
    return side_by_side(outputs_of(x, w_q, w_k, w_v)[::-1]) @ w_o


@layer.wrong(
    "The features of the heads are interleaved: first component 0 of all heads, then component 1. "
    "The blocks of w_o go head by head."
)
def features_interleaved(x, w_q, w_k, w_v, w_o):
    outputs = outputs_of(x, w_q, w_k, w_v)
    return outputs.transpose(1, 2, 0).reshape(len(x), -1) @ w_o


@layer.wrong(
    "The heads are merged by a reshape without a transpose: a row of the result holds several "
    "tokens of one head, not all heads of one token.",
    seen="jsbaan/transformer-from-scratch PR #6",
)
def merged_without_transpose(x, w_q, w_k, w_v, w_o):
    return outputs_of(x, w_q, w_k, w_v).reshape(len(x), -1) @ w_o


def cut_wrongly(x, w):
    """Project for all heads at once and reshape (N, H * D) to (H, N, D) with no transpose."""
    joined = x @ w.transpose(1, 0, 2).reshape(w.shape[1], -1)
    return joined.reshape(len(w), len(x), -1)


def blends_of_wrong_cuts(x, w_q, w_k, w_v):
    q, k, v = (cut_wrongly(x, w) for w in (w_q, w_k, w_v))
    return softmax(q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[2])) @ v


@layer.wrong(
    "The projected tokens are split into heads by a reshape without a transpose: a head gets some "
    "tokens with the columns of all heads.",
    seen="reczoo/FuxiCTR #30",
)
def split_without_transpose(x, w_q, w_k, w_v, w_o):
    return side_by_side(blends_of_wrong_cuts(x, w_q, w_k, w_v)) @ w_o


@layer.wrong(
    "Heads are both split and merged by a reshape without a transpose. Shapes fit, but each head "
    "compares pieces of a few tokens only.",
    seen="649453932/Chinese-Text-Classification-Pytorch #53",
)
def split_and_merged_without_transpose(x, w_q, w_k, w_v, w_o):
    return blends_of_wrong_cuts(x, w_q, w_k, w_v).reshape(len(x), -1) @ w_o


def with_factor(x, w_q, w_k, w_v, w_o, factor):
    """Multiply the scaled scores by a factor."""
    return multi_head(x, factor * w_q, w_k, w_v, w_o)


@layer.wrong(
    "The scores are divided by the square root of M, the width of the tokens, not of the width of "
    "a head.",
    seen="karpathy/ng-video-lecture PR #6",
)
def scale_of_the_tokens(x, w_q, w_k, w_v, w_o):
    _, m, d = w_q.shape
    return with_factor(x, w_q, w_k, w_v, w_o, np.sqrt(d / m))


@layer.wrong(
    "The scores are divided by the square root of H times D, the width of all heads together.",
    seen="aladdinpersson/Machine-Learning-Collection #65",
)
def scale_of_all_heads(x, w_q, w_k, w_v, w_o):
    return with_factor(x, w_q, w_k, w_v, w_o, 1 / np.sqrt(len(w_q)))


@layer.wrong("The scores are divided by the square root of Dv, the width of the values.")
def scale_of_the_values(x, w_q, w_k, w_v, w_o):
    return with_factor(x, w_q, w_k, w_v, w_o, np.sqrt(w_q.shape[2] / w_v.shape[2]))


@layer.wrong(
    "The scores are not divided at all: the scale is missing.",
    seen="PAIR-code/tiny-transformers #71",
)
def scale_missing(x, w_q, w_k, w_v, w_o):
    return with_factor(x, w_q, w_k, w_v, w_o, np.sqrt(w_q.shape[2]))


@layer.wrong("The scores are divided by D, not by its square root.")
def divided_by_width(x, w_q, w_k, w_v, w_o):
    return with_factor(x, w_q, w_k, w_v, w_o, 1 / np.sqrt(w_q.shape[2]))


@layer.wrong("The scores are multiplied by the square root of D instead of divided by it.")
def multiplied_by_root(x, w_q, w_k, w_v, w_o):
    return with_factor(x, w_q, w_k, w_v, w_o, w_q.shape[2])


@layer.wrong(
    "The softmax runs over the heads: for a query and a key the weights of all heads sum to one. "
    "They must sum to one over the keys."
)
def softmax_over_heads(x, w_q, w_k, w_v, w_o):
    a = softmax(scores_of(x, w_q, w_k), axis=0)
    return side_by_side(a @ (x @ w_v)) @ w_o


@layer.wrong(
    "The softmax runs over the queries: the columns of the weights sum to one, not the rows.",
    seen="labmlai/annotated_deep_learning_paper_implementations #146",
)
def softmax_over_queries(x, w_q, w_k, w_v, w_o):
    a = softmax(scores_of(x, w_q, w_k), axis=1)
    return side_by_side(a @ (x @ w_v)) @ w_o


@layer.wrong("Each head has one softmax over its whole matrix: a row sums to less than one.")
def softmax_over_matrix(x, w_q, w_k, w_v, w_o):
    a = softmax(scores_of(x, w_q, w_k), axis=(1, 2))
    return side_by_side(a @ (x @ w_v)) @ w_o


@layer.wrong("There is no softmax: the scaled scores themselves weight the values.")
def no_softmax(x, w_q, w_k, w_v, w_o):
    return side_by_side(scores_of(x, w_q, w_k) @ (x @ w_v)) @ w_o


@layer.wrong("Queries and keys have changed places: the scores are transposed.")
def queries_for_keys(x, w_q, w_k, w_v, w_o):
    return multi_head(x, w_k, w_q, w_v, w_o)


@layer.wrong("The keys are made with w_q, so that the scores are symmetric.")
def keys_from_w_q(x, w_q, w_k, w_v, w_o):
    return multi_head(x, w_q, w_q, w_v, w_o)


@layer.wrong("All heads use the map of the first: their weights are computed once only.")
def map_of_the_first_head(x, w_q, w_k, w_v, w_o):
    a = softmax(scores_of(x, w_q[:1], w_k[:1]))
    return side_by_side(a @ (x @ w_v)) @ w_o


@layer.wrong("All heads use the average of the maps: one set of weights for all values.")
def maps_averaged(x, w_q, w_k, w_v, w_o):
    a = softmax(scores_of(x, w_q, w_k)).mean(axis=0)
    return side_by_side(a @ (x @ w_v)) @ w_o


@layer.wrong("The scores of all heads are added before the softmax, as if they were one wide head.")
def scores_of_heads_added(x, w_q, w_k, w_v, w_o):
    a = softmax(scores_of(x, w_q, w_k).sum(axis=0))
    return side_by_side(a @ (x @ w_v)) @ w_o


@layer.wrong("Only the first head counts: the others write nothing into the result.")
def first_head_only(x, w_q, w_k, w_v, w_o):
    return outputs_of(x, w_q, w_k, w_v)[0] @ w_o[: w_v.shape[2]]


@layer.wrong("A causal mask is applied: tokens see the past only. This layer has no mask.")
def causal_mask(x, w_q, w_k, w_v, w_o):
    n = len(x)
    a = softmax(np.where(np.tri(n, dtype=bool), scores_of(x, w_q, w_k), -np.inf))
    return side_by_side(a @ (x @ w_v)) @ w_o


penalty = Question("p6.diversity_penalty")


@penalty.cases
def penalty_cases(rng):
    """Even and sharp maps, maps of the past, and hard ones of which two are equal."""
    for heads, n, size in ((2, 5, 1.0), (3, 7, 2.0), (5, 4, 1.5)):
        yield f"{heads} maps of {n} tokens", (softmax(size * rng.normal(size=(heads, n, n))),)
    z = np.where(np.tri(6, dtype=bool), 2 * rng.normal(size=(4, 6, 6)), -np.inf)
    yield "4 causal maps of 6 tokens", (softmax(z),)
    start = rng.permutation(5)
    hard = [np.eye(5)[(start + shift) % 5] for shift in (1, 3, 1)]
    yield "3 hard maps of 5 tokens, two of them equal", (np.array(hard),)


@penalty.reference
def diversity_penalty(weights):
    maps = np.array([one.ravel() for one in weights])
    unit = maps / np.linalg.norm(maps, axis=1, keepdims=True)
    cosines = unit @ unit.T
    return cosines[np.triu_indices(len(maps), 1)].mean()


def flat(weights):
    return weights.reshape(len(weights), -1)


def cosines_of(vectors):
    """Return the cosines between all pairs of rows; axes before the last two stay."""
    unit = vectors / np.sqrt((vectors**2).sum(axis=-1, keepdims=True))
    return unit @ unit.swapaxes(-1, -2)


def mean_of_pairs(table):
    i, j = np.triu_indices(table.shape[-1], 1)
    return table[..., i, j].mean()


@penalty.right
def pair_by_pair(weights):
    found = []
    for i, first in enumerate(weights):
        for second in weights[:i]:
            dot = np.sum(first * second)
            found.append(dot / np.sqrt(np.sum(first * first) * np.sum(second * second)))
    return sum(found) / len(found)


@penalty.right
def ordered_pairs(weights):
    n = len(weights)
    return sum(
        np.vdot(weights[i], weights[j]) / np.linalg.norm(weights[i]) / np.linalg.norm(weights[j])
        for i in range(n)
        for j in range(n)
        if i != j
    ) / (n * (n - 1))


@penalty.right
def from_the_sum_of_units(weights):
    """The squared length of the sum of unit vectors holds each pair twice, and H ones."""
    n = len(weights)
    unit = np.array([w / np.sqrt(np.einsum("ij,ij", w, w)) for w in weights])
    total = unit.sum(axis=0)
    return ((total**2).sum() - n) / (n * n - n)


@penalty.right
def penalty_in_torch(weights):
    import torch

    maps = torch.as_tensor(weights).flatten(1)
    table = torch.cosine_similarity(maps[:, None], maps[None], dim=-1)
    return table[~torch.eye(len(maps), dtype=torch.bool)].mean()


@penalty.right
def penalty_in_single_precision(weights):
    return mean_of_pairs(cosines_of(flat(weights).astype(np.float32)))


@penalty.wrong(
    "Each map is compared with itself, too. These pairs always have cosine 1 and make the penalty "
    "too large."
)
def self_pairs_counted(weights):
    return cosines_of(flat(weights)).mean()


@penalty.wrong(
    "The result is a mean of dot products: the maps are not divided by their lengths, so sharp "
    "maps count more."
)
def not_normalized(weights):
    return mean_of_pairs(flat(weights) @ flat(weights).T)


@penalty.wrong(
    "The sign is turned: the more alike the maps are, the smaller this is, so a loss would reward "
    "it."
)
def sign_turned(weights):
    return -diversity_penalty(weights)


@penalty.wrong(
    "The result is a distance, one minus the cosine: it is 0 for equal maps, and the penalty is 1 "
    "there."
)
def distance_for_similarity(weights):
    return 1 - diversity_penalty(weights)


@penalty.wrong(
    "The cosine is taken row by row and then averaged, so that each query counts the same. The "
    "question flattens the maps first."
)
def row_by_row(weights):
    return mean_of_pairs(cosines_of(weights.swapaxes(0, 1)))


@penalty.wrong(
    "The cosine is taken column by column and then averaged. The question flattens the maps first."
)
def column_by_column(weights):
    unit = weights / np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-12)
    return mean_of_pairs(np.einsum("gij,hij->gh", unit, unit) / weights.shape[1])


@penalty.wrong(
    "The dot products are divided by the number of tokens. That is right for hard maps only: a "
    "row of weights sums to one, but its length is less."
)
def divided_by_tokens(weights):
    return mean_of_pairs(flat(weights) @ flat(weights).T / weights.shape[1])


@penalty.wrong(
    "The maps are divided by their sums, not by their lengths: the root of the summed squares."
)
def divided_by_sums(weights):
    maps = flat(weights) / flat(weights).sum(axis=1, keepdims=True)
    return mean_of_pairs(maps @ maps.T)


@penalty.wrong("The cosines of all pairs are added; the question asks for their mean.")
def sum_of_pairs(weights):
    return np.triu(cosines_of(flat(weights)), 1).sum()


@penalty.wrong("Only neighboring heads are compared, 0 with 1 and 1 with 2, not all pairs.")
def neighbors_only(weights):
    return np.diag(cosines_of(flat(weights)), 1).mean()


@penalty.wrong("The first head is compared with all others, but these not with each other.")
def first_head_with_others(weights):
    return cosines_of(flat(weights))[0, 1:].mean()


@penalty.wrong(
    "The mean is taken off each map first: that is a correlation, and it can be negative."
)
def correlation(weights):
    maps = flat(weights) - flat(weights).mean(axis=1, keepdims=True)
    return mean_of_pairs(cosines_of(maps))


@penalty.wrong("The cosines are squared before they are averaged.")
def squared_cosines(weights):
    return mean_of_pairs(cosines_of(flat(weights)) ** 2)


@penalty.wrong("The result is the cosine of the two maps that are most alike, not the mean.")
def most_alike(weights):
    return np.triu(cosines_of(flat(weights)), 1).max()


@penalty.wrong(
    "Pairs of a head with itself are left out of the sum, but not out of the count: it is divided "
    "by all H times H pairs."
)
def divided_by_all_pairs(weights):
    table = cosines_of(flat(weights))
    return (table.sum() - np.trace(table)) / table.size


@penalty.wrong("The result is half of the right one: each pair is added once, but counted twice.")
def pairs_counted_twice(weights):
    n = len(weights)
    return np.triu(cosines_of(flat(weights)), 1).sum() / (n * (n - 1))


@penalty.wrong("The dot products are divided by the squared lengths: two roots are missing.")
def lengths_squared(weights):
    maps = flat(weights)
    maps = maps / (maps**2).sum(axis=1, keepdims=True)
    return mean_of_pairs(maps @ maps.T)


@penalty.wrong("The dot product of two maps is divided by the length of one of them only.")
def one_length_only(weights):
    maps = flat(weights)
    return mean_of_pairs(maps @ maps.T / np.linalg.norm(maps, axis=1, keepdims=True))


@penalty.wrong("The result is a mean angle in radians; the question asks for its cosine.")
def mean_angle(weights):
    return mean_of_pairs(np.arccos(np.clip(cosines_of(flat(weights)), -1, 1)))


@penalty.wrong(
    "Queries are compared within each head: the result says how alike the rows of one map are. "
    "The question compares heads."
)
def queries_compared(weights):
    return mean_of_pairs(cosines_of(weights))


@penalty.wrong(
    "The array is reshaped to (N * N, H) and not to (H, N * N): what is compared are mixtures of "
    "all maps."
)
def flattened_across_heads(weights):
    return mean_of_pairs(cosines_of(weights.reshape(-1, len(weights)).T))


@penalty.wrong(
    "The maps are compared with their average, not with each other; the average holds part of each."
)
def compared_with_average(weights):
    maps = flat(weights)
    both = np.vstack([maps, maps.mean(axis=0)])
    return cosines_of(both)[-1, :-1].mean()


@penalty.wrong(
    "The largest weight of each row counts as all of it: only hard choices are compared."
)
def hard_choices(weights):
    hard = np.eye(weights.shape[2])[weights.argmax(axis=2)]
    return mean_of_pairs(cosines_of(flat(hard)))

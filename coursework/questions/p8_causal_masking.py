"""Set 8, causal masking: a row sees itself and what came before, and learns to say what follows."""

import math

import numpy as np

from attnbook.grade.question import Question

attention = Question("p8.causal_attention")


@attention.cases
def attention_cases(rng):
    """All sizes differ; scores up to about 15, and in one case all far below zero."""
    for n, d, dv, size in ((7, 5, 3, 1.0), (6, 4, 2, 2.0)):
        q, k = size * rng.normal(size=(n, d)), size * rng.normal(size=(n, d))
        yield f"{n} tokens, D = {d}, Dv = {dv}", (q, k, 1 + rng.normal(size=(n, dv)))
    q, k = 5 + rng.normal(size=(4, 6)), rng.normal(size=(4, 6)) - 5
    yield "4 tokens, D = 6, Dv = 5, all scores far below zero", (q, k, rng.normal(size=(4, 5)))
    yield "one token, D = 3, Dv = 2", tuple(rng.normal(size=(1, size)) for size in (3, 3, 2))


@attention.extreme
def attention_extremes(rng):
    """Numbers and scores that single precision holds exactly."""
    q, k = rng.integers(-100, 101, size=(2, 8, 4)).astype(float)
    q[0], k[0], k[-1] = 100, -100, 100  # the hidden score towers over the first row
    yield "scores in the thousands", (q, k, rng.normal(size=(8, 2)))
    q = 256.0 + rng.integers(-3, 4, size=(5, 4))
    k = rng.integers(-2, 3, size=(5, 4)) / 64 - 128
    yield "all scores near -65,000", (q, k, rng.normal(size=(5, 3)))


@attention.reference
def causal_attention(q, k, v):
    scores = q @ k.T / np.sqrt(q.shape[1])
    scores = np.where(np.tri(len(q)), scores, -np.inf)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True) @ v


def scaled(q, k):
    return q @ k.T / np.sqrt(q.shape[1])


def softmax(z, axis=1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def past(q):
    return np.tri(len(q), dtype=bool)


@attention.right
def row_by_row(q, k, v):
    rows = []
    for i in range(len(q)):
        s = [sum(q[i] * k[j]) / math.sqrt(len(q[i])) for j in range(i + 1)]
        w = [math.exp(x - max(s)) for x in s]
        rows.append([sum(a * y for a, y in zip(w, v[:, c], strict=False)) / sum(w) for c in at(v)])
    return rows


def at(v):
    return range(v.shape[1])


@attention.right
def large_number_added(q, k, v):
    return softmax(scaled(q, k) + np.triu(np.full((len(q), len(q)), -1e9), k=1)) @ v


@attention.right
def queries_scaled_first(q, k, v):
    scores = np.einsum("id,jd->ij", q * q.shape[1] ** -0.5, k)
    scores[np.triu_indices(len(q), k=1)] = float("-inf")
    return np.einsum("ij,jc->ic", softmax(scores), v)


@attention.right
def single_precision(q, k, v):
    q, k, v = (x.astype(np.float32) for x in (q, k, v))
    scores = np.where(past(q), q @ k.T / np.sqrt(np.float32(q.shape[1])), np.float32(-np.inf))
    return softmax(scores) @ v


@attention.right
def in_torch(q, k, v):
    import torch

    q, k, v = (torch.as_tensor(x)[None] for x in (q, k, v))
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)[0]


@attention.right
def one_key_after_the_other(q, k, v):
    """A running maximum, a running sum: the row is never there as a whole."""
    rows = []
    for i in range(len(q)):
        top, total, mean = -np.inf, 0.0, np.zeros(v.shape[1])
        for j in range(i + 1):
            s = q[i] @ k[j] / np.sqrt(q.shape[1])
            new = max(top, s)
            old, now = np.exp(top - new), np.exp(s - new)
            top, total, mean = new, total * old + now, mean * old + now * v[j]
        rows.append(mean / total)
    return np.array(rows)


@attention.right
def masked_then_renormalized(q, k, v):
    """Weights set to zero and rows normalized again, with the largest allowed score taken off."""
    scores = scaled(q, k)
    top = np.array([row[: i + 1].max() for i, row in enumerate(scores)])[:, None]
    weights = np.exp(np.minimum(scores - top, 0)) * past(q)
    weights = weights / weights.sum() * past(q)
    return weights / weights.sum(axis=1, keepdims=True) @ v


@attention.naive(
    "Without the largest score of the row taken off first, the exponential overflows or vanishes."
)
def overflows(q, k, v):
    e = np.exp(scaled(q, k)) * past(q)
    return e / e.sum(axis=1, keepdims=True) @ v


@attention.naive(
    "The largest score of the whole matrix is taken off. Rows that lie far below it vanish: each "
    "row needs its own."
)
def largest_of_the_matrix(q, k, v):
    e = np.exp(scaled(q, k) - scaled(q, k)[past(q)].max()) * past(q)
    return e / e.sum(axis=1, keepdims=True) @ v


@attention.naive(
    "The hidden scores are still in the first softmax. Where one of them towers over the row, all "
    "allowed weights round to zero, and to normalize them again is zero over zero."
)
def renormalized_too_late(q, k, v):
    w = softmax(scaled(q, k)) * past(q)
    return w / w.sum(axis=1, keepdims=True) @ v


@attention.naive(
    "The mask is a number like -10,000. Where the allowed scores lie below it, the hidden keys win."
)
def constant_outscored(q, k, v):
    return softmax(np.where(past(q), scaled(q, k), -1e4)) @ v


@attention.wrong("Every row sees all the keys: nothing is masked.")
def no_mask(q, k, v):
    return softmax(scaled(q, k)) @ v


@attention.wrong(
    "The weights of the future are set to zero after the softmax, so the rows do not sum to one. "
    "The hidden scores are still in the denominator.",
    seen="lucidrains/memory-compressed-attention #2",
)
def mask_after_softmax(q, k, v):
    return softmax(scaled(q, k)) * past(q) @ v


@attention.wrong(
    "The scores of the future are zero. A score of zero still gets the weight exp(0) over the "
    "total, as much as many another key.",
    seen="awslabs/gluonts PR #1401",
)
def score_zero(q, k, v):
    return softmax(np.where(past(q), scaled(q, k), 0.0)) @ v


@attention.wrong("The scores are multiplied by the mask.", name="score_zero")
def scores_times_mask(q, k, v):
    return softmax(scaled(q, k) * past(q)) @ v


@attention.wrong("The scores of the future are tiny, not very negative.", name="score_zero")
def tiny_for_large(q, k, v):
    return softmax(np.where(past(q), scaled(q, k), -1e-9)) @ v


@attention.wrong(
    "The mask is added to the scores as ones and zeros. An allowed key gains a factor e over a "
    "hidden one, and nothing is hidden."
)
def mask_added_as_numbers(q, k, v):
    return softmax(scaled(q, k) + past(q)) @ v


@attention.wrong(
    "The scores of the future are set to a number that is not low enough: in one case the allowed "
    "scores lie below it, and the future wins."
)
def not_low_enough(q, k, v):
    return softmax(np.where(past(q), scaled(q, k), -10.0)) @ v


@attention.wrong(
    "The mask is turned: each row sees itself and what comes after it. Compare row and column.",
    seen="marin-community/levanter PR #102",
)
def anti_causal(q, k, v):
    return softmax(np.where(past(q).T, scaled(q, k), -np.inf)) @ v


@attention.wrong(
    "What should be hidden is seen, and what should be seen is hidden: the meaning of True in the "
    "mask is reversed.",
    seen="rasbt/LLMs-from-scratch #1061",
)
def mask_reversed(q, k, v):
    return softmax(np.where(past(q), -np.inf, scaled(q, k))) @ v


@attention.wrong(
    "What should be hidden is seen, and what should be seen is hidden. The last row, from which "
    "everything is hidden, is an even mean of all values."
)
def mask_reversed_large_number(q, k, v):
    return softmax(np.where(past(q), -1e9, scaled(q, k))) @ v


@attention.wrong(
    "A token cannot see itself: the diagonal is masked. The first row then has nothing to see and "
    "is NaN."
)
def diagonal_masked(q, k, v):
    return softmax(np.where(np.tri(len(q), k=-1, dtype=bool), scaled(q, k), -np.inf)) @ v


@attention.wrong(
    "A token cannot see itself: the diagonal is masked. The first row then has nothing to see and "
    "is an even mean of all values, the future among them."
)
def diagonal_masked_large_number(q, k, v):
    return softmax(np.where(np.tri(len(q), k=-1, dtype=bool), scaled(q, k), -1e9)) @ v


@attention.wrong(
    "The mask is off by one: every row sees the next token, which is what it is asked to predict.",
    seen="RVC-Boss/GPT-SoVITS #965",
)
def one_ahead(q, k, v):
    return softmax(np.where(np.tri(len(q), k=1, dtype=bool), scaled(q, k), -np.inf)) @ v


@attention.wrong(
    "The future is set to plus infinity: it takes all of the weight, and most rows are NaN.",
    seen="lucidrains/memory-compressed-attention #2",
)
def plus_infinity(q, k, v):
    return softmax(np.where(past(q), scaled(q, k), np.inf)) @ v


@attention.wrong(
    "The future is set to a large positive number, so it takes all of the weight. Mind the sign."
)
def plus_large_number(q, k, v):
    return softmax(np.where(past(q), scaled(q, k), 1e9)) @ v


@attention.wrong(
    "The scores are not scaled: they must be divided by the square root of D.",
    seen="PAIR-code/tiny-transformers #71",
)
def no_scale(q, k, v):
    return softmax(np.where(past(q), q @ k.T, -np.inf)) @ v


@attention.wrong("The scores are divided by D, not by its square root.")
def divided_by_d(q, k, v):
    return softmax(np.where(past(q), q @ k.T / q.shape[1], -np.inf)) @ v


@attention.wrong("The scale is applied twice.", name="divided_by_d")
def scaled_twice(q, k, v):
    q, k = q / np.sqrt(q.shape[1]), k / np.sqrt(k.shape[1])
    return softmax(np.where(past(q), q @ k.T, -np.inf)) @ v


@attention.wrong("The scores are multiplied by the square root of D, not divided by it.")
def times_root(q, k, v):
    return softmax(np.where(past(q), q @ k.T * np.sqrt(q.shape[1]), -np.inf)) @ v


@attention.wrong(
    "The scores are divided by the square root of the number of tokens. The scale belongs to the "
    "width of queries and keys."
)
def scale_of_tokens(q, k, v):
    return softmax(np.where(past(q), q @ k.T / np.sqrt(len(k)), -np.inf)) @ v


@attention.wrong(
    "The scores are divided by the square root of the width of the values. The scale belongs to "
    "the width of queries and keys."
)
def scale_of_values(q, k, v):
    return softmax(np.where(past(q), q @ k.T / np.sqrt(v.shape[1]), -np.inf)) @ v


@attention.wrong("The weights are divided by the square root of D: the scale comes too late.")
def scale_after_softmax(q, k, v):
    return softmax(np.where(past(q), q @ k.T, -np.inf)) / np.sqrt(q.shape[1]) @ v


@attention.wrong(
    "The softmax runs over the queries: the columns of the weights sum to one, not the rows.",
    seen="PetrochukM/PyTorch-NLP #2",
)
def softmax_over_queries(q, k, v):
    return softmax(np.where(past(q), scaled(q, k), -np.inf), axis=0) @ v


@attention.wrong(
    "All weights of the matrix together sum to one. Each row must be normalized on its own."
)
def whole_matrix(q, k, v):
    scores = np.where(past(q), scaled(q, k), -np.inf)
    e = np.exp(scores - scores.max())
    return e / e.sum() @ v


@attention.wrong("The rows are not normalized: the exponentials are not divided by their sum.")
def not_normalized(q, k, v):
    return np.exp(np.where(past(q), scaled(q, k), -np.inf)) @ v


@attention.wrong(
    "Keys ask and queries answer here: the scores are transposed. Row i must hold the scores of "
    "query i."
)
def scores_transposed(q, k, v):
    return softmax(np.where(past(q), scaled(k, q), -np.inf)) @ v


@attention.wrong(
    "The values are summed over the queries: the weights are transposed on their way to the values."
)
def weights_transposed(q, k, v):
    return softmax(np.where(past(q), scaled(q, k), -np.inf)).T @ v


@attention.wrong("The mask lies on the values. It must lie on the scores, one for each pair.")
def mask_on_values(q, k, v):
    return softmax(scaled(q, k)) @ (np.tri(*v.shape) * v)


@attention.wrong("Each row is an even mean of the past: the scores play no part.")
def even_mean(q, k, v):
    return np.cumsum(v, axis=0) / np.arange(1, len(v) + 1)[:, None]


@attention.wrong("The output equals the values: every token sees only itself.")
def only_itself(q, k, v):
    return v


@attention.wrong(
    "The output lags by one: row i holds what belongs to row i - 1, and the first row is zero."
)
def output_late(q, k, v):
    return np.vstack([np.zeros((1, v.shape[1])), causal_attention(q, k, v)[:-1]])


pair = Question("p8.teacher_forcing_pair")


@pair.cases
def pair_cases(rng):
    """Tokens with repetitions and without, bos before, behind and among their numbers."""
    for n, low, high, bos in ((8, 0, 40, 57), (5, 10, 90, 3)):
        tokens = rng.permutation(np.arange(low, high))[:n]
        yield f"{n} tokens, bos = {bos}", (tokens, bos)
    some = rng.permutation(np.arange(1, 30))[:3]
    yield "7 tokens with repetitions, bos = 0", (some[[0, 1, 1, 2, 0, 2, 1]], 0)
    yield "one token, bos = 50", (rng.integers(1, 50, size=1), 50)


@pair.reference
def teacher_forcing_pair(tokens, bos):
    return np.stack([np.append(bos, tokens[:-1]), tokens])


@pair.right
def filled_by_hand(tokens, bos):
    inputs, previous = [], bos
    for token in tokens:
        inputs.append(int(previous))
        previous = token
    return [inputs, [int(token) for token in tokens]]


@pair.right
def cut_from_one_text(tokens, bos):
    text = np.concatenate([[bos], tokens])
    return np.lib.stride_tricks.sliding_window_view(text, len(tokens))


@pair.right
def rolled_and_mended(tokens, bos):
    inputs = np.roll(tokens, 1)
    inputs[0] = bos
    return np.vstack((inputs, tokens)).astype(np.float32)


@pair.right
def pair_in_torch(tokens, bos):
    import torch

    tokens = torch.as_tensor(tokens)
    inputs = tokens.new_full(tokens.shape, bos)
    inputs[1:] = tokens[:-1]
    return torch.stack((inputs, tokens))


@pair.right
def by_matrix(tokens, bos):
    """A shift is a matrix with ones below the diagonal."""
    n = len(tokens)
    return np.array([np.eye(n, k=-1) @ tokens + bos * np.eye(n)[0], np.eye(n) @ tokens])


@pair.wrong(
    "Inputs and targets are the same: each place is asked for the token that it is given, and the "
    "model learns to copy."
)
def not_shifted(tokens, bos):
    return np.stack([tokens, tokens])


@pair.wrong(
    "The targets are shifted as well: each place is asked for the token after the next one.",
    seen="huggingface/transformers #47394",
)
def targets_shifted_twice(tokens, bos):
    return np.stack([np.append(bos, tokens[:-1]), np.append(tokens[1:], bos)])


@pair.wrong(
    "Each place is asked for the token after the next one: both rows are shifted, and the text is "
    "too short by one.",
    seen="huggingface/transformers #32944",
)
def shifted_twice_and_cut(tokens, bos):
    return np.stack([np.append(bos, tokens)[:-2], tokens[1:]])


@pair.wrong(
    "The targets are rolled: the last place is asked for the first token, and all others for the "
    "token after the next one."
)
def targets_rolled(tokens, bos):
    return np.stack([np.append(bos, tokens[:-1]), np.roll(tokens, -1)])


@pair.wrong(
    "The inputs are shifted twice: each place lacks the token just before the one it is asked for."
)
def inputs_shifted_twice(tokens, bos):
    return np.stack([np.append([bos, bos], tokens)[: len(tokens)], tokens])


@pair.wrong("The inputs are rolled: the last token stands in front, where bos belongs.")
def inputs_rolled(tokens, bos):
    return np.stack([np.roll(tokens, 1), tokens])


@pair.wrong(
    "The inputs are rolled the wrong way: each place is given the token after the one it is asked "
    "for, and the last place is given the first token."
)
def inputs_rolled_back(tokens, bos):
    return np.stack([np.roll(tokens, -1), tokens])


@pair.wrong(
    "The inputs are shifted the wrong way: each place is given the token after the one it is asked "
    "for."
)
def shifted_the_wrong_way(tokens, bos):
    return np.stack([np.append(tokens[1:], bos), tokens])


@pair.wrong(
    "Each place is asked for the token before the one it is given: the two rows are exchanged, or "
    "the shift is in the targets and not in the inputs."
)
def rows_exchanged(tokens, bos):
    return np.stack([tokens, np.append(bos, tokens[:-1])])


@pair.wrong("Both rows are shifted by bos: the last token of the text is never asked for.")
def both_shifted(tokens, bos):
    return np.stack([np.append(bos, tokens[:-1])] * 2)


@pair.wrong(
    "There is no bos, so nobody is asked for the first token, and both rows are too short by one."
)
def bos_left_out(tokens, bos):
    return np.stack([tokens[:-1], tokens[1:]])


@pair.wrong(
    "There is no bos: the inputs are not shifted, each place is asked for the token after it, and "
    "a filler stands at the end of the targets."
)
def targets_shifted_instead(tokens, bos):
    return np.stack([tokens, np.append(tokens[1:], bos)])


@pair.wrong(
    "Both rows are too long by one: bos is put in front of the inputs and behind the targets. The "
    "last token is no input here."
)
def too_long(tokens, bos):
    return np.stack([np.append(bos, tokens), np.append(tokens, bos)])


@pair.wrong("Both rows begin with bos: nothing is shifted against anything, and both are too long.")
def bos_before_both(tokens, bos):
    return np.stack([np.append(bos, tokens)] * 2)


@pair.wrong(
    "The first token is replaced by bos, and the rest is not shifted: from the second place on the "
    "model is given what it is asked for."
)
def first_replaced(tokens, bos):
    return np.stack([np.append(bos, tokens[1:]), tokens])


@pair.wrong("A fixed number stands where bos belongs, such as the 0 of an empty array.")
def zero_for_bos(tokens, bos):
    return np.stack([np.append(0, tokens[:-1]), tokens])


@pair.wrong(
    "The first token is repeated in front of the inputs: the first place is given what it is asked "
    "for."
)
def first_repeated(tokens, bos):
    return np.stack([np.append(tokens[0], tokens[:-1]), tokens])


@pair.wrong(
    "bos is appended at the end of the inputs, and the first token is dropped from both rows."
)
def bos_at_the_end(tokens, bos):
    return np.stack([np.append(tokens[:-1], bos), tokens])


@pair.wrong("Inputs and targets stand in two columns: the result must have shape (2, n).")
def in_columns(tokens, bos):
    return teacher_forcing_pair(tokens, bos).T


@pair.wrong("The inputs hold the text backward: the order of the tokens is lost.")
def inputs_reversed(tokens, bos):
    return np.stack([np.append(bos, tokens[:0:-1]), tokens])


@pair.wrong("The rows follow each other in one long row: the result must have shape (2, n).")
def in_one_row(tokens, bos):
    return np.concatenate(teacher_forcing_pair(tokens, bos))


nll = Question("p8.masked_nll")


@nll.cases
def nll_cases(rng):
    """Padding nowhere, at the end, in front and within; 0 is a target like others but in one."""
    for n, v, pad, places, where in (
        (7, 5, 3, (5, 6), "at the end"),
        (9, 6, 5, (0, 4, 8), "in front, within and at the end"),
        (8, 4, 0, (6, 7), "at the end"),
        (6, 7, -100, (2, 5), "within and at the end"),
    ):
        logits = rng.normal(1, 1.5, size=(n, v))
        yield (
            f"{n} targets, V = {v}, pad = {pad} {where}",
            (logits, targets(rng, n, v, pad, places), pad),
        )
    logits = 4 * rng.normal(size=(4, 8))
    yield "4 targets, V = 8, large logits, no pad", (logits, targets(rng, 4, 8, 2, ()), 2)


def targets(rng, n, v, pad, places):
    """Every row asks for its own token; the first that is no padding is 0, unless 0 is the pad."""
    drawn = rng.choice([t for t in range(v) if t != pad], size=n)
    drawn[1] = 0 if pad else 1
    drawn[list(places)] = pad
    return drawn


@nll.extreme
def nll_extremes(rng):
    """A target that seems impossible; rows so far apart that they share no scale."""
    logits, wanted = 400.0 * rng.normal(size=(6, 5)), targets(rng, 6, 5, 3, (5,))
    logits[:2, wanted[:2]] -= 2000
    yield "logits in the hundreds, a target with a very low one", (logits, wanted, 3)
    logits = np.round(64 * rng.normal(size=(5, 4))) / 64 + np.array([[-2048], [2048]] * 3)[:5]
    yield "rows of logits near -2,000 and near 2,000", (logits, targets(rng, 5, 4, 2, (4,)), 2)


@nll.reference
def masked_nll(logits, targets, pad):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    kept = targets != pad
    return -log_p[kept, targets[kept]].mean()


def log_softmax(z, axis=1):
    z = z - z.max(axis=axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))


def losses(log_p, targets):
    """Return one loss for each place; a pad that is no token counts as some token."""
    return -np.take_along_axis(log_p, targets[:, None] % log_p.shape[1], axis=1)[:, 0]


@nll.right
def loop(logits, targets, pad):
    total, count = 0.0, 0
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        if target != pad:
            total += math.log(sum(math.exp(x - max(row)) for x in row)) + max(row) - row[target]
            count += 1
    return total / count


@nll.right
def nll_in_torch(logits, targets, pad):
    import torch

    logits, targets = torch.as_tensor(logits), torch.as_tensor(targets)
    return torch.nn.functional.cross_entropy(logits, targets, ignore_index=pad)


@nll.right
def one_hot_targets(logits, targets, pad):
    hot = (targets[:, None] == np.arange(logits.shape[1])) & (targets != pad)[:, None]
    top = logits.max(axis=1)
    normalizers = np.log(np.einsum("nv->n", np.exp(logits - top[:, None]))) + top
    return (hot * (normalizers[:, None] - logits)).sum() / hot.sum()


@nll.right
def by_logaddexp(logits, targets, pad):
    rows = np.flatnonzero(targets != pad)
    each = np.logaddexp.reduce(logits[rows], axis=1) - logits[rows, targets[rows]]
    return np.average(each)


@nll.right
def nll_in_single_precision(logits, targets, pad):
    logits = logits.astype(np.float32)[targets != pad]
    each = losses(log_softmax(logits), targets[targets != pad])
    return each.mean(dtype=np.float32)


@nll.right
def against_the_target(logits, targets, pad):
    """Differences to the target's logit: -log p is a softplus of all the others."""
    kept = targets != pad
    rows = logits[kept] - logits[kept, targets[kept]][:, None]
    top = rows.max(axis=1)
    return (top + np.log(np.exp(rows - top[:, None]).sum(axis=1))).mean()


@nll.naive("Without the largest logit of a row taken off, the exponential overflows or vanishes.")
def nll_overflows(logits, targets, pad):
    e = np.exp(logits)
    return losses(np.log(e / e.sum(axis=1, keepdims=True)), targets)[targets != pad].mean()


@nll.naive(
    "The largest logit of the whole matrix is taken off. Rows that lie far below it vanish: each "
    "row needs its own."
)
def nll_largest_of_the_matrix(logits, targets, pad):
    z = logits - logits.max()
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return losses(log_p, targets)[targets != pad].mean()


@nll.naive(
    "A probability rounds to zero, and its logarithm is minus infinity. The logarithm of the "
    "softmax must be written out, so that exponential and logarithm cancel."
)
def log_of_zero(logits, targets, pad):
    return losses(np.log(softmax(logits)), targets)[targets != pad].mean()


@nll.naive(
    "A small number is added to the probability before the logarithm. No loss can then exceed its "
    "logarithm, however wrong the model is."
)
def epsilon_in_log(logits, targets, pad):
    return losses(np.log(softmax(logits) + 1e-12), targets)[targets != pad].mean()


@nll.wrong(
    "The padding counts like any other target: the mean runs over all places.",
    seen="DaoyuanLi2816/Molecule-Generator PR #20",
)
def pad_counted(logits, targets, pad):
    return losses(log_softmax(logits), targets).mean()


@nll.wrong(
    "The padding adds nothing to the sum, but it counts in the number by which the sum is divided."
)
def divided_by_all(logits, targets, pad):
    return (losses(log_softmax(logits), targets) * (targets != pad)).sum() / len(targets)


@nll.wrong(
    "The number -100 is ignored, and not the pad that is given.",
    seen="lukas-blecher/LaTeX-OCR #305",
)
def minus_100_ignored(logits, targets, pad):
    return losses(log_softmax(logits), targets)[targets != -100].mean()


@nll.wrong("Token 0 is ignored, and not the pad that is given.")
def zero_ignored(logits, targets, pad):
    return losses(log_softmax(logits), targets)[targets != 0].mean()


@nll.wrong("Only the padding is counted: the selection is reversed.")
def only_padding(logits, targets, pad):
    each = losses(log_softmax(logits), targets)[targets == pad]
    return each.sum() / np.float64(len(each))


@nll.wrong(
    "Everything from the first pad on is left out. Padding may also stand in front or within."
)
def stops_at_first_pad(logits, targets, pad):
    before = np.cumsum(targets == pad) == 0
    return losses(log_softmax(logits), targets)[before].sum() / np.float64(before.sum())


@nll.wrong(
    "The logits of padded places are set to zero, and the places are still counted: each adds the "
    "logarithm of V."
)
def padded_logits_zero(logits, targets, pad):
    return losses(log_softmax(logits * (targets != pad)[:, None]), targets).mean()


@nll.wrong(
    "The pad is taken out of the vocabulary: its logit is missing from the softmax. It is the "
    "places with the pad as target that do not count."
)
def pad_column_removed(logits, targets, pad):
    logits = np.where(np.arange(logits.shape[1]) == pad, -np.inf, logits)
    return losses(log_softmax(logits), targets)[targets != pad].mean()


@nll.wrong("The losses are summed: divide by the number of places that count.")
def sum_for_mean(logits, targets, pad):
    return losses(log_softmax(logits), targets)[targets != pad].sum()


@nll.wrong(
    "The mean runs over all entries of the matrix that count, V for each place, not over places."
)
def mean_over_matrix(logits, targets, pad):
    return losses(log_softmax(logits), targets)[targets != pad].mean() / logits.shape[1]


@nll.wrong("The logits of the targets are averaged as they are: there is no softmax.")
def raw_logits(logits, targets, pad):
    return losses(logits, targets)[targets != pad].mean()


@nll.wrong("The probabilities of the targets are averaged: the logarithm is missing.")
def no_logarithm(logits, targets, pad):
    return losses(softmax(logits), targets)[targets != pad].mean()


@nll.wrong(
    "This is the logarithm of the mean probability. Each place must have its logarithm first."
)
def logarithm_of_mean(logits, targets, pad):
    return -np.log(-losses(softmax(logits), targets)[targets != pad].mean())


@nll.wrong("The sign is wrong: this is the mean log-likelihood, without the minus.")
def sign_missing(logits, targets, pad):
    return -losses(log_softmax(logits), targets)[targets != pad].mean()


@nll.wrong("The result is in bits; the question asks for nats.")
def in_bits(logits, targets, pad):
    return losses(log_softmax(logits), targets)[targets != pad].mean() / np.log(2)


@nll.wrong("The result is in units of ten: the logarithm is to the base 10.")
def base_ten(logits, targets, pad):
    return losses(log_softmax(logits), targets)[targets != pad].mean() / np.log(10)


@nll.wrong("The result is a perplexity; the question asks for its logarithm.")
def perplexity(logits, targets, pad):
    return np.exp(losses(log_softmax(logits), targets)[targets != pad].mean())


@nll.wrong("The softmax runs over the places: each token's column sums to one, not each row.")
def softmax_over_places(logits, targets, pad):
    return losses(log_softmax(logits, axis=0), targets)[targets != pad].mean()


@nll.wrong("All probabilities of the matrix together sum to one. Each row is a distribution.")
def softmax_over_matrix(logits, targets, pad):
    return losses(log_softmax(logits, axis=None), targets)[targets != pad].mean()


@nll.wrong(
    "The softmax is taken twice: a loss that expects logits is given probabilities, and is nearly "
    "blind to what the model knows."
)
def softmax_twice(logits, targets, pad):
    return losses(log_softmax(softmax(logits)), targets)[targets != pad].mean()


@nll.wrong(
    "The targets are shifted once more: each place is judged by the target of the place after it.",
    seen="huggingface/transformers #46897",
)
def shifted_again(logits, targets, pad):
    return losses(log_softmax(logits[:-1]), targets[1:])[targets[1:] != pad].mean()


@nll.wrong("The most likely token is scored, whatever the target is.")
def most_likely_token(logits, targets, pad):
    return -log_softmax(logits).max(axis=1)[targets != pad].mean()


@nll.wrong("This is the entropy of the predictions: the targets play no part.")
def entropy_of_predictions(logits, targets, pad):
    log_p = log_softmax(logits)
    return -(np.exp(log_p) * log_p).sum(axis=1)[targets != pad].mean()


@nll.wrong("Each logit has a sigmoid of its own: the tokens do not compete for the probability.")
def sigmoid(logits, targets, pad):
    return losses(-np.logaddexp(0, -logits), targets)[targets != pad].mean()


@nll.wrong(
    "The result holds one loss for each place that counts; the question asks for their mean."
)
def not_averaged(logits, targets, pad):
    return losses(log_softmax(logits), targets)[targets != pad]


@nll.wrong("The result is the share of wrong tokens; the question asks for a mean loss in nats.")
def share_of_errors(logits, targets, pad):
    kept = targets != pad
    return (logits.argmax(axis=1) != targets)[kept].mean()

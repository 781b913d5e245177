# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Problem set 8. Causal masking: three ways to see the answer
#
# A decoder can cheat in three places: in its attention, in the pairs of inputs and targets that it
# learns from, and in the loss that we read. Each time the numbers on the screen look better than
# they are. You write the three pieces, and then you break them on purpose, to know what each leak
# looks like from outside.
#
# **Difficulty:** intermediate. **Time:** about 2 hours. **Prerequisites:** the chapters *Attention
# as retrieval* and *Causal masking: do not look ahead*.

# %%
import unicodedata

import matplotlib.pyplot as plt
import numpy as np

from attnbook import check

# %% [markdown]
# ## What a row may know
#
# Token $i$ of a text is to predict token $i + 1$. Its output $y_i$ may then depend on the tokens
# $1, \dots, i$ and on nothing else. In one layer of attention:
#
# $$ y_i = \sum_{j \le i} a_{ij}\, v_j, \qquad
# a_{ij} = \frac{e^{s_{ij}}}{\sum_{m \le i} e^{s_{im}}}, \qquad
# s_{ij} = \frac{q_i \cdot k_j}{\sqrt{D}} $$
#
# Two sums run up to $i$: the one over the values, and the one in the denominator. A program has to
# respect both.

# %% [markdown]
# ## Question 1. Causal attention (3 points, and 1 for stability)
#
# Write `causal_attention(q, k, v)`. Queries and keys have shape `(N, D)`, values have shape
# `(N, Dv)`. It returns the outputs $y_i$ in rows, an array of shape `(N, Dv)`.
#
# The fourth point is for extreme numbers: scores in the thousands, and scores that all lie very far
# below zero. Every output is finite there, too.

# %% [markdown] tags=["solution"]
# A score of minus infinity has the weight $e^{-\infty} = 0$, in both sums. It goes in *before* the
# softmax. The largest score that is left is taken off each row, so that no exponential overflows;
# every row keeps its own column, so there always is one. A finite number in place of minus infinity
# is right as long as no score is lower.


# %%
def causal_attention(q, k, v):
    """Return causal attention, shape (N, Dv), of q and k (N, D) and v (N, Dv)."""
    # BEGIN SOLUTION
    scores = q @ k.T / np.sqrt(q.shape[1])
    scores = np.where(np.tri(len(q), dtype=bool), scores, -np.inf)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True) @ v
    # END SOLUTION


# %%
check("p8.causal_attention", causal_attention)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Write attention without a mask first. Then ask of each of its lines: does row $i$ use anything
# from a row after $i$ here?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Mask the scores, not the weights. `np.tri(n)` is a matrix with ones where the column is not
# greater than the row. Which number has the exponential zero?
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# `np.where(mask, scores, -np.inf)`, then subtract the largest entry of each row, then exponentials,
# then divide each row by its sum. The order of these four steps matters.
#
# </details>

# %% [markdown]
# ## Question 2. Measure a leak
#
# The chapter has a gallery of wrong masks, and a live figure in which you change the last token by
# hand. Here is one of these masks as a program. It sets the weights of the future to zero, so that
# a picture of its weights looks perfect.


# %%
def weights_cut(q, k, v):
    """Normalize over all keys, then set the weights of the future to zero."""
    scores = q @ k.T / np.sqrt(q.shape[1])
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.tri(len(q)) * (e / e.sum(axis=1, keepdims=True)) @ v


# %% [markdown]
# Draw a text of 12 tokens. Replace one of the three arrays from token 6 on by numbers of another
# draw, multiplied by `size`, and see how far the outputs of tokens 0 to 5 move. `replaced` makes
# the two texts; you write the line that measures.


# %%
def replaced(name, size):
    """Return two texts (q, k, v) that differ in one array, and there from token 6 on."""
    before = dict(zip("qkv", np.random.default_rng(8).standard_normal((3, 12, 8)), strict=True))
    after = {each: array.copy() for each, array in before.items()}
    after[name][6:] = size * np.random.default_rng(9).standard_normal((6, 8))
    return before, after


def past_moves(function, name, size):
    """Return the largest change of the outputs of tokens 0 to 5."""
    before, after = replaced(name, size)
    moved = None
    # BEGIN SOLUTION
    moved = np.abs(function(**after)[:6] - function(**before)[:6]).max()
    # END SOLUTION
    return moved


# %%
for name in "qkv":
    for function in (causal_attention, weights_cut):
        moves = [past_moves(function, name, size) for size in (0.0, 1.0, 10.0, 100.0)]
        if moves[0] is not None:
            print(f"{name} of the future, {function.__name__:16}", *(f"{m:9.3g}" for m in moves))

# %% [markdown]
# 1. For your `causal_attention`, is the change small, or is it zero?
# 2. Which of the three arrays of the future do the past outputs of `weights_cut` feel, and through
#    which of the two sums?
# 3. What becomes of the past outputs when one hidden key fits extremely well?

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.**
#
# 1. It is zero, not small. A hidden weight is exactly 0, and 0 times a finite number added to a sum
#    changes no bit. A change in the last digits would be a leak.
# 2. The keys only. The queries of the future make other rows. The values of the future have weight
#    zero, as the picture shows. But the *scores* of the future are still in the denominator, and
#    the keys make them.
# 3. The hidden key takes the whole row, and what is left for the past goes to zero. The output of
#    such a row is then zero as well, so a past token can tell from the *size* of its output that a
#    strong key will come. The cell checks that a row of the cut weights no longer sums to one.

# %% tags=["solution"]
for name in "qkv":
    for size in (0.0, 1.0, 10.0, 100.0):
        assert past_moves(causal_attention, name, size) == 0
        assert (past_moves(weights_cut, name, size) > 0) == (name == "k")
_, after = replaced("k", 100.0)
after["v"] = np.ones((12, 8))  # then the output is the sum of the weights
sums = weights_cut(**after)[:6, 0]
print("sums of the first six rows, hidden keys of size 100:", sums.round(6))
assert np.median(sums) < 1e-6
assert np.allclose(causal_attention(**after), 1)

# %% [markdown]
# ## Question 3. What goes in, and what is asked for (3 points)
#
# A decoder learns from a text whose end is known. At every place it is given the true token and
# asked for the next one. This is *teacher forcing*. The first token has nothing before it, so a
# special token, *bos* ("beginning of sequence"), is put in front:
#
# $$ \text{inputs} = (\text{bos}, t_1, \dots, t_{n-1}), \qquad
# \text{targets} = (t_1, t_2, \dots, t_n) $$
#
# Write `teacher_forcing_pair(tokens, bos)`. `tokens` is an array of shape `(n,)` of whole numbers,
# `bos` is a whole number. It returns an array of shape `(2, n)`: the inputs of the decoder in the
# first row, the targets in the second. No token is ever left out of the targets.

# %% [markdown] tags=["solution"]
# The shift is *one*, and it must happen *once*. Some models shift inside, for their own
# convenience; then nothing must be shifted outside. Nothing in the shapes tells which it is, so it
# is worth a test on three tokens.


# %%
def teacher_forcing_pair(tokens, bos):
    """Return inputs and targets of a decoder, shape (2, n), for tokens of shape (n,)."""
    # BEGIN SOLUTION
    return np.stack([np.append(bos, tokens[:-1]), tokens])
    # END SOLUTION


# %%
check("p8.teacher_forcing_pair", teacher_forcing_pair)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Write down both rows for the tokens 5, 6, 7 and bos = 0, on paper. In each column the lower number
# must be what follows the upper one.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# One of the two rows is `tokens` as it is. Which token is never an input?
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# The inputs are `bos` followed by `tokens[:-1]`; `np.append` joins them. `np.stack` puts two rows
# on top of each other.
#
# </details>

# %% [markdown]
# ## Question 4. The loss (3 points, and 1 for stability)
#
# At every place the model has $V$ numbers, the *logits* $z_{1}, \dots, z_{V}$. Their softmax is its
# distribution over the next token. The loss of the place is minus the logarithm of what the target
# got,
#
# $$ \ell = -\ln \frac{e^{z_t}}{\sum_{c} e^{z_c}} = \ln \Bigl(\sum_{c} e^{z_c}\Bigr) - z_t $$
#
# Texts of different lengths are filled up with a *pad*, to fit into one array. Nobody wants to know
# how well a model predicts the filling. So the loss of a batch is the mean over the places whose
# target is not the pad.
#
# Write `masked_nll(logits, targets, pad)` for `logits` of shape `(N, V)` and whole numbers
# `targets` of shape `(N,)`. It returns one number, in nats. Padding may stand anywhere, and there
# is at least one other target. The pad is a whole number, but *not always a token*: -100 is a
# common choice.
#
# The fourth point is for extreme numbers: logits of size 1000, and targets that the model takes for
# impossible. The loss is finite there, too.

# %% [markdown] tags=["solution"]
# The selection comes first: a pad of -100 is no column of the logits, so it must not be used as an
# index. The logarithm of the softmax is written out, so that a logarithm meets a sum that is at
# least 1 and never a probability that has rounded to zero.


# %%
def masked_nll(logits, targets, pad):
    """Return the mean loss in nats over targets that are not the pad; logits are (N, V)."""
    # BEGIN SOLUTION
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    kept = targets != pad
    return -log_p[kept, targets[kept]].mean()
    # END SOLUTION


# %%
check("p8.masked_nll", masked_nll)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Do it without padding first: one loss for each row, then their mean. Then decide which rows count,
# in the sum *and* in the number you divide by.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `kept = targets != pad` is a selection of rows. `log_p[kept, targets[kept]]` picks one number of
# each selected row.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Subtract from each row its largest logit; call the result `z`. The logarithm of the softmax is `z
# - np.log(np.exp(z).sum(axis=1, keepdims=True))`. Do not take the logarithm of a softmax that you
# have computed before.
#
# </details>

# %% [markdown]
# ## Question 5. Losses that look like learning
#
# The chapter trains two transformers on names of characters and finds that the one without a mask
# has the lower loss. A smaller model will do to see what a wrong *shift* does: a table that counts
# which letter follows which. The text is of the same kind.

# %%
names = [unicodedata.ucd_3_2_0.name(chr(code), "").lower() for code in range(0x2500)]
names = [name for name in names if name and set(name) <= set("abcdefghijklmnopqrstuvwxyz -")]
names = [names[i] for i in np.random.default_rng(8).permutation(len(names))]
alphabet = "abcdefghijklmnopqrstuvwxyz -\n"
text = np.array([alphabet.index(letter) for name in names for letter in name + "\n"])
known, unseen = text[:60_000], text[60_000:80_000]
BOS, PAD = len(alphabet), len(alphabet) + 1  # the numbers after the last letter
print(len(names), "names, for instance", names[:3])


# %%
def table(inputs, targets):
    """Count which target follows which input; return logits, shape (31, 31)."""
    counts = np.ones((PAD + 1, PAD + 1))
    np.add.at(counts, (np.asarray(inputs, int), np.asarray(targets, int)), 1)
    return np.log(counts)


makers = {
    "right": teacher_forcing_pair,
    "inputs not shifted": lambda tokens, bos: np.stack([tokens, tokens]),
    "inputs rolled": lambda tokens, bos: np.stack([np.roll(tokens, 1), tokens]),
    "shifted twice": lambda tokens, bos: np.stack([np.append([bos, bos], tokens[:-2]), tokens]),
}


# %% [markdown]
# Fill in the function: make the pair of the known text, count the table, make the pair *in the same
# way* of the unseen text, and return the loss of the table on it. Row `i` of the table has the
# logits after input `i`. No place is padded.


# %%
def loss_of(make):
    """Return the loss on the unseen text when both texts are made into pairs by `make`."""
    loss = None
    # BEGIN SOLUTION
    logits = table(*make(known, BOS))
    inputs, targets = make(unseen, BOS)
    loss = masked_nll(logits[inputs], targets, PAD)
    # END SOLUTION
    return loss


if teacher_forcing_pair(known, BOS) is not None:
    losses = {name: loss_of(make) for name, make in makers.items()}
    if None not in losses.values():
        print(*(f"{name:20}{loss:8.4f} nats" for name, loss in losses.items()), sep="\n")

# %% [markdown]
# 1. Which loss is the lowest, and what has that table learned? What would it write, if it had to?
# 2. A table that ignores its input has the loss of the letters' frequencies. Work that out, too,
#    and say what somebody sees who shifts twice and watches only the loss.
# 3. One of the three mistakes hardly shows in the loss. Why? How would you find it, then?

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.**
#
# 1. "Inputs not shifted" is near zero. The table has learned to copy: after each letter it gives
#    nearly all of the probability to the same letter. It would write one letter forever. That is
#    the cheater of the chapter, in its smallest form.
# 2. The cell prints the loss of the frequencies. A twofold shift lies below it: two letters back is
#    not nothing. So the loss falls during training, and it looks like learning. Only a comparison
#    with the right table tells that something is missing, and in practice nobody has that number.
# 3. "Inputs rolled" differs from the right pair at a single place, the first. The mean over the
#    whole text does not show it. In batches of short texts one place in each is wrong, and there
#    the model is told how its text *ends*. What finds it is no loss but a test on a few tokens, as
#    `check` has.

# %% tags=["solution"]
shares = np.bincount(known, minlength=PAD + 1) + 1.0
frequencies = masked_nll(np.log(np.tile(shares, (len(unseen), 1))), unseen, PAD)
print(f"frequencies of the letters: {frequencies:.4f} nats")
assert losses["inputs not shifted"] < 0.05
assert losses["right"] + 0.1 < losses["shifted twice"] < frequencies
assert abs(losses["inputs rolled"] - losses["right"]) < 1e-3
differs = makers["inputs rolled"](known, BOS) != teacher_forcing_pair(known, BOS)
assert differs.sum() == 1
copies = table(*makers["inputs not shifted"](known, BOS))[known].argmax(axis=1) == known
assert copies.all()

# %% [markdown]
# ## Question 6. The loss that improves by itself
#
# Now a batch: 300 names, each of them filled up with the pad to the same width. We count the table
# on this batch, pads included, and measure the loss on the batch itself. You compare two means:
# over the places that are no pad, and over all places. (A pad that never occurs, such as -1, makes
# `masked_nll` count every place.)


# %%
def batch(width):
    """Return inputs and targets of 300 names filled up to `width`, each of shape (300 * width,)."""
    rows = np.full((300, width), PAD)
    for row, name in zip(rows, names, strict=False):
        row[: len(name) + 1] = [alphabet.index(letter) for letter in name + "\n"]
    inputs = np.hstack([np.full((300, 1), BOS), rows[:, :-1]])
    return inputs.ravel(), rows.ravel()


# %%
widths, kept_mean, all_mean = [80, 120, 160, 240, 320], [], []
for width in widths:
    inputs, targets = batch(width)
    logits = table(inputs, targets)[inputs]
    kept = counted = None  # the two means
    # BEGIN SOLUTION
    kept, counted = masked_nll(logits, targets, PAD), masked_nll(logits, targets, -1)
    # END SOLUTION
    if kept is not None and counted is not None:
        kept_mean.append(kept)
        all_mean.append(counted)

# %%
if kept_mean and all_mean:
    fig, ax = plt.subplots(figsize=(6.4, 3.6))
    ax.plot(widths, kept_mean, "o-", label="places that are no pad")
    ax.plot(widths, all_mean, "s--", label="all places")
    ax.legend()
    ax.set(xlabel="width of the batch", ylabel="mean loss, nats", ylim=(0, None))

# %% [markdown]
# 1. Which of the two means depends on the width? The names are the same; has the model improved?
# 2. With which power of the width does it fall, and why?
# 3. Two teams report a loss for the same model, one for batches of similar lengths and one for
#    batches of mixed lengths. What must you ask them?

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.**
#
# 1. The mean over all places falls, and the other one stays exactly where it is. Nothing about the
#    letters has improved.
# 2. With the width to the power -1. After a pad there is always a pad, which costs nearly nothing.
#    So the sum of the losses stays nearly the same, and it is divided by the number of all places,
#    $300 \times \text{width}$.
# 3. Whether pads are counted, in the sum and in the divisor. If they are, the number says as much
#    about how the batches were filled as about the model.

# %% tags=["solution"]
kept_mean, all_mean = np.array(kept_mean), np.array(all_mean)
power = np.polyfit(np.log(widths), np.log(all_mean), 1)[0]
print(f"no pads: {kept_mean.min():.3f} to {kept_mean.max():.3f} nats; all: power {power:.2f}")
assert abs(power + 1) < 0.1
assert np.ptp(kept_mean) < 1e-9

# %% [markdown]
# ## What to take away
#
# A mask must close both sums, a shift must happen exactly once, and a mean must say what it is
# taken over. This set is about masks after the softmax, masks that are turned, off by one or too
# weak; about targets that are not shifted, shifted twice or rolled; and about padding that is
# counted. Most of these do not show in a loss. A test on a few tokens finds all of them.

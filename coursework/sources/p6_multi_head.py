# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Problem set 6. Several heads, one sum
#
# A layer with several heads looks at the same tokens several times and adds what it found. You
# write it, meet a mistake that no test of shapes can see, and measure how alike the maps of heads
# are: before training, and under a penalty that is meant to part them.
#
# **Difficulty:** intermediate. **Time:** about 100 minutes. **Prerequisites:** the chapters *Why
# the dot product is divided by a square root* and *Several heads*.

# %%
import matplotlib.pyplot as plt
import numpy as np

from attnbook import check

# %% [markdown]
# ## The layer
#
# The input $X$ holds $N$ tokens of width $M$. Head $h$ has matrices $W_Q^h, W_K^h$ of shape $(M,
# D)$ and $W_V^h$ of shape $(M, D_v)$. It makes a map $A^h$ of shape $(N, N)$, whose rows sum to
# one, and an output $O^h$ of shape $(N, D_v)$:
#
# $$ A^h = \operatorname{softmax}\!\left(\frac{(X W_Q^h)(X W_K^h)^\top}{\sqrt{D}}\right), \qquad
# O^h = A^h X W_V^h $$
#
# The outputs are put side by side, head after head, and multiplied by $W_O$ of shape $(H D_v, M')$.
# Rows $h D_v$ to $(h + 1) D_v$ of $W_O$ are the block $W_O^h$ of head $h$, so that
#
# $$ Y = [O^0, \dots, O^{H-1}]\, W_O = \sum_{h=0}^{H-1} O^h W_O^h $$
#
# The live figure of the chapter *Several heads* draws this sum as arrows laid end to end. There is
# no mask here.

# %% [markdown]
# ## Question 1. Write the layer
#
# Write `multi_head(x, w_q, w_k, w_v, w_o)`. Shapes: `x` $(N, M)$, `w_q` and `w_k` $(H, M, D)$,
# `w_v` $(H, M, D_v)$, `w_o` $(H D_v, M')$. The result has shape $(N, M')$. All sizes may differ.
# Large scores must not overflow.

# %% [markdown] tags=["solution"]
# A loop over the heads says what the formula says. Each head is one scaled attention with its own
# three matrices, and the width under the root is $D$, that of its queries. Side by side means along
# the last axis: all heads of one token stand in one row. Taking off the largest score of each *row*
# changes no weight and keeps the exponentials below one.


# %%
def multi_head(x, w_q, w_k, w_v, w_o):
    """Return the output of the layer, shape (N, M').

    x (N, M), w_q and w_k (H, M, D), w_v (H, M, Dv), w_o (H * Dv, M').
    """
    # BEGIN SOLUTION
    outputs = []
    for q_h, k_h, v_h in zip(w_q, w_k, w_v, strict=True):
        scores = (x @ q_h) @ (x @ k_h).T / np.sqrt(q_h.shape[1])
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        a = e / e.sum(axis=1, keepdims=True)
        outputs.append(a @ x @ v_h)
    return np.concatenate(outputs, axis=1) @ w_o
    # END SOLUTION


# %%
check("p6.multi_head", multi_head)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Write one head first, for matrices of shape $(M, D)$, $(M, D)$ and $(M, D_v)$. Which axis of the
# scores runs over the keys?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Do that for every head in a loop and collect the outputs, each of shape $(N, D_v)$. A token must
# find the outputs of all heads in its own row, so join them along the last axis.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# `np.concatenate(outputs, axis=1)` has shape $(N, H D_v)$; multiply it by `w_o`. In the softmax
# take off `scores.max(axis=1, keepdims=True)` before the exponential.
#
# </details>

# %% [markdown]
# ## Question 2. A mistake that fits
#
# The layer below merges the outputs of the heads, an array of shape $(H, N, D_v)$, with a reshape
# alone. The shape of the result is right. Public programs had this mistake, and in one of them a
# test of training passed all the same (jsbaan/transformer-from-scratch, pull request 6).

# %%
rng = np.random.default_rng(6)
x = rng.standard_normal((6, 12))
w_q, w_k = rng.standard_normal((2, 3, 12, 4)) / np.sqrt(12)
w_v = rng.standard_normal((3, 12, 5)) / np.sqrt(12)
w_o = rng.standard_normal((15, 7)) / np.sqrt(15)


def merged_by_reshape(x, w_q, w_k, w_v, w_o):
    """Do what `multi_head` does, with a mistake at the place where heads are merged."""
    single = np.eye(w_v.shape[2])
    heads = range(len(w_q))
    alone = [multi_head(x, w_q[[h]], w_k[[h]], w_v[[h]], single) for h in heads]
    return np.reshape(alone, (len(x), -1)) @ w_o


# %% [markdown]
# Here is a test that needs no reference. Nothing in this layer knows the *place* of a token. So if
# the tokens come in another order, the rows of the result must come in that order and not change
# otherwise. Fill in the function: it returns by how much that fails, as the largest absolute
# difference, for a layer with the first `heads` of the three heads.

# %%
order = np.array([3, 0, 5, 1, 4, 2])


def order_error(layer, heads):
    """Return the largest difference between layer(x[order]) and layer(x)[order]."""
    error = None
    # BEGIN SOLUTION
    weights = w_q[:heads], w_k[:heads], w_v[:heads], w_o[: 5 * heads]
    error = np.abs(layer(x[order], *weights) - layer(x, *weights)[order]).max()
    # END SOLUTION
    return error


for heads in (1, 2, 3):
    print(heads, "heads:", order_error(multi_head, heads), order_error(merged_by_reshape, heads))

# %% [markdown]
# 1. What do you find for one, two and three heads? Why is one head a bad test?
# 2. With three heads and six tokens, which heads and which tokens stand in row 0 of the wrong
#    layer?
# 3. Why can a model with this mistake still learn something?

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.** With one head there is nothing to merge, and both layers agree. With two and
# three, the right layer passes up to rounding; the wrong one fails by a difference as large as its
# results themselves. The sizes of its results look normal, as the cell shows, so neither shapes nor
# means would warn anyone.
#
# A reshape keeps the order in memory: head 0 with all its tokens comes first. Row 0 takes the first
# $H D_v$ numbers, which are tokens 0, 1 and 2 of head 0. Heads 1 and 2 do not reach row 0 at all:
# the cell doubles their values and row 0 stays. The reshape mixes tokens instead of heads.
#
# The mixture is the same at every step of training. For inputs of one fixed length it is a fixed
# reordering of numbers, and what comes after may learn to work with it, above all on an easy task.
# That is why the loss is a poor test, and a numerical test a good one.

# %% tags=["solution"]
right, wrong = (f(x, w_q, w_k, w_v, w_o) for f in (multi_head, merged_by_reshape))
print(f"spread of the results: right {right.std():.2f}, wrong {wrong.std():.2f}")
assert right.shape == wrong.shape
assert 0.5 < wrong.std() / right.std() < 2
assert max(order_error(multi_head, heads) for heads in (1, 2, 3)) < 1e-12
one = w_q[:1], w_k[:1], w_v[:1], w_o[:5]
assert np.allclose(multi_head(x, *one), merged_by_reshape(x, *one))
assert min(order_error(merged_by_reshape, heads) for heads in (2, 3)) > wrong.std()
doubled = np.concatenate([w_v[:1], 2 * w_v[1:]])
changed = np.abs(merged_by_reshape(x, w_q, w_k, doubled, w_o) - wrong).max(axis=1)
print("change by row when heads 1 and 2 write twice as much:", changed.round(2))
assert changed[0] == 0
assert changed[2:].min() > 0
first = multi_head(x, *one[:3], np.eye(5))
assert np.allclose(wrong[0], first[:3].ravel() @ w_o)

# %% [markdown]
# ## How alike are two heads?
#
# Two maps are alike if they put their weight on the same tokens. Flatten each map into a vector of
# $N^2$ numbers. The *diversity penalty* is the mean cosine of all pairs of different heads:
#
# $$ P = \frac{2}{H (H - 1)} \sum_{g < h}
# \frac{\sum_{ij} A^g_{ij} A^h_{ij}}{\lVert A^g \rVert\, \lVert A^h \rVert}, \qquad
# \lVert A \rVert = \sqrt{\textstyle\sum_{ij} A_{ij}^2} $$
#
# It is 1 for equal maps and 0 for maps that share no token. Some people add it, times a small
# number, to the loss.

# %% [markdown]
# ## Question 3. The penalty
#
# Write `diversity_penalty(weights)`: the maps of $H \ge 2$ heads, shape $(H, N, N)$, come in, and
# one number comes out.

# %% [markdown] tags=["solution"]
# Divide each flattened map by its length. Then the matrix of all dot products holds the cosines.
# Its diagonal is 1 and says nothing, and it is symmetric, so the mean of what lies above the
# diagonal is the answer.


# %%
def diversity_penalty(weights):
    """Return the mean cosine over pairs of different heads; weights (H, N, N)."""
    # BEGIN SOLUTION
    maps = np.reshape(weights, (len(weights), -1))
    maps = maps / np.linalg.norm(maps, axis=1, keepdims=True)
    cosines = maps @ maps.T
    return cosines[np.triu_indices(len(maps), k=1)].mean()
    # END SOLUTION


# %%
check("p6.diversity_penalty", diversity_penalty)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Write it for two heads first. What is the length of a flattened map? It is not the sum of its
# entries.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# With all maps as rows of one matrix of shape $(H, N^2)$, each divided by its length, one matrix
# product gives all cosines. Which entries belong to pairs of *different* heads?
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# There are $H (H - 1) / 2$ pairs with $g < h$. `np.triu_indices(H, k=1)` lists them; take the mean
# of those entries.
#
# </details>

# %% [markdown]
# ## Question 4. What is the penalty of strangers?
#
# You will need the maps of a layer. Write them down as a function; the lines are in your
# `multi_head`. There is no check for it.


# %%
def maps(x, w_q, w_k):
    """Return the maps of all heads, shape (H, N, N); x (N, M), w_q and w_k (H, M, D)."""
    # BEGIN SOLUTION
    scores = (x @ w_q) @ (x @ w_k).transpose(0, 2, 1) / np.sqrt(w_q.shape[2])
    e = np.exp(scores - scores.max(axis=2, keepdims=True))
    return e / e.sum(axis=2, keepdims=True)
    # END SOLUTION


# %% [markdown]
# Now take heads that have nothing to do with each other: all scores are independent normal numbers
# with standard deviation $s$. The next cell makes a layer with such scores, 12 heads and 64 tokens.
# (The tokens are the rows of the identity, so that the matrices *are* queries and keys.) Fill in
# the line, and compare with $e^{-s^2}$.

# %%
spreads = np.array([0.1, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 20.0])
penalties = []
for s in spreads:
    queries = s * np.sqrt(64) * np.random.default_rng(0).standard_normal((12, 64, 64))
    keys = np.tile(np.eye(64), (12, 1, 1))
    found = None  # the penalty of the maps of the layer with x = np.eye(64)
    # BEGIN SOLUTION
    found = diversity_penalty(maps(np.eye(64), queries, keys))
    # END SOLUTION
    penalties.append(found)

# %%
if None not in penalties:
    fig, ax = plt.subplots(figsize=(6.4, 3.6))
    ax.plot(spreads, penalties, "o", label="measured, 12 independent heads")
    fine = np.geomspace(0.1, 20, 200)
    ax.plot(fine, np.exp(-(fine**2)), color="0.5", label="exp(-s²)")
    ax.legend()
    _ = ax.set(xscale="log", xlabel="spread s of the scores", ylabel="penalty", ylim=(-0.03, 1.03))

# %% [markdown]
# 1. A fresh layer has $s \approx 1$ or less. Somebody measures a penalty of 0.9 before training and
#    says that the heads are redundant. What do you answer?
# 2. Where does $e^{-s^2}$ come from? (For a normal number $z$ with standard deviation $s$,
#    $\mathbb{E}[e^z] = e^{s^2/2}$ and $\mathbb{E}[e^{2z}] = e^{2 s^2}$.)
# 3. Which value does the penalty approach for large $s$, and why not zero?

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.** These heads are strangers by construction, and the penalty is close to 1 where
# the scores are small. All maps are then nearly even, and even maps are equal. A large penalty at
# the start says that the maps are *flat*, and nothing about what heads will do. The number must be
# compared with that of independent maps of the same spread.
#
# The weights of a row are $e^{z}$ over a sum that hardly varies. So the cosine is near
# $\mathbb{E}[e^{z}]\, \mathbb{E}[e^{z'}] / \mathbb{E}[e^{2z}] = e^{s^2} / e^{2 s^2} = e^{-s^2}$.
# The cell compares for spreads up to 1. Beyond, a row of 64 keys is too short for this mean, and
# the penalty stays above it.
#
# For large $s$ each row has one key with all the weight. Two independent rows choose the same key
# with probability $1/N$. A map has $N$ such rows and the length $\sqrt{N}$, so the penalty is the
# share of rows that agree, about $1/N$. Below that, heads do not differ by chance; they avoid each
# other.

# %% tags=["solution"]
small = spreads <= 1
print("measured", np.round(penalties, 3)[small], "expected", np.exp(-(spreads**2))[small].round(3))
assert np.abs(np.array(penalties) - np.exp(-(spreads**2)))[small].max() < 0.05
assert penalties[spreads.tolist().index(0.3)] > 0.9
assert all(p > np.exp(-(s**2)) for p, s in zip(penalties, spreads, strict=True) if s > 1)
print(f"largest spread: {penalties[-1]:.4f}, one over N: {1 / 64:.4f}")
assert abs(penalties[-1] * 64 - 1) < 0.5

# %% [markdown]
# ## Question 5. Can the penalty part two equal heads?
#
# The section *Equal maps, and a penalty against them* of the chapter *Several heads* trains a layer
# from a start at which both heads have the very same weights. The figure there shows the result.
# Here you find the reason with your own functions. The layer has two heads, the loss is a mean
# squared error plus `strength` times the penalty.

# %%
goal = rng.standard_normal((6, 7))
tied_q, tied_k, tied_v = (np.repeat(w[:1], 2, axis=0) for w in (w_q, w_k, w_v))
tied_o = np.tile(w_o[:5], (2, 1))
nudge = np.zeros((2, 12, 4))
nudge[1] = 0.1 * rng.standard_normal((12, 4))  # moves the queries of head 1


def loss(queries, strength):
    """Return the loss for query matrices `queries`, shape (2, 12, 4)."""
    error = np.mean((multi_head(x, queries, tied_k, tied_v, tied_o) - goal) ** 2)
    return error + strength * diversity_penalty(maps(x, queries, tied_k))


# %% [markdown]
# *Before you measure:* what is the penalty at the tied start? Will its gradient push the heads
# apart?
#
# Fill in the gradient of the loss to all entries of `queries`, by central differences.


# %%
def gradient(queries, strength):
    """Return the gradient of the loss, shape (2, 12, 4)."""
    found = None
    # BEGIN SOLUTION
    found = np.zeros_like(queries)
    for place in np.ndindex(queries.shape):
        step = np.zeros_like(queries)
        step[place] = 1e-5
        found[place] = (loss(queries + step, strength) - loss(queries - step, strength)) / 2e-5
    # END SOLUTION
    return found


# %%
for name, start in (("tied", tied_q), ("nudged", tied_q + nudge)):
    plain, pushed = gradient(start, 0.0), gradient(start, 1.0)
    if plain is not None:
        of_penalty = pushed - plain
        print(name, "largest gradient of the loss without the penalty:", abs(plain).max())
        print("    of the penalty alone:", abs(of_penalty).max())
        print("    difference between the two heads:", abs(pushed[0] - pushed[1]).max())

# %% [markdown]
# 1. At the tied start, what is the gradient of the penalty alone? Find the reason in the value of
#    the cosine there.
# 2. Suppose that a different penalty had a large gradient there. Could that part the heads? Argue
#    with the exchange of the two heads.
# 3. What changes after the nudge, and what does that say about how heads should start?

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.** At the tied start the maps are equal and the penalty is 1. No cosine is larger,
# so this is a maximum, and at a maximum the gradient vanishes. The penalty does not push at all
# where it is needed most.
#
# A steeper penalty would not help. Exchange the two heads, with all their matrices: the sum of what
# they write stays, and so does any penalty that treats heads alike. At a tied start the exchange
# changes nothing in the weights either. So the gradients of both heads must be equal, the step is
# the same for both, and they are tied after it, too.
#
# After the nudge the gradient of the penalty no longer vanishes. It has a component against the
# difference between the heads, and a step against the gradient lowers the cosine, as the cell
# checks. So it is the random start that parts heads. A penalty can only make more of a difference
# that is there.

# %% tags=["solution"]
plain, pushed = gradient(tied_q, 0.0), gradient(tied_q, 1.0)
assert abs(diversity_penalty(maps(x, tied_q, tied_k)) - 1) < 1e-12
assert abs(pushed - plain).max() < 1e-4 * abs(plain).max()
assert abs(pushed[0] - pushed[1]).max() < 1e-6
apart = tied_q + nudge
of_penalty = gradient(apart, 1.0) - gradient(apart, 0.0)
assert abs(of_penalty).max() > 1e-3
assert np.sum((of_penalty[1] - of_penalty[0]) * nudge[1]) < 0
before = diversity_penalty(maps(x, apart, tied_k))
after = diversity_penalty(maps(x, apart - 0.5 * of_penalty, tied_k))
print(f"nudged: penalty {before:.5f}, after a step along its own gradient {after:.5f}")
assert after < before

# %% [markdown]
# ## What to take away
#
# Heads add up, each through its own block of $W_O$, and only tests of numbers tell a right merge
# from a wrong one; a penalty on alike maps must be read against the spread of the scores. The
# misconceptions here: heads averaged or merged by a reshape alone, the width of the tokens under
# the root, a softmax over the wrong axis, cosines without lengths or with a head and itself, and
# the belief that a penalty can part equal heads.

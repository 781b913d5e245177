# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Problem set 7. Rotary positions: a clock for every pair
#
# RoPE tells a score how far apart two tokens are, and nothing about where they are. You write the
# rotation, put it into scores, and test what it promises. Then you use it: you build a head that
# looks a fixed number of places back, with no training at all. On the way you meet two programs
# that pass nearly every test and are wrong.
#
# **Difficulty:** intermediate. **Time:** about 2 hours. **Prerequisites:** the chapters *Why
# attention needs positions* and *Rotary position embedding (RoPE)*.

# %%
import matplotlib.pyplot as plt
import numpy as np

from attnbook import check

# %% [markdown]
# ## One clock for each pair
#
# A query or key at position $t$ has $D$ numbers, and $D$ is even. Count channels from 0. The
# channels $2i$ and $2i + 1$ are neighbors and form pair $i$. Each pair is turned by its own angle:
#
# $$ \begin{pmatrix} x'_{2i} \\ x'_{2i+1} \end{pmatrix} =
# \begin{pmatrix} \cos \theta_i(t) & -\sin \theta_i(t) \\ \sin \theta_i(t) & \cos \theta_i(t)
# \end{pmatrix} \begin{pmatrix} x_{2i} \\ x_{2i+1} \end{pmatrix},
# \qquad \theta_i(t) = t \cdot 10000^{-2i/D} $$
#
# Pair 0 turns by one radian a position. The higher the pair, the slower its clock.

# %% [markdown]
# ## Question 1. The rotation (3 points, and 1 for stability)
#
# Write `rope(x, positions)`. `x` has shape `(N, D)`. `positions` has shape `(N,)` and holds whole
# numbers, one for each row of `x`: in any order, some perhaps twice, not always from 0. It returns
# the turned rows, shape `(N, D)`, with the channels in the order they had.
#
# The fourth point is for positions in the millions.

# %% [markdown] tags=["solution"]
# `x[:, 0::2]` and `x[:, 1::2]` are the first and the second numbers of all pairs, and the steps of
# two in `np.arange(0, d, 2)` are the $2i$ of the exponent. Both new channels use both old ones, so
# the results go into a new array. The angles stay in double precision; Question 5 shows what single
# precision does to them.


# %%
def rope(x, positions):
    """Turn each pair of neighbors of x, shape (N, D), by the angle of its row's position."""
    # BEGIN SOLUTION
    d = x.shape[1]
    angles = positions[:, None] * 10000.0 ** (-np.arange(0, d, 2) / d)
    a, b = x[:, 0::2], x[:, 1::2]
    out = np.empty(x.shape)
    out[:, 0::2] = a * np.cos(angles) - b * np.sin(angles)
    out[:, 1::2] = a * np.sin(angles) + b * np.cos(angles)
    return out
    # END SOLUTION


# %%
check("p7.rope", rope)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Make the angles first, as an array with one row for each token and one column for each pair. What
# is its shape? Print it for the positions 0, 1 and 2 and $D = 4$.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `x[:, 0::2]` and `x[:, 1::2]` have the same shape as the angles. Write the two rows of the matrix
# as two lines of code. Do not write into `x` before you have used it twice.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# The frequencies are `10000.0 ** (-np.arange(0, d, 2) / d)`, and the angles are `positions[:,
# None]` times these. Put the results into the columns `0::2` and `1::2` of a new array.
#
# </details>

# %% [markdown]
# ## Question 2. A test, and what it cannot see
#
# The chapter shows that $R(\theta(t))^\top R(\theta(t')) = R(\theta(t') - \theta(t))$. So the score
# of one query and one key is the same wherever the two stand, if the distance is the same. Here are
# two programs that somebody else wrote.


# %%
def angles(d, positions):
    """Return the angles, shape (N, D/2)."""
    return positions[:, None] * 10000.0 ** (-np.arange(0, d, 2) / d)


def rope_a(x, positions):
    """Turn somehow."""
    theta, (a, b) = angles(x.shape[1], positions), np.split(x, 2, axis=1)
    return np.hstack([a * np.cos(theta) - b * np.sin(theta), a * np.sin(theta) + b * np.cos(theta)])


def rope_b(x, positions):
    """Turn somehow else."""
    theta, (a, b) = np.repeat(angles(x.shape[1], positions), 2, axis=1), np.split(x, 2, axis=1)
    return x * np.cos(theta) + np.hstack([-b, a]) * np.sin(theta)


# %% [markdown]
# One query and one key, $D = 16$, are placed at all pairs of positions from 0 to 39. `table` holds
# their products: row $t$ for the query, column $t'$ for the key. Write the line that measures how
# much the products at equal distance differ: the largest range (maximum minus minimum) of any
# diagonal. `np.diagonal(table, offset)` and `np.ptp` help.

# %%
one_q, one_k = np.random.default_rng(7).standard_normal((2, 16))


def placed(function, x):
    """Return x turned at the positions 0 to 39, shape (40, 16), or None."""
    return function(np.tile(x, (40, 1)), np.arange(40))


def spread(table):
    """Return the largest range of a diagonal of a square table."""
    largest = None
    # BEGIN SOLUTION
    largest = max(np.ptp(np.diagonal(table, offset)) for offset in range(-39, 40))
    # END SOLUTION
    return largest


# %%
if rope(np.ones((1, 2)), np.ones(1, dtype=int)) is not None:
    for function in (rope, rope_a, rope_b):
        turned_q, turned_k = placed(function, one_q), placed(function, one_k)
        lengths = np.ptp(np.linalg.norm(turned_q, axis=1))
        print(f"{function.__name__:8} range of lengths {lengths:.1e}", end=", ")
        print("spread at equal distance", spread(turned_q @ turned_k.T))

# %% [markdown]
# 1. Which of the three keep lengths? For which does distance alone count?
# 2. `rope_a` and your `rope` are not the same function. How do they differ, and why can neither of
#    the two tests see it? When would it matter?
# 3. What is wrong with `rope_b`? Look at the angles of the two channels that it mixes.

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.**
#
# 1. `rope` and `rope_a` do both. `rope_b` does neither.
# 2. `rope_a` pairs channel $i$ with channel $i + D/2$. It turns in other planes, but by the same
#    angles, and that is all that the proof needs. Both pairings are in use. Reorder the channels
#    and one becomes the other, as the cell checks. It matters as soon as weights come from
#    elsewhere: a model that was trained with one pairing and is run with the other computes other
#    scores, and every test of *distance* still passes.
# 3. `rope_b` lays out its angles for neighbors and takes partners from the other half. The channels
#    $0$ and $D/2$ that it mixes then have *different* angles. That is no rotation. A public course
#    on how to build a language model had this bug (raiyanyahya/how-to-train-your-gpt, issue 6).

# %% tags=["solution"]
results = {}
for function in (rope, rope_a, rope_b):
    turned_q, turned_k = placed(function, one_q), placed(function, one_k)
    lengths = np.ptp(np.linalg.norm(turned_q, axis=1))
    results[function.__name__] = (lengths, spread(turned_q @ turned_k.T))
assert max(results["rope"] + results["rope_a"]) < 1e-12
assert min(results["rope_b"]) > 0.5
order = np.concatenate([np.arange(0, 16, 2), np.arange(1, 16, 2)])
reordered = placed(rope_a, one_q[order])
assert np.allclose(reordered, placed(rope, one_q)[:, order])
off = np.abs(
    placed(rope_a, one_q) @ placed(rope_a, one_k).T - placed(rope, one_q) @ placed(rope, one_k).T
)
print("largest difference of a product, rope_a against rope:", off.max().round(2))

# %% [markdown]
# ## Question 3. Scores (3 points, and 1 for stability)
#
# Write `rope_scores(q, k, positions)` for queries and keys of shape `(N, D)` and positions of shape
# `(N,)` as above. It returns the scaled scores, shape `(N, N)`:
#
# $$ s_{ij} = \frac{1}{\sqrt{D}}\, \bigl(R(t_i)\, q_i\bigr) \cdot \bigl(R(t_j)\, k_j\bigr) $$
#
# Row $i$ belongs to query $i$ and column $j$ to key $j$. There is no mask and no softmax.

# %% [markdown] tags=["solution"]
# Both sides are turned, each by its own position and in the same direction; the difference appears
# in the product by itself. Nothing else about the scores changes, and the scale stays $\sqrt{D}$,
# since a rotation keeps lengths.


# %%
def rope_scores(q, k, positions):
    """Return scaled scores, shape (N, N), of queries and keys that are turned by position."""
    # BEGIN SOLUTION
    return rope(q, positions) @ rope(k, positions).T / np.sqrt(q.shape[1])
    # END SOLUTION


# %%
check("p7.rope_scores", rope_scores)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# You have written the difficult part in Question 1. Which of the two arrays must be turned?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Turn both, in the same direction. If you turned the keys backward, the score would depend on the
# sum of the positions.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Scores without positions are `q @ k.T / np.sqrt(q.shape[1])`. Put `rope(q, positions)` in the
# place of `q`, and the same for `k`.
#
# </details>

# %% [markdown]
# ## Question 4. A head that looks back
#
# In the live figure of the chapter you drag a query and a key and watch the clocks. Now use them.
# Take 40 tokens that are all the same, so that nothing but position can tell them apart. All
# queries are `gain` times a vector of ones. You choose the keys, the same vector for every token,
# so that each token attends to the token exactly $r$ places before it.
#
# The score is largest when the turned key points where the turned query points. So which vector
# must stand in the key *before* it is turned by its own position? Fill in the line; `rope` can do
# it.


# %%
def looks_back(r, gain, d, first=0, n=40):
    """Return causal weights, shape (n, n), of a head that looks r places back, or None."""
    q = gain * np.ones((n, d))
    k = None  # shape (n, d): the same row n times
    # BEGIN SOLUTION
    k = rope(np.ones((n, d)), np.full(n, r))
    # END SOLUTION
    scores = None if k is None else rope_scores(q, k, first + np.arange(n))
    if scores is None:
        return None
    e = np.exp(np.where(np.tri(n), scores - scores.max(), -np.inf))
    return e / e.sum(axis=1, keepdims=True)


# %%
weights = looks_back(r=5, gain=3.0, d=64)
if weights is not None:
    fig, ax = plt.subplots(figsize=(6.4, 3.6))
    for row, style in ((3, ".-"), (10, "s-"), (30, "x--")):
        ax.plot(row - np.arange(row + 1), weights[row, : row + 1], style, label=f"token {row}")
    ax.legend()
    ax.set(xlabel="places back", ylabel="attention weight", xlim=(-1, 31), ylim=(0, 1))

# %% [markdown]
# Measure the weight that token 39 gives to the token five places back, for widths $D$ of 4, 16, 64
# and 256 and for gains of 1, 3 and 10. Fill in the line.

# %%
for d in (4, 16, 64, 256):
    measured = None  # three weights, one for each gain
    # BEGIN SOLUTION
    measured = [looks_back(5, gain, d)[39, 34] for gain in (1.0, 3.0, 10.0)]
    # END SOLUTION
    if measured is not None:
        print(f"D = {d:3}:", *(f"{weight:6.3f}" for weight in measured))

# %% [markdown]
# 1. What do the first five tokens attend to, for which there is no token five places back?
# 2. What does a larger width do at a given gain, and what a larger gain at a given width? Why do
#    both?
# 3. What changes when the same 40 tokens stand at the positions 1000 to 1039? Test it with `first`.

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.** The key is the vector of ones, turned ahead by $r$. A key at position $t - r$
# is turned by $t - r$ more, which makes $t$ in all: it then points exactly where the query at $t$
# does.
#
# 1. To the first token of all, more than to any other: its distance comes nearest to $r$. Weights
#    must go somewhere, so a head for "five back" says nothing sensible about the beginning of a
#    text.
# 2. Both sharpen. The best score is the gain times $D / \sqrt{D} = \sqrt{D}$. At every other
#    distance some of the clocks disagree and the score is lower by a share of it. So the score
#    differences grow with the gain and with $\sqrt{D}$. A narrow head has only a few clocks, and
#    its second pair hardly turns, so near neighbors are hard to tell apart.
# 3. Nothing but rounding. The weights depend on distances alone.

# %% tags=["solution"]
weights = looks_back(5, 3.0, 64)
assert (weights[:5].argmax(axis=1) == 0).all()
assert (weights[5:].argmax(axis=1) == np.arange(35)).all()
grid = np.array([[looks_back(5, g, d)[39, 34] for g in (1.0, 3.0, 10.0)] for d in (4, 16, 64, 256)])
assert (np.diff(grid, axis=0) > 0).all()
assert (np.diff(grid, axis=1) > 0).all()
moved = np.abs(looks_back(5, 3.0, 64, first=1000) - weights).max()
print(
    f"narrowest and widest head at gain 1: {grid[0, 0]:.2f}, {grid[-1, 0]:.2f}; moved: {moved:.0e}"
)
assert moved < 1e-10
best = rope_scores(3 * np.ones((40, 64)), rope(np.ones((40, 64)), np.full(40, 5)), np.arange(40))
assert np.isclose(best.max(), 3 * np.sqrt(64))

# %% [markdown]
# ## Question 5. Which clock loses its hands?
#
# The chapter shows that angles must be precise: with angles in single precision scores go wrong at
# large positions. Find out *which pairs* go wrong. The cell makes the angles of eight pairs in
# single precision and in double precision at 200 positions, up to 100, ten thousand, one million
# and a hundred million. Fill in the line: the largest difference of the angles for each pair, in
# radians.

# %%
frequencies = 10000.0 ** (-np.arange(0, 16, 2) / 16)  # eight pairs, D = 16
errors = {}
for reach in (10**2, 10**4, 10**6, 10**8):
    t = np.random.default_rng(7).integers(reach // 2, reach, size=(200, 1))
    exact = t * frequencies
    single = t.astype(np.float32) * frequencies.astype(np.float32)
    largest = None  # shape (8,)
    # BEGIN SOLUTION
    largest = np.abs(single.astype(float) - exact).max(axis=0)
    # END SOLUTION
    if largest is not None:
        errors[reach] = largest
        print(f"up to {reach:>11,}:", *(f"{error:8.1e}" for error in largest))

# %% [markdown]
# 1. How does the error depend on the position, and how on the pair? Explain both with what single
#    precision keeps.
# 2. An error of one radian makes a clock useless. From which of the four reaches on does this
#    happen, and to which pairs? What does such a head still know about distance?
# 3. Pair 0 has no error at all up to a million, and one at a hundred million. Why? (What is its
#    frequency?)

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.**
#
# 1. The error grows in proportion to the position, and beyond the first pair it falls in proportion
#    to the frequency, so it is in proportion to the *angle*. A number in single precision has a
#    relative error of up to about $6 \cdot 10^{-8}$; the angle carries that of the frequency, of
#    the position and of the product.
# 2. At a reach of a hundred million, in the faster pairs; the cell counts them. Such a head still
#    has its slow clocks: it knows roughly how far away a token is and no longer whether it is the
#    next one or the one after.
# 3. Its frequency is 1, so its angle is the position itself. Single precision holds every whole
#    number up to $2^{24}$ exactly, a little under 17 million, and $2^{24} + 1$ no more.

# %% tags=["solution"]
table = np.array(list(errors.values()))
growth = table[1:, 1:] / table[:-1, 1:]
print("growth from reach to reach, median:", np.median(growth).round(0))
assert 50 < np.median(growth) < 200
relative = table[:, 1:] / (np.array(list(errors))[:, None] * frequencies[1:])
print(f"largest error over largest angle: {relative.min():.0e} to {relative.max():.0e}")
assert np.finfo(np.float32).eps / 2 < 6e-8
assert relative.max() < 3 * 6e-8
assert np.float32(2**24 - 1) == 2**24 - 1
assert int(np.float32(2**24 + 1)) == 2**24 < 17e6
assert (table[:3, 0] == 0).all()
useless = table > 1
print("pairs off by more than a radian:", useless.sum(axis=1), np.flatnonzero(useless[-1]))
assert not useless[:3].any()
assert useless[-1].any()

# %% [markdown]
# ## What to take away
#
# A rotation for each pair is a few lines, and the property that matters, distance alone, can be
# tested without knowing the code. But that test cannot tell one pairing from the other. This set is
# about pairings that are exchanged or mixed, about exponents and positions that are off, about one
# side that is not turned, and about angles that have lost their digits.

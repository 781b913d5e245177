# %% [markdown]
# # Problem set 4. Sharp and diffuse: how many keys does a row use?
#
# Some heads look at one key, others at hundreds. In this set you write the number that says
# which, and its inverse: the temperature that makes a row as sharp or as diffuse as you wish. Then
# you ask what a task wishes. The answer is not always the obvious one.
#
# **Difficulty:** intermediate. **Time:** 100 minutes. **Prerequisites:** the chapters *Attention as
# retrieval*, the one on the scale, and *Attention as physics: temperature and freezing*.

# %%
import matplotlib.pyplot as plt
import numpy as np

from attnbook import check


# %%
def softmax(z):
    """Return the weights of the scores z, of any shape, along the last axis."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# %% [markdown]
# ## One number for a row
#
# A row of attention weights $a_1, \dots, a_n$ is a probability distribution over $n$ keys. Its
# entropy in nats is
#
# $$ S = -\sum_{j=1}^{n} a_j \ln a_j, $$
#
# where $0 \ln 0$ counts as 0. If the row is even on $k$ keys and zero elsewhere, then
# $S = \ln k$. So the number
#
# $$ N = e^{S} $$
#
# is the *effective support* of the row, its effective number of keys. It runs from 1 to $n$, and it
# changes smoothly where a count of keys above some threshold would jump.

# %% [markdown]
# ## Question 1. Effective support (3 points, and 1 for stability)
#
# Write `effective_support(weights)`. It takes the weights of L queries over S keys, an array of
# shape `(L, S)` in which every row sums to 1, and returns $e^S$ of each row, an array of shape
# `(L,)`. (In a shape, S is the number of keys; in a formula it is the entropy.)
#
# The fourth point is for rows in which some weights are exactly zero, as under a causal mask.

# %% [markdown] tags=["solution"]
# The weights are never negative, and $a \ln a \to 0$ as $a \to 0$. In floating point
# $0 \cdot \ln 0$ is $0 \cdot (-\infty)$, which is NaN. So the logarithm is taken of 1 where the
# weight is zero; whatever it gives is multiplied by zero. The sum runs over the keys, axis 1.


# %%
def effective_support(weights):
    """Return exp of the entropy of each row.

    weights: shape (L, S), rows sum to 1. Returns shape (L,).
    """
    # BEGIN SOLUTION
    log = np.log(np.where(weights > 0, weights, 1))  # 0 ln 0 counts as 0
    return np.exp(-(weights * log).sum(axis=1))
    # END SOLUTION


# %%
check("p4.effective_support", effective_support)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Which result do you expect for a row of four equal weights? And for a row with a single 1 and
# zeros? Try both.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The sum runs over the keys of one query. In which axis do they lie? And the exponential must have
# the same base as the logarithm.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# For the zeros, choose what the logarithm is taken of: `np.where(weights > 0, weights, 1)`.
# Multiply its logarithm by the weights, sum over `axis=1`, and put a minus sign and an
# exponential around it.
#
# </details>

# %% [markdown]
# ## The way back
#
# Divide the scores of a row by $T$. As $T$ grows, the entropy of $\operatorname{softmax}(s/T)$
# grows from $\ln m$, where $m$ is the number of keys that tie for the best score, to $\ln n$. It
# never falls, since
#
# $$ \frac{dS}{dT} = \frac{1}{T^3} \operatorname{Var}(s) \ge 0 $$
#
# with the variance under the weights: $dS = dU/T$, and $dU/dT$ is the variance over $T^2$, as the
# chapter on temperature shows. So for every $H$ between the two ends there is one temperature at
# which the entropy is $H$. There is no formula for it, but it can be searched for.

# %% [markdown]
# ## Question 2. The temperature for an entropy (4 points, and 1 for stability)
#
# Write `temperature_for_entropy(s, H)`. It takes the scores of one row, an array of shape `(n,)`,
# and an entropy $H$ in nats. It returns the number $T > 0$ at which $\operatorname{softmax}(s/T)$
# has the entropy $H$, to at least five digits. You may assume that $H$ lies between the two ends.
#
# The fifth point is for scores of any size: all near 2000, or in the hundred thousands, or within a
# tenth of each other, or with one key that is masked by a score of $-10^9$.

# %% [markdown] tags=["solution"]
# A rising function and a target: halve an interval that holds the answer. Temperatures can differ
# by many powers of ten, so the interval is one of $\log_2 T$, and halving it is as quick for tiny
# scores as for large ones. The entropy is $\ln Z - \sum_j a_j z_j$ with $z = (s - s_\text{max})/T$:
# no logarithm of a weight, so a weight of zero does no harm.


# %%
def temperature_for_entropy(s, H):
    """Return the T at which softmax(s / T) has the entropy H.

    s: scores, shape (n,). H: entropy in nats. Returns a number above 0.
    """
    # BEGIN SOLUTION
    low, high = -60.0, 60.0  # of the logarithm of T to base 2
    for _ in range(60):
        x = (low + high) / 2
        z = (s - s.max()) / 2**x
        w = np.exp(z)
        entropy = np.log(w.sum()) - w @ z / w.sum()
        low, high = (x, high) if entropy < H else (low, x)
    return 2**x
    # END SOLUTION


# %%
check("p4.temperature_for_entropy", temperature_for_entropy)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Write the entropy at a given temperature first. Print it for a few temperatures: is a hotter row
# more or less even? If it is below $H$, must you go up or down with $T$?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Keep two temperatures, one at which the entropy is below $H$ and one at which it is above. Look in
# the middle and replace one of the two. To be ready for scores of any size, let the middle be that
# of the logarithms.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Let `low, high = -60.0, 60.0` be exponents of 2 and repeat 60 times: `x` is their mean, and `2**x`
# the temperature to try. Take the largest score off before you divide. With `w = np.exp(z)` the
# entropy is `np.log(w.sum()) - w @ z / w.sum()`. Below $H$ it is `low` that becomes `x`.
#
# </details>

# %% [markdown]
# ## Question 3. As sharp as the task asks (measurement)
#
# The chapter on temperature trains a head to return the mean of the $m$ values of one group among
# 32 tokens. Look at its figure of the effective number of tokens: whatever $m$ is, training ends
# at $N = m$. There, all keys of a group are *the same*.
#
# Now let the scores be noisy. The $m$ keys of the group have scores $4 + x_j$, the others $x_j$,
# with independent $x_j \sim N(0, 1)$. Values are independent with variance 1. If $a_j^* = 1/m$ on
# the group and 0 elsewhere are the weights wanted, the squared error of the output is on average
#
# $$ e = \sum_j (a_j - a_j^*)^2. $$
#
# *Before you run anything:* which $N$ do you expect at the best temperature, for $m = 1$, 4 and 16?
#
# (a) Write `best_temperature`: try the temperatures of the grid and return the one with the least
# mean error over the rows. (b) Measure $N$ at that temperature. (c) Compare it with the
# temperature at which each row has $N = m$, from `temperature_for_entropy`, for $m = 4$ and 16.
# Which has the larger error, and why?

# %%
rng = np.random.default_rng(6)
tasks = {}  # m: scores of 200 rows, the group first, and the weights wanted
for m in [1, 4, 16]:
    group = (np.arange(32) < m).astype(float)
    tasks[m] = (rng.standard_normal((200, 32)) + 4 * group, group / m)
grid = np.geomspace(0.05, 20, 61)


def error(weights, wanted):
    """Return the mean squared error of rows of weights, shape (rows, 32), from those wanted."""
    return ((weights - wanted) ** 2).sum(axis=1).mean()


def best_temperature(scores, wanted):
    """Return the temperature of the grid with the least error, for scores of shape (rows, 32)."""
    # BEGIN SOLUTION
    return grid[np.argmin([error(softmax(scores / T), wanted) for T in grid])]
    # END SOLUTION


# %%
for m, (scores, wanted) in tasks.items():
    T = best_temperature(scores, wanted)
    if T is not None and effective_support(softmax(scores)) is not None:
        a = softmax(scores / T)
        mean_support = np.mean(effective_support(a))
        print(f"m = {m:2}: best T = {T:.2f}, error {error(a, wanted):.4f}, N = {mean_support:.1f}")


# %%
def at_support(scores, m):
    """Return weights in which every row has the effective support m, or None so far."""
    T = [temperature_for_entropy(s, np.log(m)) for s in scores]
    return None if T[0] is None else softmax(scores / np.reshape(T, (-1, 1)))


for m in [4, 16]:
    scores, wanted = tasks[m]
    matched = at_support(scores, m)
    if matched is not None:
        print(f"m = {m:2}: error {error(matched, wanted):.4f} where every row has N = {m}")

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Answer.** For $m = 1$ the best row is sharp, with $N$ near 1. For $m = 4$ and $m = 16$ the
# best temperature gives an $N$ well *above* $m$, and cooling every row down to $N = m$ makes the
# error more than twice as large.
#
# The error has two parts, and the cells below print both. Inside the group the weights should be
# equal, and the noise makes them unequal. Cooling a row makes this worse: it picks the lucky ones
# of the group. Outside the group there should be nothing. Heating lets weight leak there, but it
# leaks to many keys, and a sum of small squares is small. So the best row is one that is rather
# too wide and even, than one of the right width and uneven. For $m = 1$ there is nothing to be
# uneven in.
#
# In the chapter's task there was no noise: keys of one group are the same and share evenly at any
# temperature, so only the leak counts. There $N = m$ is best. $N$ fits the task, but
# the task includes its noise.

# %% tags=["solution"]
best = {m: softmax(s / best_temperature(s, w)) for m, (s, w) in tasks.items()}
assert effective_support(best[1]).mean() < 1.3
for m in [4, 16]:
    scores, wanted = tasks[m]
    matched = at_support(scores, m)
    np.testing.assert_allclose(effective_support(matched), m)
    assert effective_support(best[m]).mean() > 1.3 * m
    assert error(matched, wanted) > 2 * error(best[m], wanted)
    for name, a in [("best T", best[m]), ("N = m", matched)]:
        squares = ((a - wanted) ** 2).mean(axis=0)
        print(f"m = {m:2}, {name}: inside {squares[:m].sum():.4f}, outside {squares[m:].sum():.4f}")

# %% tags=["solution"]
for m in [4, 16]:
    scores, wanted = tasks[m]
    squares = [((a - wanted) ** 2).mean(axis=0) for a in (best[m], at_support(scores, m))]
    (warm_in, warm_out), (cold_in, cold_out) = [(s[:m].sum(), s[m:].sum()) for s in squares]
    assert warm_in < cold_in
    assert warm_out > cold_out
    quiet = 4.0 * (wanted > 0)  # no noise: colder is better all the way
    errors = [error(softmax(quiet / T)[None], wanted) for T in grid]
    assert (np.diff(errors) >= 0).all()
    assert abs(effective_support(softmax(quiet / grid[0])[None])[0] - m) < 1e-6

# %% [markdown]
# ## Question 4. A longer text (measurement)
#
# A head that has learned nothing has random scores, of standard deviation $\sigma = 1.5$. The text
# grows from 64 to 4096 tokens, and nothing else changes.
#
# (a) What happens to $N$ at $T = 1$? Predict it from the chapter's
# $S \approx \ln n - \sigma^2/2$, then measure.
#
# (b) Suppose that the head should go on using about eight tokens. Measure the mean temperature
# that gives $N = 8$, for $n = 64$, 256, 1024 and 4096, over 20 rows each. Compare with what the
# same formula gives, $T = \sigma/\sqrt{2 \ln(n/8)}$, and with the freezing temperature
# $T_c = \sigma/\sqrt{2 \ln n}$.
#
# (c) Why can the formula not be good here? (The live figure of the chapter, with $n = 64$ and
# $n = 4096$, shows it.)

# %%
rng = np.random.default_rng(7)
texts = {n: 1.5 * rng.standard_normal((20, n)) for n in [64, 256, 1024, 4096]}
measured = {}  # n: (mean N at T = 1, mean T for N = 8)
# BEGIN SOLUTION
for n, rows in texts.items():
    T = [temperature_for_entropy(s, np.log(8)) for s in rows]
    measured[n] = (effective_support(softmax(rows)).mean(), np.mean(T))
# END SOLUTION
for n, (support, T) in measured.items():
    formula, critical = 1.5 / np.sqrt(2 * np.log([n / 8, n]))
    print(f"n = {n:4}: N = {support:6.1f} at T = 1, N/n = {support / n:.2f}; ", end="")
    print(f"N = 8 at T = {T:.2f}, formula {formula:.2f}, freezing {critical:.2f}")

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Answer.** (a) $N \approx n\, e^{-\sigma^2/2}$: a fixed share, so $N$ grows with the text. The
# measured share falls a little toward $e^{-\sigma^2/2}$ as $n$ grows, and stays near it. A head
# that is sharp in a short text is diffuse in a long one, with no weight changed.
#
# (b) The temperature must fall as $n$ grows, but only by a factor of about two while $n$ grows by
# 64. The formula gives temperatures that are too high in all four cases. The measured ones lie
# near $T_c$: at first a little above, with many keys below it.
#
# (c) $N = 8$ out of thousands is a handful of keys: the row is about at its freezing point, where
# the formula for the liquid has run out. It assumes that the weight sits where there are many
# keys. Here it sits at the edge, on the best few. A signal would change this: what grows with
# $\ln n$ then is the gap that the best keys need.

# %% tags=["solution"]
n, (support, T) = np.array(list(measured)), np.array(list(measured.values())).T
share, limit = support / n, np.exp(-(1.5**2) / 2)
assert (np.diff(share) < 0).all()
assert (abs(share / limit - 1) < 0.3).all()
assert 1.6 < T[0] / T[-1] < 2.4
assert (T < 1.5 / np.sqrt(2 * np.log(n / 8))).all()
over = T * np.sqrt(2 * np.log(n)) / 1.5
assert (abs(over - 1) < 0.3).all()
assert over[0] > 1 > over[-1]
print("share over its limit:", np.round(share / limit, 2), " T over freezing:", np.round(over, 2))

# %% tags=["solution"]
fig, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
ax.plot(n, T, "o-", label="measured, N = 8")
ax.plot(n, 1.5 / np.sqrt(2 * np.log(n / 8)), "k--", label="formula of the liquid")
ax.plot(n, 1.5 / np.sqrt(2 * np.log(n)), color="0.5", ls=":", label="freezing temperature")
ax.set(xscale="log", xlabel="number of keys n", ylabel="temperature T", ylim=(0, 0.8))
_ = ax.legend()

# %% [markdown]
# ## Question 5. Eight keys, or not (written)
#
# "This head has an effective support of 8, so it looks at eight keys." Take a row of 1000 keys with
# one score of 1 and 999 scores of 0. Cool it to $N = 8$ and look at its weights. How large is the
# largest one? Compare with a row that is even on eight keys. Another effective number is
# $1/\sum_j a_j^2$: what does it say about the two rows? What would you report about a head, and
# which of the two outputs would hardly change if the best key were masked?

# %%
one = np.zeros(1000)
one[0] = 1
T = temperature_for_entropy(one, np.log(8))
if T is not None:
    a = softmax(one / T)
    print(f"largest weight {a[0]:.3f}, each of the others {a[1]:.1e}")
    print(f"1 / sum of squares: {1 / (a @ a):.2f}, and 8 for the row that is even on eight keys")

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Answer.** The largest weight is more than three quarters, and no other key gets even a
# thousandth. The row looks at one key and adds a faint mean of all. Its entropy is that of eight
# even keys because so many tiny weights add up: the logarithm counts them generously. The sum of
# squares counts them hardly at all, so its effective number is below 2 here, and 8 for the even
# row. It is never larger than $e^S$.
#
# Neither number is wrong. They answer different questions: how surprising a key drawn from the
# weights is, and how often two draws agree. Report both, or the largest weight beside $N$. If
# they are far apart, the row has a peak and a tail. If the best key is masked, the even row loses
# an eighth of its weight and the peaked one most of it: its output turns into the mean of the
# tail.

# %% tags=["solution"]
even = np.where(np.arange(1000) < 8, 1 / 8, 0)
np.testing.assert_allclose(effective_support(np.stack([a, even])), 8)
assert a[0] > 3 / 4
assert a[1] < 1e-3
assert 1 / (a @ a) < 2
np.testing.assert_allclose(1 / (even @ even), 8)
trials = softmax(3 * np.random.default_rng(8).standard_normal((1000, 20)))
assert (1 / (trials**2).sum(axis=1) <= effective_support(trials)).all()

# %% [markdown]
# ## What to take away
#
# $e^S$ says over how many keys a row spreads, one number for each *query*, and every such number
# has its temperature. Sharp or diffuse is not good or bad in itself: the task decides, with its
# noise. The mistakes that this set is about are the entropy given for its exponential, bits mixed
# with nats, columns for rows, another effective number in its place, $0 \ln 0$, and a search that
# goes the wrong way or looks in a fixed place.

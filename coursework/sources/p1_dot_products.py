# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Problem set 1. The variance of dot products
#
# Attention divides every score by a square root. The reason is one line of probability, and it has
# conditions. You derive the line in the general case, find out which of its conditions matter, and
# see which part of it the softmax notices.
#
# **Difficulty:** introductory. **Time:** about 75 minutes. **Prerequisites:** the chapters
# *Attention as retrieval* and *Why the dot product is divided by a square root*; variance and
# covariance.

# %%
import matplotlib.pyplot as plt
import numpy as np

from attnbook import check

# %% [markdown]
# ## A sum of products
#
# A query $q$ and a key $k$ have $d$ components each. Their score is the dot product
#
# $$ s = q \cdot k = \sum_{i=1}^{d} q_i k_i $$
#
# The chapter takes components of mean 0 and variance 1 and finds $\operatorname{Var}(s) = d$. Real
# components need not have mean 0. A projection with a bias moves the mean, and so does an
# activation that is never negative. So let all $q_i$ have mean $\mu_q$ and variance $\sigma_q^2$,
# let all $k_i$ have mean $\mu_k$ and variance $\sigma_k^2$, and let all $2d$ components be
# independent of each other. The shape of the distributions stays open.
#
# Two rules are all you need. For independent $x_1, \dots, x_d$, and for independent $x$ and $y$:
#
# $$ \operatorname{Var}\Bigl(\sum_i x_i\Bigr) = \sum_i \operatorname{Var}(x_i), \qquad
# \mathbb{E}[x^2 y^2] = \mathbb{E}[x^2]\,\mathbb{E}[y^2] $$

# %% [markdown]
# ## Question 1. The variance of a dot product (3 points, and 1 for stability)
#
# Write `dot_variance(d, var_q, var_k, mean_q, mean_k)`. The whole number `d` is the width, the
# other four are the variances $\sigma_q^2$, $\sigma_k^2$ and the means $\mu_q$, $\mu_k$ of *one*
# component. It returns $\operatorname{Var}(q \cdot k)$, a number.
#
# The fourth point is for extreme numbers: means in the millions beside small variances.

# %% [markdown] tags=["solution"]
# One product has the mean $\mu_q \mu_k$ and the mean square $(\sigma_q^2 + \mu_q^2)(\sigma_k^2 +
# \mu_k^2)$. The variance is the second less the square of the first,
#
# $$ \operatorname{Var}(q_i k_i) = \sigma_q^2 \sigma_k^2 + \sigma_q^2 \mu_k^2
# + \sigma_k^2 \mu_q^2 $$
#
# and $d$ independent products have $d$ times as much. On paper both ways of writing it are the
# same. In a computer the first subtracts two numbers that are nearly equal when the means are
# large, and little is left of their digits. The second adds numbers that are never negative.


# %%
def dot_variance(d, var_q, var_k, mean_q, mean_k):
    """Return the variance of q · k, a float, for d independent components in each vector."""
    # BEGIN SOLUTION
    return d * (var_q * var_k + var_q * mean_k**2 + var_k * mean_q**2)
    # END SOLUTION


# %%
check("p1.dot_variance", dot_variance)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Begin with $d = 1$. What is $\mathbb{E}[q_1^2]$, expressed by a mean and a variance?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# $\operatorname{Var}(q_1 k_1) = \mathbb{E}[q_1^2]\,\mathbb{E}[k_1^2] - \mathbb{E}[q_1 k_1]^2$.
# Multiply it out. One term cancels, and it is better canceled on paper.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Three terms stay: the product of the two variances, and twice a variance times the squared mean of
# the *other* vector. How many products does the sum have?
#
# </details>

# %% [markdown]
# Does it hold for other shapes than the bell curve? Here are components that are 0 or positive,
# with a long tail. Their mean is 1 and their variance is 1.

# %%
rng = np.random.default_rng(1)
widths = [1, 4, 16, 64, 256]
draws = [rng.exponential(size=(2, 10_000, d)) for d in widths]
measured = [(q * k).sum(axis=1).var() for q, k in draws]
derived = [dot_variance(d, 1.0, 1.0, 1.0, 1.0) for d in widths]
if None not in derived:
    fig, ax = plt.subplots(figsize=(6.4, 3.6))
    ax.loglog(widths, derived, label="derived")
    ax.loglog(widths, measured, "o", label="measured, 10000 pairs")
    ax.set(xlabel="components d", ylabel="variance of q · k")
    ax.legend()

# %% [markdown]
# ## Question 2. Which independence?
#
# The derivation made everything independent of everything. The section *Where the common statement
# is loose* of the chapter takes such conditions away, one at a time. Do it yourself. The function
# below makes pairs in four ways. In all four, each component has mean 0 and variance 1.

# %%
KINDS = ["independent", "random lengths", "neighbors alike", "key like query"]


def pairs(kind, d=64, count=20_000):
    """Return queries and keys, each of shape (count, d)."""
    rng = np.random.default_rng(2)
    q, k = rng.standard_normal((2, count, d))
    if kind == "random lengths":  # each vector is long or short as a whole
        q, k = (x * rng.choice([0.2, 1.4], size=(count, 1)) for x in (q, k))
    if kind == "neighbors alike":  # each component shares a half with the next one
        q, k = ((x + np.roll(x, 1, axis=1)) / np.sqrt(2) for x in (q, k))
    if kind == "key like query":
        k = 0.6 * q + 0.8 * k
    return q, k


# %% [markdown]
# For each kind, write down first whether you expect a variance below 64, of 64 or above. Then fill
# in the line that measures.


# %%
def mean_and_variance(q, k):
    """Return mean and variance of the dot products of row i of q with row i of k."""
    both = None, None
    # BEGIN SOLUTION
    dots = (q * k).sum(axis=1)
    both = dots.mean(), dots.var()
    # END SOLUTION
    return both


for kind in KINDS:
    mean, variance = mean_and_variance(*pairs(kind))
    if mean is not None and variance is not None:
        print(f"{kind:16} mean {mean:6.2f}   variance {variance:7.2f}")

# %% [markdown]
# 1. Which kinds leave the variance at $d$? Which condition of the derivation was stronger than
#    needed?
# 2. For the other two, derive the number that you measured. (For the last one: the fourth moment
#    of a standard normal variable is 3.)
# 3. "Random lengths" does have a consequence, but not for this average. What is the variance of the
#    scores of *one* query?

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.**
#
# 1. "Independent" and "random lengths". Components of one vector that share a random length are
#    not independent: if one is large, the others are likely to be. But they are *uncorrelated*, the
#    queries are independent of the keys, and the means are 0. Then
#    $\operatorname{Cov}(q_i k_i, q_j k_j) = \mathbb{E}[q_i q_j]\,\mathbb{E}[k_i k_j] = 0$, and the
#    variances still add.
# 2. *Neighbors alike.* With the covariance matrix $C$ of the components, the variance is the sum
#    of $C_{ij} C_{ji}$ over all $i$ and $j$, that is $\operatorname{tr}(C^2)$. Each row of $C$ has
#    a 1 and two entries $1/2$, so it is $d\,(1 + 2/4) = 1.5\,d$. *Key like query.* With the
#    correlation $\rho = 0.6$ one product has the mean $\rho$ and the mean square
#    $\mathbb{E}[q^2 (\rho q + \sqrt{1 - \rho^2}\, w)^2] = 3 \rho^2 + (1 - \rho^2)$, so the variance
#    of the sum is $d\,(1 + \rho^2)$. Its mean is $\rho d$, and that is the larger effect: the score
#    of a key that fits grows like $d$, not like the root of it.
# 3. Given the query, only the keys vary. The variance is then the squared length of the query,
#    $|q|^2$, times the variance of a component of the keys: about $1.4^2\, d$ for a long query and
#    $0.2^2\, d$ for a short one. The average over queries is $d$, but no query has it. The square
#    root of $d$ corrects for the width, not for the length of a vector.

# %% tags=["solution"]
found = {kind: np.array(mean_and_variance(*pairs(kind))) / 64 for kind in KINDS}
expected = {"independent": 1, "random lengths": 1, "neighbors alike": 1.5, "key like query": 1.36}
for kind, number in expected.items():
    print(f"{kind:16} variance over d {found[kind][1]:.3f}, derived {number}")
    assert abs(found[kind][1] / number - 1) < 0.05
assert abs(found["key like query"][0] - 0.6) < 0.01
q, k = pairs("random lengths")
long = (q**2).mean(axis=1) > 1
given = [mean_and_variance(q[rows], k[rows])[1] / 64 for rows in (long, ~long)]
print("long and short queries, variance over d:", np.round(given, 3))
assert np.allclose(given, [1.4**2, 0.2**2], rtol=0.08)

# %% [markdown]
# ## Question 3. Scaled scores (3 points)
#
# A number divided by its standard deviation has variance 1. With means 0 and variances 1 the
# standard deviation of a score is known before any data are seen, and so this is what attention
# divides by:
#
# $$ s_{ij} = \frac{q_i \cdot k_j}{\sqrt{D}} $$
#
# Write `scaled_scores(q, k)`. `q` has shape `(L, D)`, a query in each row, and `k` has shape
# `(S, D)`, a key in each row. It returns the scores, shape `(L, S)`.

# %% [markdown] tags=["solution"]
# All dot products at once are one product of matrices, `q @ k.T`. $D$ is the number of terms in one
# of them, the length of a row. The scale can go to the scores, to one of the factors, or its root
# to both: these are the same numbers up to rounding.


# %%
def scaled_scores(q, k):
    """Return scaled scores, shape (L, S), of queries (L, D) and keys (S, D)."""
    # BEGIN SOLUTION
    return q @ k.T / np.sqrt(q.shape[1])
    # END SOLUTION


# %%
check("p1.scaled_scores", scaled_scores)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Which entry of which array meets which in the score of query 2 with key 5? What is summed over?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# A product of matrices sums over the last axis of the first and the first axis of the second. The
# keys stand in rows.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Multiply `q` by the transposed `k`. Divide by `np.sqrt` of the number of *columns* of `q`.
#
# </details>

# %% [markdown]
# ## Question 4. What the softmax feels
#
# Now give the components means. By question 1 the variance of the scaled scores has three terms:
#
# $$ \sigma_q^2 \sigma_k^2 + \sigma_q^2 \mu_k^2 + \sigma_k^2 \mu_q^2 $$
#
# But the softmax looks at one row at a time, and at differences only. So what it feels is not this
# variance but the spread of the scores *within a row*: one query, all keys. Fill in the two lines.


# %%
def spreads(mean_q, mean_k):
    """Return the variance of all scaled scores, and the mean over rows of that within a row."""
    q, k = np.random.default_rng(4).standard_normal((2, 2000, 64))
    s = scaled_scores(q + mean_q, k + mean_k)
    everywhere = within = None
    # BEGIN SOLUTION
    everywhere = s.var()
    within = s.var(axis=1).mean()
    # END SOLUTION
    return everywhere, within


for means in [(0, 0), (2, 0), (0, 2), (2, 2)]:
    everywhere, within = spreads(*means)
    if everywhere is not None and within is not None:
        print(f"means {means}: everywhere {everywhere:6.2f}, within a row {within:6.2f}")

# %% [markdown]
# 1. Which of the three terms is missing within a row?
# 2. Show that it has to be: what happens to the scores of one query when the same vector is added
#    to all keys, and what happens to its weights?
# 3. The means are to be removed, but from the queries or the keys only. Which of the two would you
#    choose to make the softmax less sharp?

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.**
#
# 1. The term $\sigma_q^2 \mu_k^2$, with the mean of the keys.
# 2. $q \cdot (k_j + c) = q \cdot k_j + q \cdot c$. The last term is the same for all keys $j$. It
#    moves the row as a whole, and it cancels in the softmax: $e^{s + c'}$ has the factor $e^{c'}$
#    above and below. It differs from query to query, so it does show in the variance over all
#    scores.
# 3. From the queries. With $\mu_q$ every row has the same additional term $\mu_q \sum_i k_{ji}$,
#    which differs from key to key: one key is favored by *all* queries. The mean of the keys may
#    stay, the softmax never sees it. So, with scores as they are here, a bias in the projection to
#    the keys changes no weight, and one in the projection to the queries does.

# %% tags=["solution"]
for mean_q, mean_k in [(0, 0), (2, 0), (0, 2), (2, 2)]:
    everywhere, within = spreads(mean_q, mean_k)
    assert abs(everywhere / dot_variance(1, 1, 1, mean_q, mean_k) - 1) < 0.15
    assert abs(within / (1 + mean_q**2) - 1) < 0.1


def weights(q, k):
    e = np.exp(scaled_scores(q, k))
    return e / e.sum(axis=1, keepdims=True)


q, k, c = np.split(np.random.default_rng(5).standard_normal((12, 8)), [4, 11])
print("largest change of a weight, keys moved:", np.abs(weights(q, k + c) - weights(q, k)).max())
print("queries moved:", np.abs(weights(q + c, k) - weights(q, k)).max())
assert np.allclose(weights(q, k + c), weights(q, k))
assert not np.allclose(weights(q + c, k), weights(q, k))

# %% [markdown]
# ## Question 5. A test that sees the scale
#
# In the chapter's section *Which width?* a layer with 8 heads is divided by the root of the wrong
# width, and nothing breaks. A wrong scale has been found in many public programs. Which test would
# have found it?
#
# The unscaled scores, divided by five divisors, are compared with your scaled ones. `best` says how
# many of the queries prefer the same key. You fill in the second number. It is the *gap*, the best
# score of a row less the second best, and its exponential is the ratio of their two weights, since
# $a_i / a_j = e^{s_i - s_j}$. The cell prints the mean gap over the rows.

# %%
DIVISORS = {
    "root of D": lambda D: D**0.5,
    "nothing": lambda D: 1,
    "D": lambda D: D,
    "root of 8 D": lambda D: (8 * D) ** 0.5,
    "8": lambda D: 8,
}


def vectors(D, size=1.0):
    """Return 400 queries and 30 keys of width D; components have mean 0, deviation `size`."""
    rng = np.random.default_rng(D)
    return size * rng.standard_normal((400, D)), size * rng.standard_normal((30, D))


# %%
def gaps(s):
    """Return for each row of scores the best score less the second best."""
    result = None
    # BEGIN SOLUTION
    ordered = np.sort(s, axis=1)
    result = ordered[:, -1] - ordered[:, -2]
    # END SOLUTION
    return result


# %%
for D in (16, 64, 256):
    q, k = vectors(D)
    for name, divisor in DIVISORS.items():
        mine, s = scaled_scores(q, k), q @ k.T / divisor(D)
        if mine is not None and gaps(s) is not None:
            best = np.mean(s.argmax(axis=1) == mine.argmax(axis=1))
            print(f"D {D:3}, by {name:12} best {best:.0%}, mean gap {gaps(s).mean():7.3f}")

# %% [markdown]
# 1. Three tests are often written: the shape, the rows of weights that sum to one, the key that is
#    preferred. Which of them sees any of the wrong divisors?
# 2. One wrong divisor passes *every* test at one of the three widths. Which, and what does that say
#    about the sizes to test with?
# 3. A test compares weights with right ones, to $10^{-5}$, and draws its inputs with
#    `vectors(64, size=100)`. In how many of the 400 rows can it tell the divisors "root of D",
#    "nothing" and "root of 8 D" from one another? Measure it in a cell of your own, with `gaps`.

# %% tags=["student"]
# Your measurement for 3.

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.**
#
# 1. None. A positive factor changes no shape and no order, and the softmax makes rows that sum to
#    one of anything. Only the *size* of the numbers tells. With the root of $D$ the mean gap is
#    about the same at all widths; with "nothing" it grows with the width, with "D" it falls. The
#    root of $8 D$ gives about the same at all widths, too, but a smaller one. That is the layer of
#    the chapter with 8 heads and $d_{\text{model}} = 8 D$, and only a comparison with right numbers
#    sees it.
# 2. The divisor 8, at $D = 64$, because it *is* the root of 64. In the same way $D / 2$ is right at
#    $D = 4$, and the root of the number of keys is right when there are $D$ keys. Test with two
#    widths at least, and let all sizes differ.
# 3. In next to none. Scores are 10000 times as large there. A row whose gap is above $\ln 10^5$ has
#    all of its weight on one key, up to $10^{-5}$, and the cell counts the other rows. A test whose
#    inputs saturate the softmax is a test of the argmax. The live figure *Jacobian* of the chapter
#    shows the reason: with a clear winner and a high sharpness, moving a score does nothing.

# %% tags=["solution"]
mean_gap = {}
for name, divisor in DIVISORS.items():
    scores = {D: np.divide(q @ k.T, divisor(D)) for D in (16, 64, 256) for q, k in [vectors(D)]}
    mean_gap[name] = np.array([gaps(s).mean() for s in scores.values()])
    for D, s in scores.items():
        assert (s.argmax(axis=1) == scaled_scores(*vectors(D)).argmax(axis=1)).all()
for name in ("root of D", "root of 8 D"):
    assert mean_gap[name].max() < 1.5 * mean_gap[name].min()
for name in ("nothing", "D", "8"):
    assert mean_gap[name].max() > 3 * mean_gap[name].min()
assert (np.diff(mean_gap["nothing"]) > 0).all()
assert (np.diff(mean_gap["D"]) < 0).all()
assert (mean_gap["root of 8 D"] < mean_gap["root of D"] / 2).all()
assert mean_gap["8"][1] == mean_gap["root of D"][1]

# %% tags=["solution"]
q, k = vectors(64, size=100)
for name in ("root of D", "nothing", "root of 8 D"):
    soft = gaps(q @ k.T / DIVISORS[name](64)) < np.log(1e5)
    print(f"{name:12} rows that are not saturated: {soft.sum()} of {len(soft)}")
    assert soft.mean() < 0.03

# %% [markdown]
# ## What to take away
#
# Variances of independent terms add, so a dot product grows like the root of the *number of its
# terms*, and dividing by that root makes scores of size one at every width. The conditions that
# matter are means of 0, components that are uncorrelated, and queries that know nothing of the
# keys. The misconceptions of this set: $d$ or $d^2$ in place of the right power, means that are
# assumed to be 0, a standard deviation taken for a variance, and the root of a wrong size, which
# no test of shapes will ever see.

# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Problem set 2. The softmax and its saturation
#
# The softmax turns scores into weights. When the scores are large it fails in two ways. The program
# may overflow, and that is mended by one subtraction. Or the weights stop to move, and then nothing
# above them can learn from the scores. You write both the weights and their derivatives, test the
# derivatives, and measure when they vanish.
#
# **Difficulty:** intermediate. **Time:** about 2 hours. **Prerequisites:** the chapters *Attention
# as retrieval* and *Why the dot product is divided by a square root*; the chain rule.

# %%
import matplotlib.pyplot as plt
import numpy as np

from attnbook import check

# %% [markdown]
# ## Weights from scores
#
# A row of scores $z_1, \dots, z_n$ becomes a row of weights that are positive and sum to one:
#
# $$ a_j = \frac{e^{z_j}}{\sum_{m=1}^{n} e^{z_m}}, \qquad \frac{a_i}{a_j} = e^{z_i - z_j} $$
#
# The second formula says it all: the softmax knows *differences* of scores and nothing else. Add
# the same number to all scores of a row, and no weight changes. A program can use this freedom, and
# it has to. The largest number in double precision is about $1.8 \cdot 10^{308}$, and $e^{710}$ is
# larger than that.

# %% [markdown]
# ## Question 1. The softmax of each row (3 points, and 1 for stability)
#
# Write `softmax_rows(z)`. `z` has shape `(L, S)`: a row of scores for each of `L` queries. It
# returns the weights, shape `(L, S)`. Each row sums to one.
#
# The fourth point is for extreme numbers: scores in the thousands, of either sign, and rows that
# lie very far from each other.

# %% [markdown] tags=["solution"]
# Each row has its own largest score taken off. The exponents are then at most 0, so nothing
# overflows, and one of them is 0, so the sum is at least 1 and nothing is divided by 0. What
# underflows to 0 is a weight that is 0 to all digits. One maximum for the whole array is *not*
# enough: it is right on paper, but a row far below it has only zeros left.


# %%
def softmax_rows(z):
    """Return the weights, shape (L, S), of scores z of shape (L, S); each row sums to one."""
    # BEGIN SOLUTION
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
    # END SOLUTION


# %%
check("p2.softmax_rows", softmax_rows)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Which axis has one entry for each key? Over these entries the weights sum to one. What shape does
# the sum have, and does NumPy divide each row by *its* sum?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `keepdims=True` leaves an axis of length 1, so that a sum for each row has the shape `(L, 1)`. For
# the fourth point: which number can you subtract from a row, so that no exponent is above 0?
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Subtract `z.max(axis=1, keepdims=True)`, take exponentials, and divide by their sum over the same
# axis, again with `keepdims=True`.
#
# </details>

# %% [markdown]
# ## Question 2. The Jacobian (3 points, and 1 for stability)
#
# Learning needs to know how each weight answers to each score. For one row this is an array of $n$
# times $n$ derivatives, the *Jacobian*
#
# $$ J_{ij} = \frac{\partial a_i}{\partial z_j} $$
#
# Write `softmax_jacobian(z)`. `z` has shape `(n,)`, one row of scores. It returns $J$, shape
# `(n, n)`, with the weights along the rows and the scores along the columns.
#
# The fourth point is again for scores of some hundreds and thousands, of either sign.

# %% [markdown] tags=["solution"]
# The logarithm is the shortest way: $\ln a_i = z_i - \ln \sum_m e^{z_m}$ has the derivative
# $\delta_{ij} - a_j$ with respect to $z_j$. Since $\partial a_i = a_i\, \partial \ln a_i$,
#
# $$ J_{ij} = a_i\, (\delta_{ij} - a_j), \qquad J = \operatorname{diag}(a) - a a^\top $$
#
# The second term is an *outer* product, all pairs of weights. It stands for the denominator, in
# which every score has a part.


# %%
def softmax_jacobian(z):
    """Return d a_i / d z_j, shape (n, n), of the softmax a of the scores z, shape (n,)."""
    # BEGIN SOLUTION
    e = np.exp(z - z.max())
    a = e / e.sum()
    return np.diag(a) - np.outer(a, a)
    # END SOLUTION


# %%
check("p2.softmax_jacobian", softmax_jacobian)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Raise one score a little. Which weights change, and which of them in which direction? So which
# entries of $J$ are positive, and is any of them zero?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Differentiate $\ln a_i = z_i - \ln \sum_m e^{z_m}$ with respect to $z_j$. Take the cases $i = j$
# and $i \ne j$ apart. Then use that the derivative of a logarithm is a quotient.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# On the diagonal it is $a_i (1 - a_i)$, elsewhere $-a_i a_j$. `np.diag` makes a square array of a
# vector, and `np.outer` all products of two vectors.
#
# </details>

# %% [markdown]
# ## Question 3. Trust a derivative
#
# A formula for a derivative is tested against differences. There are two ways to do it: one step
# forward, or one to each side,
#
# $$ \frac{a_i(z + h e_j) - a_i(z)}{h} \qquad \text{or} \qquad
# \frac{a_i(z + h e_j) - a_i(z - h e_j)}{2h} $$
#
# where $e_j$ has a 1 at place $j$ and zeros elsewhere. How small should $h$ be? Fill in the two
# lines. (All $n$ steps at once are the rows of an array, and `softmax_rows` takes rows.)


# %%
def differences(z, h):
    """Return the Jacobian by forward and by central differences, each of shape (n, n)."""
    steps = h * np.eye(len(z), dtype=z.dtype)  # row j moves score j
    forward = central = None
    # BEGIN SOLUTION
    ahead, here, behind = softmax_rows(z + steps), softmax_rows(z[None]), softmax_rows(z - steps)
    forward = (ahead - here).T / h
    central = (ahead - behind).T / (2 * h)
    # END SOLUTION
    return forward, central


# %%
z = np.random.default_rng(1).standard_normal(9)
lengths = np.geomspace(1e-12, 1, 49)
tried = [differences(z, h) for h in lengths]
if softmax_jacobian(z) is not None and tried[0][0] is not None and tried[0][1] is not None:
    errors = np.array([[abs(d - softmax_jacobian(z)).max() for d in both] for both in tried])
    fig, ax = plt.subplots(figsize=(6.4, 3.6))
    ax.loglog(lengths, errors[:, 0], "o-", label="forward")
    ax.loglog(lengths, errors[:, 1], "s-", label="central")
    ax.set(xlabel="step h", ylabel="largest error of an entry")
    ax.legend()

# %% [markdown]
# 1. Each curve has two branches. Where do they come from, and what are their slopes?
# 2. Read off the best step of each curve. Explain it: with an error of about $10^{-16}$ in each
#    weight, which $h$ makes the sum of the two errors smallest?
# 3. Measure the central differences once more, with `z.astype(np.float32)`. With which tolerance
#    can you test a derivative in single precision?

# %% tags=["student"]
# Your measurement for 3.

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.**
#
# 1. On the right the *formula* errs: a difference is not a derivative. By Taylor's theorem the
#    error of the forward difference is of order $h$. In the central one the terms with the second
#    derivative cancel, and the error is of order $h^2$. The slopes are 1 and 2. On the left the
#    *computer* errs: two weights that are nearly equal are subtracted, and their rounding errors of
#    about $\epsilon = 10^{-16}$ are divided by $h$. The slope is $-1$.
# 2. The smallest of $h + \epsilon / h$ is at $h = \epsilon^{1/2} = 10^{-8}$, that of
#    $h^2 + \epsilon / h$ near $\epsilon^{1/3}$, about $5 \cdot 10^{-6}$. The cell prints what was
#    measured. Too small a step is as bad as too large a one.
# 3. The rounding error is now about $10^{-7}$, so the best step is larger, and the best error is
#    much larger. A tolerance that no mistake passes and no right program fails lies between this
#    error and the size of the entries. A tolerance tighter than that would call a right formula
#    wrong.

# %% tags=["solution"]
best = lengths[errors.argmin(axis=0)]
print(f"best steps: forward {best[0]:.1e}, central {best[1]:.1e}")
print("errors there:", errors.min(axis=0))
at = [np.abs(lengths - h).argmin() for h in (1e-4, 1e-2)]
slopes = np.log10(errors[[at[1]]] / errors[[at[0]]])[0] / 2
print("slopes between 1e-4 and 1e-2:", slopes.round(2))
assert np.allclose(slopes, [1, 2], atol=0.1)
assert 1e-9 < best[0] < 1e-7
assert 1e-6 < best[1] < 1e-4
assert (errors[0] > 1e3 * errors.min(axis=0)).all()
single = [differences(z.astype(np.float32), np.float32(h))[1] for h in lengths]
errors_single = np.array([abs(d - softmax_jacobian(z)).max() for d in single])
print(f"single precision: step {lengths[errors_single.argmin()]:.1e}, {errors_single.min():.1e}")
assert errors_single.min() > 1e4 * errors[:, 1].min()
assert lengths[errors_single.argmin()] > 100 * best[1]

# %% [markdown]
# ## Question 4. When the weights stand still
#
# The size of $J$ is its Frobenius norm $\|J\|_F$, the root of the sum of all squared entries. The
# chapter bounds it: if the largest weight is $1 - \varepsilon$, then $\|J\|_F \le 2 \varepsilon$.
#
# Scroll to the live figure *Jacobian* of the chapter, or stay here. There are three rows of five
# scores, and a *sharpness* $\beta$ that multiplies them. Fill in the line: the norm of $J$ at
# $\beta z$, and $\varepsilon$.

# %%
ROWS = {
    "one close rival": np.array([2.0, 1.0, -8.0, -8.0, -8.0]),
    "four equal rivals": np.array([2.0, 1.0, 1.0, 1.0, 1.0]),
    "a tie": np.array([2.0, 2.0, 1.0, 0.0, -1.0]),
}


def norm_and_rest(z):
    """Return the Frobenius norm of J at the scores z, and one less the largest weight."""
    both = None, None
    # BEGIN SOLUTION
    both = np.linalg.norm(softmax_jacobian(z)), 1 - softmax_rows(z[None]).max()
    # END SOLUTION
    return both


# %%
for name, scores in ROWS.items():
    for beta in (0, 0.5, 1, 2, 5, 10, 20):
        norm, rest = norm_and_rest(beta * scores)
        if norm is not None and rest is not None:
            print(f"{name:18} beta {beta:4}: norm {norm:9.3g}, rest {rest:9.3g}")

# %% [markdown]
# 1. At $\beta = 0$ all weights are equal, whatever the scores. Derive $\|J\|_F$ there for $n$
#    scores. Are even weights as dead as saturated ones?
# 2. With one close rival the norm comes to $2\varepsilon$, with four equal ones it does not. Why?
#    What is the norm over $\varepsilon$ for four, when $\beta$ is large?
# 3. What is the limit of the norm in the tie? Which scores, then, keep $J$ away from zero at every
#    sharpness?
# 4. Show that each row and each column of $J$ sums to 0. What does it mean for the gradient that
#    the scores receive?

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.**
#
# 1. With $a_i = 1/n$, $J = \frac1n I - \frac{1}{n^2} \mathbf{1}\mathbf{1}^\top$ has the eigenvalue
#    $1/n$, $n - 1$ times, and once 0. The norm is the root of the summed squares of the
#    eigenvalues, $\sqrt{n - 1} / n$. For five scores that is $2/5$. Even weights are far from dead:
#    each score still moves them.
# 2. With one rival the weights are $1 - \varepsilon$ and $\varepsilon$, and $J$ has four entries of
#    size $\varepsilon$ (to first order), so the norm is $2\varepsilon$. With four, each has
#    $\varepsilon / 4$. The entry of the winner is $\varepsilon$, four entries in its row, four in
#    its column and four on the diagonal are of size $\varepsilon / 4$, the rest is of order
#    $\varepsilon^2$. The norm is $\varepsilon \sqrt{1 + 12/16} \approx 1.32\, \varepsilon$. The
#    bound holds in both cases, and only a single rival reaches it.
# 3. The two weights go to $1/2$ each. Then $J$ has four entries of size $1/4$, and its norm is
#    $1/2$. What keeps $J$ alive is that the *largest* scores are equal. What comes below is of no
#    account.
# 4. $\sum_j J_{ij} = a_i - a_i \sum_j a_j = 0$, and $J$ is symmetric. The gradient to the scores is
#    $J c$, so its entries sum to 0: what one score gains, others lose. No step along this gradient
#    moves a row as a whole, and it need not, since that would change no weight.

# %% tags=["solution"]
table = {name: np.array([norm_and_rest(b * s) for b in (0, 20)]) for name, s in ROWS.items()}
for name, ((even, _), (norm, rest)) in table.items():
    assert np.isclose(even, np.sqrt(4) / 5)
    print(f"{name:18} at beta = 20: norm / rest = {norm / rest:.4f}, norm = {norm:.3g}")
ratio = {name: norm / rest for name, (_, (norm, rest)) in table.items()}
assert np.isclose(ratio["one close rival"], 2, atol=1e-3)
assert np.isclose(ratio["four equal rivals"], np.sqrt(1 + 12 / 16), atol=1e-3)
assert np.isclose(table["a tie"][1][0], 0.5)
J = softmax_jacobian(np.random.default_rng(4).standard_normal(6))
assert np.allclose([J.sum(axis=0), J.sum(axis=1)], 0)
assert np.allclose(J, J.T)

# %% [markdown]
# ## Question 5. Typical and mean
#
# Without the scale, the scores of random queries and keys of width $d$ are about $\sqrt{d}$ times
# standard normal numbers, and with it they are standard normal. In the chapter the median of the
# gradients and their mean tell different stories. Here it is for $J$ alone: 500 queries, 64 keys.
# Fill in the line that makes a list of 500 norms.


# %%
def norms_of(scores):
    """Return the Frobenius norm of the Jacobian of each row of scores."""
    norms = None
    # BEGIN SOLUTION
    norms = np.array([np.linalg.norm(softmax_jacobian(row)) for row in scores])
    # END SOLUTION
    return norms


# %%
normal = np.random.default_rng(5).standard_normal((500, 64))
widths = 4 ** np.arange(6)  # 1 to 1024
sizes = [norms_of(np.sqrt(d) * normal) for d in widths]
if sizes[0] is not None:
    sizes = np.array(sizes)
    fig, ax = plt.subplots(figsize=(6.4, 3.6))
    ax.loglog(widths, sizes.mean(axis=1), "o-", label="mean")
    ax.loglog(widths, np.median(sizes, axis=1), "s-", label="median")
    ax.set(xlabel="width d, scores not scaled", ylabel="norm of the Jacobian")
    ax.legend()

# %% [markdown]
# 1. At which $d$ does the left end of the figure show what *scaled* scores have, for every width?
# 2. Measure: which share of the queries has a norm below $1/1000$ at $d = 1024$? And which share
#    of the *sum* of all norms belongs to the tenth of the queries with the largest norms? Measure
#    the second share at $d = 1$, too.
# 3. From $d = 256$ to $1024$, by what factor does the mean fall, and by what the median? Explain
#    the factor of the mean by near-ties. (How likely is a gap below $1/\sqrt{d}$ between the two
#    best of 64 normal numbers?)
# 4. "Without the scale the gradient vanishes." Say in one or two sentences what is true in this.

# %% tags=["student"]
# Your measurement for 2.

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.**
#
# 1. At $d = 1$. The scale makes the scores of every width those of this point. There the median and
#    the mean agree: every query gets about the same.
# 2. The cell prints the shares. More than half of the queries have next to nothing at the largest
#    width, and one tenth of them has more than half of all there is. At $d = 1$ a tenth has little
#    more than a tenth.
# 3. The mean falls to about a half, the root of $256 / 1024$. A norm is large if the two best
#    scores nearly tie, so that $\sqrt{d}$ times their gap is not much above 1. Small gaps are about
#    equally likely, so the share of such queries is proportional to $1 / \sqrt{d}$, and what each
#    of them has does not depend on $d$. The median falls much further: it has the size of
#    $e^{-\sqrt{d}\, \delta}$ with a typical gap $\delta$.
# 4. For a *typical* query at a large width it is true. The mean does not vanish, it falls like
#    $1 / \sqrt{d}$ and sits in a few queries. What is lost is evenness.

# %% tags=["solution"]
means, medians = sizes.mean(axis=1), np.median(sizes, axis=1)
print(f"d = 1: mean {means[0]:.3f}, median {medians[0]:.3f}")
print(f"d = 1024: share below 1/1000 {np.mean(sizes[-1] < 1e-3):.0%}")
tenths = np.sort(sizes, axis=1)[:, -50:].sum(axis=1) / sizes.sum(axis=1)
print(f"share of the largest tenth: d = 1 {tenths[0]:.0%}, d = 1024 {tenths[-1]:.0%}")
fall = means[-1] / means[-2], medians[-1] / medians[-2]
print(f"256 to 1024: mean times {fall[0]:.2f}, median times {fall[1]:.2g}")
assert abs(means[0] / medians[0] - 1) < 0.1
assert np.mean(sizes[-1] < 1e-3) > 0.5
assert tenths[-1] > 0.5
assert tenths[0] < 0.2
assert abs(fall[0] - 0.5) < 0.1
assert fall[1] < 0.1

# %% tags=["solution"]
ordered = np.sort(normal, axis=1)
near = [np.mean(ordered[:, -1] - ordered[:, -2] < 1 / np.sqrt(d)) for d in widths[-2:]]
print("share of near-ties at 256 and 1024:", np.round(near, 3))
assert abs(near[1] / near[0] - 0.5) < 0.15

# %% [markdown]
# ## What to take away
#
# The softmax knows differences of scores: that makes it stable once the largest score is taken off,
# and it makes every row of its Jacobian sum to zero. It passes a gradient on only through weight
# that the winner does not have, so a clear winner stops learning and a tie does not. The
# misconceptions of this set: the wrong axis, a maximum or a sum over too much, weights that are not
# normalized, a Jacobian that is only a diagonal, and a denominator that is taken for a constant.

# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Problem set 5. A start for queries and keys
#
# Before the first step of training a layer has random weights. How large are its scores, and how
# even are its attention weights? Both follow from one number, the standard deviation of the entries
# of $W_Q$ and $W_K$. You derive the rule, turn it round, and then find out what it does not say.
#
# **Difficulty:** introductory. **Time:** about 90 minutes. **Prerequisites:** the chapters *Why the
# dot product is divided by a square root* and *Attention as physics: temperature and freezing*.

# %%
import matplotlib.pyplot as plt
import numpy as np

from attnbook import check

# %%
from attnbook.starts import steps_to_learn  # trains a small head, for question 6

# %% [markdown]
# ## A layer that has learned nothing
#
# A token $x$ has $d_\text{model}$ components. They are independent, with mean 0 and variance 1; a
# normalization layer gives nearly that. A head of width $d_k$ makes a query of one token and a key
# of another:
#
# $$ q_i = \sum_{a=1}^{d_\text{model}} x_a\, (W_Q)_{ai}, \qquad
# k_i = \sum_{a=1}^{d_\text{model}} y_a\, (W_K)_{ai}, \qquad
# z = \frac{1}{\sqrt{d_k}} \sum_{i=1}^{d_k} q_i k_i $$
#
# All entries of $W_Q$ and $W_K$, both of shape $(d_\text{model}, d_k)$, are drawn independently
# with mean 0 and standard deviation $\sigma_w$. The number of terms that are added to make one
# component is called the *fan-in*; the number of components that are made is the *fan-out*.
#
# The standard deviation of $z$, over inputs and weights, is the *target* of this problem set.
# A target of 1 is what the chapters assume. Real programs start with others, as
# question 3 shows.

# %% [markdown]
# ## Question 1. From the target to the entries
#
# Write `init_std(d_model, d_k, target)`. It returns $\sigma_w$, one number: the standard deviation
# of the entries of $W_Q$ and of $W_K$ with which the scaled scores have the standard deviation
# `target`. Inputs are as above.
#
# `d_model` and `d_k` are whole numbers, `target` is a positive number. Before you write code, do
# the calculation on paper, and say which of the three arguments matter.

# %% [markdown] tags=["solution"]
# A component of a query is a sum of $d_\text{model}$ independent terms of variance $\sigma_w^2$, so
# its variance is $d_\text{model}\, \sigma_w^2$; the same for a key. The sum over the head has $d_k$
# terms, each with the product of these variances, and the scale takes $d_k$ away again. Hence
# $\operatorname{Var}(z) = (d_\text{model}\, \sigma_w^2)^2$ and the target is
# $d_\text{model}\, \sigma_w^2$. The width of the head drops out.


# %%
def init_std(d_model, d_k, target):
    """Return the std of the entries of W_Q and W_K for scaled scores of std `target`."""
    # BEGIN SOLUTION
    return np.sqrt(target / d_model)
    # END SOLUTION


# %%
check("p5.init_std", init_std)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# What is the variance of one component of a query? Count the terms, and look up what happens to
# variances when independent terms are added.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The score holds a query *and* a key. With $v$ for the variance of a component of either, the
# variance of $q \cdot k$ is $d_k v^2$. Now divide the score by $\sqrt{d_k}$.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# The variance of the scaled score is $v^2$ with $v = d_\text{model}\, \sigma_w^2$. The target is a
# standard deviation. Solve for $\sigma_w$, not for its square.
#
# </details>

# %% [markdown]
# ## Question 2. Measure it, one query at a time
#
# The function below draws a head and returns its scaled scores: 300 queries in rows, 2000 keys in
# columns, all of different tokens.


# %%
def scaled_scores(std, d_model, d_k, seed):
    """Draw a head and tokens; return scaled scores, shape (300, 2000)."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((300, d_model)), rng.standard_normal((2000, d_model))
    w_q, w_k = std * rng.standard_normal((2, d_model, d_k))
    return (x @ w_q) @ (y @ w_k).T / np.sqrt(d_k)


# %% [markdown]
# For heads of width 2, 8, 32 and 128 in a model of width 1024, draw the scores for the target 0.5
# and take the standard deviation of *each row*: how different the keys look to one query. Fill in
# the line. The cell then prints two numbers: the root of the mean square of these standard
# deviations, and how much they scatter from query to query.

# %%
for d_k in (2, 8, 32, 128):
    rows = None  # the standard deviation of each row, shape (300,)
    # BEGIN SOLUTION
    rows = scaled_scores(init_std(1024, d_k, 0.5), 1024, d_k, seed=d_k).std(axis=1)
    # END SOLUTION
    if rows is not None:
        typical = np.sqrt(np.mean(rows**2))
        print(f"d_k = {d_k:3}: typical spread {typical:.3f}, scatter {rows.std():.3f}")

# %% [markdown]
# 1. Is the target met, and does the width of the head matter for it?
# 2. What does the width of the head change? Explain it with the length of a query.

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.** The typical spread agrees with the target at every width, as the calculation
# says. The scatter does not stay: it falls with the width of the head. For a given query $q$ the
# scores are $q \cdot k / \sqrt{d_k}$, and over the keys their variance is about
# $v\, |q|^2 / d_k$, where $v$ is the variance of a component. The mean of $|q|^2 / d_k$ is $v$, so
# the target is right on the mean. A mean of $d_k$ squares scatters by a share of about
# $\sqrt{2 / d_k}$, and the root of it by half of that. So the scatter of the spreads should be near
# $\text{target} / \sqrt{2 d_k}$, which the next cell checks for the wider heads. In a head of width
# 2 some queries start nearly even and others rather sharp, with the very same $\sigma_w$.

# %% tags=["solution"]
for width in (2, 8, 32, 128):
    spreads = scaled_scores(init_std(1024, width, 0.5), 1024, width, seed=width).std(axis=1)
    typical, scatter = np.sqrt(np.mean(spreads**2)), spreads.std()
    print(f"{width:3}: {typical:.3f}, {scatter:.3f}, expected {0.5 / np.sqrt(2 * width):.3f}")
    assert abs(typical - 0.5) < 0.06
    if width >= 8:
        assert abs(scatter / (0.5 / np.sqrt(2 * width)) - 1) < 0.25
two = scaled_scores(init_std(1024, 2, 0.5), 1024, 2, seed=2).std(axis=1)
print("width 2: a tenth of the queries below", np.quantile(two, 0.1).round(2), end=", ")
print("a tenth above", np.quantile(two, 0.9).round(2))
assert np.quantile(two, 0.9) > 3 * np.quantile(two, 0.1)

# %% [markdown]
# ## Question 3. Which target do these starts have?
#
# Read your rule backward. Which standard deviation of the scaled scores follows from each of these
# starts, for inputs of unit variance?
#
# 1. All entries have the standard deviation 0.02, whatever the width. Take widths of 768, 4096 and
#    12288.
# 2. $W_Q$, $W_K$ and $W_V$ are drawn as *one* matrix from $d_\text{model}$ to $3 d_\text{model}$
#    components by the rule of Glorot: a variance of 2 over the sum of fan-in and fan-out.
# 3. Each head has a matrix $W_Q$ of its own, from $d_\text{model} = 512$ to $d_k = 64$ components,
#    drawn by the rule of Glorot. The same for $W_K$.
#
# Which of the three depends on the width of the model, and which on how the *program* stores the
# matrices?

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.** The target is $d_\text{model}\, \sigma_w^2$.
#
# 1. It is proportional to the width: the first line of the cell has the three numbers. The widest
#    model starts with a spread that the chapter *Attention as physics* calls frozen for rows of
#    4096 keys, since it lies above $\sqrt{2 \ln 4096}$. So a fixed number is a habit for one range
#    of widths, not a rule.
# 2. The fan-out that the rule sees is that of the big matrix, so the target is a half at every
#    width.
# 3. The rule now sees the fan-out of one head, and the target is near 2. It is exactly $2
#    d_\text{model} / (d_\text{model} + d_k)$.
#
# Starts 2 and 3 follow the same rule for the same layer. Their targets differ because the rule asks
# for the shape of the array, and that depends on how the program stores the heads. The start of 1
# depends on the width of the model; 2 does not; 3 depends on the ratio of the two widths only.

# %% tags=["solution"]
fixed = {d_model: d_model * 0.02**2 for d_model in (768, 4096, 12288)}
print("0.02:", {d_model: round(target, 2) for d_model, target in fixed.items()})
assert fixed[12288] > np.sqrt(2 * np.log(4096)) > fixed[4096]
one_matrix = [d * 2 / (d + 3 * d) for d in (64, 512, 4096)]
assert np.allclose(one_matrix, 0.5)
per_head = 512 * 2 / (512 + 64)
measured = scaled_scores(np.sqrt(2 / (512 + 64)), 512, 64, seed=0).std()
print(f"one matrix: {one_matrix[0]}, a matrix for each head: {per_head:.2f}, drawn {measured:.2f}")
assert abs(measured / per_head - 1) < 0.05

# %% [markdown]
# ## From scores to entropy
#
# Scores of spread zero give even weights, whose entropy is $\ln n$. A small spread takes something
# off. How much?
#
# Let $z_1, \dots, z_n$ be the scaled scores of one query. Let $s$ be their spread about their own
# mean, the number that `np.std` gives:
#
# $$ s^2 = \frac{1}{n} \sum_j (z_j - \bar z)^2, \qquad a_j = \frac{e^{z_j}}{\sum_l e^{z_l}}, \qquad
# S = -\sum_j a_j \ln a_j $$
#
# We want the entropy $S$ in nats, up to and including the terms of second order in the scores, for
# any scores with this $s$.

# %% [markdown]
# ## Question 4. The entropy of a nearly even row
#
# Write `entropy_small_scores(n, s)`. It returns one number: the entropy in nats, to second order in
# the scores, of $n$ weights whose scores have the standard deviation $s$, about their own mean.

# %% [markdown] tags=["solution"]
# Shift the scores so that their mean is 0, which changes no weight. Write $a_j = (1 + u_j) / n$.
# The $u_j$ sum to zero, and to first order $u_j = z_j$. Expand
# $-\sum_j a_j \ln a_j = \ln n - \frac{1}{n} \sum_j (1 + u_j) \ln(1 + u_j)$ with
# $(1 + u) \ln(1 + u) = u + u^2 / 2 + \dots$ The sum of $u$ vanishes exactly, and the second term is
# $s^2 / 2$. No second-order part of $u_j$ is needed, since even weights are the maximum: there the
# entropy is level.


# %%
def entropy_small_scores(n, s):
    """Return the second-order entropy, in nats, of n weights with scores of std s."""
    # BEGIN SOLUTION
    return np.log(n) - s**2 / 2
    # END SOLUTION


# %%
check("p5.entropy_small_scores", entropy_small_scores)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# What is the entropy at $s = 0$? Must the correction be positive or negative? Can it hold an odd
# power of $s$, if all scores may change their sign?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# A common shift of all scores changes nothing, so let their mean be 0. To first order
# $a_j = (1 + z_j) / n$. Put $a_j = (1 + u_j) / n$ into the entropy.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# $(1 + u) \ln(1 + u) = u + \frac{u^2}{2} + \dots$, and the $u_j$ sum to zero since the weights sum
# to one. What stays is half the mean of $u_j^2$.
#
# </details>

# %% [markdown]
# ## Question 5. How small is small?
#
# Take 64 scores in three shapes, each with mean 0 and standard deviation 1: like a bell, with two
# values only, and lopsided. Multiply them by $s$, and compare the exact entropy with the formula.


# %%
def exact_entropy(z):
    """Return the entropy of softmax(z) in nats."""
    a = np.exp(z - z.max())
    a = a / a.sum()
    return -(a * np.log(a)).sum()


places = (np.arange(64) + 0.5) / 64
bell = np.sort(np.random.default_rng(5).standard_normal((1000, 64)), axis=1).mean(axis=0)
shapes = {"bell": bell, "two values": np.sign(places - 0.5), "lopsided": -np.log(1 - places)}
shapes = {name: (u - u.mean()) / u.std() for name, u in shapes.items()}
spreads = np.linspace(0.05, 3, 60)

# %% [markdown]
# Fill in the two lines. The figure shows by how much the exact entropy lies above the formula.

# %%
above = {}
for name, u in shapes.items():
    exact = predicted = None  # two arrays of shape (60,), one number for each of the spreads
    # BEGIN SOLUTION
    exact = np.array([exact_entropy(s * u) for s in spreads])
    predicted = entropy_small_scores(64, spreads)
    # END SOLUTION
    if exact is not None and predicted is not None:
        above[name] = exact - predicted

# %%
if above:
    fig, ax = plt.subplots(figsize=(6.4, 3.6))
    for (name, difference), style in zip(above.items(), ("-", "--", ":"), strict=True):
        ax.plot(spreads, difference, style, label=name)
    ax.axhline(0, color="0.7", lw=0.8)
    ax.legend()
    _ = ax.set(xlabel="spread s of the scores", ylabel="exact minus formula, nats", ylim=(-1, 1))

# %% [markdown]
# 1. Up to which spread is the formula good to 0.05 nats, for each shape?
# 2. For which shape does it fail first, and on which side? What about the scores decides that?
# 3. Why must it fail for every shape in the end? Compare with the live figure of the chapter
#    *Attention as physics*: what happens to a row near its freezing point?

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.** The cell below prints the spreads. The formula holds longest for the bell and
# fails first for the lopsided scores, where the exact entropy is lower.
#
# Beyond the second order comes the third: the entropy is
# $\ln n - \frac{s^2}{2} - \frac{\kappa_3}{3} - \dots$, with $\kappa_3$ the mean of
# $(z - \bar z)^3$. It vanishes for symmetric scores. Scores with a long tail upward have a positive
# one: a few keys stand out, and the row is sharper than its spread alone says. For two values the
# third order vanishes and the fourth has the other sign: half of the keys share the top, no single
# key stands out, and the row stays more even.
#
# In the end $\ln n - s^2 / 2$ is negative, and an entropy is not. With two values it cannot even
# come below $\ln 32$, since half of the keys always share the weight. For a bell the formula is
# that of the chapter, and it must stop before the freezing point $s = \sqrt{2 \ln n}$, where it
# would reach zero.

# %% tags=["solution"]
good = {name: spreads[np.argmax(np.abs(d) > 0.05)] for name, d in above.items()}
print("off by 0.05 nats from:", {name: round(float(s), 2) for name, s in good.items()})
assert good["bell"] > good["two values"] > good["lopsided"]
third = np.mean(shapes["lopsided"] ** 3)
slope = above["lopsided"][0] / spreads[0] ** 3
print(f"lopsided, smallest spread: {slope:.2f} s^3 above, expected {-third / 3:.2f} s^3")
assert abs(slope / (-third / 3) - 1) < 0.1
assert above["lopsided"][10] < 0 < above["two values"][10]
assert max(abs(np.mean(shapes[name] ** 3)) for name in ("bell", "two values")) < 0.01
assert exact_entropy(12 * shapes["two values"]) > np.log(32) - 1e-6
print(f"the formula is zero at s = {np.sqrt(2 * np.log(64)):.2f}")
assert abs(entropy_small_scores(64, np.sqrt(2 * np.log(64)))) < 1e-9

# %% [markdown]
# ## Question 6. Is the most even start the best one?
#
# Question 4 says how to get an entropy as close to $\ln n$ as one likes: choose a small target. The
# section *Which start learns fastest?* of the chapter *Attention as physics* trains a head on
# associative recall. There queries and keys are learned directly, without inputs. They start with
# standard deviation $g$, so the target is $g^2$. `steps_to_learn(seed, gain_q, gain_k, ...)`
# returns the number of steps until the head is right, or infinity where 300 steps were not enough.
#
# *Before you run it:* which target do you expect to learn fastest, and which to learn slowest?
# Write it down. Then fill in the line, with the same gain for queries and keys and three seeds.

# %%
for target in (1e-6, 1e-4, 1e-2, 0.25, 1.0, 9.0):
    steps = None  # a list of three numbers, for the seeds 0, 1 and 2; learning_rate=30.0
    # BEGIN SOLUTION
    gain = np.sqrt(target)
    steps = [steps_to_learn(seed, gain, gain, learning_rate=30.0) for seed in range(3)]
    # END SOLUTION
    if steps is not None:
        print(f"target {target:g}: steps {steps}")

# %% [markdown]
# 1. Among 16 keys, how much entropy do the targets 1e-6 and 1e-2 leave out? Does that explain their
#    numbers of steps?
# 2. What does a factor of 100 in the target cost, from 1e-6 to 1e-4 and from 1e-4 to 1e-2? What
#    does that say about the point from which the head has to get away?
# 3. Try queries of gain 0 and keys of gain 1. The entropy is exactly $\ln n$. What do you find?

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Worked answer.** A large target is bad: with the last one no run learns in the budget, since its
# rows start frozen. A small target is slow as well, though its weights are as even as weights can
# be. All three small targets leave out less than a thousandth of a nat, so the entropy cannot be
# the reason for steps that differ so much.
#
# A factor of 100 in the target costs about the same number of steps both times. That is what growth
# at a constant *rate* looks like. The gradient of a query holds the keys, and the gradient of a key
# holds the queries. Where both are zero, both gradients are zero: a saddle. Near it each grows in
# proportion to the other, and it takes a time proportional to the logarithm of the gain to leave.
#
# With queries zero and keys of gain 1 the weights are exactly even, and the head learns as fast as
# with the best of the equal gains: the queries get their gradient at once. So an even start is not
# slow, and not fast. Two small factors are slow.


# %% tags=["solution"]
def steps_for(gain_q, gain_k):
    return np.array([steps_to_learn(i, gain_q, gain_k, learning_rate=30.0) for i in range(3)])


runs = {t: steps_for(np.sqrt(t), np.sqrt(t)) for t in (1e-6, 1e-4, 1e-2, 0.25, 1.0, 9.0)}
middle = {target: float(np.median(steps)) for target, steps in runs.items()}
left_out = [float(np.log(16) - entropy_small_scores(16, t)) for t in (1e-6, 1e-2)]
print("median steps:", middle, "entropy left out:", left_out)
assert np.isinf(runs[9.0]).all()
assert max(left_out) < 1e-3

# %% tags=["solution"]
price = middle[1e-6] - middle[1e-4], middle[1e-4] - middle[1e-2]
print("a factor of 100 costs", price, "steps")
assert abs(price[0] / price[1] - 1) < 0.2
assert middle[1e-2] > 2 * middle[0.25]
one_zero = steps_for(0.0, 1.0)
print("queries zero, keys of gain 1:", one_zero)
assert one_zero.mean() <= min(np.mean(steps) for steps in runs.values())

# %% [markdown]
# ## What to take away
#
# With the scale in place, the fan-in and one standard deviation set the spread of the first scores,
# and the width of the head drops out; a small spread $s$ takes $s^2 / 2$ off the entropy. The
# misconceptions here: fan-out for fan-in, a variance for a standard deviation, one projection for
# two, the scale counted not at all or twice, an entropy that grows with the spread, and the belief
# that the most even start is the best one.

# %% [markdown]
# # Problem set 3. Temperature: a row of attention as a physical system
#
# One number decides whether attention looks something up or takes a mean: the temperature $T$ by
# which the scores are divided. In this set you compute what physics computes for such a row: its
# mean energy, its entropy and its free energy. Then you use the three numbers to find out where a
# row melts.
#
# **Difficulty:** introductory. **Time:** 75 minutes. **Prerequisites:** the chapters *Attention as
# retrieval*, the one on the scale, and *Attention as physics: temperature and freezing* up to the
# section "Freezing".

# %%
import matplotlib.pyplot as plt
import numpy as np

from attnbook import check

# %% [markdown]
# ## The dictionary
#
# One query has the scores $s_1, \dots, s_n$. At the temperature $T$ its weights are
#
# $$ a_j = \frac{e^{s_j/T}}{Z}, \qquad Z = \sum_{j=1}^{n} e^{s_j/T}. $$
#
# A physicist reads this as the Boltzmann distribution of a system with $n$ states. State $j$ has
# the energy $E_j = -s_j$: a key that fits well lies low. Boltzmann's constant is 1, so $T$ has
# the unit of an energy. Three numbers describe the row:
#
# $$ U = \sum_j a_j E_j, \qquad S = -\sum_j a_j \ln a_j, \qquad F = -T \ln Z. $$
#
# $U$ is the mean energy. $S$ is the entropy in nats, where $0 \ln 0$ counts as 0. $F$ is the free
# energy. They are tied together by
#
# $$ F = U - T S. $$
#
# To see why, take the logarithm of a weight, $\ln a_j = -E_j/T - \ln Z$, and average it with the
# weights: $-S = -U/T - \ln Z$. Multiply by $-T$ and sort the terms.

# %% [markdown]
# ## Question 1. Three numbers (3 points, and 1 for stability)
#
# Write `thermo(s, T)`. It takes the scores of one row, an array of shape `(n,)`, and a number
# $T > 0$. It returns the array `[U, S, F]`, in this order, of shape `(3,)`. The energies are those
# of the scores that are given, $E_j = -s_j$, and not of shifted ones.
#
# The fourth point is for extreme numbers: scores in the thousands, scores that all lie far from
# zero, temperatures near zero. Every result is finite there, too.

# %% [markdown] tags=["solution"]
# The weights do not change when the largest score is taken off first, and then no exponential
# can overflow. The energies do change, so $U$ uses the scores as given and $F$ gets the largest
# one back: $\ln Z = s_\text{max}/T + \ln \sum_j e^{(s_j - s_\text{max})/T}$. The logarithm of a
# weight comes from the exponents and not from the weight, so a weight that underflows to zero
# meets a finite logarithm, and their product is 0.


# %%
def thermo(s, T):
    """Return mean energy, entropy in nats and free energy of a row of attention.

    s: scores, shape (n,). T: temperature, above 0. Returns [U, S, F], shape (3,).
    """
    # BEGIN SOLUTION
    z = (s - s.max()) / T
    log_sum = np.log(np.exp(z).sum())  # ln Z, less the largest score over T
    a = np.exp(z - log_sum)
    U = -(a @ s)
    S = -(a @ (z - log_sum))
    F = -s.max() - T * log_sum
    return np.array([U, S, F])
    # END SOLUTION


# %%
check("p3.thermo", thermo)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Test your function where you know the answer. With $n$ equal scores $c$ all weights are $1/n$.
# What are $U$, $S$ and $F$ then? And does $F = U - TS$ hold for a row of random scores at
# $T = 0.5$?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# For stability use $e^{s_j/T} = e^{m/T} e^{(s_j - m)/T}$ with $m$ the largest score. The first
# factor cancels in the weights. In $\ln Z$ it does not cancel: it becomes a term of its own. Which
# term is that in $F$?
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Let $z_j = (s_j - m)/T$ and $\ell = \ln \sum_j e^{z_j}$. Then $\ln a_j = z_j - \ell$, which is
# finite even where $a_j$ underflows. So $S = -\sum_j a_j (z_j - \ell)$, and $F = -m - T \ell$. Do
# not get $S$ from $(U - F)/T$: at a tiny $T$ that divides a rounding error by almost nothing.
#
# </details>

# %% [markdown]
# ## The dial, drawn
#
# When your function answers, this cell draws the three numbers for twelve scores over a range of
# temperatures.

# %%
row = 2 * np.random.default_rng(3).standard_normal(12)
temperatures = np.geomspace(0.05, 20, 60)
if thermo(row, 1.0) is not None:
    U, S, F = np.array([thermo(row, T) for T in temperatures]).T
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.6), layout="constrained")
    left.plot(temperatures, U, label="mean energy U")
    left.plot(temperatures, F, "--", label="free energy F")
    left.set(xscale="log", xlabel="temperature T", ylabel="energy", ylim=(-12, 1))
    left.legend()
    right.plot(temperatures, S)
    right.axhline(np.log(12), color="0.5", ls=":")
    right.set(xscale="log", xlabel="temperature T", ylabel="entropy S in nats")

# %% [markdown]
# ## Question 2. Predict, then run (written)
#
# Three changes to a row of scores at the temperature $T$:
#
# 1. 5 is added to every score;
# 2. all scores *and* the temperature are doubled;
# 3. every key is there twice, with the same score.
#
# Write down for each of them what happens to $U$, to $S$ and to $F$, *before* you run the next
# cell. It prints the changes. Then derive all nine answers from the definitions. Which of the
# three changes can a layer of attention notice in its output, if a doubled key brings its value
# along?

# %%
T = 0.8
changed = {
    "5 added": (row + 5, T),
    "both doubled": (2 * row, 2 * T),
    "keys twice": (np.tile(row, 2), T),
}
if thermo(row, T) is not None:
    print("before        U, S, F:", np.round(thermo(row, T), 4))
    for name, (s, t) in changed.items():
        print(f"{name:13} change:", np.subtract(thermo(s, t), thermo(row, T)).round(4))

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Answer.**
#
# 1. Every $E_j$ falls by 5, so $U$ falls by 5. The factor $e^{5/T}$ cancels in the weights, so
#    $S$ stays. $\ln Z$ grows by $5/T$, so $F$ falls by 5.
# 2. $s_j/T$ stays, and with it the weights, $S$ and $Z$. $U$ and $F$ are energies, and both double.
# 3. Every weight is shared by two keys: $a_j/2$ twice. $U$ stays. $Z$ doubles, so $F$ falls by
#    $T \ln 2$. $S = -\sum_j a_j \ln \frac{a_j}{2}$ grows by $\ln 2$: twice as many keys are in use.
#
# The output is a mean of values with the weights, and no value gets more or less in total in any
# of the three. So the layer notices none of them. Energies tell you more about a row than its
# output does: their zero is a matter of choice.

# %% tags=["solution"]
before = thermo(row, T)
change = {name: thermo(s, t) - before for name, (s, t) in changed.items()}
np.testing.assert_allclose(change["5 added"], [-5, 0, -5], atol=1e-9)
np.testing.assert_allclose(change["both doubled"], before * [1, 0, 1], atol=1e-9)
np.testing.assert_allclose(change["keys twice"], [0, np.log(2), -T * np.log(2)], atol=1e-9)

# %% tags=["solution"]
values = np.random.default_rng(4).standard_normal((12, 3))  # one value for each key
outputs = []
for (s, t), v in [
    ((row, T), values),
    (changed["5 added"], values),
    (changed["both doubled"], values),
    (changed["keys twice"], np.tile(values, (2, 1))),
]:
    a = np.exp((s + thermo(s, t)[2]) / t)  # a weight is exp of (F - E) over T
    outputs.append(a @ v)
np.testing.assert_allclose(outputs, outputs[:1] * np.ones((4, 1)), atol=1e-12)

# %% [markdown]
# ## Question 3. Where does a row melt? (measurement)
#
# Turn up the temperature of a row of random scores. Its entropy grows from 0 to $\ln n$. The
# chapter on temperature has a live figure for this, the one with a dial for $T$: play with it
# first. Its dashed vertical line is the freezing temperature of scores with standard deviation
# $\sigma$,
#
# $$ T_c = \frac{\sigma}{\sqrt{2 \ln n}}. $$
#
# Call $T_{1/2}$ the temperature at which the entropy is *half* of $\ln n$.
#
# (a) Far above $T_c$ the chapter finds $S \approx \ln n - \frac{\sigma^2}{2T^2}$. Which
# $T_{1/2}/T_c$ would this formula give, and does it depend on $n$?
#
# (b) Measure the mean of $T_{1/2}/T_c$ over 100 rows for $n = 8$, 64, 512 and 4096. Use `thermo`
# and search for $T_{1/2}$ by bisection: the entropy of a row only grows with $T$. Take
# $\sigma = 1.7$.
#
# (c) Is the measured ratio above or below that of the formula? What does this say about how good
# the formula is, and what happens as $n$ grows? Is 4096 a large number here?


# %%
def half_temperature(s):
    """Return the T at which the entropy of the row s, shape (n,), is half of ln n."""
    # BEGIN SOLUTION
    low, high = 1e-3, 1e3
    for _ in range(50):
        middle = np.sqrt(low * high)
        if thermo(s, middle)[1] < np.log(len(s)) / 2:
            low = middle
        else:
            high = middle
    return middle
    # END SOLUTION


# %%
sizes, sigma = [8, 64, 512, 4096], 1.7
rng = np.random.default_rng(5)
rows = {n: sigma * rng.standard_normal((100, n)) for n in sizes}
if half_temperature(rows[8][0]) is not None:
    for n in sizes:
        critical = sigma / np.sqrt(2 * np.log(n))
        ratios = np.array([half_temperature(s) for s in rows[n]]) / critical
        print(f"n = {n:4}: mean ratio {ratios.mean():.3f}, spread over rows {ratios.std():.3f}")

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Answer.** (a) Half of $\ln n$ is lost when $\frac{\sigma^2}{2T^2} = \frac{1}{2} \ln n$, so
# $T_{1/2} = \sigma/\sqrt{\ln n} = \sqrt{2}\, T_c$. The ratio is $\sqrt 2$ for every $n$.
#
# (b) The cell above prints the means.
#
# (c) All of them are below $\sqrt 2$. A real row must be cooled further than the formula says
# before half of its entropy is gone: the formula promises too little entropy. That is the
# rounding of the freezing that the chapter shows, a crossover and not a point. The ratio creeps
# upward with $n$, and rows of 4096 keys scatter less than rows of 8, but eight times as many keys
# bring little. What counts is $\ln n$, and from 8 to 4096 it grows by a factor of four only. In
# this sense 4096 is a small number. The figure shows the slow approach to the dashed line.

# %% tags=["solution"]
drawn = {n: np.array([half_temperature(s) for s in rows[n]]) for n in sizes}
measured = {n: t * np.sqrt(2 * np.log(n)) / sigma for n, t in drawn.items()}
means = np.array([m.mean() for m in measured.values()])
spreads = np.array([m.std() for m in measured.values()])
assert (means < np.sqrt(2)).all()
assert (np.diff(means) > 0).all()
assert spreads[-1] < spreads[0]
assert abs(np.log(4096) / np.log(8) - 4) < 1e-9

# %% tags=["solution"]
fig, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
ax.errorbar(sizes, means, spreads, marker="o", capsize=3, label="mean and spread of 100 rows")
ax.axhline(np.sqrt(2), color="black", ls="--", label="formula of the liquid")
ax.set(xscale="log", xlabel="number of keys n", ylabel="half temperature over critical one")
_ = ax.legend()

# %% [markdown]
# ## Question 4. The best bargain (written)
#
# A colleague says: "Why average at all? The best key has the lowest energy. Looking at it alone
# is always the better choice." Another one says: "Even weights are the fairest."
#
# Let weights $p$ cost $U[p] - T\, S[p]$: low energy is good, spread is good too, and $T$ says how
# much energy a nat of spread is worth.
#
# (a) What do the two colleagues pay? At which temperature $T_*$ do they pay the same? Derive a
# formula from the largest score, the mean score and $n$, and evaluate it for `row`.
#
# (b) What does the softmax at temperature $T$ pay? Compute all three prices at $T_*/3$, $T_*$ and
# $3 T_*$, and the price of a softmax that uses another temperature than the one in the price.
# Who pays least in each case, and why?

# %%
T_star = None  # replace None by your formula
# BEGIN SOLUTION
T_star = (row.max() - row.mean()) / np.log(len(row))
# END SOLUTION
if T_star is not None and thermo(row, 1.0) is not None:
    for T in [T_star / 3, T_star, 3 * T_star]:
        best, even = -row.max(), -row.mean() - T * np.log(len(row))
        U_warm, S_warm, _ = thermo(row, 2 * T)
        print(f"T = {T:.2f}: best key {best:.2f}, even {even:.2f}, ", end="")
        print(f"F {thermo(row, T)[2]:.2f}, softmax at 2T {U_warm - T * S_warm:.2f}")

# %% [markdown] tags=["student"]
# *Your answer:*

# %% [markdown] tags=["solution"]
# **Answer.** (a) The best key alone has $S = 0$ and pays $-s_\text{max}$. Even weights have
# $S = \ln n$ and pay $-\bar s - T \ln n$. These are equal at
#
# $$ T_* = \frac{s_\text{max} - \bar s}{\ln n}. $$
#
# Below $T_*$ the first colleague has the better bargain, above it the second.
#
# (b) The softmax pays $U - TS = F$, and nobody pays less at any of the three temperatures. The
# chapter shows why: the price of $p$ is $F + T\, D(p, a)$, and the divergence $D$ is zero for
# $p = a$ only. This includes the softmax at twice the temperature. It is a bargain for another
# rate of exchange, and at this one it pays more than $F$. Each colleague is right in a limit
# only: the first as $T \to 0$, the second as $T \to \infty$.

# %% tags=["solution"]
for T in [T_star / 3, T_star, 3 * T_star]:
    best, even = -row.max(), -row.mean() - T * np.log(len(row))
    U_warm, S_warm, _ = thermo(row, 2 * T)
    F_here = thermo(row, T)[2]
    assert F_here < min(best, even, U_warm - T * S_warm)
    assert np.isclose(best, even) if T == T_star else (best < even) == (T < T_star)
for T, limit in [(1e-6, -row.max()), (1e6, -row.mean() - 1e6 * np.log(12))]:
    assert np.isclose(thermo(row, T)[2], limit, rtol=0, atol=1e-4)

# %% [markdown]
# ## What to take away
#
# The softmax divides scores by a temperature, and a *low* temperature is the sharp one. $U$, $S$
# and $F$ check each other through $F = U - TS$, so a wrong sign, a missing factor $T$ or a
# forgotten shift shows at once if you test at a temperature other than 1. Those are the mistakes
# that this set is about, together with bits for nats and with $T$ multiplied where it should
# divide.

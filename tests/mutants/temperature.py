"""One change for each claim of the chapter `temperature` that makes this claim fail."""

from tests.mutants import Mutant

MUTANTS = {
    "temperature.boltzmann": Mutant(
        "the heat capacity is divided by the temperature once only",
        cell=("a @ (E - U) ** 2 / T**2", "a @ (E - U) ** 2 / T"),
    ),
    "temperature.limits": Mutant(
        "the temperature of scaled attention is taken to be the width",
        cell=("T=np.sqrt(width)", "T=width"),
    ),
    "temperature.liquid": Mutant(
        "the heads that should be scaled are not",
        cell=("ab.attention_weights(q, k)", "ab.attention_weights(q, k, scale=1.0)"),
    ),
    "temperature.freezing": Mutant(
        "the scores have half the spread they should have",
        patch={"attnbook.random_energy.row_sums": "lambda x, n, sigma: original(x, n, sigma / 2)"},
    ),
    "temperature.needed": Mutant(
        "the head is trained for a few steps only",
        patch={
            "attnbook.group_means.train_group_means": "lambda seed, needed, *, steps, **how: "
            "original(seed, needed, steps=steps // 20, **how)"
        },
    ),
    "init.entropy": Mutant(
        "the gain is applied to one of the two matrices",
        cell=(
            "g * rng.standard_normal((2, 256, 64))",
            "g**0.5 * rng.standard_normal((2, 256, 64))",
        ),
    ),
    "init.speed": Mutant(
        "the gain is taken for the variance of the start",
        patch={
            "attnbook.starts.recall_start": "lambda rng, d, gain_q, gain_k: "
            "original(rng, d, gain_q**0.5, gain_k**0.5)"
        },
    ),
}

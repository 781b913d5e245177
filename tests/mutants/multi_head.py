"""One change for each claim of the chapter `multi_head` that makes this claim fail."""

from tests.mutants import Mutant

MUTANTS = {
    "heads.equal-cost": Mutant(
        "every head is as wide as the whole layer",
        patch={
            "attnbook.models.MultiHeadAttention": "lambda d, num_heads, **options: "
            "original(d, num_heads, head_dim=d, **options)"
        },
    ),
    "heads.sum": Mutant(
        "the heads are concatenated in the opposite order",
        cell=("concatenate(list(heads), axis=1)", "concatenate(list(heads[::-1]), axis=1)"),
    ),
    "heads.two-lookups": Mutant(
        "the one head gives both tokens the same weight", cell=("share = 2 / 3", "share = 1 / 2")
    ),
    "heads.redundancy": Mutant(
        "the diversity penalty counts nothing",
        cell=('"penalty": (0.1,)', '"penalty": (0.0,)'),
    ),
    "heads.ablation": Mutant(
        "the head that is to be removed stays (two layers of a kind show it)",
        cell=("seed=seed) for seed in range(5)", "seed=seed) for seed in range(2)"),
        what="right without the heads of the second token",
        patch={
            "attnbook.lookups.slots_right": "lambda layer, test, keep=None: original(layer, test)"
        },
    ),
}

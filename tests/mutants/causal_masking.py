"""One change for each claim of the chapter `causal_masking` that makes this claim fail."""

from tests.mutants import Mutant

MUTANTS = {
    "causal.zeros": Mutant(
        "forbidden scores are set to -10 instead of minus infinity",
        patch={
            "attnbook.attention.masked_scores": "lambda q, k, mask, bias, scale, xp: "
            "xp.where(mask, original(q, k, None, bias, scale, xp), -10.0)"
        },
    ),
    "causal.no-leak": Mutant(
        "off by one: every token also sees the next",
        patch={
            "attnbook.masks.causal_mask": "lambda n_queries, n_keys=None: "
            "_offsets(n_queries, n_keys) >= -1"
        },
    ),
    "causal.wrong-masks": Mutant(
        "minus infinity is replaced by a large constant",
        cell=("ab.softmax(np.where(m, s, -np.inf))", "ab.softmax(np.where(m, s, -1e9))"),
    ),
    "causal.teacher-forcing": Mutant(
        "the model that is trained has no mask",
        cell=("small_model(causal=True)", "small_model(causal=False)"),
    ),
    "causal.cheating": Mutant(
        "the models without a mask are taken from those with one",
        cell=("cheats = [learn(False, seed) for seed in range(2)]", "cheats = honest"),
        what="training loss, no mask",
    ),
}

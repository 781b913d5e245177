"""One change for each claim of the chapter `language_model` that makes this claim fail."""

from tests.mutants import Mutant

MUTANTS = {
    "llm.parity": Mutant(
        "queries and keys are turned with the wrong base",
        patch={
            "attnbook.positions.rope_angles": "lambda positions, head_dim, *, base=10_000.0: "
            "original(positions, head_dim, base=10_000.0)"
        },
        slow=True,
    ),
    "llm.remove-one": Mutant(
        "the mask that hides nothing hides the future",
        cell=(
            "return np.ones((n_queries, n_keys), dtype=bool)",
            "return ab.causal_mask(n_queries, n_keys)",
        ),
        what="no mask, nothing stands after: factor",
    ),
    "llm.temperature": Mutant(
        "the factor multiplies raw scores, not scaled ones",
        cell=("scale=factor / 64**0.5", "scale=factor"),
        slow=True,
    ),
    "llm.heads": Mutant(
        "the weight on the token after the answer is measured",
        cell=("second, second - 29]", "second, second - 28]"),
        what="weight on the answer, strongest head",
    ),
    "llm.agreement": Mutant(
        "the candidates are those that attend to the nearer noun",
        cell=("maps_choice[..., -1, 1]", "maps_choice[..., -1, 4]"),
        slow=True,
    ),
    "llm.antecedent": Mutant(
        "wrong names are counted as right",
        cell=("scores[b, a] - scores[b, o]", "scores[b, o] - scores[b, a]"),
    ),
    "llm.freezing": Mutant(
        "the scores are not divided by the root of the width",
        cell=("(q @ k.mT / 64**0.5)[0]", "(q @ k.mT)[0]"),
    ),
    "llm.sink": Mutant(
        "the window that should lose the first token keeps it",
        cell=("always = np.isin(np.arange(n_keys), kept)", "always = np.arange(n_keys) < 1"),
        slow=True,
    ),
}

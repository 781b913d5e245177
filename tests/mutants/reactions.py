"""One change for each claim of the chapter `reactions` that makes this claim fail."""

from tests.mutants import Mutant

MUTANTS = {
    "reactions.parity": Mutant(
        "scores are not divided by the root of the width",
        patch={
            "attnbook.attention.attention_weights": "lambda q, k, **given: "
            "original(q, k, **(given | {'scale': 1.0}))"
        },
    ),
    "reactions.atom-map": Mutant(
        "the table of positions is set to zero",
        cell=(
            "model = rx.ReactionTransformer.load()",
            "model = rx.ReactionTransformer.load()\n_ = model.positions.weight.zero_()",
        ),
    ),
    "reactions.knock-out": Mutant(
        "the mask is not handed to the model",
        cell=(", mask=closed(reaction, truth, heads, which))", ")"),
    ),
    "reactions.limits": Mutant(
        "the confidence is the product of the largest weights",
        patch={
            "attnbook.pretrained.reactions.decode": "lambda weights, reaction, **given: "
            "(original(weights, reaction, **given)[0], "
            "between_atoms(weights, reaction).max(axis=-1))"
        },
    ),
}

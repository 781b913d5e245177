"""One change for each claim of the chapter `encoder` that makes this claim fail."""

from tests.mutants import Mutant

MUTANTS = {
    "encoder.parity": Mutant(
        "the book's weights are computed without the scale",
        patch={"attnbook.models.attention_weights": "lambda q, k, **m: original(q, k, scale=1.0)"},
        slow=True,
    ),
    "encoder.heads": Mutant(
        "the weight on the token behind is taken for that on the token before",
        cell=("[LAYER, HEAD].diagonal(-1)", "[LAYER, HEAD].diagonal(1)"),
    ),
    "encoder.previous": Mutant(
        "the next head of the layer is knocked out",
        patch={
            "attnbook.pretrained.minilm._known": "lambda layer, head: "
            "original(layer, (head + 1) % 12)"
        },
        slow=True,
    ),
    "encoder.antecedent": Mutant(
        "nothing is knocked out",
        cell=("without_heads([(int(layer), int(head))])", "without_heads([])"),
    ),
    "encoder.subject": Mutant(
        "subject and other noun never exchange their places",
        cell=("scores[[0, 2]], scores[[1, 3]]", "scores[[0, 2]], scores[[0, 2]]"),
    ),
    "encoder.order": Mutant(
        "the positions stay", cell=("cosines(model.without_positions(),", "cosines(model,")
    ),
    "encoder.retrieval": Mutant(
        "the positions stay in the search", cell=("find(model.without_positions())", "find(model)")
    ),
}

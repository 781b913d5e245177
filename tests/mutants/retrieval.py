"""One change for each claim of the chapter `retrieval` that makes this claim fail."""

from tests.mutants import Mutant

MUTANTS = {
    "retrieval.convex": Mutant(
        "every score is squashed on its own instead of shared out by the softmax",
        patch={"attnbook.attention._softmax": "lambda x, axis, xp: 1 / (1 + xp.exp(-x))"},
    ),
    "retrieval.roles": Mutant(
        "the keys are made from the values",
        cell=("tokens @ w_k, v)", "v, v)"),
    ),
    "retrieval.context": Mutant(
        "a layer that leaves every token to itself",
        cell=("return x, ab.scaled_dot_product_attention(x, x, x)", "return x, x"),
    ),
    "retrieval.kernel": Mutant(
        "scores are divided by d_k instead of its square root",
        patch={
            "attnbook.attention.masked_scores": "lambda q, k, mask, bias, scale, xp: original("
            "q, k, mask, bias, 1 / q.shape[-1] if scale is None else scale, xp)"
        },
    ),
    "similarity.cosine": Mutant(
        "the long key points at a right angle to the query",
        cell=("np.array([3, 4])", "np.array([0, 4])"),
    ),
    "similarity.unrelated": Mutant(
        "the components do not have mean zero",
        cell=("rng.standard_normal((2, n, d))", "rng.random((2, n, d))"),
    ),
}

"""One change for each claim of the chapter `transformer_block` that makes this claim fail."""

from tests.mutants import Mutant

MUTANTS = {
    "block.residual": Mutant(
        "every stack has a residual stream",
        patch={
            "attnbook.stacks.Stack": "lambda *sizes, **parts: "
            "original(*sizes, **(parts | {'residual': True}))"
        },
    ),
    "block.mlp": Mutant(
        "the MLP also reads the mean of all tokens",
        cell=(
            "model.mlp(model.norm_mlp(x))",
            "model.mlp(model.norm_mlp(x) + x.mean(dim=-2, keepdim=True))",
        ),
    ),
    "block.norm": Mutant(
        "the norm always stands before the part",
        patch={
            "attnbook.stacks.Stack": "lambda *sizes, **parts: "
            "original(*sizes, **(parts | {'norm': 'pre'}))"
        },
    ),
    "block.padding": Mutant(
        "the padding mask hides nothing",
        cell=("& real[:, None, None, :]", "& (real | True)[:, None, None, :]"),
    ),
    "block.cross": Mutant(
        "keys and values come from the target",
        cell=(
            'attention(p_cross, "multihead_attn", queries, memory)',
            'attention(p_cross, "multihead_attn", queries, queries)',
        ),
    ),
}

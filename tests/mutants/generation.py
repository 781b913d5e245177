"""One change for each claim of the chapter `generation` that makes this claim fail."""

from tests.mutants import Mutant

MUTANTS = {
    "generation.sampling": Mutant(
        "top-p is ignored",
        patch={
            "attnbook.generation.next_token_probabilities": "lambda logits, top_p=None, **options: "
            "original(logits, **options)"
        },
    ),
    "generation.cache": Mutant(
        "the cache turns every new token as if it stood at the beginning",
        patch={
            "attnbook.generation.rope_angles": "lambda positions, *args: original("
            "positions if isinstance(positions, int) else positions - positions[0], *args)"
        },
    ),
    "generation.streaming": Mutant(
        "the old sum is not brought to the new maximum",
        cell=("l_1 * c_1 + l_2 * c_2", "l_1 + l_2"),
    ),
    "generation.grouped": Mutant(
        "heads read the groups in turn, not in blocks",
        patch={
            "attnbook.attention.repeat_heads": "lambda kv, num_heads: namespace(kv=kv).concat("
            "[kv] * (num_heads // kv.shape[-3]), axis=-3)"
        },
    ),
    "generation.window": Mutant(
        "the cache drops one token too many",
        patch={
            "attnbook.generation.trim": "lambda cache, *, window, sinks=0: "
            "original(cache, window=window - 1, sinks=sinks)"
        },
    ),
    "generation.writing": Mutant(
        "the model with the mask is taken before its training",
        cell=("[(400, 6e-3), (150, 1.5e-3)]", "[(2, 6e-3)]"),
    ),
}

"""One change for each claim of the chapter `positions` that makes this claim fail."""

from tests.mutants import Mutant

MUTANTS = {
    "positions.equivariance": Mutant(
        "the layer always applies a causal mask",
        cell=("mask=mask, bias=bias)", "mask=ab.causal_mask(len(x)), bias=bias)"),
    ),
    "positions.broken": Mutant(
        "the sinusoids have speed zero",
        patch={"attnbook.positions.sinusoidal_positions": "lambda n, d, **kw: np.ones((n, d))"},
    ),
    "positions.sinusoid-shift": Mutant(
        "the waves grow with the position",
        patch={
            "attnbook.positions.sinusoidal_positions": "lambda n, d, **kw: "
            "original(n, d, **kw) * np.linspace(1, 2, n)[:, None]"
        },
    ),
    "positions.mask-tells": Mutant(
        "the first token is drawn like all others",
        cell=("x[:, 0] = anchor", "x[:, 0] = x[:, 1]"),
    ),
}

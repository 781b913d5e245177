"""One change for each claim of the chapter `scaling` that makes this claim fail."""

from tests.mutants import Mutant

MUTANTS = {
    "scaling.variance": Mutant(
        "the components have mean one",
        cell=("rng.standard_normal(size)", "1 + rng.standard_normal(size)"),
    ),
    "scaling.variance-general": Mutant(
        "queries and keys that should be correlated are not",
        cell=("r * u + np.sqrt(1 - r**2) * w", "0 * u + w"),
    ),
    "scaling.unit": Mutant(
        "attention leaves the scores unscaled",
        patch={
            "attnbook.attention.masked_scores": "lambda q, k, mask, bias, scale, xp: original("
            "q, k, mask, bias, 1.0 if scale is None else scale, xp)"
        },
    ),
    "scaling.saturation": Mutant(
        "the scale is applied whether asked for or not",
        patch={
            "attnbook.attention.masked_scores": "lambda q, k, mask, bias, scale, xp: original("
            "q, k, mask, bias, None, xp)"
        },
    ),
    "scaling.jacobian": Mutant(
        "the Jacobian without the term that all weights share",
        cell=("np.diag(a) - np.outer(a, a)", "np.diag(a)"),
    ),
    "scaling.gradient": Mutant(
        "the gradients that should be unscaled are scaled",
        cell=("gradient_sizes(d, 1.0)", "gradient_sizes(d, 1 / np.sqrt(d))"),
    ),
    "scaling.training": Mutant(
        "the head that should be unscaled is scaled",
        cell=("scale=1.0, **how", "scale=d**-0.5, **how"),
    ),
    "scaling.reparam": Mutant(
        "the learning rate is divided by d instead of its square root",
        cell=("rate=10.0, divide=root4**2", "rate=10.0, divide=root4**4"),
    ),
}

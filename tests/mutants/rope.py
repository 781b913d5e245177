"""One change for each claim of the chapter `rope` that makes this claim fail."""

from tests.mutants import Mutant

MUTANTS = {
    "rope.rotation": Mutant(
        "every pair is stretched as it turns",
        patch={
            "attnbook.positions.apply_rope": "lambda x, angles, **kw: 1.1 * original(x, angles)"
        },
    ),
    "rope.relative": Mutant(
        "the angles grow with the square root of the position",
        cell=("affine = ab.rope_angles(t_all, D)", "affine = ab.rope_angles(t_all**0.5, D)"),
    ),
    "rope.pairings": Mutant(
        "the permutation between the pairings is left out",
        patch={"attnbook.positions.convert_pairing": "lambda x, *, to: x"},
    ),
    "rope.precision": Mutant(
        "angles are rounded to float32 before cosine and sine are taken",
        patch={
            "attnbook.positions.apply_rope": "lambda x, angles, **kw: "
            "original(x, angles.astype(np.float32), **kw)"
        },
    ),
    "rope.no-decay": Mutant(
        "queries and keys do not have mean zero",
        cell=("rng_decay.standard_normal(", "0.5 + rng_decay.standard_normal("),
    ),
    "rope.periodic": Mutant(
        "the models are trained for a single step",
        cell=("24, 64, 200, range(1, 4)", "24, 64, 1, range(1, 4)"),
    ),
}

"""One change for the claim of the laboratory `rope_periods` that makes it fail."""

from tests.mutants import Mutant

MUTANTS = {
    "rope.in-context": Mutant(
        "training ends after fifty steps",
        cell=("STEPS, EVERY, SEEDS = 600, 50", "STEPS, EVERY, SEEDS = 50, 50"),
    ),
}

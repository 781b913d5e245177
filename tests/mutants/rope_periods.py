"""One change for the claim of the laboratory `rope_periods` that makes it fail."""

from tests.mutants import Mutant

MUTANTS = {
    "rope.in-context": Mutant(
        "places are counted that nobody can predict, before the pattern has come again",
        cell=("periods[:, None] + 2", "periods[:, None] - 2"),
    ),
}

"""One change for each claim of the chapter `images` that makes this claim fail."""

from tests.mutants import Mutant

MUTANTS = {
    "images.accuracy": Mutant(
        "the models see every training image once",
        patch={
            "attnbook.patches.train_patches": "lambda model, *data, epochs, **options: "
            "original(model, *data, epochs=1, **options)"
        },
    ),
    "images.causal-map": Mutant(
        "patches are hidden from the other end of the order (one split holds without this)",
        cell=("SEEDS = range(5)", "SEEDS = range(1)"),
        what="four least attended hidden",
        patch={
            "attnbook.patches.hide": "lambda order, count, *, n_patches: "
            "original(order.flip(1), count, n_patches=n_patches)"
        },
        slow=True,
    ),
    "images.positions": Mutant(
        "models without positions have them all the same",
        patch={
            "attnbook.patches.PatchTransformer": "lambda *sizes, positions=True, **options: "
            "original(*sizes, **options)"
        },
    ),
}

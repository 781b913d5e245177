"""Every claim can fail: one named change makes exactly its own cell raise."""

import ast
import contextlib
import importlib
import sys
from collections import Counter

import pytest

import attnbook
from attnbook import claims
from tests.mutants import Mutant, load
from tests.notebook_tools import ROOT, read, slice_cells
from tests.scope import EVERYTHING

MUTANTS = load()


def run(cells: list[str]) -> None:
    names: dict = {"__name__": "__main__"}
    for text in cells:
        exec(compile(text, "cell", "exec"), names)


def claim_lines(cells: list[str]) -> list[str]:
    calls = [n for text in cells for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)]
    return [ast.unparse(n) for n in calls if ast.unparse(n.func).endswith("claim")]


@contextlib.contextmanager
def patched(patch: dict[str, str]):
    """Replace functions of attnbook in every module of it that holds them."""
    undo = []
    try:
        for path, expression in patch.items():
            module = importlib.import_module(path.rpartition(".")[0])
            original = getattr(module, path.rpartition(".")[2])
            new = eval(expression, vars(module) | {"original": original})
            for name, holder in list(sys.modules.items()):
                if name == "attnbook" or name.startswith("attnbook."):
                    for key, value in list(vars(holder).items()):
                        if value is original:
                            undo.append((holder, key, original))
                            setattr(holder, key, new)
        yield
    finally:
        for holder, key, original in undo:
            setattr(holder, key, original)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    import matplotlib
    import matplotlib.pyplot as plt
    from IPython import display

    matplotlib.use("Agg")
    monkeypatch.setattr(display, "display", lambda *_, **__: None)
    monkeypatch.chdir(ROOT / "chapters")
    yield
    plt.close("all")


def test_every_claim_has_a_mutant_and_every_mutant_a_claim():
    assert set(MUTANTS) == set(claims.ledger())
    assert max(Counter(mutant.name for mutant in MUTANTS.values()).values()) == 1


@pytest.mark.parametrize("slug", sorted(claims.ledger()))
def test_claim_can_fail(slug, monkeypatch):
    notebook = read(ROOT / "chapters" / f"{claims.ledger()[slug]['chapter']}.ipynb")
    mutant: Mutant = MUTANTS[slug]
    seen = []
    monkeypatch.setattr(claims, "_emit", lambda line, record: seen.append(record["slug"]))
    if EVERYTHING:  # nbval sees the same cells hold, within their whole notebook
        run(slice_cells(notebook, slug))
        assert slug in seen, "the cells of this claim leave no record"
    cells = changed = slice_cells(notebook, slug, mutant.what)
    if mutant.cell is not None:
        old, new = mutant.cell
        changed = [text.replace(old, new) for text in cells]
        assert changed != cells, f"no cell of this claim holds {old!r}"
        assert claim_lines(changed) == claim_lines(cells), "change what is measured, not the claim"
    if mutant.slow and not EVERYTHING:
        pytest.skip("its cells take long: make test-all")
    with patched(mutant.patch or {}), pytest.raises(attnbook.ClaimError) as caught:
        run(changed)
    named = (f"{slug}:", f"{slug},") if mutant.what is None else f"{slug}, {mutant.what}"
    assert str(caught.value).startswith(named)

"""Notebooks: read, normalize, re-execute in place, and cut out the cells that one claim needs.

``python -m tests.notebook_tools execute chapters/*.ipynb`` is what ``make notebooks`` runs.
"""

from __future__ import annotations

import ast
import json
import os
import symtable
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def source(cell: dict) -> str:
    return "".join(cell["source"])


def code_cells(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def normalized(notebook: dict, stem: str) -> str:
    """Return the text of the file: fixed metadata, no timestamps, stable cell ids.

    A live figure's output keeps its picture and, in the HTML, its state. The reference to a
    kernel's widget goes: it has a random name, and without its kernel JupyterLab would show an
    error in its place.
    """
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    } | {key: value for key, value in notebook["metadata"].items() if key == "attnbook"}
    for number, cell in enumerate(notebook["cells"], start=1):
        cell.setdefault("id", f"{stem.replace('_', '-')}-{number:02d}")
        for noise in ("execution", "collapsed", "scrolled"):
            cell["metadata"].pop(noise, None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def execute(path: Path) -> None:
    """Run every cell of `path` in a fresh kernel, then write; on failure write nothing."""
    import nbformat
    from nbclient import NotebookClient

    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    os.environ.update({"ATTNBOOK_PROGRESS": "0"} | dict.fromkeys(threads, "1"))
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    text = normalized(json.loads(nbformat.writes(notebook)), path.stem)
    path.write_text(text, encoding="utf-8")


def _is_bare_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def _imported(text: str) -> set[str]:
    return {
        s.get_name()
        for s in symtable.symtable(text, "cell", "exec").get_symbols()
        if s.is_imported()
    }


def _names(text: str) -> tuple[set[str], set[str]]:
    """Return the notebook's names that a cell defines or changes, and those that it reads."""
    top = symtable.symtable(text, "cell", "exec")
    defines = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    reads = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    tables = list(top.get_children())
    while tables:
        table = tables.pop()
        tables += table.get_children()
        reads |= {s.get_name() for s in table.get_symbols() if s.is_global()}
    tree = ast.parse(text)
    alone = {id(n.value.func) for n in ast.walk(tree) if _is_bare_call(n)}
    for node in ast.walk(tree):  # x[0] = ..., x.y = ... and a line x.append(...) change x
        if isinstance(node, ast.Subscript | ast.Attribute) and (
            not isinstance(node.ctx, ast.Load) or id(node) in alone
        ):
            root = node.value
            while isinstance(root, ast.Subscript | ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name):
                defines.add(root.id)
    return defines - {"_"}, reads


def slice_cells(notebook: dict, slug: str, what: str | None = None) -> list[str]:
    """Return the sources of the cells with the claims `slug` and of all cells that these need.

    With `what`, of its claims only the one of that name counts.
    """
    cells = [source(cell) for cell in code_cells(notebook)]
    modules = set().union(*map(_imported, cells))  # np.testing.f(...) does not change np
    needed: set[str] = set()
    kept: list[str] = []
    for text in reversed(cells):
        defines, reads = _names(text)
        if (slug, what) in _claims(text) or (defines - modules | _imported(text)) & needed:
            kept.append(text)
            needed |= reads
    return kept[::-1]


def _claims(text: str) -> set[tuple[str, str | None]]:
    """Return slug and `what` of every claim of a cell, and its slug alone."""
    found: set[tuple[str, str | None]] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("claim"):
            slug, *names = [
                word.value
                for word in [*node.args[:1], *(k.value for k in node.keywords if k.arg == "what")]
                if isinstance(word, ast.Constant)
            ]
            found |= {(slug, None), *((slug, name) for name in names)}
    return found


def main(arguments: list[str]) -> int:
    """Execute the notebooks named after the word ``execute``."""
    if len(arguments) < 2 or arguments[0] != "execute":
        print("usage: python -m tests.notebook_tools execute NOTEBOOK ...")
        return 2
    for name in arguments[1:]:
        print(f"{name} ...", end=" ", flush=True)
        start = time.time()
        try:
            execute(Path(name))
        except Exception as error:
            print(f"failed; the file is as it was.\n{error}\nMend that cell and run again.")
            return 1
        print(f"{time.time() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

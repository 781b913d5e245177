"""What the back of the book reads from files: terms, functions, counts, without importing them."""

import ast
import inspect
import re
import sys

import pytest

import attnbook
from attnbook.claims import ledger
from tests.mutants import load
from tests.notebook_tools import CHAPTERS, ROOT
from tests.test_code_mutants import MUTANTS

pytest.importorskip("sphinx")
sys.path.insert(0, str(ROOT / "_ext"))
import apidoc  # noqa: E402
import back  # noqa: E402

MODULES = apidoc.read_package(ROOT / "attnbook")
ENTRIES = {entry.path: entry for module in MODULES for entry in module.entries}


def names_in(signature):
    """Return the names of a signature's arguments."""
    call = ast.parse(f"def {signature}: pass".replace("attnbook.", "")).body[0].args
    return [a.arg for a in [*call.posonlyargs, *call.args, *call.kwonlyargs]]


@pytest.mark.parametrize("name", attnbook.__all__)
def test_every_exported_name_is_in_the_reference_with_its_arguments(name):
    entry = ENTRIES[f"attnbook.{name}"]
    real = getattr(attnbook, name)
    if inspect.isfunction(real):
        assert names_in(entry.signature) == list(inspect.signature(real).parameters)
        assert inspect.cleandoc(entry.doc) == inspect.getdoc(real)


def test_anchors_are_unique():
    parts = [part for module in MODULES for part in [module, *module.entries]]
    anchors = [part.anchor for part in parts]
    anchors += [method.anchor for entry in ENTRIES.values() for method in entry.methods]
    assert len(anchors) == len(set(anchors))


def test_helpers_are_not_in_the_reference():
    assert "attnbook.attention.masked_scores" not in ENTRIES
    assert not [path for path in ENTRIES if "._" in path]


def test_modules_say_what_they_need():
    needs = {module.name: module.needs for module in MODULES}
    assert needs["attnbook.attention"] == set()
    assert needs["attnbook.periodic"] == {"PyTorch"}
    assert needs["attnbook.plots"] == {"matplotlib"}


DOC = """First line.

More.

Parameters
----------
a, b : int, default 1
    Two `numbers`.

    A second paragraph.
mode : {"x", "y"}
    Which.

Returns
-------
array of shape (N,)
"""


def test_sections_and_items_of_a_docstring():
    sections = apidoc.split_sections(DOC)
    assert list(sections) == ["", "Parameters", "Returns"]
    assert sections[""] == "First line.\n\nMore."
    assert apidoc.split_items(sections["Parameters"]) == [
        ("a, b", "int, default 1", "Two `numbers`.\n\nA second paragraph."),
        ("mode", '{"x", "y"}', "Which."),
    ]
    assert apidoc.split_items(sections["Returns"]) == [("array of shape (N,)", "", "")]


@pytest.mark.parametrize(
    ("text", "rst"),
    [
        ("as `mask` and ``x @ w``", "as ``mask`` and ``x @ w``"),
        (".. [1] A. Vaswani et al.", r"1. A\. Vaswani et al."),
        ("H.", r"H\."),
        ("the hull :math:`a_j` of `a`", "the hull :math:`a_j` of ``a``"),
        ("see [1]_", "see [1]"),
    ],
)
def test_numpydoc_becomes_plain_rst(text, rst):
    assert apidoc.to_rst(text) == rst


def test_long_signatures_are_broken_between_arguments():
    node = ast.parse("def f(first=(1, 2), *, second_argument=None, third_argument=None, x=1): 0")
    text = apidoc.signature(node.body[0], "f", drop_self=False)
    assert text.startswith("f(\n    first=(1, 2), *,")
    assert names_in(text) == ["first", "second_argument", "third_argument", "x"]


TERMS = back.read_glossary(ROOT / "chapters" / "glossary.md")


def test_the_glossary_is_sorted_and_its_anchors_are_unique():
    titles = [term.title.lower().replace("-", " ") for term in TERMS]
    assert titles == sorted(titles)
    assert len({term.slug for term in TERMS}) == len(TERMS)


def test_no_form_stands_for_two_terms():
    forms = [form for term in TERMS for form in term.forms]
    assert len(forms) == len(set(forms))


def test_a_term_names_the_chapter_that_says_more_once_it_is_there():
    stems = {path.stem for path in CHAPTERS}
    text = (ROOT / "chapters" / "glossary.md").read_text(encoding="utf-8")
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    assert {chapter for term in TERMS for chapter in term.chapters} <= stems
    waiting = re.findall(r"<!-- chapter: (\w+) -->", text)
    assert not [name for name in waiting if f"chapters/{name}\n" in toc]


def test_forms_are_found_as_whole_words():
    pattern = back.term_pattern(["dot product", "dot products", "RoPE"])
    assert pattern.findall("Dot\nproducts, a dot product and RoPE") == [
        "Dot\nproducts",
        "dot product",
        "RoPE",
    ]
    assert not pattern.findall("rope, europe, dot-product, dot productions")


def test_calls_of_the_package_are_found():
    code = "import attnbook as ab\nab.softmax(x)\ndef softmax(x): ...\nsoftmax(x)"
    assert len(back.function_pattern("softmax", code).findall(code)) == 1
    code = "from attnbook.plots import (\n    plot_bars,\n)\nplot_bars(x)"
    assert len(back.function_pattern("plot_bars", code).findall(code)) == 2
    assert back.without_imports(code).strip() == "plot_bars(x)"
    code = "from attnbook.plots import plot_bars as bars\nbars(x)\nplot_bars = 1"
    pattern = back.function_pattern("plot_bars", code)
    assert pattern.findall(back.without_imports(code)) == ["bars"]
    code = "import attnbook as ab\nfrom attnbook.plots import plot_hull, use_style\nuse_style()"
    assert back.without_imports(code).split() == ["use_style()"]


def test_counts_are_those_of_the_tests():
    counts = dict(back.count_all(ROOT, CHAPTERS))
    stems = {path.stem for path in CHAPTERS}
    slugs = [slug for slug, entry in ledger().items() if entry["chapter"] in stems]
    assert counts["mutants of the package"] == str(len(MUTANTS))
    assert counts["mutants of claims"] == str(len([slug for slug in load() if slug in slugs]))
    assert counts["claims"] == str(len(slugs))


def test_nothing_of_the_package_is_imported_by_the_builder():
    for path in (ROOT / "_ext").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"attnbook", "torch", "tests"} & {name.split(".")[0] for name in names}


def test_the_reference_lists_every_live_figure():
    from attnbook import live

    text = (ROOT / "chapters" / "api.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(live.__all__)

"""The back of the book as built: glossary, index, reference, counts, bibliography."""

from __future__ import annotations

import ast
import json
import re
import sys
from functools import cache
from pathlib import Path
from urllib.parse import urldefrag

import pytest
from bs4 import BeautifulSoup

pytestmark = pytest.mark.xdist_group("parsed")  # one process parses the pages once
ROOT = Path(__file__).parents[2]
PAGES = ROOT / "_build" / "html" / "chapters"
CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("*.ipynb"))

sys.path.insert(0, str(ROOT / "_ext"))
from apidoc import read_package, split_sections  # noqa: E402
from back import count_all, read_glossary, term_pattern  # noqa: E402

from tests.pages.test_pages import prose, soup  # noqa: E402

MODULES = read_package(ROOT / "attnbook")
TERMS = read_glossary(ROOT / "chapters" / "glossary.md")


def page(name: str) -> BeautifulSoup:
    file = PAGES / f"{name}.html"
    if not file.exists():
        pytest.fail(f"there is no {file.relative_to(ROOT)}: run `make book` first", pytrace=False)
    return soup(file)


@pytest.mark.parametrize(
    "name", ["notation", "glossary", "claims", "checks", "numbers", "weights", "api", "bibliography", "index_of_terms"]
)  # fmt: skip
def test_every_page_is_in_the_list_of_pages(name):
    assert page("index").select(f'nav.bd-links a[href="{name}.html"]')


# --- glossary -----------------------------------------------------------------------------------------


def test_every_term_has_its_anchor_and_its_sentence():
    glossary = page("glossary")
    for term in TERMS:
        section = glossary.find(id=term.slug)
        assert section is not None, term.title
        assert len(section.find("p").get_text()) > 10, term.title


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_links_a_term_once(name):
    notebook = json.loads((ROOT / "chapters" / f"{name}.ipynb").read_text(encoding="utf-8"))
    texts = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown"]
    linked = re.findall(r"\]\(glossary\.md#([\w-]+)\)", "\n".join(texts))
    assert len(linked) == len(set(linked))
    assert set(linked) <= {term.slug for term in TERMS}


# --- index --------------------------------------------------------------------------------------------


@cache
def numbered_parts(name: str) -> dict[str, str]:
    """Return the text of each numbered part of a chapter, by anchor; that of its beginning under ""."""
    whole = page(name).select_one("article > section")
    parts = [part for part in whole.find_all("section") if part.find("h2", recursive=False)]
    beginning = [
        tag.get_text() for tag in whole.find_all(re.compile("^(?!section)"), recursive=False)
    ]
    return {part["id"]: part.get_text() for part in parts} | {"": " ".join(beginning)}


def test_every_place_of_the_index_holds_its_term():
    forms = {f"glossary.html#{term.slug}": term.forms for term in TERMS}
    seen = set()
    for item in page("index_of_terms").select(".term-index li"):
        term, *places = item.select("a")
        if term["href"] in forms:
            seen.add(term["href"])
            assert places, term.get_text()
            for place in places:
                file, anchor = urldefrag(place["href"])
                text = numbered_parts(file.removesuffix(".html"))[anchor]
                assert term_pattern(forms[term["href"]]).search(text), item.get_text()
                assert place["title"], item.get_text()
    assert len(seen) > len(TERMS) / 2


def test_the_index_lists_every_function():
    listed = [a["href"] for a in page("index_of_terms").select('.term-index a[href^="api.html#"]')]
    assert sorted(listed) == sorted(f"api.html#{e.anchor}" for m in MODULES for e in m.entries)


# --- reference ----------------------------------------------------------------------------------------


def test_the_reference_has_every_function_with_all_its_sections():
    reference = page("api")
    for module in MODULES:
        assert reference.find(id=module.anchor) is not None, module.name
        for entry in module.entries:
            section = reference.find(id=entry.anchor)
            assert entry.name in section.select_one(".api-signature").get_text(), entry.path
            titles = [title for title in split_sections(entry.doc) if title]
            shown = [tag.get_text() for tag in section.select(".rubric")]
            assert shown[: len(titles)] == titles, entry.path


def test_no_markup_of_a_docstring_is_left_raw():
    text = " ".join(prose(page("api").select_one("article")))
    assert not re.findall(r"``|\.\. \w+::|:(?:math|ref|func):|-{4,}|\[\d\]_|(?<!\w)`\w", text)


def test_formulas_of_docstrings_are_rendered():
    docs = "".join(entry.doc for module in MODULES for entry in module.entries)
    rendered = page("api").select(".katex-display, div.math")
    assert len(rendered) >= docs.count(".. math::") > 0


# --- counts and works ---------------------------------------------------------------------------------


def test_the_counts_are_those_of_the_files():
    cells = [cell.get_text(strip=True) for cell in page("checks").select("tbody td")]
    files = [ROOT / "chapters" / f"{name}.ipynb" for name in CHAPTERS]
    expected = count_all(ROOT, files)
    assert list(zip(cells[::2], cells[1::2], strict=True)) == expected
    total = page("claims").select_one(".claims-total").get_text()
    counts = dict(expected)
    assert total == f"{counts['claims']} claims, {counts['measurements of claims']} measurements."


def test_every_work_leads_back_to_a_chapter_that_cites_it():
    works = page("bibliography").select(".citation")
    assert works
    for work in works:
        for link in work.select(".cited-in a"):
            file, anchor = urldefrag(link["href"])
            cited = page(file.removesuffix(".html")).find(id=anchor)
            assert cited is not None, link["href"]
        assert work.select(".cited-in a"), work.get_text()[:60]


def test_limits_in_the_text_are_those_of_the_checks():
    tree = ast.parse((ROOT / "conftest.py").read_text(encoding="utf-8"))
    pinned = [n.value.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "PINNED_MATPLOTLIB"]  # fmt: skip
    assert pinned[0] in page("numbers").select_one("table").get_text()

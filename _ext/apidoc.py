"""``{api-reference}``: the reference of the package, read from its source, which is not imported.

Importing would need PyTorch and matplotlib, and building the book needs neither. The source is parsed; the
sections of each docstring (numpydoc) become lists, formulas and code.
"""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass, field
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Parser
from docutils.utils import new_document
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

PACKAGE = "attnbook"
LISTS = ("Parameters", "Returns", "Yields", "Raises", "Attributes", "See Also")
KNOWN = {
    "torch": "PyTorch",
    "matplotlib": "matplotlib",
    "anywidget": "anywidget",
    "networkx": "NetworkX",
    "rdkit": "RDKit",
    "safetensors": "safetensors",
    "sklearn": "scikit-learn",
    "tokenizers": "tokenizers",
}

logger = logging.getLogger(__name__)


# --- reading ------------------------------------------------------------------------------------------


@dataclass
class Entry:
    """A function, a class or a method: how to call it and what its docstring says."""

    name: str
    path: str  # what a reader imports, attnbook.softmax
    signature: str
    doc: str
    methods: list[Entry] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.path.lower()).strip("-")


@dataclass
class Module:
    """A module of the package with its public entries."""

    name: str
    doc: str
    entries: list[Entry]
    needs: set[str]  # what it imports, directly or through the package

    @property
    def anchor(self) -> str:
        return f"module-{self.name.replace('.', '-').replace('_', '-')}"


def public_names(source: str) -> list[str]:
    """Return what ``__all__`` lists."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return []


def signature(node: ast.FunctionDef, name: str, *, drop_self: bool) -> str:
    """Return a call with names and defaults; on several lines where it is long."""
    arguments = node.args
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        argument.annotation = None
    if drop_self:
        arguments.args = arguments.args[1:]
    one_line = f"{name}({ast.unparse(arguments)})"
    if len(one_line) <= 60:
        return one_line
    lines = ["   "]
    for part in split_arguments(ast.unparse(arguments)):
        if len(lines[-1]) + len(part) > 58:
            lines.append("   ")
        lines[-1] += f" {part},"
    return f"{name}(\n" + "".join(f"{line}\n" for line in lines) + ")"


def split_arguments(text: str) -> list[str]:
    """Split at the commas that stand in no bracket."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def read_entry(node: ast.AST, prefix: str, *, method: bool = False) -> Entry:
    """Return a function or class."""
    doc, path = ast.get_docstring(node) or "", f"{prefix}.{node.name}"
    if isinstance(node, ast.FunctionDef):
        return Entry(node.name, path, signature(node, node.name, drop_self=method), doc)
    functions = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    fields = [part.target.id for part in node.body if isinstance(part, ast.AnnAssign)]
    call = f"{node.name}({', '.join(fields)})" if fields else node.name
    for function in functions:
        if function.name == "__init__":
            call = signature(function, node.name, drop_self=True)
    methods = [
        read_entry(part, path, method=True) for part in functions if not part.name.startswith("_")
    ]
    return Entry(node.name, path, call, doc, methods)


def is_public(node: ast.AST, listed: list[str], exported: bool) -> bool:
    """Say whether a name is for readers: in a module that exports names, helpers are not."""
    if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
        return False
    sections = "\n----" in (ast.get_docstring(node) or "")
    return not exported or node.name in listed or sections


def shortest(node: ast.AST, shown: dict[str, list[str]], module: str) -> str:
    """Return the package that exports a name, or its module."""
    name = getattr(node, "name", "")
    return next((package for package, names in shown.items() if name in names), module)


def read_package(folder: Path) -> list[Module]:
    """Return the public modules: those that the package exports from first, then the others."""
    files = [*folder.glob("*.py"), *folder.glob("pretrained/*.py")]
    names = {".".join(p.relative_to(folder).with_suffix("").parts): p for p in files}
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in names.items()}
    listed = public_names(names["__init__"].read_text(encoding="utf-8"))
    inner = public_names(names["pretrained.__init__"].read_text(encoding="utf-8"))
    order = [
        node.module.partition(".")[2]
        for node in trees["__init__"].body
        if isinstance(node, ast.ImportFrom) and node.module.startswith(f"{PACKAGE}.")
    ]
    rest = sorted(name for name in trees if "_" not in (name[0], name.rpartition(".")[2][0]))
    modules = []
    for name in order + [name for name in rest if name not in order]:
        shown = {f"{PACKAGE}.pretrained": inner} if name.startswith("pretrained.") else {}
        entries = [
            read_entry(node, shortest(node, {PACKAGE: listed} | shown, f"{PACKAGE}.{name}"))
            for node in trees[name].body
            if is_public(node, listed, name in order)
        ]
        doc = ast.get_docstring(trees[name]) or ""
        modules.append(Module(f"{PACKAGE}.{name}", doc, entries, needs(name, trees)))
    return modules


def needs(name: str, trees: dict[str, ast.Module], seen: frozenset = frozenset()) -> set[str]:
    """Return the libraries of `KNOWN` that a module loads when it is imported."""
    found: set[str] = set()
    for node in trees[name].body:
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            targets = [node.module or ""]
        else:
            continue
        for target in targets:
            top, _, inner = target.partition(".")
            if top in KNOWN:
                found.add(KNOWN[top])
            elif top == PACKAGE and inner in trees and inner not in seen:
                found |= needs(inner, trees, seen | {name})
    return found


def split_sections(doc: str) -> dict[str, str]:
    """Return a numpydoc docstring as title to text; what stands before any title has the title ""."""
    parts = re.split(r"^([A-Z][\w ]+)\n-{3,}$", inspect.cleandoc(doc), flags=re.MULTILINE)
    return {"": parts[0].strip()} | {
        title: text.strip("\n") for title, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def split_items(text: str) -> list[tuple[str, str, str]]:
    """Return the items of a section as (names, type, description)."""
    items: list[tuple[str, str, str]] = []
    for line in text.splitlines():
        if line and not line[0].isspace():
            names, _, kind = line.partition(" : ")
            items.append((names.strip(), kind.strip(), ""))
        elif items:
            names, kind, description = items[-1]
            items[-1] = (names, kind, f"{description}\n{line}")
    return [(names, kind, inspect.cleandoc(text)) for names, kind, text in items]


def to_rst(text: str) -> str:
    """Return numpydoc text as plain reStructuredText: `names` are code, references a numbered list."""
    spans = r"(:[a-z]+:`[^`]+`|``.+?``|`[^`]+`_)|`([^`]+)`"  # what stays as it is, and `names`
    text = re.sub(spans, lambda m: m[1] or f"``{m[2]}``", text, flags=re.DOTALL)
    text = re.sub(r"^\.\. \[(\d+)\] ", r"\1. ", text, flags=re.MULTILINE)
    text = re.sub(r"(\[\d+\])_", r"\1", text)
    # "H." and "A. Vaswani" would start lists
    return re.sub(r"^(\d+\. )?([A-Za-z])\.(?=\s|$)", r"\1\2\\.", text, flags=re.MULTILINE)


# --- rendering ----------------------------------------------------------------------------------------


def note_anchor(env, anchor: str, title: str) -> None:
    """Let Markdown link to a section that a directive makes: ``[softmax](api.md#attnbook-softmax)``."""
    env.temp_data.setdefault("own_anchors", {})[anchor] = (0, anchor, title)


class ApiReference(SphinxDirective):
    """``{api-reference}``: one section a module, one subsection a function or class."""

    def run(self) -> list[nodes.Node]:
        folder = Path(self.env.srcdir, PACKAGE)
        for path in folder.glob("*.py"):
            self.env.note_dependency(f"{PACKAGE}/{path.name}")
        modules = read_package(folder)
        self.links = {entry.name: entry for module in modules for entry in module.entries}
        sections = [self.module(module) for module in modules]
        for module in modules:
            for part in [module, *module.entries, *(m for e in module.entries for m in e.methods)]:
                note_anchor(self.env, part.anchor, part.name)
        return sections

    def module(self, module: Module) -> nodes.section:
        self.current = module.name
        section = nodes.section(ids=[module.anchor], names=[module.anchor])
        section += nodes.title("", "", nodes.literal(module.name, module.name))
        section += self.rst(module.doc)
        if module.needs:
            section += nodes.paragraph("", f"Needs {' and '.join(sorted(module.needs))}.")
        for entry in module.entries:
            section += self.entry(entry)
        return section

    def entry(self, entry: Entry) -> nodes.section:
        self.current = entry.path
        section = nodes.section(ids=[entry.anchor], names=[entry.anchor], classes=["api-entry"])
        section["support_smartquotes"] = False  # (..., L, D) keeps its dots
        section += nodes.title("", "", nodes.literal(entry.name, entry.name))
        call = entry.path.rpartition(".")[0] + "." + entry.signature
        if entry.path.count(".") > 2:  # a method is called on an object
            call = entry.signature
        section += nodes.literal_block(call, call, language="python", classes=["api-signature"])
        for title, text in split_sections(entry.doc).items():
            if title:
                section += nodes.rubric(title, title)
            section += self.items(title, text) if title in LISTS else self.rst(text)
        self.link(section, entry)
        for method in entry.methods:
            section += self.entry(method)
        return section

    def items(self, title: str, text: str) -> nodes.definition_list:
        """Return the items of a section as a list of definitions."""
        result = nodes.definition_list(classes=["api-items"])
        for names, kind, description in split_items(text):
            term = nodes.term()
            if title == "Returns" and not kind:  # a type alone
                term += self.rst(names)[0].children
            else:
                term += nodes.literal(names, names)
            if kind:
                term += [nodes.Text(" : "), *self.rst(kind)[0].children]
            body = nodes.definition("", *self.rst(description))
            result += nodes.definition_list_item("", term, body)
        return result

    def rst(self, text: str) -> list[nodes.Node]:
        """Return a piece of reStructuredText as nodes; `names` are code, references a list."""
        document = new_document("", self.state.document.settings)
        Parser().parse(to_rst(text), document)
        for message in [*document.findall(nodes.system_message), *document.parse_messages]:
            where = f"{self.current}: {message.astext()}"
            logger.warning(where, type="book", subtype="api")
        for block in list(document.findall(nodes.doctest_block)):
            code = block.astext()
            block.replace_self(nodes.literal_block(code, code, language="pycon"))
        return document.children

    def link(self, section: nodes.section, own: Entry) -> None:
        """Make links of the names of other entries."""
        for node in list(section.findall(nodes.literal)):
            name = node.astext().partition("(")[0].removeprefix(f"{PACKAGE}.").rpartition(".")[2]
            target = self.links.get(name)
            if isinstance(node.parent, nodes.title) or target is None or target is own:
                continue
            node.replace_self(nodes.reference("", "", node.deepcopy(), refid=target.anchor))


def keep_anchors(app, doctree) -> None:
    """Add them to the anchors that MyST found in the headings of the page."""
    anchors = app.env.temp_data.pop("own_anchors", None)
    if anchors:
        app.env.metadata[app.env.docname].setdefault("myst_slugs", {}).update(anchors)


def setup(app) -> dict:
    app.add_directive("api-reference", ApiReference)
    app.connect("doctree-read", keep_anchors)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}

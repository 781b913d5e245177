"""Light pages: after the build, style sheets and fonts lose what no page of the book uses.

The theme ships all of Bootstrap's styles and thousands of icons, KaTeX an alphabet for every formula. Rules stay
whose classes, ids and elements occur on a page or in a script that the pages load; fonts keep the signs that
the pages show.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import string
from html.parser import HTMLParser
from pathlib import Path

import tinycss2
from fontTools import subset
from PIL import Image

logging.getLogger("fontTools").setLevel("WARNING")

PACKAGE = Path(__file__).parent.parent / "attnbook"
LIVE, FONTS = PACKAGE / "live", PACKAGE / "fonts"
PURGED = (
    "styles/pydata-sphinx-theme.css",
    "styles/sphinx-book-theme.css",
    "basic.css",
    "mystnb.*.css",
)
# The search page lists its results by script.
SCRIPTS = (
    "scripts/pydata-sphinx-theme.js",
    "scripts/sphinx-book-theme.js",
    "copybutton.js",
    "doctools.js",
    "searchtools.js",
    "sphinx_highlight.js",
    "live.js",
)
UNUSED = ("scripts/fontawesome.js*", "scripts/bootstrap.js*")
STYLE = re.compile(r'\s*<link\b[^>]*?href="([^"]+\.css[^"]*)"[^>]*>')
IMPORT = re.compile(r"""@import\s+(?:url\()?["']?(?P<address>[^"')]+)["']?\)?;?""")
URL = re.compile(r"""url\(["']?(?!["']?(?:data:|#))""")
SCRIPT = re.compile(r'<script (?!async)[^>]*?src="(?P<address>[^"]+)"[^>]*></script>')
PICTURE = re.compile(r'((?:src|href)="[^"]*_images/[^"]+?)\.png(?=")')
MADE = {
    "button",
    "dialog",
    "form",
    "input",
    "kbd",
    "mark",
    "p",
    "small",
    "span",
    "ul",
}  # by scripts
STATES = re.compile(r"::?[\w-]+(?:\((?:[^()]|\([^()]*\))*\))?|\[[^\]]*\]")
NAMES = re.compile(
    r"\.(?P<cls>(?:[\w-]|\\.)+)|#(?P<id>[\w-]+)|(?P<tag>(?<![\w.#\\-])[a-z][a-z0-9-]*)"
)


class Used(HTMLParser):
    """What the pages hold: classes, ids, elements, and the signs in formulas."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.classes, self.ids, self.tags, self.signs = set(), set(), set(), set()
        for path in folder.rglob("*.html"):
            self.depth = 0  # of elements inside of a formula
            self.feed(path.read_text(encoding="utf-8"))
        for name in SCRIPTS:
            words = set(
                re.findall(r"[\w-]+", (folder / "_static" / name).read_text(encoding="utf-8"))
            )
            self.classes |= words
            self.ids |= words
            self.tags |= words & MADE

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        found = dict(attrs)
        classes = (found.get("class") or "").split()
        self.classes.update(classes)
        self.ids.add(found.get("id"))
        if self.depth or "katex-html" in classes:
            self.depth += tag == "span"

    def handle_endtag(self, tag: str) -> None:
        self.depth -= self.depth > 0 and tag == "span"

    def handle_data(self, data: str) -> None:
        if self.depth:
            self.signs.update(data)

    def names(self, selector: str) -> bool:
        """Say whether a selector can match; what stands in :not() and the like does not count."""
        for match in NAMES.finditer(STATES.sub("", selector)):
            if match["cls"] and match["cls"].replace("\\", "") not in self.classes:
                return False
            if match["id"] and match["id"] not in self.ids:
                return False
            if match["tag"] and match["tag"] not in self.tags:
                return False
        return True


def split(selectors: str) -> list[str]:
    """Split a list of selectors at the commas outside of brackets."""
    return re.split(r",(?![^(]*\))", selectors)


def purge(css: str, used: Used) -> str:
    """Return a style sheet without the rules that no page needs, and without comments."""
    parts = []
    for rule in tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True):
        if rule.type == "qualified-rule":
            kept = [s.strip() for s in split(tinycss2.serialize(rule.prelude)) if used.names(s)]
            if kept:
                parts.append(f"{','.join(kept)}{{{tinycss2.serialize(rule.content).strip()}}}")
        elif (
            rule.type == "at-rule"
            and rule.at_keyword in ("media", "supports")
            and rule.content is not None
        ):
            inner = purge(tinycss2.serialize(rule.content), used)
            if inner:
                parts.append(
                    f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude).rstrip()}{{{inner}}}"
                )
        else:
            parts.append(rule.serialize())
    return "".join(parts)


def drop_animations(css: str) -> str:
    """Return a style sheet without the animations that nothing names."""
    for name in set(re.findall(r"@keyframes\s+([\w-]+)", css)):
        if len(re.findall(rf"\b{re.escape(name)}\b", css)) == css.count(f"@keyframes {name}"):
            css = re.sub(
                rf"@keyframes {re.escape(name)}\{{(?:[^{{}}]*\{{[^{{}}]*\}})*[^{{}}]*\}}", "", css
            )
    return css


def shrink_font(path: Path, signs: set[str], target: Path | None = None) -> None:
    """Keep of a font only the given signs, in place; or the bare signs, in a file of its own."""
    features = [] if target else ["*"]
    options = subset.Options(
        flavor="woff2", layout_features=features, notdef_outline=True, hinting=False
    )
    font = subset.load_font(str(path), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=sorted(map(ord, signs)))
    cutter.subset(font)
    subset.save_font(font, str(target or path), options)


def chart_signs() -> set[str]:
    """Return every sign that a live figure can write."""
    files = [*LIVE.glob("*.js"), *LIVE.glob("*.py")]
    signs = set(string.printable).union(*(path.read_text(encoding="utf-8") for path in files))
    return signs - set("\t\n\r\v\f")


def packed(static: Path, name: str, text: str, kind: str) -> str:
    """Write a file whose name tells its content; return the name."""
    mark = hashlib.sha256(text.encode()).hexdigest()[:12]
    (static / f"{name}-{mark}.{kind}").write_text(text, encoding="utf-8")
    return f"{name}-{mark}.{kind}"


def read_styles(path: Path, static: Path) -> str:
    """Return a style sheet with those that it imports, its addresses counted from `static`."""
    base = os.path.relpath(path.parent, static)
    text = (
        URL.sub(rf"\g<0>{base}/", path.read_text(encoding="utf-8"))
        if base != "."
        else path.read_text(encoding="utf-8")
    )
    return IMPORT.sub(lambda match: read_styles(path.parent / match["address"], static), text)


def join_styles(head: str, page: Path, static: Path) -> str:
    """Link one style sheet in place of many."""
    paths = [(page.parent / address.split("?")[0]).resolve() for address in STYLE.findall(head)]
    text = "\n".join(read_styles(path, static) for path in paths)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r"\s+", " ", text))
    address = os.path.relpath(static / packed(static, "book", text, "css"), page.parent)
    link = f'<link rel="stylesheet" href="{address}" />'
    return STYLE.sub("", head).replace("<!-- styles -->", link, 1)


def join_scripts(head: str, page: Path, static: Path) -> str:
    """Load one script, later, in place of many at once; the options that inline scripts need stay first."""
    texts = []
    for match in SCRIPT.finditer(head):
        path = (page.parent / match["address"].split("?")[0]).resolve()
        text = path.read_text(encoding="utf-8")
        if path.name == "documentation_options.js":
            head = head.replace(match[0], f"<script>{text}</script>")
        else:
            head = head.replace(match[0], "")
            texts.append(f"// {path.name}\n{text}")
    name = packed(static, "book", ";\n".join(texts), "js")
    address = os.path.relpath(static / name, page.parent)
    return head + f'<script defer src="{address}"></script>'


def convert_pictures(folder: Path) -> None:
    """Store the charts as lossless WebP, half the size of PNG."""
    for path in (folder / "_images").glob("*.png"):
        Image.open(path).save(path.with_suffix(".webp"), lossless=True, method=2)
        path.unlink()


def mend_page(page: Path, folder: Path) -> None:
    """Rewrite one page for what has become of styles, scripts and pictures."""
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition("</head>")
    if "<!-- styles -->" not in head:
        return  # a page that only sends the reader on
    static = folder / "_static"
    head = join_styles(head, page, static)
    if page.name != "search.html":
        head = join_scripts(head, page, static)
    rest = PICTURE.sub(r"\g<1>.webp", rest)
    rest = re.sub(r'<img (?=[^>]*src="[^"]*_images/)', '<img loading="lazy" ', rest)
    page.write_text(f"{head}</head>{rest}", encoding="utf-8")


def lighten(app, exception) -> None:
    """Work on the finished pages."""
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    static = folder / "_static"
    used = Used(folder)
    icons: set[str] = set()
    for pattern in PURGED:
        for path in static.glob(pattern):
            css = drop_animations(purge(path.read_text(encoding="utf-8"), used))
            css = re.sub(r"@font-face\{[^}]*fa-(?:brands|regular)[^}]*\}", "", css)
            css = re.sub(r",url\([^)]*\.ttf\) format\(\"?truetype\"?\)", "", css)
            path.write_text(css, encoding="utf-8")
            icons.update(chr(int(code, 16)) for code in re.findall(r"\\([ef][0-9a-f]{3})\b", css))
            icons.update(re.findall("[\ue000-\uf8ff]", css))
    for path in (static / "katex/fonts").glob("*.woff2"):
        shrink_font(path, used.signs)
    for weight in ("Regular", "Bold"):
        file = f"AttnbookSans-{weight}"
        shrink_font(FONTS / f"{file}.ttf", chart_signs(), static / f"{file}.woff2")
    fonts = static / "vendor/fontawesome/webfonts"
    for path in fonts.glob("*"):
        if path.name == "fa-solid-900.woff2":
            shrink_font(path, icons)
        else:
            path.unlink()
    for path in (path for pattern in UNUSED for path in static.glob(pattern)):
        path.unlink()
    convert_pictures(folder)
    for page in folder.rglob("*.html"):
        mend_page(page, folder)


def setup(app) -> dict:
    """Work last."""
    app.connect("build-finished", lighten, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

"""Live figures in the built pages: each page gets the modules of the figures that stand on it, once."""

from __future__ import annotations

import html
import importlib.util
import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

FIGURES = Path(__file__).parents[1] / "attnbook" / "live"
PLACE = re.compile(r'data-live="(\w+)"')


def read_modules():
    """Return `attnbook.live.modules` without its package, whose other modules need what no build installs."""
    spec = importlib.util.spec_from_file_location("live_modules", FIGURES / "modules.py")
    modules = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(modules)
    return modules


def tight(text: str) -> str:
    """Return a module without indents and lines of comment, which no reader of a page sees."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def add_styles(app, config) -> None:
    """Publish the figures' style sheet."""
    config.html_static_path.append(str(FIGURES / "kit.css"))


def add_modules(app, pagename, templatename, context, doctree) -> None:
    """Put loader, styles and modules on a page with live figures."""
    names = sorted(set(PLACE.findall(context.get("body") or "")))
    if not names:
        return
    modules = read_modules()
    texts = {"kit": modules.kit()} | {name: modules.module(name) for name in names}
    texts = {name: tight(text) for name, text in texts.items()}
    data = json.dumps(texts, ensure_ascii=False).replace("<", "\\u003c")
    context["body"] += f'<script type="application/json" id="live-modules">{data}</script>'
    app.add_css_file("kit.css", priority=901)
    app.add_js_file("live.js", loading_method="async")


class LiveFigure(SphinxDirective):
    """``{live-figure} chapter name``: the figure that a notebook stores, on another page too.

    Options change its state, for example ``:moving: true``; values are JSON.
    """

    required_arguments = 2
    option_spec = {"moving": json.loads, "sharpness": json.loads}

    def run(self) -> list[nodes.Node]:
        """Read it from the notebook's outputs."""
        chapter, name = self.arguments
        path = Path(self.env.srcdir, "chapters", f"{chapter}.ipynb")
        self.env.note_dependency(str(path))
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        for output in (output for cell in cells for output in cell.get("outputs", [])):
            still = "".join(output.get("data", {}).get("text/html", ""))
            if f'data-live="{name}"' in still:
                return [nodes.raw("", self.changed(still), format="html")]
        raise self.error(f"{path.name} stores no live figure {name!r}: run make notebooks")

    def changed(self, still: str) -> str:
        """Return the figure with the state that the options ask for."""

        def state(match: re.Match) -> str:
            value = json.loads(html.unescape(match[1])) | self.options
            return f'data-state="{html.escape(json.dumps(value))}"'

        return re.sub(r'data-state="([^"]*)"', state, still)


def setup(app) -> dict:
    """Connect all."""
    app.add_directive("live-figure", LiveFigure)
    app.connect("config-inited", add_styles)
    app.connect("html-page-context", add_modules)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

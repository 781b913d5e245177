"""Live figures in the built pages: each page gets the modules of the figures that stand on it, once."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

FIGURES = Path(__file__).parents[1] / "attnbook" / "live"
PLACE = re.compile(r'data-live="(\w+)"')


def read_modules():
    """Return `attnbook.live.modules` without its package, whose other modules need what no build installs."""
    spec = importlib.util.spec_from_file_location("live_modules", FIGURES / "modules.py")
    modules = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(modules)
    return modules


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
    data = json.dumps(texts, ensure_ascii=False).replace("</", "<\\/").replace("<!--", "<\\!--")
    context["body"] += f'<script type="application/json" id="live-modules">{data}</script>'
    app.add_css_file("kit.css", priority=901)
    app.add_js_file("live.js", loading_method="async")


def setup(app) -> dict:
    """Connect the two."""
    app.connect("config-inited", add_styles)
    app.connect("html-page-context", add_modules)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

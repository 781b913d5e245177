"""The text of the figures' ES modules and of their style sheet.

Only the standard library is imported: who builds the pages need not have what figures need.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./kit\.js";$', re.MULTILINE)
DATA = re.compile(r'^import (\w+) from "\./(\w+\.json)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:const|function) (\w+))", re.MULTILINE)


@cache
def kit() -> str:
    """Return what all figures share, as one constant to stand before a figure's own text."""
    text = (FOLDER / "kit.js").read_text(encoding="utf-8")
    names = ", ".join(EXPORT.findall(text))
    return f"const kit = (() => {{\n{EXPORT.sub('', text)}\nreturn {{ {names} }};\n}})();\n"


@cache
def module(name: str) -> str:
    """Return a figure's module with the constant `kit`, and data, in place of their imports.

    anywidget hands a module to the browser as one text without an address, from which no
    neighbor can be imported.

    Examples
    --------
    >>> from attnbook.live.modules import module
    >>> module("retrieval").splitlines()[0].endswith("= kit;")
    True
    """
    text = IMPORT.sub(r"const \1 = kit;", (FOLDER / f"{name}.js").read_text(encoding="utf-8"))
    return DATA.sub(_constant, text)


def _constant(found: re.Match[str]) -> str:
    """Return the data of a JSON file as a constant, in place of their import."""
    data = json.loads((FOLDER / found[2]).read_text(encoding="utf-8"))
    return f"const {found[1]} = {json.dumps(data, separators=(',', ':'))};"


@cache
def styles() -> str:
    """Return the style sheet of all figures."""
    return (FOLDER / "kit.css").read_text(encoding="utf-8")

"""A page with one live figure alone, put together as the book's pages are."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path

from attnbook.live import modules

ROOT = Path(__file__).parents[2]


def page(figure, theme: str = "light") -> str:
    """Return the page's text. It needs no other file."""
    texts = {"kit": modules.kit(), figure.name: modules.module(figure.name)}
    data = json.dumps(texts).replace("<", "\\u003c")
    still = drawn(type(figure), json.dumps(figure.state()))
    loader = (ROOT / "_ext/static/live.js").read_text(encoding="utf-8")
    return (
        f'<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Stage</title>'
        f"<style>{modules.styles()}{letters()}</style>"
        f"<main><h1>{figure.name}</h1><figure style='margin:0'>{still}</figure></main>"
        f'<script type="application/json" id="live-modules">{data}</script>'
        f"<script>{loader}</script></html>"
    )


@cache  # drawing takes a second, and most tests look at the first state
def drawn(kind, state: str) -> str:
    """Return the output of a figure in a state."""
    return kind(**json.loads(state))._repr_mimebundle_()[0]["text/html"]


def letters() -> str:
    """Return the rule that brings the book's letters to a page without a neighbor."""
    file = (ROOT / "attnbook/fonts/AttnbookSans-Regular.ttf").read_bytes()
    data = base64.b64encode(file).decode()
    return f'@font-face{{font-family:"Attnbook Sans";src:url(data:font/ttf;base64,{data})}}'

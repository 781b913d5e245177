"""What every live figure has: state, the numbers it shows, a picture for where nothing moves.

A figure is one Python class and one ES module of the same name. The module runs in JupyterLab,
VS Code and Colab through anywidget, and in the book's pages through a small loader, where no
kernel is at hand.
"""

from __future__ import annotations

import base64
import html
import io
import json
import re
from typing import Any, ClassVar

import anywidget
import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure

from ..plots import COLORS, FONT, INK, LINE, QUIET, use_style
from .modules import kit, module, styles


class LiveFigure(anywidget.AnyWidget):
    """A figure to touch.

    A subclass sets `name`, `label` and its traits, and defines `numbers` and `draw`. Every trait
    that is tagged ``sync=True`` is state: the browser changes it, a kernel sees the change.

    Attributes
    ----------
    name : str
        Of the ES module beside the class; the figure's anchor is ``live-name``.
    label : str
        What a screen reader calls the figure.
    """

    name: ClassVar[str] = ""
    label: ClassVar[str] = ""
    _css = styles()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give the subclass its module."""
        super().__init_subclass__(**kwargs)
        if "name" in vars(cls):  # not in the class that anywidget derives for each figure
            cls._esm = kit() + module(cls.name)

    def state(self) -> dict[str, Any]:
        """Return the figure's state as plain numbers, words and lists, by name."""
        own = type(self).class_trait_names(sync=True)
        shared = set(anywidget.AnyWidget.class_trait_names(sync=True))
        names = sorted(name for name in own if name not in shared and name[0] != "_")
        return {name: getattr(self, name) for name in names}

    def numbers(self) -> dict[str, Any]:
        """Return what the figure shows, computed with NumPy; the module's `compute` must agree."""
        raise NotImplementedError(f"{type(self).__name__} must define numbers()")

    def draw(self) -> Figure:
        """Draw the present state with matplotlib."""
        raise NotImplementedError(f"{type(self).__name__} must define draw()")

    def __repr__(self) -> str:
        """Return name and state in one line."""
        listed = ", ".join(f"{name}={value!r}" for name, value in self.state().items())
        return f"{type(self).__name__}({listed})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Return the widget for a kernel, and pictures for pages, print and previews."""
        bundle: Any = super()._repr_mimebundle_(**kwargs) or {}
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        svg, png = self._pictures()
        still = {"text/html": self._still(svg), "image/png": png, "text/plain": repr(self)}
        return {**data, **still}, metadata

    def _still(self, svg: str) -> str:
        """Return the figure without a kernel: its state, and a picture that needs no script."""
        state = html.escape(json.dumps(self.state(), separators=(",", ":")))
        return (
            f'<div class="live" id="live-{self.name}" data-live="{self.name}" data-state="{state}">'
            f"{svg}</div>"
        )

    def _pictures(self) -> tuple[str, str]:
        """Return the drawing as SVG and as PNG in base64."""
        plt.close(plt.figure())  # a notebook's first figure sets what rc_context would undo
        with plt.rc_context():
            use_style()
            plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": self.name})
            figure = self.draw()
            svg, png = io.StringIO(), io.BytesIO()
            figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
            figure.savefig(png, format="png")
            plt.close(figure)
        themed_svg = themed(svg.getvalue(), self.name, self.label)
        return themed_svg, base64.b64encode(png.getvalue()).decode()


# The colors of attnbook.plots, and the variables of kit.css that stand for them in a page.
THEME = {color.lower(): f"var(--live-{index})" for index, color in enumerate(COLORS[:-1])}
THEME |= {"#000000": "var(--live-ink)", "#ffffff": "var(--live-paper)"}
THEME |= {INK: "var(--live-ink)", QUIET: "var(--live-quiet)", LINE: "var(--live-line)"}
THEME |= {"#ebebeb": "var(--live-blank)", "#999999": "var(--live-line)"}


def themed(svg: str, name: str, label: str) -> str:
    """Fit matplotlib's SVG to a page: colors that follow the page, ids of the figure's own.

    Parameters
    ----------
    svg : str
        As saved by matplotlib.
    name : str
        Stands before every id.
    label : str
        What the picture is, for screen readers.

    Examples
    --------
    >>> from attnbook.live.base import themed
    >>> themed('<?xml?><svg><path id="a" style="fill: #000000"/></svg>', "x", "A dot")
    '<svg role="img" aria-label="A dot"><path style="fill: var(--live-ink)"/></svg>'
    """
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<(metadata|style)\b.*?</\1>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]+", f"font-family: '{FONT}', system-ui, sans-serif", svg)
    named = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in named else "", svg)
    svg = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>still-{name}-", svg)
    svg = re.sub(r"#[0-9a-f]{6}\b", lambda m: THEME.get(m[0], m[0]), svg)
    svg = re.sub(r"\n\s*", "\n", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)


class Numbers(traitlets.List):
    """Finite numbers in an array of fixed shape, kept as lists."""

    def __init__(self, default: Any, **kwargs: Any) -> None:
        """Take the shape from the default."""
        self.shape = np.shape(default)
        super().__init__(default_value=np.asarray(default).tolist(), **kwargs)

    def validate(self, obj: Any, value: Any) -> Any:
        """Accept arrays too; refuse another shape and what is no finite number."""
        array = np.asarray(value, dtype=float)
        if array.shape != self.shape or not np.isfinite(array).all():
            raise traitlets.TraitError(
                f"{self.name} must hold finite numbers of shape {self.shape}, got {value!r}"
            )
        return super().validate(obj, np.asarray(value).tolist())

"""Diagrams of what a model is built of, drawn with matplotlib."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from attnbook.plots import COLORS

FILLS = {"part": "#DCEBF7", "norm": "#FBEBD3"}
STREAM, BRANCH = 0.0, 1.75  # where the two columns stand


def _box(ax: Axes, x: float, y: float, text: str, kind: str) -> None:
    """Draw a labeled box centered at (x, y)."""
    shape = FancyBboxPatch(
        (x - 0.78, y - 0.24),
        1.56,
        0.48,
        boxstyle="round,pad=0.02,rounding_size=0.09",
        facecolor=FILLS[kind],
        edgecolor="black",
        linewidth=1.1,
        zorder=3,
    )
    ax.add_patch(shape)
    ax.text(x, y, text, ha="center", va="center", zorder=4)


def _arrow(
    ax: Axes, *points: tuple[float, float], color: str = "black", width: float = 1.4
) -> None:
    """Draw straight lines through `points` with a head at the last."""
    ax.plot(*zip(*points[:-1], strict=True), color=color, linewidth=width, zorder=1)
    style = {"arrowstyle": "-|>", "color": color, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", points[-1], points[-2], arrowprops=style, zorder=1)


def _plus(ax: Axes, y: float) -> None:
    """Draw the sign for addition on the stream."""
    ax.plot(
        STREAM, y, "o", markersize=15, markerfacecolor="white", markeredgecolor="black", zorder=3
    )
    ax.text(STREAM, y - 0.01, "+", ha="center", va="center", fontsize=12, zorder=4)


def draw_block(
    norm: str = "pre", *, parts: tuple[str, ...] = ("attention", "MLP"), ax: Axes | None = None
) -> Axes:
    """Draw a transformer block, from the tokens below to the tokens above.

    Parameters
    ----------
    norm : {"pre", "post"}, default "pre"
        Where the norms stand: on the branches, or on the stream.
    parts : tuple of str, default ("attention", "MLP")
        What reads from the stream and writes to it, in order.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        Without frame or ticks; the stream is the thick line.

    Raises
    ------
    ValueError
        If `norm` is unknown.

    Examples
    --------
    >>> from attnbook.diagrams import draw_block
    >>> ax = draw_block("post")
    >>> [text.get_text() for text in ax.texts if text.get_text()]
    ['tokens in', 'attention', '+', 'norm', 'MLP', '+', 'norm', 'tokens out']
    """
    if norm not in ("pre", "post"):
        raise ValueError(f"norm must be 'pre' or 'post', got {norm!r}")
    ax = plt.subplots(figsize=(3.4, 4.6))[1] if ax is None else ax
    ax.text(STREAM, -0.62, "tokens in", ha="center", va="center")
    y = -0.4
    stream = [(STREAM, y)]
    for part in parts:
        leave = y + 0.45
        if norm == "pre":
            _box(ax, BRANCH, leave + 0.5, "norm", "norm")
            _arrow(ax, (STREAM, leave), (BRANCH, leave), (BRANCH, leave + 0.24))
            _arrow(ax, (BRANCH, leave + 0.5), (BRANCH, leave + 0.98))
            at = leave + 1.24
        else:
            _arrow(ax, (STREAM, leave), (BRANCH, leave), (BRANCH, leave + 0.24))
            at = leave + 0.5
        _box(ax, BRANCH, at, part, "part")
        back = at + 0.6
        _arrow(ax, (BRANCH, at), (BRANCH, back), (STREAM + 0.17, back))
        _plus(ax, back)
        y = back
        if norm == "post":
            _box(ax, STREAM, back + 0.66, "norm", "norm")
            y = back + 0.9
    _arrow(ax, *stream, (STREAM, y + 0.75), color=COLORS[0], width=4)
    ax.text(STREAM, y + 0.95, "tokens out", ha="center", va="center")
    ax.set(xlim=(-1.1, 2.75), ylim=(-0.8, y + 1.1))
    ax.set_axis_off()
    return ax

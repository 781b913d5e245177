"""Live figure: the cache of keys and values fills token by token, and what it saves and costs."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

import attnbook as ab

from ..plots import COLORS
from .base import LiveFigure

SHOWN = 12  # tokens in the picture
WIDTHS = [4, 8, 16, 32, 64, 128]
LENGTHS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512])
# What a step does with a row of queries, keys or values, or with a score.
UNWRITTEN, NEW, READ, AGAIN, MASKED, LEFT_OUT = range(6)


def multiply_adds(n: int, rows: int, width: int) -> list[int]:
    """Count the products of one layer of one head that reads n tokens, for some of the rows.

    Parameters
    ----------
    n : int
        Tokens, and so keys and values.
    rows : int
        Rows that are computed: 1 with the cache, n without.
    width : int
        Of the head, and of the tokens: d.

    Returns
    -------
    list of 2 int
        Of scores and blends, two products of rows, n and d numbers; and of the projections to
        queries, keys and values, three of rows, d and d. Dense, so masked scores count.

    Examples
    --------
    Three tokens of width 4, with the cache and without:

    >>> from attnbook.live.cache import multiply_adds
    >>> multiply_adds(3, 1, 4), multiply_adds(3, 3, 4)
    ([24, 48], [72, 144])
    """
    return [2 * rows * n * width, 3 * rows * width * width]


class Cache(LiveFigure):
    """Shows what a step computes with and without a cache of keys and values, and what is kept.

    Parameters
    ----------
    tokens : int, default 6
        Tokens so far: n, from 1 to 12. The step is that of token n.
    cached : bool, default True
        Whether the picture keeps old keys and values, or computes them again.
    length : int, default 128
        A longer text to compare with: N tokens, from 12 to 512.
    width : int, default 4
        Of the head and of the tokens: d, a power of two from 4 to 128.

    Examples
    --------
    Token 3 takes a third of the products with the cache, which then holds 3 keys and 3 values:

    >>> from attnbook.live import Cache
    >>> found = Cache(tokens=3, width=4).numbers()
    >>> found["work"].sum(axis=1), found["kept"]
    (array([ 72, 216]), 24)
    """

    name = "cache"
    label = "Cache of keys and values: what it saves and what it costs"
    tokens = traitlets.Int(6, min=1, max=SHOWN).tag(sync=True)
    cached = traitlets.Bool(True).tag(sync=True)
    length = traitlets.Int(128, min=SHOWN, max=512).tag(sync=True)
    width = traitlets.Enum(WIDTHS, default_value=4).tag(sync=True)

    def numbers(self) -> dict[str, Any]:
        """Return what step n does with each row and score, and the counts.

        Counts are those that the chapter finds by running: 2nd multiply-adds for scores and
        blends of token n with the cache and 2nnd without, 3dd and 3ndd for its projections. In
        pairs, the cache comes first. The cache of one layer of one head holds 2nd numbers.
        """
        n, d = self.tokens, self.width
        seen = ab.causal_mask(n)
        rows, scores = np.full((SHOWN, 3), UNWRITTEN), np.full((SHOWN, SHOWN), UNWRITTEN)
        if self.cached:
            rows[: n - 1], scores[: n - 1, :n] = [LEFT_OUT, READ, READ], LEFT_OUT
        else:
            rows[: n - 1], scores[:n, :n] = AGAIN, np.where(seen, AGAIN, MASKED)
        rows[n - 1], scores[n - 1, :n] = NEW, NEW
        ways = np.array([[1, m] for m in range(1, self.length + 1)])  # rows, by token and way
        whole = [[sum(multiply_adds(m + 1, r, d)) for r in row] for m, row in enumerate(ways)]
        return {
            "rows": rows,
            "scores": scores,
            "work": np.array([multiply_adds(n, r, d) for r in (1, n)]),
            "work_end": np.array([multiply_adds(self.length, r, d) for r in (1, self.length)]),
            "work_text": np.sum(whole, axis=0),
            "curves": np.array([[sum(multiply_adds(m, r, d)) for r in (1, m)] for m in LENGTHS]),
            "kept": 2 * n * d,
            "kept_end": 2 * self.length * d,
            "kept_curve": 2 * LENGTHS * d,
        }

    def draw(self) -> Figure:
        """Draw the rows and scores of the step, the work, and the memory."""
        found, n, d = self.numbers(), self.tokens, self.width
        figure, axes = plt.subplot_mosaic("SW;SK", figsize=(6.8, 3.7), width_ratios=[1.25, 1])
        step, work, kept = (axes[panel] for panel in "SWK")
        _draw_step(step, found["rows"], found["scores"])
        way = "with the cache" if self.cached else "without a cache"
        step.set_title(f"Token {n}, {way}")
        if self.cached:
            step.plot([2.2, 7, 7, 2.2, 2.2], [0.5, 0.5, n + 0.5, n + 0.5, 0.5], color=COLORS[0])
        for i, (text, look) in enumerate([("with the cache", "o-"), ("without", "s--")]):
            work.plot(LENGTHS, found["curves"][:, i], look[1:], color=COLORS[i])
            marks = found["work"][i].sum(), found["work_end"][i].sum()
            work.plot([n, self.length], marks, look[0], color=COLORS[i], label=text)
        for m, counts in [(n, found["work"]), (self.length, found["work_end"])]:
            text, place = f"{m} ×" if m > 1 else "", (m, counts[1].sum())
            work.annotate(text, place, (-5, 3), textcoords="offset points", ha="right")
        kept.plot(LENGTHS, found["kept_curve"], color=COLORS[0])
        kept.plot([n, self.length], [found["kept"], found["kept_end"]], "o", color=COLORS[0])
        work.set_title(f"Multiply-adds for token n, d = {d}")
        work.legend(loc="upper left", handletextpad=0.1)
        kept.set(title="Numbers in the cache", xlabel=f"n; marks at {n} and {self.length}")
        for ax in (work, kept):
            ax.set(xscale="log", yscale="log")
            ax.set_xticks([1, 8, 64, 512], [] if ax is work else ["1", "8", "64", "512"])
            ax.minorticks_off()
        return figure


LOOKS: dict[int, tuple[str, dict[str, Any]]] = {
    NEW: ("new", {"facecolor": "black", "edgecolor": "black"}),
    READ: ("read", {"facecolor": "none", "edgecolor": COLORS[0], "hatch": "---"}),
    AGAIN: ("again", {"facecolor": "none", "edgecolor": COLORS[1], "hatch": "////"}),
    MASKED: ("masked", {"facecolor": "none", "edgecolor": COLORS[1], "hatch": "xx"}),
    LEFT_OUT: ("left out", {"facecolor": "#ebebeb", "edgecolor": "none"}),
}


def _draw_step(ax: Any, rows: np.ndarray, scores: np.ndarray) -> None:
    """Draw rows of three matrices and the scores, each cell in the look of its kind."""
    lefts = np.concatenate([[0, 2.4, 4.8], 7.8 + np.arange(SHOWN)])
    wides = np.concatenate([[2, 2, 2], np.full(SHOWN, 0.86)])
    kinds = np.concatenate([rows, scores], axis=1)
    for kind, (text, look) in LOOKS.items():
        i, j = np.nonzero(kinds == kind)
        if len(i):
            (x, w), y = (lefts[j], wides[j]), i + 1
            corners = [(x, y - 0.42), (x + w, y - 0.42), (x + w, y + 0.42), (x, y + 0.42)]
            cells = np.transpose(corners, (2, 0, 1))
            ax.add_collection(PolyCollection(list(cells), label=text, linewidth=0.8, **look))
    for left, text in zip([0, 2.4, 4.8, 7.8], ["Q", "K", "V", "scores"], strict=True):
        ax.text(left, 0.3, text, va="bottom")
    ax.set(xlim=(-0.3, 20), ylim=(SHOWN + 0.6, -0.6), yticks=[1, 4, 8, 12], xticks=[])
    ax.set_ylabel("token")
    ax.spines[:].set_visible(False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, -0.2), ncols=3, columnspacing=1)

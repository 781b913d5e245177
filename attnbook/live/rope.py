"""Live figure: turn a query and a key like the hands of clocks."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure
from matplotlib.patches import Circle

import attnbook as ab

from ..plots import COLORS, plot_arrows
from .base import LiveFigure, Numbers

DISTANCES = np.arange(-64, 64.5, 0.5)


class Rope(LiveFigure):
    """Shows that the score of a rotated query and key knows their distance and nothing else.

    Parameters
    ----------
    query_start, key_start : int, default 28 and 12
        Positions of query and key before both are shifted, from 0 to 64.
    shift : int, default 20
        Added to both positions, from 0 to 64.
    pair : {0, 1, 2, 3}, default 1
        The pair of numbers that the two dials show.
    base : {100, 10000}, default 100
        Pair *i* turns by ``base ** (-i / 4)`` radians a position.
    query_vector, key_vector : array of shape (8,)
        Query and key before they are rotated; neighbors form a pair.

    Examples
    --------
    >>> from attnbook.live import Rope
    >>> near, far = Rope(shift=0).numbers(), Rope(shift=64).numbers()
    >>> bool(np.isclose(near["score"], far["score"]))
    True
    """

    name = "rope"
    label = "Rotary positions: a query and a key as hands of four clocks"
    query_start = traitlets.Int(28, min=0, max=64).tag(sync=True)
    key_start = traitlets.Int(12, min=0, max=64).tag(sync=True)
    shift = traitlets.Int(20, min=0, max=64).tag(sync=True)
    pair = traitlets.Int(1, min=0, max=3).tag(sync=True)
    base = traitlets.Enum([100, 10_000], 100).tag(sync=True)
    query_vector = Numbers([0.8, 0.6, 0.28, 0.96, -0.6, 0.8, 0.6, 0.8]).tag(sync=True)
    key_vector = Numbers([0.0, 1.0, -0.6, 0.8, -0.8, 0.6, 0.8, 0.6]).tag(sync=True)

    def numbers(self) -> dict[str, Any]:
        """Return frequencies, angles, the rotated vectors, and the score with its four parts."""
        start = np.array([self.query_start, self.key_start])
        vectors = np.array([self.query_vector, self.key_vector])
        angles = ab.rope_angles(start + self.shift, 8, base=self.base)
        turned = ab.apply_rope(vectors, angles)
        before = ab.apply_rope(vectors, ab.rope_angles(start, 8, base=self.base))
        keys = np.tile(vectors[1], (len(DISTANCES), 1))
        keys = ab.apply_rope(keys, ab.rope_angles(DISTANCES, 8, base=self.base))
        parts = (turned[0] * turned[1]).reshape(4, 2).sum(axis=1)
        return {
            "frequencies": ab.rope_angles(np.array([1]), 8, base=self.base)[0],
            "angles": angles,
            "turned": turned,
            "parts": parts,
            "score": parts.sum(),
            "before": before[0] @ before[1],
            "curve": keys @ vectors[0],
        }

    def draw(self) -> Figure:
        """Draw two dials and the score against distance."""
        found = self.numbers()
        pairs = found["turned"].reshape(2, 4, 2)[:, self.pair]
        starts = np.reshape([self.query_vector, self.key_vector], (2, 4, 2))[:, self.pair]
        position = np.array([self.query_start, self.key_start]) + self.shift
        reach = max(1.0, np.linalg.norm(pairs, axis=1).max())
        figure, axes = plt.subplots(1, 3, figsize=(6.8, 2.9), width_ratios=[1, 1, 1.6])
        titles = [f"Query at t = {position[0]}", f"Key at t' = {position[1]}"]
        for i, (ax, title) in enumerate(zip(axes, titles, strict=False)):
            ax.add_patch(Circle((0, 0), reach, fill=False, color="0.6"))
            ax.plot(*np.transpose([[0, 0], starts[i]]), color=COLORS[i], alpha=0.4)
            style = "--" if i else "-"
            plot_arrows(pairs[i : i + 1], color=COLORS[i], linestyle=style, ax=ax)
            ax.set(title=title, xticks=[], yticks=[], xlim=(-1.15 * reach, 1.15 * reach))
            ax.set(ylim=(-1.15 * reach, 1.15 * reach))
            ax.set_xlabel(f"turned by {found['angles'][i, self.pair]:.2f} rad")
            ax.spines[:].set_visible(False)
        distance = self.key_start - self.query_start
        axes[2].plot(DISTANCES, found["curve"], color=COLORS[2])
        axes[2].axvline(distance, color="0.6", linewidth=1)
        axes[2].plot(distance, found["score"], "D", color="black")
        title = f"Score {found['score']:.2f} at distance {distance}"
        axes[2].set_title(title.replace("-", "\N{MINUS SIGN}"))
        axes[2].set_xlabel("distance t' - t")
        return figure

"""Live figure: drag a query among keys."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure

import attnbook as ab

from ..plots import COLORS, plot_arrows, plot_hull
from .base import LiveFigure, Numbers


class Retrieval(LiveFigure):
    """Shows how sharply a query chooses among five keys, and what comes out.

    Parameters
    ----------
    query_x, query_y : float, default 1 and 0.5
        The query, each number from -1.5 to 1.5.
    sharpness : float, default 3
        Factor on all scores, from 0 to 20.
    moving : bool, default False
        Whether the query goes round by itself.
    key_points, value_points : array of shape (5, 2)
        Keys and values, points of two planes.

    Examples
    --------
    >>> from attnbook.live import Retrieval
    >>> Retrieval(sharpness=0).numbers()["weights"]
    array([0.2, 0.2, 0.2, 0.2, 0.2])
    """

    name = "retrieval"
    label = "Retrieval: a query among five keys"
    query_x = traitlets.Float(1.0, min=-1.5, max=1.5).tag(sync=True)
    query_y = traitlets.Float(0.5, min=-1.5, max=1.5).tag(sync=True)
    sharpness = traitlets.Float(3.0, min=0, max=20).tag(sync=True)
    moving = traitlets.Bool(False).tag(sync=True)
    key_points = Numbers([[1.0, 0.9], [1.3, -0.5], [0.2, 1.2], [-1.0, 0.3], [-0.4, -1.0]]).tag(
        sync=True
    )
    value_points = Numbers([[4.0, 3.0], [5.0, 0.5], [1.6, 0.9], [0.0, 2.5], [1.0, 0.0]]).tag(
        sync=True
    )

    def numbers(self) -> dict[str, Any]:
        """Return scores, weights, output, and the entropy of the weights in nats."""
        query, keys = np.array([[self.query_x, self.query_y]]), np.array(self.key_points)
        weights = ab.attention_weights(query, keys, scale=self.sharpness)
        return {
            "scores": (query @ keys.T)[0],
            "weights": weights[0],
            "output": (weights @ np.array(self.value_points))[0],
            "entropy": ab.attention_entropy(weights)[0],
        }

    def draw(self) -> Figure:
        """Draw the plane of the keys and the plane of the values."""
        found = self.numbers()
        query, output = np.array([self.query_x, self.query_y]), found["output"]
        figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3), width_ratios=[1.16, 1.45])
        for key, value, a in zip(self.key_points, self.value_points, found["weights"], strict=True):
            left.plot(*np.transpose([query, key]), color=COLORS[1], linewidth=8 * a, alpha=0.5)
            right.plot(*np.transpose([output, value]), color=COLORS[2], linewidth=8 * a, alpha=0.5)
        names = [f"k{j + 1}: {a:.2f}" for j, a in enumerate(found["weights"])]
        left.plot(*np.transpose(self.key_points), "s", color="black")
        for name, key in zip(names, self.key_points, strict=True):
            left.annotate(name, key, (6, 5), textcoords="offset points")
        plot_arrows(query[None], labels=["query"], color=COLORS[1], ax=left)
        plot_hull(self.value_points, labels=[f"v{j}" for j in range(1, 6)], ax=right)
        right.plot(*output, "o", color=COLORS[2], markersize=10)
        left.set(title="Keys and the query", xlim=(-1.6, 2.1), ylim=(-1.6, 1.6))
        right.set(title="Values and the output", xlim=(-0.5, 5.6), ylim=(-0.6, 3.6))
        return figure

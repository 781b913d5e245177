"""Live figure: two rows of the matrix of sinusoidal positions and their dot product."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure

import attnbook as ab

from ..plots import COLORS
from .base import LiveFigure
from .jacobian import BALANCE


class Sinusoids(LiveFigure):
    """Shows what the dot product of two sinusoidal position vectors knows.

    Parameters
    ----------
    position : int, default 20
        Of the first row, from 0 to 63.
    distance : int, default 24
        From the first row to the second, from 0 to 64.
    width : int, default 32
        Of the vectors, even, from 8 to 128.
    base : {100, 10000}, default 10000
        Pair *i* turns by ``base ** (-2 * i / width)`` radians a position.

    Examples
    --------
    Each of four pairs adds the cosine of zero:

    >>> from attnbook.live import Sinusoids
    >>> round(float(Sinusoids(distance=0, width=8).numbers()["product"]), 12)
    4.0
    """

    name = "sinusoids"
    label = "Sinusoidal positions: two rows and their dot product"
    position = traitlets.Int(20, min=0, max=63).tag(sync=True)
    distance = traitlets.Int(24, min=0, max=64).tag(sync=True)
    width = traitlets.Enum(list(range(8, 129, 2)), 32).tag(sync=True)
    base = traitlets.Enum([100, 10_000], 10_000).tag(sync=True)

    def numbers(self) -> dict[str, Any]:
        """Return the matrix, the dot product with its parts, and the products at all distances."""
        matrix = ab.sinusoidal_positions(128, self.width, base=self.base)
        first, second = matrix[self.position], matrix[self.position + self.distance]
        return {
            "matrix": matrix,
            "parts": (first * second).reshape(-1, 2).sum(axis=1),
            "product": first @ second,
            "curve": matrix[self.position : self.position + 65] @ first,
        }

    def draw(self) -> Figure:
        """Draw the matrix with two rows marked, and the dot product against distance."""
        found = self.numbers()
        figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3), width_ratios=[1, 1.4])
        look = {"aspect": "auto", "cmap": BALANCE, "interpolation": "none"}
        left.imshow(found["matrix"], vmin=-1, vmax=1, **look)
        other = self.position + self.distance
        for row, color, style in [(self.position, COLORS[0], "-"), (other, COLORS[1], "--")]:
            left.axhline(row, color="white", linewidth=5)
            left.axhline(row, color=color, linewidth=2.5, linestyle=style)
        left.set(title=f"Rows {self.position} and {other}", xlabel="channel", ylabel="position")
        right.plot(found["curve"], color=COLORS[0])
        d = np.flatnonzero(np.diff(found["curve"]) > 1e-9)  # rising steps, drawn thick
        steps = np.transpose([d, d + 1.0, np.full(len(d), np.nan)]).ravel()
        ends = np.transpose([found["curve"][d], found["curve"][d + 1], np.full(len(d), np.nan)])
        right.plot(steps, ends.ravel(), color=COLORS[0], linewidth=4)
        right.plot(self.distance, found["product"], "D", color="black")
        right.set(title=f"Dot product {found['product']:.2f} at distance {self.distance}")
        right.set(xlabel="distance")
        return figure

"""Live figure: reorder a sentence and watch the outputs of self-attention."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure

import attnbook as ab

from .base import LiveFigure
from .chance import normals
from .jacobian import BALANCE

SENTENCE = "the dog bit the man".split()
NAMES = ["the (1)", "dog", "bit", "the (4)", "man"]  # "the" stands twice
KINDS = ["the", "dog", "bit", "man"]
WIDTH = 8
STRENGTHS = np.linspace(0, 1.5, 31)


class Permutation(LiveFigure):
    """Shows that the outputs of self-attention move with their words, until positions are added.

    Parameters
    ----------
    order : list of int, default [3, 4, 2, 0, 1]
        The words of "the dog bit the man", counted from 0, as they stand now.
    strength : float, default 0
        Factor on the sinusoidal positions that are added to the words, from 0 to 1.5.

    Notes
    -----
    Words, of width 8, and the three matrices are random, the same for every order.

    Examples
    --------
    Without positions an output does not depend on the order:

    >>> from attnbook.live import Permutation
    >>> found = Permutation(order=[4, 3, 2, 1, 0]).numbers()
    >>> bool(found["change"].max() < 1e-12)
    True
    """

    name = "permutation"
    label = "Permutation: a sentence to reorder, and the outputs of its words"
    order = traitlets.List(traitlets.Int(), default_value=[3, 4, 2, 0, 1]).tag(sync=True)
    strength = traitlets.Float(0.0, min=0, max=1.5).tag(sync=True)

    @traitlets.validate("order")
    def _once_each(self, proposal: Any) -> list[int]:
        """Refuse what is no order of the five words."""
        order = list(proposal["value"])
        if sorted(order) != list(range(5)):
            raise traitlets.TraitError(f"order must hold each of 0, 1, 2, 3, 4 once, got {order}")
        return order

    @classmethod
    def random(cls, name: str, rng: np.random.Generator) -> list[int]:
        """Return a random order."""
        return [int(i) for i in rng.permutation(5)]

    def numbers(self) -> dict[str, Any]:
        """Return the outputs now and in the original order, and how far apart they are."""
        now, before = outputs(self.order, self.strength), outputs(range(5), self.strength)
        change = np.abs(now - before[self.order]).max(axis=1)
        first, second = self.order.index(0), self.order.index(3)
        moved = [outputs(self.order, s) - outputs(range(5), s)[self.order] for s in STRENGTHS]
        return {
            "before": before,
            "now": now,
            "change": change,
            "twins": np.abs(now[first] - now[second]).max(),
            "curve": np.abs(moved).max(axis=(1, 2)),
        }

    def draw(self) -> Figure:
        """Draw the outputs in both orders, and the largest change against the strength."""
        found = self.numbers()
        layout: Any = [["before", "curve"], ["now", "curve"]]
        figure, axes = plt.subplot_mosaic(layout, figsize=(6.8, 3.4), width_ratios=[1.4, 1])
        for part, order in (("before", range(5)), ("now", self.order)):
            ax = axes[part]
            ax.pcolormesh(found[part].T, cmap=BALANCE, vmin=-2.5, vmax=2.5, edgecolors="white")
            ax.set_xticks(np.arange(5) + 0.5, [NAMES[i] for i in order])
            ax.tick_params(length=0, labeltop=True, labelbottom=False)
            ax.set_yticks([])
            ax.invert_yaxis()  # the first number on top
            ax.spines[:].set_visible(False)
        for place, size in enumerate(found["change"]):
            size_text = "<0.01" if 1e-9 <= size < 0.005 else f"{size:.2f}"
            sign = "=" if size < 1e-9 else "\u2260"
            axes["now"].text(place + 0.5, 9.6, f"{sign} {size_text}", ha="center")
        axes["before"].set_ylabel("before")
        axes["now"].set_ylabel("now")
        axes["curve"].plot(STRENGTHS, found["curve"])
        axes["curve"].plot(self.strength, found["change"].max(), "kD")
        axes["curve"].set(title="Largest change", xlabel="strength of positions", ylim=(-0.1, 2.2))
        return figure


def outputs(order: Any, strength: float) -> np.ndarray:
    """Return the outputs of one layer of self-attention on the words in this order.

    Parameters
    ----------
    order : sequence of int
        Places of the words in "the dog bit the man".
    strength : float
        Factor on the positions that are added.

    Returns
    -------
    array of shape (5, 8)
        A row for each word, in the given order.

    Examples
    --------
    >>> from attnbook.live.permutation import outputs
    >>> the, _, _, other_the, _ = outputs(range(5), strength=0.0)
    >>> bool(np.allclose(the, other_the))
    True
    """
    vectors = normals(19, len(KINDS) * WIDTH).reshape(-1, WIDTH)
    w_q, w_k, w_v = normals(20, 3 * WIDTH * WIDTH).reshape(3, WIDTH, WIDTH) / np.sqrt(WIDTH)
    tokens = vectors[[KINDS.index(SENTENCE[i]) for i in order]]
    tokens = tokens + strength * ab.sinusoidal_positions(5, WIDTH)
    return ab.scaled_dot_product_attention(tokens @ w_q, tokens @ w_k, tokens @ w_v)

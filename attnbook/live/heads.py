"""Live figure: three heads look at one sentence, and their outputs are added."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure

import attnbook as ab

from ..plots import COLORS, plot_arrows, plot_attention
from .base import LiveFigure

SENTENCE = "the dog bit the man".split()
ROLES = ["1 previous", "2 same word", "3 even"]
ANGLES = {"the": 0, "dog": 60, "bit": 120, "man": 200}  # degrees: a word is a direction
DASHES = ["-", "--", ":"]
DARK, LIGHT = "#010101", "#fefefe"  # ink on the cells, the same in a dark page
STEP = 36  # degrees from one position to the next


def _turn(degrees: float) -> np.ndarray:
    """Return the matrix that turns a row vector of the plane counterclockwise."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, s], [-s, c]])


def _tokens() -> np.ndarray:
    """Return the sentence, shape (5, 4): word in the first two columns, position in the others."""
    east = np.array([1.0, 0.0])
    rows = [(east @ _turn(ANGLES[w]), east @ _turn(STEP * t)) for t, w in enumerate(SENTENCE)]
    return np.reshape(rows, (5, 4))


def _projections() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return W_Q, W_K and W_V, each of shape (3 heads, 4, 2)."""
    none, same = np.zeros((2, 2)), np.eye(2)
    w_q = [np.vstack([none, 28 * same]), np.vstack([14 * same, none]), np.zeros((4, 2))]
    w_k = [np.vstack([none, _turn(STEP)]), np.vstack([same, none]), np.zeros((4, 2))]
    w_v = [np.vstack([same, none])] * 3
    return np.array(w_q), np.array(w_k), np.array(w_v)


class Heads(LiveFigure):
    """Shows what three heads set by hand read, and how their outputs add up through W_O.

    Parameters
    ----------
    query : int, default 2
        Place of the word that asks, from 0 to 4, in "the dog bit the man".
    head_1, head_2, head_3 : bool, default True
        Which heads count.
    turn : float, default -30
        Degrees by which the block of W_O of head 1 turns what the head has read, -180 to 180.

    Notes
    -----
    A word is a direction of the plane, and the values of all heads are the words. Head 1 compares
    positions, with every key turned one step ahead, so that it finds the word before (the first
    word has none, and finds itself). Head 2 compares words. Head 3 has no queries: all scores are
    equal. In W_O the block of head 1 turns, that of head 2 changes nothing, that of head 3 doubles
    and reverses. W_O has two columns, so that the output can be drawn.

    Examples
    --------
    Head 3 alone takes away two times the mean of the five words:

    >>> from attnbook.live import Heads
    >>> found = Heads(head_1=False, head_2=False).numbers()
    >>> found["weights"][2]
    array([0.2, 0.2, 0.2, 0.2, 0.2])
    >>> bool(np.allclose(found["output"], -2 * found["heads"][2]))
    True
    """

    name = "heads"
    label = "Three heads: where each looks, and how their outputs add up"
    query = traitlets.Int(2, min=0, max=4).tag(sync=True)
    head_1 = traitlets.Bool(True).tag(sync=True)
    head_2 = traitlets.Bool(True).tag(sync=True)
    head_3 = traitlets.Bool(True).tag(sync=True)
    turn = traitlets.Float(-30.0, min=-180, max=180).tag(sync=True)

    def numbers(self) -> dict[str, Any]:
        """Return weights, outputs, W_O by head, what each head that counts writes, and the sum."""
        tokens = _tokens()
        w_q, w_k, w_v = _projections()
        weights = ab.attention_weights(tokens[[self.query]] @ w_q, tokens @ w_k)  # (3, 1, 5)
        heads = weights @ (tokens @ w_v)  # (3, 1, 2)
        blocks = np.array([_turn(self.turn), np.eye(2), -2 * np.eye(2)])
        counts = np.array([self.head_1, self.head_2, self.head_3])
        written = (heads @ blocks)[:, 0] * counts[:, None]
        return {
            "weights": weights[:, 0],
            "heads": heads[:, 0],
            "blocks": blocks,
            "written": written,
            "output": written.sum(axis=0),
        }

    def draw(self) -> Figure:
        """Draw the weights of the three heads, and what they write laid end to end."""
        found = self.numbers()
        figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3), width_ratios=[1.3, 1])
        plot_attention(found["weights"], query_labels=ROLES, key_labels=SENTENCE, ax=left)
        for (h, t), weight in np.ndenumerate(found["weights"]):
            ink = DARK if weight > 0.6 else LIGHT
            left.text(t, h, f"{weight:.2f}", ha="center", va="center", color=ink, fontsize=9)
        asks = f"\u201c{SENTENCE[self.query]}\u201d, word {self.query + 1}, asks"
        left.set(title=asks, xlabel="", ylabel="")
        on = np.flatnonzero([self.head_1, self.head_2, self.head_3])
        stops = np.vstack([np.zeros(2), found["written"][on].cumsum(axis=0)])
        arrows = [
            (stops[i], stops[i + 1], f"{h + 1}", COLORS[h], DASHES[h]) for i, h in enumerate(on)
        ]
        arrows.append((np.zeros(2), stops[-1], "output", "black", "-"))
        for start, end, text, color, dashes in arrows:
            along = end - start
            if np.hypot(*along) > 0.01:
                first = (start[0], start[1])
                plot_arrows([end], start=first, color=color, linestyle=dashes, ax=right)
                across = np.array([-along[1], along[0]]) / np.hypot(*along)
                outward = across @ ((start + end) / 2 - stops.mean(axis=0)) > 1e-9
                place = (start + end) / 2 + (0.2 if outward else -0.2) * across
                side = "center" if len(text) == 1 else "left" if place[0] > 0 else "right"
                right.text(*place, text, ha=side, va="center")
        right.set(title="Written by each head, end to end", xlim=(-2.5, 2.1), ylim=(-2.3, 2.3))
        return figure

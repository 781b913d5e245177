"""Live figure: seventy-two heads of a published model look at a sentence."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import attnbook as ab

from ..plots import COLORS
from .base import LiveFigure

FILE = Path(__file__).with_name("real_heads.json")  # written by real_heads_data
STEPS = 255  # a weight is a whole number of these


@cache
def stored() -> list[tuple[list[str], np.ndarray]]:
    """Return tokens and weights of each sentence, as the file holds them.

    Returns
    -------
    list of (list of str, float array of shape (6, 12, N, N))
        Layer, head, the token that asks, the token that is looked at.
    """
    found = json.loads(FILE.read_text(encoding="utf-8"))
    pairs = []
    for tokens, text in zip(found["tokens"], found["weights"], strict=True):
        steps = np.frombuffer(base64.b64decode(text), dtype=np.uint8)
        pairs.append((tokens, steps.reshape(6, 12, len(tokens), len(tokens)) / STEPS))
    return pairs


class RealHeads(LiveFigure):
    """Shows where the heads of a published encoder, all-MiniLM-L6-v2, look.

    Parameters
    ----------
    sentence : int, default 2
        Which of five sentences, from 0 to 4.
    layer : int, default 1
        From 0 to 5.
    head : int, default 3
        From 0 to 11.
    token : int, default 5
        Place of the token that asks, from 0 to 11; in a shorter sentence at most its last.
    table : {"maps", "back", "first", "spread"}, default "maps"
        What the table of all heads shows: their maps, or in percent the mean weight on the token
        before, the mean weight on the first token, or the mean entropy as a part of ``ln N``.

    Notes
    -----
    The weights are the model's, kept in steps of 1/255 (see `attnbook.live.real_heads_data`); all
    numbers are computed from the kept ones. The two means leave out the first token.

    Examples
    --------
    One head looks one token back, whatever stands there:

    >>> from attnbook.live import RealHeads
    >>> back = RealHeads(sentence=0).numbers()["back"]
    >>> int((back > 0.9).sum())
    1
    """

    name = "real_heads"
    label = "Seventy-two heads of a published model: where each looks"
    sentence = traitlets.Int(2, min=0, max=4).tag(sync=True)
    layer = traitlets.Int(1, min=0, max=5).tag(sync=True)
    head = traitlets.Int(3, min=0, max=11).tag(sync=True)
    token = traitlets.Int(5, min=0, max=11).tag(sync=True)
    table = traitlets.Enum(["maps", "back", "first", "spread"], "maps").tag(sync=True)

    def numbers(self) -> dict[str, Any]:
        """Return the chosen head's weights, and three numbers of every head."""
        tokens, weights = stored()[self.sentence]
        entropy = ab.attention_entropy(weights)
        return {
            "asks": min(self.token, len(tokens) - 1),
            "weights": weights[self.layer, self.head],
            "entropy": entropy[self.layer, self.head],
            "back": np.diagonal(weights, -1, -2, -1).mean(axis=-1),
            "first": weights[..., 1:, 0].mean(axis=-1),
            "spread": entropy.mean(axis=-1) / np.log(len(tokens)),
        }

    def draw(self) -> Figure:
        """Draw the lines of the chosen head, and small maps of all heads."""
        found = self.numbers()
        tokens, weights = stored()[self.sentence]
        n, asks = len(tokens), found["asks"]
        figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.3), width_ratios=[1, 1.5])
        for (i, j), a in np.ndenumerate(found["weights"]):
            if a >= 0.1:
                chosen = i == asks
                color, depth = (COLORS[1], 2) if chosen else (COLORS[0], 1)
                alpha = 1.0 if chosen else 0.25
                left.plot([0, 1], [i, j], color=color, linewidth=5 * a, alpha=alpha, zorder=depth)
        for i, token in enumerate(tokens):
            frame = {"boxstyle": "round", "fill": False, "edgecolor": COLORS[1]}
            left.text(-0.06, i, token, ha="right", va="center", bbox=frame if i == asks else None)
            left.text(1.06, i, token, ha="left", va="center")
        left.set(xlim=(-0.75, 1.75), ylim=(n - 0.5, -0.5))
        left.set_title(f"layer {self.layer}, head {self.head}")
        left.axis("off")
        gap = np.zeros((6, 12, n + 1, n + 1)) * np.nan
        gap[..., :n, :n] = weights
        image = gap.transpose(0, 2, 1, 3).reshape(6 * (n + 1), 12 * (n + 1))
        right.imshow(image, cmap="viridis", vmin=0, vmax=1, interpolation="none")
        corner = (self.head * (n + 1) - 1, self.layer * (n + 1) - 1)
        right.add_patch(Rectangle(corner, n + 1, n + 1, fill=False, color=COLORS[1], lw=2))
        middles = (n + 1) * np.arange(12) + n / 2 - 0.5
        right.set_xticks(middles, [str(h) for h in range(12)])
        right.set_yticks(middles[:6], [str(layer) for layer in range(6)])
        right.set(xlabel="head", ylabel="layer", title="All heads: rows ask, columns are looked at")
        right.spines[:].set_visible(False)
        right.tick_params(length=0)
        return figure

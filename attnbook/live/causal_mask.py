"""Live figure: change the last token and watch which outputs move under five masks."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure

import attnbook as ab

from ..plots import COLORS, mark_hidden, plot_attention
from .base import LiveFigure

WORDS = ["the", "cat", "sat", "on", "the", "mat"]
QUERIES = [[1.6, 0.2], [1.3, -1.2], [-1.4, 0.9], [1.7, 0.5], [1.0, -0.6]]
KEYS = [[0.5, -0.6], [-0.9, 0.8], [0.2, 1.1], [0.6, 0.3], [-0.8, -0.9]]
VALUES = [1.8, -1.5, 1.2, 1.7, -1.6]
TITLES = {
    "minus_infinity": "minus infinity",
    "zeroed_scores": "scores set to 0",
    "zeroed_weights": "weights set to 0",
    "large_constant": "−1e5, scores lowered",
    "off_by_one": "j ≤ i + 1",
}
RULES = list(TITLES)


def stages(rule: str, last: float) -> dict[str, np.ndarray]:
    """Return scores, masked scores, weights, their products with the values, and outputs.

    Parameters
    ----------
    rule : str
        One of `RULES`.
    last : float
        The last token: its query is (1, last), its key (last, 1), its value is last.

    Returns
    -------
    dict of str to array
        Four of shape (6, 6), a row for each query; the outputs of shape (6,).

    Examples
    --------
    The first token sees itself alone, so its output is its value:

    >>> from attnbook.live.causal_mask import stages
    >>> stages("minus_infinity", 2.0)["outputs"][0]
    np.float64(1.8)
    """
    allowed = ab.causal_mask(6)
    values = np.array([*VALUES, last])
    scores = np.array([*QUERIES, [1, last]]) @ np.array([*KEYS, [last, 1]]).T / np.sqrt(2)
    if rule == "large_constant":
        scores = scores - 3e5
    hidden = {"zeroed_scores": 0.0, "large_constant": -1e5}.get(rule, -np.inf)
    seen = allowed | np.eye(6, k=1, dtype=bool) if rule == "off_by_one" else allowed
    masked = scores if rule == "zeroed_weights" else np.where(seen, scores, hidden)
    weights = ab.softmax(masked)
    if rule == "zeroed_weights":
        weights = weights * allowed
    parts = weights * values
    return {
        "scores": scores,
        "masked": masked,
        "weights": weights,
        "parts": parts,
        "outputs": parts.sum(axis=1),
    }


class CausalMask(LiveFigure):
    """Shows which outputs depend on the last of six tokens, under the causal mask and wrong ones.

    Parameters
    ----------
    rule : str, default "minus_infinity"
        The right mask, or a wrong one: "zeroed_scores", "zeroed_weights", "large_constant" (a
        finite constant, with all scores of a row far below it) or "off_by_one" (one token of the
        future).
    step : int, default 2
        What is shown: 0 the scores, 1 the masked scores, 2 the weights, 3 the weights times the
        values.
    last : float, default 1.5
        The last token, from -2 to 2. Outputs are compared with those for 0.

    Examples
    --------
    Only the last output may move:

    >>> from attnbook.live import CausalMask
    >>> found = CausalMask(rule="minus_infinity", last=2.0).numbers()
    >>> found["outputs"] != found["outputs_before"]
    array([False, False, False, False, False,  True])
    """

    name = "causal_mask"
    label = "Causal mask: which outputs depend on the last token"
    rule = traitlets.Enum(RULES, default_value="minus_infinity").tag(sync=True)
    step = traitlets.Int(2, min=0, max=3).tag(sync=True)
    last = traitlets.Float(1.5, min=-2, max=2).tag(sync=True)

    def numbers(self) -> dict[str, Any]:
        """Return all stages for the last token as it is, and for 0 (`_before`)."""
        before = {f"{name}_before": found for name, found in stages(self.rule, 0.0).items()}
        return stages(self.rule, self.last) | before

    def draw(self) -> Figure:
        """Draw the weights, and how far each output moved."""
        found = self.numbers()
        figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3))
        plot_attention(found["weights"], query_labels=WORDS, key_labels=WORDS, ax=left)
        mark_hidden(ab.causal_mask(6), color="0.95", ax=left)  # light in both modes
        left.set(title=f"Weights: {TITLES[self.rule]}", xlabel="", ylabel="")
        rows, after, before = np.arange(6), found["outputs"], found["outputs_before"]
        right.plot(before, rows, "o", color="black", mfc="none", ms=9)
        moves = after != before
        kinds = [
            ("stays", "o", COLORS[0], ~moves),
            ("a leak", "D", COLORS[1], moves & (rows < 5)),
            ("may move", "s", COLORS[2], moves & (rows == 5)),
        ]
        for label, marker, color, these in kinds:
            if these.any():
                right.hlines(rows[these], before[these], after[these], color=color, lw=3)
                right.plot(after[these], rows[these], marker, color=color, ms=5, label=label)
        right.set(title="Outputs (rings: last token 0)", xlabel=f"last token {self.last:.2g}")
        right.set(yticks=rows, yticklabels=WORDS, ylim=(6.6, -0.5), xlim=(-2.2, 2.2))
        right.legend(loc="lower center", ncols=3)
        return figure

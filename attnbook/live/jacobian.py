"""Live figure: the Jacobian of the softmax as it saturates."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

import attnbook as ab

from ..plots import COLORS
from .base import LiveFigure

SHADES = ["#b24e00", "#d55e00", "#ea9e68", "#f6f6f6", "#6eacd6", "#0072b2", "#005284"]
BALANCE = LinearSegmentedColormap.from_list("balance", SHADES)  # as in kit.js
SHARPNESSES = np.arange(81) / 8
NAMES = ["$a_1$", "$a_2$", "$a_3$", "$a_4$", "$a_5$"]


class Jacobian(LiveFigure):
    r"""Shows :math:`\operatorname{diag}(a) - a a^\top` for five scores times a sharpness.

    Parameters
    ----------
    score_1, score_2, score_3, score_4, score_5 : float
        Each from -5 to 5.
    sharpness : float, default 2
        Factor on all scores, from 0 to 10.

    Examples
    --------
    With two equal scores far above the others two weights are a half, and four entries are
    plus or minus a quarter, whatever the sharpness.

    >>> from attnbook.live import Jacobian
    >>> tie = Jacobian(score_1=5, score_2=5, sharpness=10)
    >>> tie.numbers()["jacobian"][:2, :2].round(6)
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """

    name = "jacobian"
    label = "Jacobian: the derivatives of five weights by the five inputs of the softmax"
    score_1 = traitlets.Float(1.0, min=-5, max=5).tag(sync=True)
    score_2 = traitlets.Float(0.6, min=-5, max=5).tag(sync=True)
    score_3 = traitlets.Float(0.0, min=-5, max=5).tag(sync=True)
    score_4 = traitlets.Float(-0.5, min=-5, max=5).tag(sync=True)
    score_5 = traitlets.Float(-1.2, min=-5, max=5).tag(sync=True)
    sharpness = traitlets.Float(2.0, min=0, max=10).tag(sync=True)

    def numbers(self) -> dict[str, Any]:
        """Return the weights, their Jacobian, its sizes here, and its sizes at 81 sharpnesses.

        The sizes are the Frobenius norm, the largest entry, and all weight off the largest one.
        """
        scores = np.array([getattr(self, f"score_{j}") for j in range(1, 6)])
        factors = np.append(self.sharpness, SHARPNESSES)
        weights = ab.softmax(factors[:, None] * scores)  # (82, 5)
        matrices = weights[..., None] * (np.eye(5) - weights[:, None, :])
        norm = np.linalg.norm(matrices, axis=(1, 2))
        largest, rest = matrices.max(axis=(1, 2)), np.sort(weights)[:, :-1].sum(axis=1)
        return {
            "weights": weights[0],
            "jacobian": matrices[0],
            "norm": norm[0],
            "largest": largest[0],
            "rest": rest[0],
            "norms": norm[1:],
            "entries": largest[1:],
            "rests": rest[1:],
        }

    def draw(self) -> Figure:
        """Draw the weights, the matrix, and its size against the sharpness."""
        found = self.numbers()
        figure, (left, middle, right) = plt.subplots(
            1, 3, figsize=(6.8, 2.6), width_ratios=[2, 3, 3]
        )
        left.barh(range(5), found["weights"], color=COLORS[0])
        for j, a in enumerate(found["weights"]):
            left.text(a + 0.03, j, f"{a:.2f}", va="center")
        left.set(xlim=(0, 1.2), ylim=(4.6, -0.6), title="Weights", xticks=[0, 1])
        left.set_yticks(range(5), NAMES)
        middle.pcolormesh(
            found["jacobian"], cmap=BALANCE, vmin=-0.25, vmax=0.25, edgecolors="white"
        )
        for (i, j), entry in np.ndenumerate(found["jacobian"]):
            color = "#fdfdfd" if entry > 0.14 or entry < -0.19 else "#101010"  # in either mode
            text = f"{entry:.2f}".replace("-0.00", "0.00").replace("-", "−")
            middle.text(j + 0.5, i + 0.5, text, ha="center", va="center", color=color, fontsize=8)
        middle.invert_yaxis()
        middle.set(title="Jacobian", xticks=[], yticks=[], aspect="equal")
        middle.spines[:].set_visible(False)
        for i, one, curve, name, look in [
            (2, "rest", "rests", "weight off the largest", "^:"),
            (0, "norm", "norms", "norm", "o-"),
            (1, "largest", "entries", "largest entry", "s--"),
        ]:
            right.plot(SHARPNESSES, found[curve], look[1:], color=COLORS[i], label=name)
            right.plot(self.sharpness, found[one], look[0], color=COLORS[i])
        right.set(ylim=(0, 1.3), xlabel="sharpness", title="Sizes")
        right.legend()
        return figure

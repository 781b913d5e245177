"""Live figure: slide the width of a random query and its keys."""

from __future__ import annotations

from functools import cache
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure

import attnbook as ab

from ..plots import COLORS
from .base import LiveFigure
from .chance import normals

WIDTHS = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
DRAWS, KEYS = 21, 16
LEAST = 1e-12  # smaller gradients stand at the edge


@cache
def drawn(width: int) -> np.ndarray:
    """Return all draws of a query and its keys; a wider draw begins with the narrower one.

    Returns
    -------
    array of shape (DRAWS, 1 + KEYS, width)
        The query first.
    """
    flat = [normals(seed, width * (1 + KEYS)) for seed in range(DRAWS)]
    return np.array(flat).reshape(DRAWS, width, 1 + KEYS).transpose(0, 2, 1)


class Scaling(LiveFigure):
    r"""Shows what dividing by the root of the width does to one random query.

    Parameters
    ----------
    width : int, default 64
        Components of the query and of its 16 keys, all standard normal: a power of two from 2
        to 1024.
    draw_number : int, default 0
        Which of the 21 draws is looked at, from 0 to 20.

    Examples
    --------
    Scaled scores are the others over the root of the width, here 8.

    >>> from attnbook.live import Scaling
    >>> plain, scaled = Scaling(width=64).numbers()["scores"]
    >>> (plain / scaled).round(6)[:3]
    array([8., 8., 8.])
    """

    name = "scaling"
    label = "Scaling: a random query among 16 random keys, with and without the square root"
    width = traitlets.Enum(WIDTHS, default_value=64).tag(sync=True)
    draw_number = traitlets.Int(0, min=0, max=DRAWS - 1).tag(sync=True)

    def numbers(self) -> dict[str, Any]:
        """Return scores, their spread and the weights of this draw; of all draws two sizes.

        The first row of each is unscaled, the second scaled. `in_use` is the exponential of the
        entropy, `gradients` the Frobenius norm of the softmax's Jacobian.
        """
        query, keys = drawn(self.width)[:, :1], drawn(self.width)[:, 1:]
        scales = np.array([1, self.width**-0.5])
        weights = np.array([ab.attention_weights(query, keys, scale=s)[:, 0] for s in scales])
        scores = scales[:, None] * (keys @ query.transpose(0, 2, 1))[self.draw_number, :, 0]
        jacobians = weights[..., None] * (np.eye(KEYS) - weights[..., None, :])
        return {
            "scores": scores,
            "spread": scores.std(axis=1),
            "weights": weights[:, self.draw_number],
            "in_use": np.exp(ab.attention_entropy(weights)),
            "gradients": np.linalg.norm(jacobians, axis=(-2, -1)),
        }

    def draw(self) -> Figure:
        """Draw scores and weights of this draw, and where it stands among all."""
        found, at = self.numbers(), self.draw_number
        figure, ((scores, weights), (use, size)) = plt.subplots(
            2, 2, figsize=(6.8, 4), height_ratios=[3, 2], sharey="row"
        )
        logs = np.log10(np.maximum(found["gradients"], LEAST))
        for row, name in enumerate(["unscaled", "scaled"]):
            base, color, shape = 1 - row, COLORS[row], "os"[row]
            bins = np.round(found["scores"][row] / 4)
            stacked = [base + 0.07 + 0.055 * sum(bins[:j] == b) for j, b in enumerate(bins)]
            scores.plot(4 * bins, stacked, shape, color=color, markersize=2.5)
            height = 0.6 * found["weights"][row]
            weights.bar(np.arange(KEYS), height, bottom=base, color=color, hatch=["", "//"][row])
            for ax, all_draws in [(use, found["in_use"][row]), (size, logs[row])]:
                ax.plot(all_draws, np.full(DRAWS, base), "|", color=color, markersize=10)
                ax.plot(all_draws[at], base + 0.3, shape, color=color, markersize=6)
            scores.text(-105, base + 0.7, f"{name}, spread {found['spread'][row]:.1f}")
            most = found["weights"][row].max()
            weights.text(-0.6, base + 0.7, f"{name}, largest {most:.2f}")
            use.text(2.5, base + 0.6, f"{name}, this draw {found['in_use'][row, at]:.1f}")
            size.text(-12, base + 0.6, f"{name}, this draw {found['gradients'][row, at]:.1g}")
        for ax in [scores, weights, use, size]:
            ax.spines["left"].set_visible(False)
            ax.set_yticks([])
        scores.set(xlim=(-108, 108), ylim=(0, 2), title=f"Scores at width {self.width}")
        weights.set(title="Weights", xlabel="key", xticks=[])
        use.set(xlim=(0.5, 16.5), ylim=(-0.25, 1.95), title="Keys in use, all draws")
        use.set_xticks([1, 4, 8, 12, 16])
        places = [-12, -9, -6, -3, 0]
        size.set_xticks(places, [f"$10^{{{p}}}$" if p else "1" for p in places])
        size.set(xlim=(-12.5, 0.3), title="Size of the gradient, all draws")
        return figure

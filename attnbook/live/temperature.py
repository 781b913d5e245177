"""Live figure: cool a row of random scores until a few keys take it all."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure

import attnbook as ab

from ..plots import COLORS
from .base import LiveFigure
from .chance import normals

ROUND = [10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 25, 28, 30, 35, 40, 45, 50, 55, 60, 70, 80, 90]
TEMPERATURES = [
    tens / part for part in (1000, 100, 10, 1) for tens in ROUND if 0.05 <= tens / part <= 20
]
SIZES = [2**power for power in range(3, 13)]
SHOWN = 64  # so many levels are drawn one by one
GRID = np.geomspace(0.05, 20, 49)  # temperatures of the curves


def boltzmann(energies: np.ndarray, temperature: float) -> tuple[np.ndarray, float, float, float]:
    """Return weights, free energy F, mean energy U and entropy S of energy levels.

    Parameters
    ----------
    energies : array of shape (n,)
        Minus the scores.
    temperature : float
        Above 0.

    Returns
    -------
    tuple
        The weights, of shape (n,), and three numbers; S is in nats.

    Examples
    --------
    Two equal levels at the temperature 2: U = 3 and F = 3 - 2 ln 2.

    >>> from attnbook.live.temperature import boltzmann
    >>> weights, free, mean, entropy = boltzmann(np.array([3.0, 3.0]), 2.0)
    >>> weights, float(mean), round(float(free), 3)
    (array([0.5, 0.5]), 3.0, 1.614)
    """
    lowest = energies.min()
    weights = ab.softmax(-energies / temperature)
    free = lowest - temperature * np.log(np.exp((lowest - energies) / temperature).sum())
    return weights, free, weights @ energies, ab.attention_entropy(weights)


class Temperature(LiveFigure):
    """Shows the weights of random scores as a Boltzmann distribution, from frozen to uniform.

    Parameters
    ----------
    temperature : float, default 1
        By which scores are divided: one of the round numbers in ``TEMPERATURES``, 0.05 to 20.
    spread : float, default 2
        Standard deviation of the scores, from 0.5 to 8.
    n : int, default 256
        How many keys: a power of two from 8 to 4096.
    draw_number : int, default 0
        Which random row, 0 to 19. A longer row begins with the keys of a shorter one.

    Examples
    --------
    The freezing temperature is the spread over the root of 2 ln n; the root of 2 ln 8 is 2.04:

    >>> from attnbook.live import Temperature
    >>> round(float(Temperature(n=8, spread=2.0).numbers()["critical"]), 2)
    0.98
    """

    name = "temperature"
    label = "Temperature: the weights of random scores, from frozen to uniform"
    temperature = traitlets.Enum(TEMPERATURES, default_value=1.0).tag(sync=True)
    spread = traitlets.Float(2.0, min=0.5, max=8).tag(sync=True)
    n = traitlets.Enum(SIZES, default_value=256).tag(sync=True)
    draw_number = traitlets.Int(0, min=0, max=19).tag(sync=True)

    def numbers(self) -> dict[str, Any]:
        """Return the lowest levels and their weights, shares by energy, F, U, S and their curves.

        Shares are sums over keys within half a spread of energy, from -4.5 to 4.5 spreads; the
        two at the ends also hold what lies beyond.
        """
        x = -normals(self.draw_number, self.n)  # energies in units of the spread
        energies = self.spread * x
        weights, free, mean, entropy = boltzmann(energies, self.temperature)
        order = np.argsort(energies)[:SHOWN]
        place = np.clip(np.floor((x + 4.5) * 2), 0, 17).astype(int)
        curves = np.array([boltzmann(energies, T)[1:] for T in GRID])
        return {
            "energies": energies[order],
            "weights": weights[order],
            "key_share": np.bincount(place, minlength=18) / self.n,
            "weight_share": np.bincount(place, weights, minlength=18),
            "free_energy": free,
            "mean_energy": mean,
            "entropy": entropy,
            "top_three": weights[order[:3]].sum(),
            "critical": self.spread / np.sqrt(2 * np.log(self.n)),
            "free_curve": curves[:, 0],
            "mean_curve": curves[:, 1],
            "entropy_curve": curves[:, 2],
        }

    def draw(self) -> Figure:
        """Draw levels and weights, the entropy, and the two energies."""
        found, sigma, T = self.numbers(), self.spread, self.temperature
        critical, n = found["critical"], len(found["weights"])
        figure, (levels, spread, price) = plt.subplots(1, 3, figsize=(6.8, 3))
        middle = sigma * (np.arange(18) / 2 - 4.25)
        levels.barh(middle, found["weight_share"], 0.46 * sigma, color=COLORS[5])
        levels.barh(middle, found["key_share"], 0.46 * sigma, fill=False, edgecolor="0.6")
        ends = np.transpose([0 * found["weights"], found["weights"] + 0.02, np.full(n, np.nan)])
        levels.plot(ends.ravel(), np.repeat(found["energies"], 3), color=COLORS[1], lw=1)
        levels.set(title="Shares by energy", xlabel="of keys (outline), of weight")
        levels.set(ylabel="energy, minus the score", ylim=(-4.5 * sigma, 3.5 * sigma))
        limit = np.maximum(np.log(self.n) - sigma**2 / (2 * GRID**2), 0)
        spread.plot(GRID, found["entropy_curve"], color=COLORS[0])
        spread.plot(GRID, limit, color="black", ls="--", lw=1)
        spread.plot(T, found["entropy"], "o", color=COLORS[1])
        spread.set_title(f"Entropy S = {found['entropy']:.2f}")
        price.plot(GRID, found["mean_curve"], color=COLORS[0], label="U")
        price.plot(GRID, found["free_curve"], color=COLORS[1], ls="-.", label="F")
        price.plot([T, T], [found["free_energy"], found["mean_energy"]], "o-", color="black", lw=1)
        price.set(title="U and F = U − TS", ylim=np.array([-2.4, 0.5]) * sigma**2 / critical)
        price.legend(loc="lower left")
        for ax in (spread, price):
            ax.axvline(critical, color="0.6", ls="--")
            ax.set(xscale="log", xlabel="temperature T")
            ax.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
            ax.minorticks_off()
        return figure

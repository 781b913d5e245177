"""The book's figures: every function draws on an axes and returns it.

Colors are those of Okabe and Ito, which the common color-vision deficiencies keep apart; lines
differ by marker too, so no figure depends on color alone. Weights use one color map, viridis.
Letters, ink and axes are those of the live figures: the letters are cut from Source Sans 3 (see
fonts/OFL.txt), so that a chart looks the same on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib import font_manager
from matplotlib.axes import Axes

COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
COLOR_MAP = "viridis"
INK, QUIET, LINE = "#1d2a33", "#4a5a66", "#8fa3b1"  # kit.css has the same, and a dark mode
FONT = "Attnbook Sans"


def _add_font() -> None:
    """Make the book's letters known to matplotlib, once in a session."""
    if FONT not in {font.name for font in font_manager.fontManager.ttflist}:
        for path in sorted((Path(__file__).parent / "fonts").glob("*.ttf")):
            font_manager.fontManager.addfont(path)


def use_style() -> None:
    """Set the book's look for every figure that follows in this session.

    Examples
    --------
    >>> from attnbook.plots import use_style
    >>> use_style()
    """
    _add_font()
    plt.rcParams.update(
        {
            "font.family": [FONT, "DejaVu Sans"],  # the second has the signs that the first lacks
            "font.size": 11,
            "mathtext.fontset": "custom",
            "mathtext.rm": FONT,
            "mathtext.it": f"{FONT}:italic",
            "mathtext.bf": f"{FONT}:bold",
            "mathtext.cal": FONT,  # the default asks for letters that few machines have
            "mathtext.sf": FONT,
            "mathtext.fallback": "stixsans",
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.titlecolor": INK,
            "axes.edgecolor": LINE,
            "xtick.color": LINE,
            "ytick.color": LINE,
            "xtick.labelcolor": QUIET,
            "ytick.labelcolor": QUIET,
            "figure.figsize": (7.0, 3.0),
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": cycler(color=COLORS),
            "axes.titlesize": "medium",
            "axes.titlelocation": "left",
            "axes.titleweight": "bold",
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "image.cmap": COLOR_MAP,
        }
    )


def _to_numpy(array: Any) -> np.ndarray:
    """Return `array` as NumPy; a torch tensor may need grad or sit on another device."""
    return np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)


def plot_attention(
    weights: Any,
    *,
    query_labels: Sequence[str] | None = None,
    key_labels: Sequence[str] | None = None,
    annotate: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw a matrix of attention weights: a row for each query, a column for each key.

    Parameters
    ----------
    weights : array of shape (L, S)
        Weights between 0 and 1.
    query_labels, key_labels : sequence of str, optional
        Names of the rows and of the columns, by default their numbers.
    annotate : bool, default False
        Write every weight into its cell.
    ax : Axes, optional
        Where to draw, by default a new figure.

    Returns
    -------
    Axes
        With one image on the scale 0 to 1.

    Raises
    ------
    ValueError
        If `weights` has not two axes, or a list of labels another length.

    Examples
    --------
    >>> from attnbook.plots import plot_attention
    >>> ax = plot_attention(np.eye(2), query_labels=["a", "b"])
    >>> ax.get_ylabel()
    'Queries'
    """
    weights = _to_numpy(weights)
    if weights.ndim != 2:
        raise ValueError(f"weights must have shape (L, S), got {weights.shape}")
    ax = plt.subplots(figsize=(3.4, 3.0))[1] if ax is None else ax
    ax.imshow(weights, vmin=0, vmax=1, cmap=COLOR_MAP)
    for axis, labels, size, name in [
        (ax.yaxis, query_labels, weights.shape[0], "query_labels"),
        (ax.xaxis, key_labels, weights.shape[1], "key_labels"),
    ]:
        if labels is not None:
            if len(labels) != size:
                raise ValueError(f"{name} must have {size} entries, got {len(labels)}")
            axis.set_ticks(range(size), labels)
    if annotate:
        for (i, j), weight in np.ndenumerate(weights):
            color = "black" if weight > 0.6 else "white"
            ax.text(j, i, f"{weight:.2f}", ha="center", va="center", color=color, fontsize=9)
    ax.set(xlabel="Keys", ylabel="Queries")
    ax.spines[:].set_visible(False)
    return ax


def plot_curves(
    x: Any, curves: Mapping[str, Any], *, ax: Axes | None = None, band: bool = True
) -> Axes:
    """Draw one labeled curve for each entry, with a band over repeated runs.

    Parameters
    ----------
    x : array of shape (n,)
        Horizontal positions.
    curves : mapping of str to array of shape (n,) or (runs, n)
        With several runs the line is their mean.
    ax : Axes, optional
        Where to draw, by default a new figure.
    band : bool, default True
        Shade from the lowest to the highest run.

    Returns
    -------
    Axes
        With a legend; every curve has a color and a marker of its own.

    Raises
    ------
    ValueError
        If a curve has not as many points as `x`.

    Examples
    --------
    >>> from attnbook.plots import plot_curves
    >>> ax = plot_curves([0, 1], {"line": [1.0, 2.0]})
    >>> [line.get_label() for line in ax.lines]
    ['line']
    """
    x = _to_numpy(x)
    ax = plt.subplots()[1] if ax is None else ax
    for number, (label, values) in enumerate(curves.items()):
        runs = np.atleast_2d(_to_numpy(values))
        if runs.shape[-1] != x.size:
            raise ValueError(f"curve {label!r} must have {x.size} points, got shape {runs.shape}")
        color = COLORS[number % len(COLORS)]
        every = max(1, x.size // 12)
        marker = MARKERS[number % len(MARKERS)]
        ax.plot(
            x,
            runs.mean(axis=0),
            color=color,
            marker=marker,
            markevery=every,
            markersize=5,
            label=label,
        )
        if band and len(runs) > 1:
            ax.fill_between(x, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.18, lw=0)
    ax.legend()
    return ax


def _hull(points: np.ndarray) -> np.ndarray:
    """Return the corners of the convex hull of points in the plane, counterclockwise."""
    ordered = sorted(map(tuple, np.asarray(points, dtype=float)))

    def chain(sequence: list[tuple[float, float]]) -> list[tuple[float, float]]:
        corners: list[tuple[float, float]] = []
        for x, y in sequence:
            while len(corners) > 1:
                (ax, ay), (bx, by) = corners[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                corners.pop()
            corners.append((x, y))
        return corners[:-1]

    return np.array(chain(ordered) + chain(ordered[::-1]))


def plot_hull(
    points: Any,
    *,
    labels: Sequence[str] | None = None,
    label_offset: tuple[float, float] = (6, 6),
    ax: Axes | None = None,
) -> Axes:
    r"""Draw points in the plane and the region that their blends can reach.

    Parameters
    ----------
    points : array of shape (S, 2)
        For example the values of S keys.
    labels : sequence of str, optional
        One for each point.
    label_offset : pair of float, default (6, 6)
        Where a label stands, in points to the right of and above its mark.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        With the hull :math:`\{\sum_j a_j p_j : a_j \ge 0, \sum_j a_j = 1\}` shaded.

    Examples
    --------
    >>> from attnbook.plots import plot_hull
    >>> ax = plot_hull([[0, 0], [4, 0], [0, 4], [1, 1]])
    >>> len(ax.patches[0].get_xy()) - 1  # corners; the last point is inside
    3
    """
    ax = plt.subplots()[1] if ax is None else ax
    points = _to_numpy(points)
    ax.fill(*_hull(points).T, facecolor="0.92", edgecolor="0.6", linewidth=1, zorder=0)
    ax.plot(*points.T, "s", color="black", markersize=6, zorder=3)
    for point, label in zip(points, labels or [], strict=False):
        ax.annotate(label, point, label_offset, textcoords="offset points", zorder=4)
    ax.set_aspect("equal")
    ax.margins(0.15)
    return ax


def plot_arrows(
    vectors: Any,
    *,
    labels: Sequence[str] | None = None,
    color: str = "black",
    linestyle: str = "-",
    start: tuple[float, float] = (0.0, 0.0),
    ax: Axes | None = None,
) -> Axes:
    """Draw vectors of the plane as arrows from one point.

    Parameters
    ----------
    vectors : array of shape (n, 2)
        Where the arrows end.
    labels : sequence of str, optional
        One at each tip.
    color : color, default "black"
        Of arrows and labels.
    linestyle : str, default "-"
        Of the shafts.
    start : pair of float, default (0, 0)
        Where every arrow begins.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        With equal units on both axes.

    Examples
    --------
    >>> from attnbook.plots import plot_arrows
    >>> ax = plot_arrows([[1, 0], [0, 2]], labels=["q", "k"])
    >>> [text.get_text() for text in ax.texts if text.get_text()]
    ['q', 'k']
    """
    ax = plt.subplots()[1] if ax is None else ax
    vectors = _to_numpy(vectors)
    style = {"arrowstyle": "-|>", "color": color, "linestyle": linestyle, "linewidth": 1.8}
    style |= {"shrinkA": 0, "shrinkB": 0}
    for i, tip in enumerate(vectors):
        ax.annotate("", tip, start, arrowprops=style, zorder=2)
        if labels is not None:
            along = tip - np.asarray(start)
            offset = 13 * along / max(float(np.linalg.norm(along)), 1e-9)
            side = "center" if abs(offset[0]) < 6 else "left" if offset[0] > 0 else "right"
            ax.annotate(
                labels[i],
                tip,
                tuple(offset * [0.6, 1]),
                textcoords="offset points",
                color=color,
                ha=side,
                va="center",
                zorder=4,
            )
    ax.plot(*np.vstack([vectors, start]).T, linestyle="none")  # lets the limits see the tips
    ax.set_aspect("equal")
    ax.margins(0.2)
    return ax


def mark_hidden(mask: Any, *, color: str = "white", ax: Axes) -> Axes:
    """Draw a cross on every cell that a mask forbids.

    Parameters
    ----------
    mask : bool array of shape (L, S)
        True where query *i* may attend to key *j*.
    color : color, default "white"
        Of the crosses.
    ax : Axes
        With a matrix drawn by `plot_attention`.

    Returns
    -------
    Axes
        The same.

    Examples
    --------
    >>> from attnbook.plots import mark_hidden, plot_attention
    >>> ax = plot_attention(np.eye(3))
    >>> ax = mark_hidden(attnbook.causal_mask(3), ax=ax)
    >>> len(ax.lines[0].get_xdata())
    3
    """
    i, j = np.nonzero(~_to_numpy(mask))
    size = 40 / max(_to_numpy(mask).shape)
    ax.plot(j, i, "x", color=color, markersize=min(size, 8), markeredgewidth=1)
    return ax


def plot_bars(
    values: Mapping[str, float], *, color: str = COLORS[0], ax: Axes | None = None
) -> Axes:
    """Draw one labeled horizontal bar for each entry, the first on top.

    Parameters
    ----------
    values : mapping of str to float
        Length of each bar, 0 or more.
    color : color, default blue
        Of the bars; labels and lengths tell them apart.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        With the names on the vertical axis.

    Examples
    --------
    >>> from attnbook.plots import plot_bars
    >>> ax = plot_bars({"short": 1.0, "long": 3.0})
    >>> [patch.get_width() for patch in ax.patches]
    [np.float64(1.0), np.float64(3.0)]
    """
    ax = plt.subplots()[1] if ax is None else ax
    ax.barh(range(len(values)), list(values.values()), color=color, height=0.6)
    ax.set_yticks(range(len(values)), list(values))
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    return ax

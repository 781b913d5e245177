"""Graphs and attention: who may attend to whom, and what a graph says without any learning."""

from __future__ import annotations

import networkx as nx
import numpy as np
import torch
from torch import nn

from attnbook._checks import whole_number
from attnbook.models import MultiHeadAttention


def _adjacency(adjacency: np.ndarray) -> np.ndarray:
    """Return `adjacency` once it is a square boolean matrix, equal to its transpose."""
    adjacency = np.asarray(adjacency)
    if adjacency.dtype != bool or adjacency.ndim != 2 or adjacency.shape[0] != adjacency.shape[1]:
        raise ValueError(
            "adjacency must be a square boolean matrix, "
            f"got dtype {adjacency.dtype} and shape {adjacency.shape}"
        )
    if not (adjacency == adjacency.T).all():
        raise ValueError("adjacency must equal its transpose: edges have no direction here")
    return adjacency


def graph_mask(adjacency: np.ndarray) -> np.ndarray:
    """Let every node attend to its neighbors and to itself.

    Parameters
    ----------
    adjacency : bool array of shape (N, N)
        True where an edge joins two nodes; equal to its transpose.

    Returns
    -------
    bool array of shape (N, N)
        The adjacency matrix with True on its diagonal.

    Raises
    ------
    ValueError
        If `adjacency` is not a square boolean matrix or not equal to its transpose.

    Examples
    --------
    A path of three nodes:

    >>> from attnbook.graphs import graph_mask
    >>> path = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=bool)
    >>> graph_mask(path).astype(int)
    array([[1, 1, 0],
           [1, 1, 1],
           [0, 1, 1]])
    """
    adjacency = _adjacency(adjacency)
    return adjacency | np.eye(len(adjacency), dtype=bool)


def rewired(adjacency: np.ndarray, seed: int) -> np.ndarray:
    """Draw another graph in which every node has as many neighbors as before.

    Parameters
    ----------
    adjacency : bool array of shape (N, N)
        Edges, without loops.
    seed : int
        Of the draw.

    Returns
    -------
    bool array of shape (N, N)
        Edges after ten successful swaps for each edge.

    Raises
    ------
    ValueError
        If `adjacency` is not a square boolean matrix, not equal to its transpose, or has a loop.

    Notes
    -----
    A swap takes two edges a-b and c-d and puts a-d and c-b in their place, unless one of these is
    there already. networkx does it; it needs at least two edges that can be swapped.

    Examples
    --------
    >>> from attnbook.graphs import rewired
    >>> ring = np.roll(np.eye(8, dtype=bool), 1, axis=0)
    >>> (rewired(ring | ring.T, seed=0).sum(axis=0) == 2).all()
    np.True_
    """
    adjacency = _adjacency(adjacency)
    if adjacency.diagonal().any():
        raise ValueError("adjacency must not have a loop, an edge from a node to itself")
    graph = nx.from_numpy_array(adjacency)
    swaps = 10 * graph.number_of_edges()
    nx.double_edge_swap(graph, nswap=swaps, max_tries=100 * swaps, seed=seed)
    return nx.to_numpy_array(graph, nodelist=range(len(adjacency)), weight=None) > 0


def harmonic(adjacency: np.ndarray, labels: dict[int, float]) -> np.ndarray:
    """Spread known values over a graph: every other node gets the mean of its neighbors.

    Parameters
    ----------
    adjacency : bool array of shape (N, N)
        Edges.
    labels : dict of int to float
        Known nodes and their values.

    Returns
    -------
    float array of shape (N,)
        The known values, and between them the only ones that are everywhere the mean of the
        neighbors.

    Raises
    ------
    ValueError
        If `adjacency` is not a square boolean matrix, not equal to its transpose, no node is
        known, or a node has no path to a known one.

    References
    ----------
    .. [1] X. Zhu, Z. Ghahramani, J. Lafferty, "Semi-Supervised Learning Using Gaussian Fields and
       Harmonic Functions", ICML 2003, https://cdn.aaai.org/ICML/2003/ICML03-118.pdf

    Examples
    --------
    On a path the values between the ends lie evenly:

    >>> from attnbook.graphs import harmonic
    >>> path = np.eye(4, k=1, dtype=bool) | np.eye(4, k=-1, dtype=bool)
    >>> harmonic(path, {0: 0.0, 3: 3.0}).round(6)
    array([0., 1., 2., 3.])
    """
    adjacency = _adjacency(adjacency)
    known = np.array(list(labels), dtype=int)
    if not known.size:
        raise ValueError("labels must name at least one node")
    reached, front = np.zeros(len(adjacency), bool), np.zeros(len(adjacency), bool)
    front[known] = True
    while front.any():
        reached |= front
        front = adjacency[front].any(axis=0) & ~reached
    if not reached.all():
        raise ValueError(f"nodes without a path to a known one: {np.flatnonzero(~reached)}")
    values = np.zeros(len(adjacency))
    values[known] = list(labels.values())
    free = np.setdiff1d(np.arange(len(adjacency)), known)
    laplacian = np.diag(adjacency.sum(axis=1)) - adjacency.astype(float)
    pull = adjacency[np.ix_(free, known)] @ values[known]
    values[free] = np.linalg.solve(laplacian[np.ix_(free, free)], pull)
    return values


class GraphAttention(nn.Module):
    """Layers of one-head attention over the nodes of a graph, and a readout for each node.

    Parameters
    ----------
    n_nodes : int
        N; node *i* enters as the one-hot vector *i*.
    n_classes : int
        Number of answers.
    d_model : int, default 16
        Width of the tokens.
    n_layers : int, default 2
        Layers of `MultiHeadAttention`, one after the other: no residual stream, no MLP, no norm.
    learned_weights : bool, default True
        False keeps queries and keys at zero: every score is zero, and the weights are uniform over
        what the mask allows.

    References
    ----------
    .. [1] P. Velickovic et al., "Graph Attention Networks", ICLR 2018,
       https://arxiv.org/abs/1710.10903. Their scores are additive, ours are dot products.

    Examples
    --------
    >>> import torch
    >>> from attnbook.graphs import GraphAttention
    >>> GraphAttention(3, 2)(torch.eye(3, dtype=torch.bool)).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        n_nodes: int,
        n_classes: int,
        *,
        d_model: int = 16,
        n_layers: int = 2,
        learned_weights: bool = True,
    ) -> None:
        super().__init__()
        whole_number("n_layers", n_layers, minimum=1)
        self.embedding = nn.Linear(n_nodes, d_model)
        layers = [MultiHeadAttention(d_model, 1) for _ in range(n_layers)]
        self.layers = nn.ModuleList(layers)
        self.readout = nn.Linear(d_model, n_classes)
        if not learned_weights:
            for layer in layers:
                for part in (layer.q, layer.k):
                    for weight in part.parameters():
                        nn.init.zeros_(weight).requires_grad_(False)

    def forward(self, mask: torch.Tensor | None, nodes: torch.Tensor | None = None) -> torch.Tensor:
        """Return the scores of the classes for every node.

        Parameters
        ----------
        mask : bool tensor of shape (N, N), or None
            True where a node may attend; None lets all attend to all.
        nodes : tensor of shape (N, N), optional
            Features, a row for each node, by default one-hot.

        Returns
        -------
        tensor of shape (N, n_classes)
            Logits.
        """
        x = self._tokens(nodes)
        for layer in self.layers:
            x = layer(x, mask=mask)
        return self.readout(x)[0]

    @torch.no_grad()
    def weights(self, mask: torch.Tensor | None) -> torch.Tensor:
        """Return who attends to whom, in every layer.

        Parameters
        ----------
        mask : bool tensor of shape (N, N), or None
            As in `forward`.

        Returns
        -------
        tensor of shape (n_layers, N, N)
            Rows sum to one.
        """
        x, seen = self._tokens(None), []
        for layer in self.layers:
            x, weights = layer(x, mask=mask, return_weights=True)
            seen.append(weights[0, 0])
        return torch.stack(seen)

    def _tokens(self, nodes: torch.Tensor | None) -> torch.Tensor:
        if nodes is None:
            nodes = torch.eye(self.embedding.in_features)
        return self.embedding(nodes)[None]


def train_labels(
    model: GraphAttention,
    mask: torch.Tensor | None,
    labels: dict[int, int],
    *,
    steps: int = 100,
    learning_rate: float = 0.01,
) -> GraphAttention:
    """Train on the known nodes alone; the others take part through the mask.

    Parameters
    ----------
    model : GraphAttention
        Changed in place.
    mask : bool tensor of shape (N, N), or None
        As in `GraphAttention`.
    labels : dict of int to int
        Known nodes and their classes.
    steps : int, default 100
        Steps of Adam.
    learning_rate : float, default 0.01
        Its rate.

    Returns
    -------
    GraphAttention
        The same model.
    """
    known, wanted = torch.tensor(list(labels)), torch.tensor(list(labels.values()))
    adam = torch.optim.Adam([w for w in model.parameters() if w.requires_grad], lr=learning_rate)
    for _ in range(steps):
        loss = nn.functional.cross_entropy(model(mask)[known], wanted)
        adam.zero_grad()
        loss.backward()
        adam.step()
    return model

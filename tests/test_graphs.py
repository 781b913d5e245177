"""Attention over graphs: masks, random graphs with the same degrees, harmonic values."""

import networkx as nx
import numpy as np
import pytest
import torch

from attnbook.graphs import GraphAttention, graph_mask, harmonic, rewired, train_labels

A = nx.to_numpy_array(nx.karate_club_graph(), weight=None) > 0
M = torch.from_numpy(graph_mask(A))


def test_the_mask_adds_the_nodes_themselves():
    assert (graph_mask(A) == (A | np.eye(34, dtype=bool))).all()
    for bad in (A.astype(float), A[:3], np.triu(A)):
        with pytest.raises(ValueError, match="adjacency must"):
            graph_mask(bad)


def test_a_rewired_graph_keeps_the_degrees_and_little_else():
    graph = rewired(A, 5)
    assert (graph.sum(axis=0) == A.sum(axis=0)).all()
    assert (graph == graph.T).all()
    assert not graph.diagonal().any()
    assert (graph & A).sum() < 0.6 * A.sum()
    np.testing.assert_array_equal(graph, rewired(A, 5))
    with pytest.raises(ValueError, match="loop"):
        rewired(graph_mask(A), 5)


def test_harmonic_values_are_means_of_neighbors():
    values = harmonic(A, {0: 0.0, 33: 1.0})
    assert (values[0], values[33]) == (0, 1)
    means = A @ values / A.sum(axis=1)
    np.testing.assert_allclose(values[1:33], means[1:33], atol=1e-12)
    assert harmonic(A, dict.fromkeys(range(34), 2.0)).tolist() == [2.0] * 34
    with pytest.raises(ValueError, match="at least one node"):
        harmonic(A, {})
    apart = np.zeros((3, 3), dtype=bool)
    apart[0, 1] = apart[1, 0] = True
    with pytest.raises(ValueError, match=r"without a path to a known one: \[2\]"):
        harmonic(apart, {0: 1.0})


def test_weights_stay_on_the_mask_and_equal_scores_are_a_mean():
    torch.manual_seed(0)
    weights = GraphAttention(34, 2, n_layers=3).weights(M)
    assert weights.shape == (3, 34, 34)
    assert ((weights > 0) == M).all()
    model = GraphAttention(34, 2, learned_weights=False).double()
    model = train_labels(model.float(), M, {0: 0, 33: 1}, steps=5)
    wanted = (M / M.sum(dim=1, keepdim=True)).expand(2, -1, -1)
    torch.testing.assert_close(model.weights(M), wanted)


def test_training_fits_the_known_nodes_and_reaches_their_hops_only():
    torch.manual_seed(0)
    model = train_labels(GraphAttention(34, 2), M, {0: 0, 33: 1})
    assert model(M)[[0, 33]].argmax(dim=1).tolist() == [0, 1]
    nodes = torch.eye(34, requires_grad=True)
    model(M, nodes)[11].sum().backward()
    two_hops = (M.long() @ M.long())[11] > 0
    assert ((nodes.grad != 0).any(dim=1) == two_hops).all()

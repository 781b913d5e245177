"""The small models of the experiments: recall (NumPy, gradients by hand), lookups, periods."""

import numpy as np
import pytest
import torch

from attnbook.lookups import LookupLayer, map_similarity, slots_right, train_lookup
from attnbook.periodic import OneHeadModel
from attnbook.recall import recall_gradients, train_recall
from attnbook.tasks import associative_recall, redundant_cues, two_lookups


def recall_loss(weights, scale, lists):
    """Return the loss of the recall layer in torch, from its definition."""
    asked, symbols, classes, answers = (torch.from_numpy(x) for x in lists)
    scores = scale * torch.einsum("bd,bsd->bs", weights["q"][asked], weights["k"][symbols])
    mixed = scores.softmax(-1)[:, None] @ torch.eye(8, dtype=torch.float64)[classes]
    return torch.nn.functional.cross_entropy(mixed[:, 0] @ weights["v"], answers)


def start(seed, d):
    rng = np.random.default_rng(seed)
    shapes = {"q": (32, d), "k": (32, d), "v": (8, 8)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_gradients_of_recall_are_those_of_autograd(scale):
    weights = start(0, 16)
    lists = associative_recall(np.random.default_rng(1), 20)
    gradients, loss, _ = recall_gradients(weights, scale, lists)
    leaves = {name: torch.from_numpy(w).requires_grad_() for name, w in weights.items()}
    wanted = recall_loss(leaves, scale, lists)
    wanted.backward()
    assert loss == pytest.approx(wanted.item(), abs=1e-12)
    for name, leaf in leaves.items():
        np.testing.assert_allclose(gradients[name], leaf.grad, atol=1e-13)


@pytest.mark.parametrize(("name", "rate"), [("sgd", 3.0), ("adam", 0.05)])
def test_training_of_recall_is_that_of_torch(name, rate):
    run = train_recall(3, 8, scale=0.3, learning_rate=rate, optimizer=name, steps=5)
    rng = np.random.default_rng(3)
    leaves = {k: torch.from_numpy(rng.standard_normal((32, 8))).requires_grad_() for k in "qk"}
    leaves["v"] = torch.eye(8, dtype=torch.float64, requires_grad=True)
    make = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[name]
    optimizer = make(leaves.values(), lr=rate)
    for step in range(5):
        loss = recall_loss(leaves, 0.3, associative_recall(rng, 64))
        assert run.losses[step] == pytest.approx(loss.item(), abs=1e-9)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_recall_names_the_optimizers():
    with pytest.raises(ValueError, match="'sgd' or 'adam', got 'lion'"):
        train_recall(0, 4, scale=1.0, learning_rate=1.0, optimizer="lion")


@pytest.mark.parametrize("task", [two_lookups, redundant_cues])
def test_a_lookup_task_is_reproducible_and_in_range(task):
    first, again = (task(np.random.default_rng(5), 50) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    asked, table, answers = first
    assert table.min() >= 0
    assert table.max() <= 7
    assert (asked[:, 0] != asked[:, 1]).all()
    np.testing.assert_array_equal(np.take_along_axis(table, asked[:, :1], 1), answers[:, :1])


def questions(n=6):
    asked, table, _ = two_lookups(np.random.default_rng(0), n)
    return torch.as_tensor(asked), torch.as_tensor(table)


@pytest.mark.parametrize("num_heads", [1, 2, 4])
def test_a_removed_head_is_one_term_of_the_sum(num_heads):
    layer = LookupLayer(num_heads, 2)
    whole, weights = layer(*questions())
    alone = [layer(*questions(), keep=torch.arange(num_heads) == h)[0] for h in range(num_heads)]
    torch.testing.assert_close(sum(alone), whole, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(weights.sum(-1), torch.ones(6, num_heads))


def test_the_number_of_heads_costs_nothing():
    counts = {sum(p.numel() for p in LookupLayer(h, 2).parameters()) for h in (1, 2, 4, 8)}
    assert len(counts) == 1


@pytest.mark.parametrize(("tied", "copies"), [(True, True), (False, False)])
def test_only_tied_heads_stay_copies(tied, copies):
    layer = LookupLayer(2, 2, tied=tied)
    _ = train_lookup(layer, two_lookups, steps=5, diversity=1.0)
    _, weights = layer(*questions())
    assert bool((weights[:, 0] - weights[:, 1]).abs().max() < 1e-5) == copies


def test_similarity_of_maps():
    maps = torch.eye(3)[None]  # three heads that look at three different tokens
    assert map_similarity(maps).item() == 0
    assert map_similarity(maps[:, [0, 0]]).item() == pytest.approx(1)
    assert map_similarity(maps[:, [0, 0, 1]]).item() == pytest.approx(1 / 3)


def test_accuracy_is_measured_before_and_along_the_training():
    layer = LookupLayer(2, 2)
    steps, accuracy = train_lookup(layer, two_lookups, steps=40, every=20)
    np.testing.assert_array_equal(steps, [0, 20, 40])
    test = two_lookups(np.random.default_rng(10_000), 1000)
    assert accuracy[-1] == slots_right(layer, test).all(-1).mean()


@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rope", "none"])
def test_only_rope_or_nothing_ignores_a_shift(positions):
    torch.manual_seed(0)
    model = OneHeadModel(7, 16, positions, max_position=64)
    symbols = torch.arange(10)[None] % 7
    same = torch.allclose(model(symbols), model(symbols, shift=37), atol=1e-5)
    assert same == (positions in ("rope", "none"))


@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rope", "none"])
def test_the_future_is_hidden(positions):
    torch.manual_seed(0)
    model = OneHeadModel(7, 16, positions, max_position=64)
    symbols = torch.arange(10)[None] % 7
    changed = symbols.clone()
    changed[:, 6:] = 0
    torch.testing.assert_close(model(changed)[:, :6], model(symbols)[:, :6], atol=0, rtol=0)


def test_bad_positions_are_named():
    with pytest.raises(ValueError, match="positions must be one of .* got 'absolute'"):
        OneHeadModel(7, 16, "absolute")
    model = OneHeadModel(7, 16, "learned", max_position=8)
    with pytest.raises(ValueError, match="the learned table ends at 8, got positions up to 9"):
        model(torch.zeros(1, 5, dtype=torch.long), shift=5)

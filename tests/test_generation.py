"""Cached decoding is recomputation; sampling rules at their limits; errors."""

import numpy as np
import pytest
import torch

import attnbook as ab
from attnbook.generation import (
    decode_step,
    empty_cache,
    extend,
    generate,
    next_token_probabilities,
    prefill,
    trim,
)
from attnbook.models import POSITIONS, TinyTransformer

B, N = 2, 11


def small(positions="rope", causal=True, layers=3):
    torch.manual_seed(0)
    options = {"max_length": 13, "positions": positions, "causal": causal}
    return TinyTransformer(7, 12, 3, layers, **options).double().requires_grad_(False)


def text(n=N, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(7, size=(B, n)))


def close(a, b, atol=1e-12):
    torch.testing.assert_close(a, b, rtol=0, atol=atol)


@pytest.mark.parametrize("positions", POSITIONS)
def test_steps_with_a_cache_equal_one_pass(positions):
    model, tokens = small(positions), text()
    wanted, cache, steps = model(tokens), empty_cache(model, B), []
    for token in tokens.T:
        logits, cache = decode_step(model, token, cache)
        steps.append(logits)
    close(torch.stack(steps, dim=1), wanted)
    assert cache.n_read == N
    assert cache.positions.tolist() == list(range(N))
    assert cache.keys[0].shape == (B, 3, N, 4)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("cuts", [[5], [1, 10], [3, 4, 9]])
def test_a_prompt_may_be_read_in_pieces(positions, cuts):
    model, tokens = small(positions), text()
    cache, parts = None, []
    for piece in torch.tensor_split(tokens, cuts, dim=1):
        logits, cache = extend(model, piece, cache)
        parts.append(logits)
    close(torch.cat(parts, dim=1), model(tokens))


def test_a_cache_is_a_value():
    model, tokens = small(), text()
    _, cache = prefill(model, tokens[:, :6])
    before = [k.clone() for k in cache.keys]
    first, _ = decode_step(model, tokens[:, 6], cache)
    decode_step(model, tokens[:, 7], cache)
    trim(cache, window=2)
    again, _ = decode_step(model, tokens[:, 6], cache)
    assert torch.equal(first, again)
    assert all(torch.equal(a, b) for a, b in zip(before, cache.keys, strict=True))
    assert cache.n_read == 6


def test_bytes_of_a_cache():
    _, cache = prefill(small(), text())
    assert cache.nbytes == 2 * 3 * B * 3 * N * 4 * 8  # K and V, blocks, B, H, N, D, bytes


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize(("window", "sinks"), [(1, 0), (4, 0), (4, 2), (20, 1)])
def test_dropping_tokens_is_a_window_mask(positions, window, sinks):
    model, tokens = small(positions), text()
    wanted, _ = prefill(model, tokens, window=window, sinks=sinks)
    cache, steps = empty_cache(model, B), []
    for token in tokens.T:
        logits, cache = decode_step(model, token, cache, window=window, sinks=sinks)
        steps.append(logits)
        assert len(cache.positions) <= window + sinks
    close(torch.stack(steps, dim=1), wanted)


def test_the_window_mask_is_that_of_the_book():
    model, tokens = small("none", layers=1), text()
    seen, _ = prefill(model, tokens, window=3)
    block = model.blocks[0]
    x = block(model.embedding(tokens), mask=torch.as_tensor(ab.sliding_window_mask(N, window=3)))
    close(seen, model.readout(model.norm(x)))


def test_a_window_hides_and_a_sink_shows():
    model, tokens = small(layers=1), text()
    changed = tokens.clone()
    changed[:, 0] = (changed[:, 0] + 1) % 7
    for sinks, same in [(0, True), (1, False)]:
        a, b = (prefill(model, t, window=4, sinks=sinks)[0][:, -1] for t in (tokens, changed))
        assert torch.equal(a, b) == same


@pytest.mark.parametrize("cached", [True, False])
def test_greedy_text_is_the_argmax_of_one_pass(cached):
    model, prompt = small(), text(3)
    written = generate(model, prompt, 8, temperature=0, cached=cached)
    assert torch.equal(written[:, :3], prompt)
    assert torch.equal(written[:, 3:], model(written).argmax(-1)[:, 2:-1])


def test_the_same_draws_with_and_without_a_cache():
    runs = [
        generate(
            small(), text(2), 9, generator=torch.Generator().manual_seed(1), cached=cached, top_k=4
        )
        for cached in (True, False)
    ]
    assert torch.equal(*runs)
    assert generate(small(), text(2), 0).shape == (B, 2)


def test_context_is_what_the_model_gets():
    model, prompt = small("none", causal=False), text(5)
    one = generate(model, prompt, 1, temperature=0, cached=False, context=2)
    assert torch.equal(one[:, -1], model(prompt[:, -2:])[:, -1].argmax(-1))


LOGITS = torch.from_numpy(np.random.default_rng(0).standard_normal((5, 9))) * 2


def test_limits_of_the_temperature():
    plain = torch.softmax(LOGITS, -1)
    close(next_token_probabilities(LOGITS), plain)
    close(next_token_probabilities(LOGITS, temperature=2.5), torch.softmax(LOGITS / 2.5, -1))
    greedy = next_token_probabilities(LOGITS, temperature=0)
    assert torch.equal(greedy, torch.nn.functional.one_hot(LOGITS.argmax(-1), 9).double())
    close(next_token_probabilities(LOGITS, temperature=1e-3), greedy)
    flat = next_token_probabilities(LOGITS, temperature=1e9)
    close(flat, torch.full_like(flat, 1 / 9), atol=1e-7)
    tiny = next_token_probabilities(LOGITS.float() * 1e3, temperature=1e-30)
    assert torch.isfinite(tiny).all()


@pytest.mark.parametrize("k", [1, 3, 9, 50])
def test_top_k(k):
    plain, kept = torch.softmax(LOGITS, -1), next_token_probabilities(LOGITS, top_k=k)
    assert ((kept > 0).sum(-1) == min(k, 9)).all()
    close(kept.sum(-1), torch.ones(5).double())
    for row, whole in zip(kept, plain, strict=True):
        chosen = row > 0
        assert whole[chosen].min() >= whole[~chosen].max() if (~chosen).any() else True
        close(row[chosen], whole[chosen] / whole[chosen].sum())


@pytest.mark.parametrize("p", [0.01, 0.5, 0.9, 1.0])
def test_top_p_keeps_the_fewest_that_reach_it(p):
    plain, kept = torch.softmax(LOGITS, -1), next_token_probabilities(LOGITS, top_p=p)
    for row, whole in zip(kept, plain, strict=True):
        ordered = whole.sort(descending=True).values
        count = next(n for n in range(1, 10) if ordered[:n].sum() >= p - 1e-12)
        assert (row > 0).sum() == count
        close(row[row > 0], whole[row > 0] / ordered[:count].sum())


def test_equals_are_told_apart_by_their_place():
    logits = torch.zeros(4)
    assert next_token_probabilities(logits, temperature=0).tolist() == [1, 0, 0, 0]
    assert next_token_probabilities(logits, top_k=2).tolist() == [0.5, 0.5, 0, 0]
    assert next_token_probabilities(logits, top_p=0.5).tolist() == [0.5, 0.5, 0, 0]


def test_the_temperature_comes_first_then_k_then_p():
    logits = torch.log(torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64))
    # of the three that k leaves, two hold 7/9, enough for 0.75; of all four they hold 0.7
    assert (next_token_probabilities(logits, top_k=3, top_p=0.75) > 0).sum() == 2
    assert (next_token_probabilities(logits, top_p=0.75) > 0).sum() == 3
    assert (next_token_probabilities(logits, temperature=0.5, top_p=0.75) > 0).sum() == 2


def test_errors_of_sampling():
    with pytest.raises(ValueError, match="temperature must be at least 0, got -1"):
        next_token_probabilities(LOGITS, temperature=-1)
    with pytest.raises(ValueError, match="top_k must be at least 1, got 0"):
        next_token_probabilities(LOGITS, top_k=0)
    with pytest.raises(ValueError, match="top_p must be finite and above 0, got 0"):
        next_token_probabilities(LOGITS, top_p=0)
    with pytest.raises(ValueError, match="top_p must be at most 1, got 1.5"):
        next_token_probabilities(LOGITS, top_p=1.5)
    with pytest.raises(TypeError, match="logits must hold real floats, got torch.int64"):
        next_token_probabilities(torch.arange(3))


def test_errors_of_the_cache():
    model, tokens = small(), text()
    with pytest.raises(ValueError, match="a cache needs a causal model"):
        prefill(small(causal=False), tokens)
    with pytest.raises(TypeError, match="tokens must hold integers, got torch.float32"):
        prefill(model, tokens.float())
    with pytest.raises(ValueError, match=r"shape \(B, L\), L at least 1, got \(2, 0\)"):
        prefill(model, tokens[:, :0])
    with pytest.raises(ValueError, match=r"got tokens \(2, 11\) and a cache for 1"):
        extend(model, tokens, empty_cache(model))
    with pytest.raises(ValueError, match=r"token must have shape \(B,\), got \(2, 11\)"):
        decode_step(model, tokens, empty_cache(model, B))
    with pytest.raises(ValueError, match="learned positions end at 13, got 14 tokens"):
        prefill(small("learned"), text(14))
    with pytest.raises(ValueError, match="window must be at least 1, got 0"):
        prefill(model, tokens, window=0)
    with pytest.raises(ValueError, match="sinks must be at least 0, got -1"):
        trim(empty_cache(model), window=2, sinks=-1)


def test_errors_of_generate():
    with pytest.raises(ValueError, match="n_tokens must be at least 0, got -1"):
        generate(small(), text(), -1)
    with pytest.raises(ValueError, match="context is for cached=False"):
        generate(small(), text(), 1, context=3)
    with pytest.raises(ValueError, match="window and sinks are for cached=True"):
        generate(small(), text(), 1, cached=False, window=3)
    with pytest.raises(ValueError, match="context must be at least 1, got 0"):
        generate(small(), text(), 1, cached=False, context=0)

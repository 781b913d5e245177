"""The torch modules agree with the array functions; training learns; nothing leaks."""

import numpy as np
import pytest
import torch

import attnbook as ab
from attnbook.models import POSITIONS, MultiHeadAttention, TinyTransformer
from attnbook.training import train


def test_module_equals_the_array_function():
    torch.manual_seed(0)
    module = MultiHeadAttention(6, 3, use_bias=False).double()
    x = torch.randn(2, 5, 6, dtype=torch.float64)
    weights = (layer.weight.T for layer in (module.q, module.k, module.v, module.o))
    mask = torch.as_tensor(ab.causal_mask(5))
    expected = ab.multi_head_attention(x, *weights, num_heads=3, mask=mask)
    torch.testing.assert_close(module(x, mask=mask), expected, rtol=0, atol=1e-12)
    out, maps = module(x, mask=mask, return_weights=True)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)
    assert maps.shape == (2, 3, 5, 5)


def test_bias_and_mask_together():
    torch.manual_seed(0)
    module = MultiHeadAttention(6, 3).double()
    x = torch.randn(1, 4, 6, dtype=torch.float64)
    given = {
        "mask": torch.as_tensor(ab.causal_mask(4)),
        "bias": torch.as_tensor(ab.alibi_bias(3, 4)),
    }
    dense, _ = module(x, **given, return_weights=True)
    torch.testing.assert_close(module(x, **given), dense, rtol=0, atol=1e-12)


def test_rope_turns_queries_and_keys_alike():
    torch.manual_seed(0)
    module = MultiHeadAttention(8, 2).double()
    x = torch.randn(1, 5, 8, dtype=torch.float64)
    here = module(x, angles=ab.rope_angles(np.arange(5), 4))
    there = module(x, angles=ab.rope_angles(np.arange(5) + 40, 4))
    torch.testing.assert_close(here, there, rtol=0, atol=1e-12)
    assert (here - module(x)).abs().max() > 1e-3


@pytest.mark.parametrize("positions", POSITIONS)
def test_the_past_does_not_see_the_future(positions):
    torch.manual_seed(0)
    model = TinyTransformer(7, 8, 2, 2, max_length=6, positions=positions)
    tokens = torch.tensor([[1, 2, 3, 4, 5, 6]])
    changed = tokens.clone()
    changed[0, 4:] = 0
    before, after = model(tokens), model(changed)
    torch.testing.assert_close(before[:, :4], after[:, :4], rtol=0, atol=1e-6)
    assert (before[:, 4:] - after[:, 4:]).abs().max() > 1e-3


def test_errors():
    with pytest.raises(ValueError, match="num_heads must divide d_model"):
        MultiHeadAttention(7, 2)
    with pytest.raises(ValueError, match="positions must be one of"):
        TinyTransformer(5, 8, 2, 1, max_length=4, positions="x")
    with pytest.raises(ValueError, match="learned positions end at 4"):
        TinyTransformer(5, 8, 2, 1, max_length=4, positions="learned")(torch.zeros(1, 5).long())
    with pytest.raises(ValueError, match="optimizer must be one of"):
        train(
            torch.nn.Linear(1, 1), [], loss_fn=torch.nn.functional.mse_loss, steps=1, optimizer="x"
        )
    with pytest.raises(ValueError, match="at least 3 entries"):
        train(
            torch.nn.Linear(1, 1),
            [(torch.ones(1, 1), torch.ones(1, 1))] * 2,
            loss_fn=torch.nn.functional.mse_loss,
            steps=3,
        )


def test_training_lowers_the_loss():
    torch.manual_seed(0)
    model = TinyTransformer(4, 16, 2, 1, max_length=8)
    tokens = torch.arange(8).remainder(4)[None]
    batch = tokens[:, :-1], tokens[:, 1:]
    losses = train(
        model,
        [batch] * 60,
        loss_fn=lambda out, to: torch.nn.functional.cross_entropy(out.flatten(0, 1), to.flatten()),
        steps=60,
    )
    assert np.mean(losses[-5:]) < losses[0] / 4

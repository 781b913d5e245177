"""Stacks of blocks: runs do not mix, and a block equals the module and torch's own layer."""

import numpy as np
import pytest
import torch

import attnbook as ab
from attnbook.diagrams import draw_block
from attnbook.models import TransformerBlock
from attnbook.stacks import DeepReader, Stack, token_spread, train_runs

LINEARS = {"w_q": "attention.q", "w_k": "attention.k", "w_v": "attention.v", "w_o": "attention.o"}
NORMS = {"norm_attention": "norm1", "norm_mlp": "norm2"}


def shaken(module):
    torch.manual_seed(1)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return module


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("training", [True, False])
def test_the_block_equals_the_layer_of_torch(norm, training):
    torch.manual_seed(0)
    options = dict(dropout=0.0, activation="gelu", batch_first=True, norm_first=norm == "pre")
    theirs = shaken(torch.nn.TransformerEncoderLayer(8, 2, 32, **options)).double().train(training)
    ours = TransformerBlock(8, 2, norm=norm).double()
    state = theirs.state_dict()
    mine = {}
    for kind in ("weight", "bias"):
        parts = state[f"self_attn.in_proj_{kind}"].chunk(3)
        mine |= {f"attention.{n}.{kind}": part for n, part in zip("qkv", parts, strict=True)}
        mine[f"attention.o.{kind}"] = state[f"self_attn.out_proj.{kind}"]
        mine |= {f"mlp.0.{kind}": state[f"linear1.{kind}"]}
        mine |= {f"mlp.2.{kind}": state[f"linear2.{kind}"]}
        mine |= {f"{a}.{kind}": state[f"{b}.{kind}"] for a, b in NORMS.items()}
    ours.load_state_dict(mine)
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    real = torch.arange(5) < torch.tensor([2, 4, 5])[:, None]
    causal = torch.as_tensor(ab.causal_mask(5))
    with torch.no_grad():
        wanted = theirs(x, src_mask=~causal, src_key_padding_mask=~real)
        got = ours(x, mask=causal & real[:, None, None])
        torch.testing.assert_close(got[real], wanted[real], rtol=0, atol=1e-12)
        torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-12)


def test_each_run_can_have_its_own_gain():
    stack = Stack(8, 2, 3, seeds=[4, 4, 5], gain=[1.0, 0.5, 2.0])
    for name, weight in Stack(8, 2, 3, seeds=[4, 4, 5]).weights.items():
        factor = torch.tensor([1.0, 0.5, 2.0]) if name.startswith("w_") else torch.ones(3)
        wanted = weight * factor.to(weight).reshape(3, *[1] * (weight.ndim - 1))
        torch.testing.assert_close(stack.weights[name], wanted, rtol=0, atol=0)
    with pytest.raises(ValueError, match="each of 2 seeds"):
        Stack(8, 2, 3, seeds=[4, 5], gain=[1.0])


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_stack_equals_blocks_one_after_the_other(norm):
    stack = shaken(Stack(8, 2, 3, seeds=[4, 5], norm=norm))
    x = torch.randn(2, 3, 6, 8, dtype=torch.float64)
    mask = torch.as_tensor(ab.causal_mask(6))
    for run in range(2):
        tokens = x[run]
        for layer in range(3):
            w = {name: weight[run, layer] for name, weight in stack.weights.items()}
            block = TransformerBlock(8, 2, norm=norm).double()
            block.mlp[1] = torch.nn.ReLU()
            with torch.no_grad():
                for name, path in (LINEARS | {"w_1": "mlp.0", "w_2": "mlp.2"}).items():
                    block.get_submodule(path).weight.copy_(w[name].T)
                    block.get_submodule(path).bias.zero_()
                block.mlp[0].bias.copy_(w["b_1"][0])
                block.mlp[2].bias.copy_(w["b_2"][0])
                for part in ("attention", "mlp"):
                    block.get_submodule(f"norm_{part}").weight.copy_(w[f"scale_{part}"][0])
                    block.get_submodule(f"norm_{part}").bias.copy_(w[f"shift_{part}"][0])
            tokens = block(tokens, mask=mask)
        torch.testing.assert_close(stack(x, mask=mask)[run], tokens, rtol=0, atol=1e-12)


def test_parts_can_be_left_out():
    x = torch.randn(1, 2, 4, 8, dtype=torch.float64)
    only_mlp = Stack(8, 2, 2, seeds=[0], norm="none", residual=False, attention=False)
    w = {name: weight[0] for name, weight in only_mlp.weights.items()}
    wanted = torch.relu(torch.relu(x[0] @ w["w_1"][0]) @ w["w_2"][0] @ w["w_1"][1]) @ w["w_2"][1]
    torch.testing.assert_close(only_mlp(x)[0], wanted, rtol=0, atol=1e-12)
    assert token_spread(Stack(8, 2, 9, seeds=[0], mlp=False, residual=False)(x)).max() < 1e-6
    with pytest.raises(ValueError, match="a block must have attention or an mlp"):
        Stack(8, 2, 1, seeds=[0], attention=False, mlp=False)
    with pytest.raises(ValueError, match="norm must be one of"):
        Stack(8, 2, 1, seeds=[0], norm="both")
    with pytest.raises(ValueError, match="norm must be 'pre' or 'post'"):
        TransformerBlock(8, 2, norm="none")
    with pytest.raises(ValueError, match="norm must be 'pre' or 'post'"):
        draw_block("none")


def batches(seeds, steps=8):
    rngs = [np.random.default_rng(seed) for seed in seeds]
    for _ in range(steps):
        tokens = torch.from_numpy(np.stack([rng.integers(5, size=(3, 7)) for rng in rngs]))
        yield tokens[..., :-1], tokens[..., 1:]


def test_a_run_is_the_same_alone_and_in_company():
    seeds, rates, rises = [3, 4, 3], [0.01, 0.003, 0.03], [0, 4, 2]
    together = train_runs(DeepReader(5, 8, 2, 2, seeds=seeds), batches(seeds), rates, warm_up=rises)
    for run in range(3):
        model = DeepReader(5, 8, 2, 2, seeds=seeds[run : run + 1])
        alone = train_runs(model, batches(seeds[run : run + 1]), [rates[run]], warm_up=rises[run])
        np.testing.assert_allclose(together[run], alone[0], atol=1e-4)


def test_training_is_adam_with_a_rising_rate():
    model, twin = (DeepReader(5, 8, 2, 2, seeds=[3]).double() for _ in range(2))
    losses = train_runs(model, batches([3]), [0.01], warm_up=4)
    adam = torch.optim.Adam(twin.parameters(), lr=0.01)
    for step, (inputs, targets) in enumerate(batches([3])):
        loss = torch.nn.functional.cross_entropy(twin(inputs).flatten(0, -2), targets.flatten())
        assert losses[0, step] == pytest.approx(loss.item(), abs=1e-9)
        adam.param_groups[0]["lr"] = 0.01 * min(1, (step + 1) / 4)
        adam.zero_grad()
        loss.backward()
        adam.step()


def test_the_reader_does_not_see_the_future():
    model = DeepReader(5, 8, 2, 2, seeds=[0], norm="post")
    tokens = torch.tensor([[[1, 2, 3, 4]]])
    changed = torch.tensor([[[1, 2, 0, 0]]])
    torch.testing.assert_close(model(tokens)[:, :, :2], model(changed)[:, :, :2], rtol=0, atol=1e-6)

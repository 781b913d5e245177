"""The core against torch's own attention, its properties, its derivatives and its errors."""

from unittest import mock

import numpy as np
import pytest
import torch
from torch.nn import functional

import attnbook as ab
from attnbook import attention

LIBRARIES = {"numpy": np.asarray, "torch": torch.as_tensor}


def in_small_blocks(attend, **options):
    """Return `attend` as it works on long sequences: one head and a few queries at a time."""

    def form(*arrays, **more):
        with mock.patch.multiple(attention, BLOCK=1, FEWEST_ROWS=2):
            return attend(*arrays, **options, **more)

    return form


FORMS = {
    "dense": ab.scaled_dot_product_attention,
    "dense in blocks": in_small_blocks(ab.scaled_dot_product_attention),
    "streaming": ab.streaming_attention,
    "streaming in blocks": in_small_blocks(ab.streaming_attention, block_size=3),
}
# Sizes are different primes: an exchanged axis cannot slip through.
B, H, L, S, D, DV = 2, 3, 5, 7, 11, 13


@pytest.fixture(params=LIBRARIES)
def make(request):
    return LIBRARIES[request.param]


@pytest.fixture(params=FORMS)
def attend(request):
    return FORMS[request.param]


def draw(seed=0, spread=1.0, dtype=np.float64, n_queries=L, n_keys=S):
    rng = np.random.default_rng(seed)
    q = spread * rng.normal(size=(B, H, n_queries, D))
    k, v = rng.normal(size=(B, H, n_keys, D)), rng.normal(size=(B, H, n_keys, DV))
    return tuple(x.astype(dtype) for x in (q, k, v))


def empty_row():
    mask = np.random.default_rng(1).random((B, 1, L, S)) < 0.6
    mask[0, 0, 2] = False
    return mask


MASKS = {
    "none": lambda: None,
    "causal": lambda: ab.causal_mask(L, S),
    "padding": lambda: ab.padding_mask(np.array([0, 4]), S),
    "window": lambda: ab.sliding_window_mask(L, S, window=2),
    "empty row": empty_row,
}


def reference(q, k, v, mask=None, bias=None):
    q, k, v = (torch.as_tensor(np.array(x)) for x in (q, k, v))
    shape = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    q, k, v = (x.expand(*shape, *x.shape[-2:]) for x in (q, k, v))
    added = None
    if mask is not None or bias is not None:
        added = torch.zeros((), dtype=q.dtype) if bias is None else torch.as_tensor(bias).to(q)
        if mask is not None:
            added = torch.where(torch.as_tensor(mask), added, -torch.inf)
    return functional.scaled_dot_product_attention(q, k, v, added).numpy()


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(("dtype", "within"), [(np.float64, 1e-12), (np.float32, 3e-6)])
@pytest.mark.parametrize("spread", [1.0, 5.0])
def test_equals_torch(make, attend, mask, dtype, within, spread):
    q, k, v = draw(spread=spread, dtype=dtype)
    assert np.abs(q @ np.swapaxes(k, -1, -2)).max() / np.sqrt(D) < 30
    out = attend(make(q), make(k), make(v), mask=MASKS[mask]())
    assert isinstance(out, type(make(q)))
    assert out.dtype == make(q).dtype
    np.testing.assert_allclose(out, reference(q, k, v, MASKS[mask]()), rtol=0, atol=within)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", [1e2, 1e3, 1e4])
@pytest.mark.parametrize("near_tie", [False, True])
def test_equals_torch_for_large_scores(make, attend, dtype, size, near_tie):
    q, k, v = draw(seed=3)
    if near_tie:
        k[..., 1, :] = k[..., 0, :] * (1 + 1e-6)
    largest = np.abs(q @ np.swapaxes(k, -1, -2)).max() / np.sqrt(D)
    q = q * (size / largest)
    q, k, v = (x.astype(dtype) for x in (q, k, v))
    within = 8 * np.finfo(dtype).eps * size * np.abs(v).max()
    out = attend(make(q), make(k), make(v))
    np.testing.assert_allclose(out, reference(q, k, v), rtol=0, atol=within)


def test_bias_and_scale(make):
    q, k, v = draw()
    bias = np.random.default_rng(4).normal(size=(H, L, S))
    for form in ("dense", "dense in blocks"):
        out = FORMS[form](make(q), make(k), make(v), mask=empty_row(), bias=bias)
        np.testing.assert_allclose(out, reference(q, k, v, empty_row(), bias), rtol=0, atol=1e-12)
    out = ab.scaled_dot_product_attention(make(q), make(k), make(v), scale=0.3)
    np.testing.assert_allclose(out, reference(q * 0.3 * np.sqrt(D), k, v), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("q_batch", "k_batch", "v_batch"), [((), (), ()), ((4, 1), (3,), (3,)), ((), (2,), (6, 2))]
)
def test_leading_axes_broadcast(make, attend, q_batch, k_batch, v_batch):
    rng = np.random.default_rng(5)
    q, k = rng.normal(size=(*q_batch, L, D)), rng.normal(size=(*k_batch, S, D))
    v = rng.normal(size=(*v_batch, S, DV))
    out = attend(make(q), make(k), make(v))
    assert tuple(out.shape[:-2]) == np.broadcast_shapes(q_batch, k_batch, v_batch)
    np.testing.assert_allclose(out, reference(q, k, v), rtol=0, atol=1e-12)


def test_reversed_strided_and_read_only_input(attend):
    q, k, v = draw()
    expected = reference(q[..., ::-1, :], k[..., ::2, :], v[..., ::2, :])
    mask = np.ones((L, len(range(0, S, 2))), dtype=bool)[::-1]
    for x in (q, k, v, mask):
        x.flags.writeable = False
    out = attend(q[..., ::-1, :], k[..., ::2, :], v[..., ::2, :], mask=mask)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-12)
    t = [torch.as_tensor(x.copy()) for x in (q, k, v)]
    out = attend(t[0].flip(-2), t[1][..., ::2, :], t[2][..., ::2, :], mask=mask)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-12)


def test_empty_row_no_queries_no_keys(make, attend):
    q, k, v = map(make, draw())
    mask = empty_row()
    assert not np.asarray(attend(q, k, v, mask=mask))[0, :, 2].any()
    assert tuple(attend(q[..., :0, :], k, v).shape) == (B, H, 0, DV)
    out = np.asarray(attend(q, k[..., :0, :], v[..., :0, :]))
    assert out.shape == (B, H, L, DV)
    assert not out.any()


def test_nothing_is_changed_in_place(make, attend):
    q, k, v = map(make, draw())
    before = [np.asarray(x).copy() for x in (q, k, v)]
    mask = empty_row()
    attend(q, k, v, mask=mask)
    for x, old in zip((q, k, v), before, strict=True):
        np.testing.assert_array_equal(x, old)
    np.testing.assert_array_equal(mask, empty_row())


def test_gradients(attend):
    q, k, v = (torch.as_tensor(x[:1, :1, :3]).requires_grad_() for x in draw())
    mask = np.array([[True, False, True], [False] * 3, [True] * 3])
    assert torch.autograd.gradcheck(lambda *x: attend(*x, mask=mask), (q, k, v))


def test_no_stray_cpu_tensor(attend):
    q, k, v = (torch.as_tensor(x).to("meta") for x in draw())
    assert attend(q, k, v, mask=ab.causal_mask(L, S)).device.type == "meta"
    assert ab.apply_rope(draw_even("meta"), ab.rope_angles(4, 6)).device.type == "meta"


def draw_even(device):
    return torch.zeros(4, 6, device=device)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_come_out_in_kind(attend, dtype):
    q, k, v = (torch.as_tensor(x).to(dtype) for x in draw())
    out = attend(q, k, v, mask=empty_row())
    assert out.dtype == dtype
    expected = attend(q.double(), k.double(), v.double(), mask=empty_row())
    # Computed in float32 and rounded once: half a unit in the last place.
    within = torch.finfo(dtype).eps / 2 * expected.abs() + 2e-6
    assert ((out.double() - expected).abs() <= within).all()
    assert ab.softmax(q).dtype == dtype
    q16 = draw(dtype=np.float16)
    assert attend(*q16).dtype == np.float16


def test_softmax_by_hand(make):
    out = ab.softmax(make(np.log([[1.0, 3.0], [1.0, 1.0]])), axis=-1)
    np.testing.assert_allclose(out, [[0.25, 0.75], [0.5, 0.5]], atol=1e-15)
    out = ab.softmax(make(np.log([[1.0, 3.0], [1.0, 1.0]])), axis=0)
    np.testing.assert_allclose(out, [[0.5, 0.75], [0.5, 0.25]], atol=1e-15)
    assert np.isfinite(np.asarray(ab.softmax(make(np.array([1e6, -1e6, 3e38]))))).all()


def test_split_merge_repeat(make):
    x = make(np.arange(2 * 3 * 6.0).reshape(2, 3, 6))
    heads = ab.split_heads(x, 2)
    np.testing.assert_array_equal(heads[:, 1], x[..., 3:])
    np.testing.assert_array_equal(ab.merge_heads(heads), x)
    repeated = ab.repeat_heads(heads, 6)
    for h in range(6):
        np.testing.assert_array_equal(repeated[:, h], heads[:, h // 3])


def test_multi_head_equals_torch():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(2, 5, 12))
    w_q, w_k, w_v, w_o = (rng.normal(size=(12, 12)) / 4 for _ in range(4))
    module = torch.nn.MultiheadAttention(12, 3, bias=False, batch_first=True).double()
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.as_tensor(np.concatenate([w_q.T, w_k.T, w_v.T])))
        module.out_proj.weight.copy_(torch.as_tensor(w_o.T))
        t = torch.as_tensor(x)
        mask = ab.causal_mask(5)
        expected = module(t, t, t, attn_mask=torch.as_tensor(~mask))[0].numpy()
    out = ab.multi_head_attention(x, w_q, w_k, w_v, w_o, num_heads=3, mask=mask)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-12)


def test_entropy(make):
    weights = make(np.array([[1.0, 0.0, 0.0, 0.0], [0.25] * 4]))
    np.testing.assert_allclose(ab.attention_entropy(weights), [0, np.log(4)], atol=1e-15)
    np.testing.assert_allclose(ab.attention_entropy(weights, base=2), [0, 2], atol=1e-15)
    t = torch.tensor([[0.0, 1.0]], requires_grad=True)
    ab.attention_entropy(t).sum().backward()
    assert torch.isfinite(t.grad).all()


Q, K, V = (x[0, 0] for x in draw())
BAD = {
    "wrong last axis": (
        lambda: (Q, K[:, :4], V),
        {},
        ValueError,
        r"last axis.*\(5, 11\).*\(7, 4\)",
    ),
    "rows of k and v": (lambda: (Q, K, V[:3]), {}, ValueError, r"rows S.*\(7, 11\).*\(3, 13\)"),
    "one axis": (lambda: (Q[0], K, V), {}, ValueError, r"at least 2 axes.*\(11,\)"),
    "batches": (
        lambda: (np.stack([Q] * 2), np.stack([K] * 3), V),
        {},
        ValueError,
        r"leading axes.*broadcast",
    ),
    "integers": (lambda: (Q.astype(int), K, V), {}, TypeError, "real floats.*int64"),
    "complex": (lambda: (Q, K.astype(complex), V), {}, TypeError, "real floats.*complex128"),
    "objects": (lambda: (Q, K, V.astype(object)), {}, TypeError, "real floats.*object"),
    "lists": (lambda: (Q.tolist(), K, V), {}, TypeError, "NumPy or PyTorch.*list"),
    "mixed libraries": (lambda: (Q, torch.as_tensor(K), V), {}, TypeError, "one library"),
    "mixed dtypes": (lambda: (Q, K.astype(np.float32), V), {}, TypeError, "same dtype"),
    "float mask": (lambda: (Q, K, V), {"mask": np.ones((L, S))}, TypeError, "boolean.*float64"),
    "integer mask": (
        lambda: (Q, K, V),
        {"mask": np.ones((L, S), int)},
        TypeError,
        "boolean.*int64",
    ),
    "mask too small": (
        lambda: (Q, K, V),
        {"mask": np.ones((L, S - 1), bool)},
        ValueError,
        r"\(5, 7\).*\(5, 6\)",
    ),
    "mask widens": (
        lambda: (Q, K, V),
        {"mask": np.ones((2, L, S), bool)},
        ValueError,
        r"\(5, 7\).*\(2, 5, 7\)",
    ),
    "mask is a list": (lambda: (Q, K, V), {"mask": [[True] * S] * L}, TypeError, "mask.*list"),
    "scale": (lambda: (Q, K, V), {"scale": np.nan}, ValueError, "scale must be finite"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_must_hold(attend, case):
    arrays, options, error, message = BAD[case]
    with pytest.raises(error, match=message):
        attend(*arrays(), **options)


def test_other_errors():
    x = np.zeros((3, 6))
    with pytest.raises(TypeError, match="bias must hold real floats"):
        ab.attention_weights(Q, K, bias=np.ones((L, S), int))
    with pytest.raises(ValueError, match="num_heads must be at least 1"):
        ab.split_heads(x, 0)
    with pytest.raises(ValueError, match=r"divide the last axis.*\(3, 6\)"):
        ab.split_heads(x, 4)
    with pytest.raises(ValueError, match="multiple of the number of groups"):
        ab.repeat_heads(np.zeros((2, 3, 1)), 3)
    with pytest.raises(ValueError, match=r"w_q.*\(5, 6\).*\(3, 6\)"):
        ab.multi_head_attention(x, np.zeros((5, 6)), *[np.zeros((6, 6))] * 3, num_heads=2)
    with pytest.raises(ValueError, match="one row for each column of w_v"):
        ab.multi_head_attention(x, *[np.zeros((6, 6))] * 3, np.zeros((4, 6)), num_heads=2)
    with pytest.raises(ValueError, match="axis must be"):
        ab.softmax(x, axis=2)
    with pytest.raises(ValueError, match="block_size must be at least 1"):
        ab.streaming_attention(Q, K, V, block_size=0)


@pytest.mark.parametrize("block_size", [1, 2, 3, 7, 64])
def test_streaming_equals_dense_for_every_block(make, block_size):
    q, k, v = map(make, draw())
    out = ab.streaming_attention(q, k, v, mask=empty_row(), block_size=block_size)
    dense = ab.scaled_dot_product_attention(q, k, v, mask=empty_row())
    np.testing.assert_allclose(out, dense, rtol=0, atol=1e-12)

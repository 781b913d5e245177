"""Sinusoids, RoPE and ALiBi: values by hand, the relative property, errors."""

import numpy as np
import pytest
import torch

import attnbook as ab


def test_sinusoidal_by_hand():
    p = ab.sinusoidal_positions(3, 4)
    np.testing.assert_allclose(p[2], [np.sin(2), np.cos(2), np.sin(0.02), np.cos(0.02)])


@pytest.mark.parametrize("pairing", ["adjacent", "halves"])
def test_rope_scores_depend_on_the_distance_only(pairing):
    rng = np.random.default_rng(0)
    q, k = rng.normal(size=(2, 1, 8))
    scores = []
    for t in (0, 5, 700):
        turned = [
            ab.apply_rope(x, ab.rope_angles(np.array([at]), 8), pairing=pairing)
            for x, at in ((q, t), (k, t + 3))
        ]
        scores.append((turned[0] @ turned[1].T).item())
        np.testing.assert_allclose(np.linalg.norm(turned[0]), np.linalg.norm(q))
    np.testing.assert_allclose(scores, scores[0], atol=1e-11)
    assert abs(scores[0] - (q @ k.T).item()) > 0.1


def test_rope_by_hand_turns_counterclockwise():
    angles = np.array([[np.pi / 2, np.pi]])
    x = np.array([[1.0, 0.0, 1.0, 2.0]])
    np.testing.assert_allclose(ab.apply_rope(x, angles), [[0, 1, -1, -2]], atol=1e-15)
    np.testing.assert_allclose(
        ab.apply_rope(x, angles, pairing="halves"), [[-1, 0, 1, -2]], atol=1e-15
    )


def test_rope_frequencies():
    np.testing.assert_allclose(ab.rope_angles(2, 4, base=100.0)[1], [1.0, 0.1])
    np.testing.assert_array_equal(ab.rope_angles(3, 4), ab.rope_angles(np.arange(3.0), 4))


def test_pairings_convert():
    rng = np.random.default_rng(1)
    x, angles = rng.normal(size=(2, 5, 8)), ab.rope_angles(np.array([3, 1, 4, 1, 5]), 8)
    halves = ab.apply_rope(ab.convert_pairing(x, to="halves"), angles, pairing="halves")
    np.testing.assert_allclose(ab.convert_pairing(halves, to="adjacent"), ab.apply_rope(x, angles))
    assert np.abs(halves - ab.apply_rope(x, angles)).max() > 0.1


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_rope_follows_the_tensor(dtype):
    x = torch.randn(2, 3, 6, dtype=dtype, generator=torch.Generator().manual_seed(0))
    out = ab.apply_rope(x, ab.rope_angles(3, 6))
    assert out.dtype == dtype
    expected = ab.apply_rope(x.double().numpy(), ab.rope_angles(3, 6))
    np.testing.assert_allclose(out.double(), expected, atol=8 * torch.finfo(dtype).eps)


def test_rope_gradients():
    x = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(
        lambda t: ab.apply_rope(t, ab.rope_angles(3, 4)), x.requires_grad_()
    )


def test_alibi():
    np.testing.assert_allclose(ab.alibi_slopes(8), 2.0 ** -np.arange(1, 9))
    np.testing.assert_allclose(ab.alibi_slopes(3), [2.0**-4, 2.0**-8, 2.0**-2])
    bias = ab.alibi_bias(2, 2, 3)
    np.testing.assert_allclose(bias[0], -(2.0**-4) * np.array([[1, 0, 1], [2, 1, 0]]))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ab.rope_angles(3, 5), ValueError, "head_dim must be even"),
        (lambda: ab.rope_angles(np.array([0, np.nan]), 4), ValueError, "finite"),
        (lambda: ab.rope_angles(np.zeros((2, 2)), 4), ValueError, "one axis"),
        (lambda: ab.rope_angles(np.array([1j]), 4), TypeError, "real numbers"),
        (lambda: ab.apply_rope(np.zeros((3, 5)), np.zeros((3, 2))), ValueError, "even"),
        (lambda: ab.apply_rope(np.zeros((3, 4)), np.zeros((2, 2))), ValueError, r"\(3, 2\)"),
        (
            lambda: ab.apply_rope(np.zeros((3, 4)), np.zeros((3, 2)), pairing="x"),
            ValueError,
            "pairing",
        ),
        (lambda: ab.convert_pairing(np.zeros(4), to="x"), ValueError, "pairing"),
        (lambda: ab.sinusoidal_positions(3, 5), ValueError, "d_model must be even"),
        (lambda: ab.alibi_slopes(0), ValueError, "num_heads must be at least 1"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

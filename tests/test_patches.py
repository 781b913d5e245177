"""Patches and the small vision transformer: cutting, hiding, and what positions do."""

import pytest
import torch

from attnbook.patches import PatchTransformer, from_patches, hide, to_patches, train_patches


def model(**options):
    torch.manual_seed(0)
    return PatchTransformer(9, 4, 3, d_model=8, num_heads=2, n_layers=2, **options).double()


IMAGES = torch.randn(5, 6, 6, generator=torch.Generator().manual_seed(1)).double()
PATCHES = to_patches(IMAGES)


def test_patches_are_squares_row_by_row_and_come_together_again():
    for row in range(3):
        for column in range(3):
            square = IMAGES[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            torch.testing.assert_close(PATCHES[:, 3 * row + column], square.flatten(1))
    torch.testing.assert_close(from_patches(PATCHES), IMAGES, rtol=0, atol=0)
    assert to_patches(torch.zeros(2, 4, 8), 4).shape == (2, 2, 16)


def test_a_hidden_patch_is_a_removed_token():
    vision, gone = model(), torch.tensor([[7, 2]]).expand(5, -1)
    x = vision.tokens(PATCHES)[:, [i for i in range(10) if i not in (8, 3)]]
    for block in vision.blocks:
        x = block(x)
    got = vision(PATCHES, keep=hide(gone, 2, n_patches=9))
    torch.testing.assert_close(got, vision.readout(vision.norm(x[:, 0])), rtol=0, atol=1e-12)
    assert (vision(PATCHES) - got).abs().min() > 1e-9


def test_the_weights_of_the_class_token():
    vision = model()
    keep = hide(torch.tensor([[7, 2]]).expand(5, -1), 2, n_patches=9)
    weights = vision.class_weights(PATCHES, keep=keep)
    assert weights.shape == (5, 2, 2, 10)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(5, 2, 2).double())
    assert (weights[..., [8, 3]] == 0).all()
    assert (weights[..., [0, 1, 2]] > 0).all()
    block = vision.blocks[0]
    read = block.norm_attention(vision.tokens(PATCHES))
    _, wanted = block.attention(read, return_weights=True)
    torch.testing.assert_close(vision.class_weights(PATCHES)[:, 0], wanted[:, :, 0])


def test_without_positions_patches_are_a_set():
    order = torch.randperm(9, generator=torch.Generator().manual_seed(2))
    blind, seeing = model(positions=False), model()
    torch.testing.assert_close(blind(PATCHES[:, order]), blind(PATCHES), rtol=0, atol=1e-12)
    assert (seeing(PATCHES[:, order]) - seeing(PATCHES)).abs().max() > 1e-3


def test_training_learns_and_can_be_repeated():
    labels = torch.arange(5) % 3
    runs = [
        train_patches(model(), PATCHES, labels, epochs=40, seed=3, batch_size=2) for _ in range(2)
    ]
    with torch.no_grad():
        first, second = (vision(PATCHES) for vision in runs)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert (first.argmax(dim=1) == labels).all()


def test_bad_input():
    with pytest.raises(ValueError, match="sides that 4 divides"):
        to_patches(IMAGES, 4)
    with pytest.raises(ValueError, match="square numbers"):
        from_patches(torch.zeros(3, 4))
    with pytest.raises(ValueError, match=r"shape \(B, 9, pixels\)"):
        model()(PATCHES[:, :8])
    with pytest.raises(ValueError, match="n at least 3"):
        hide(torch.tensor([[1, 2]]), 3, n_patches=9)

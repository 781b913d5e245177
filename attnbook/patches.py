"""Images as tokens: cutting into patches, and a small vision transformer of the book's blocks."""

from __future__ import annotations

import math

import torch
from torch import nn

from attnbook._checks import whole_number
from attnbook.models import TransformerBlock


def to_patches(images: torch.Tensor, size: int = 2) -> torch.Tensor:
    """Cut images into square patches, row by row from the top left.

    Parameters
    ----------
    images : tensor of shape (..., height, width)
        Gray values.
    size : int, default 2
        Side of a patch; must divide height and width.

    Returns
    -------
    tensor of shape (..., P, size * size)
        P patches, each with its pixels row by row.

    Raises
    ------
    ValueError
        If `images` has fewer than two axes, or `size` does not divide the last two.

    See Also
    --------
    from_patches : the inverse, for square images.

    Examples
    --------
    >>> import torch
    >>> from attnbook.patches import to_patches
    >>> to_patches(torch.arange(16).reshape(4, 4)).tolist()
    [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    """
    size = whole_number("size", size, minimum=1)
    if images.ndim < 2 or images.shape[-2] % size or images.shape[-1] % size:
        raise ValueError(
            f"images must have shape (..., height, width) with sides that {size} divides, "
            f"got {tuple(images.shape)}"
        )
    *batch, height, width = images.shape
    cut = images.reshape(*batch, height // size, size, width // size, size)
    return cut.transpose(-3, -2).reshape(*batch, -1, size * size)


def from_patches(patches: torch.Tensor) -> torch.Tensor:
    """Put the patches of square images together again.

    Parameters
    ----------
    patches : tensor of shape (..., P, size * size)
        Patches row by row; P and the last axis are square numbers.

    Returns
    -------
    tensor of shape (..., side, side)
        The images, with ``side = sqrt(P) * size``.

    Raises
    ------
    ValueError
        If the last two axes are not square numbers.

    Examples
    --------
    >>> import torch
    >>> from attnbook.patches import from_patches
    >>> from_patches(torch.tensor([[0, 1], [2, 3]]).reshape(4, 1)).tolist()
    [[0, 1], [2, 3]]
    """
    *batch, count, pixels = patches.shape
    across, size = math.isqrt(count), math.isqrt(pixels)
    if across**2 != count or size**2 != pixels:
        raise ValueError(
            f"patches must have square numbers of patches and pixels, got {tuple(patches.shape)}"
        )
    cut = patches.reshape(*batch, across, across, size, size)
    return cut.transpose(-3, -2).reshape(*batch, across * size, across * size)


class PatchTransformer(nn.Module):
    """A small vision transformer: patches and a class token through blocks, then a readout.

    Parameters
    ----------
    n_patches, patch_width : int
        P, and the number of pixels in a patch.
    n_classes : int
        Number of answers.
    d_model, num_heads, n_layers : int
        Width, heads and blocks.
    positions : bool, default True
        Whether a learned vector for each place is added to the tokens.

    Notes
    -----
    The readout sees the class token alone [1]_. Blocks are `TransformerBlock` of pre-norm, with
    one more norm before the readout.

    References
    ----------
    .. [1] A. Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image
       Recognition at Scale", ICLR 2021, https://arxiv.org/abs/2010.11929

    Examples
    --------
    >>> import torch
    >>> from attnbook.patches import PatchTransformer
    >>> model = PatchTransformer(16, 4, 10, d_model=8, num_heads=2, n_layers=1)
    >>> model(torch.zeros(3, 16, 4)).shape
    torch.Size([3, 10])
    """

    def __init__(
        self,
        n_patches: int,
        patch_width: int,
        n_classes: int,
        *,
        d_model: int = 32,
        num_heads: int = 4,
        n_layers: int = 2,
        positions: bool = True,
    ) -> None:
        super().__init__()
        self.n_patches = n_patches
        self.embedding = nn.Linear(patch_width, d_model)
        self.class_token = nn.Parameter(torch.randn(d_model))
        table = torch.randn(1 + n_patches, d_model) if positions else None
        self.positions = nn.Parameter(table) if table is not None else None
        self.blocks = nn.ModuleList(TransformerBlock(d_model, num_heads) for _ in range(n_layers))
        self.norm = nn.LayerNorm(d_model)
        self.readout = nn.Linear(d_model, n_classes)

    def tokens(self, patches: torch.Tensor) -> torch.Tensor:
        """Return what enters the first block.

        Parameters
        ----------
        patches : tensor of shape (B, P, patch_width)
            Images.

        Returns
        -------
        tensor of shape (B, 1 + P, d_model)
            The class token first.

        Raises
        ------
        ValueError
            If there are not P patches.
        """
        if patches.ndim != 3 or patches.shape[1] != self.n_patches:
            raise ValueError(
                f"patches must have shape (B, {self.n_patches}, pixels), got {tuple(patches.shape)}"
            )
        first = self.class_token.expand(len(patches), 1, -1)
        x = torch.cat([first, self.embedding(patches)], dim=1)
        return x if self.positions is None else x + self.positions

    def forward(self, patches: torch.Tensor, *, keep: torch.Tensor | None = None) -> torch.Tensor:
        """Return the scores of the classes.

        Parameters
        ----------
        patches : tensor of shape (B, P, patch_width)
            Images.
        keep : bool tensor of shape (B, P), optional
            False where a patch is hidden: no token attends to it, in any block.

        Returns
        -------
        tensor of shape (B, n_classes)
            Logits.
        """
        x, mask = self.tokens(patches), self._mask(keep)
        for block in self.blocks:
            x = block(x, mask=mask)
        return self.readout(self.norm(x[:, 0]))

    @torch.no_grad()
    def class_weights(
        self, patches: torch.Tensor, *, keep: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return where the class token looks, in every block.

        Parameters
        ----------
        patches, keep
            As in `forward`.

        Returns
        -------
        tensor of shape (B, n_layers, H, 1 + P)
            The weights of its query; the first is the one on itself.
        """
        x, mask, seen = self.tokens(patches), self._mask(keep), []
        for block in self.blocks:
            assert isinstance(block, TransformerBlock)
            read = block.norm_attention(x)
            seen.append(block.attention(read, mask=mask, return_weights=True)[1][:, :, 0])
            x = block(x, mask=mask)
        return torch.stack(seen, dim=1)

    @staticmethod
    def _mask(keep: torch.Tensor | None) -> torch.Tensor | None:
        if keep is None:
            return None
        return nn.functional.pad(keep, (1, 0), value=True)[:, None, None]


def train_patches(
    model: PatchTransformer,
    patches: torch.Tensor,
    labels: torch.Tensor,
    *,
    epochs: int,
    seed: int,
    hidden: float = 0.1,
    batch_size: int = 32,
    learning_rate: float = 5e-3,
) -> PatchTransformer:
    """Train a model to name the class, by Adam with a rate that falls to zero in a straight line.

    Parameters
    ----------
    model : PatchTransformer
        Changed in place.
    patches : tensor of shape (n, P, patch_width)
        Images.
    labels : int64 tensor of shape (n,)
        Their classes.
    epochs : int
        How often each image is seen.
    seed : int
        Of the order of the images and of the hidden patches.
    hidden : float, default 0.1
        Probability that a patch is hidden, drawn anew for every image and step.
    batch_size : int, default 32
        Images in a step.
    learning_rate : float, default 5e-3
        Of the first step.

    Returns
    -------
    PatchTransformer
        The same model.
    """
    generator = torch.Generator().manual_seed(seed)
    adam = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    n_steps = epochs * math.ceil(len(patches) / batch_size)
    fall = torch.optim.lr_scheduler.LinearLR(adam, 1.0, 1 / n_steps, total_iters=n_steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(patches), generator=generator).split(batch_size):
            keep = torch.rand(len(batch), model.n_patches, generator=generator) >= hidden
            loss = nn.functional.cross_entropy(model(patches[batch], keep=keep), labels[batch])
            adam.zero_grad()
            loss.backward()
            adam.step()
            fall.step()
    return model


def hide(order: torch.Tensor, count: int, *, n_patches: int) -> torch.Tensor:
    """Mark the first `count` patches of an order as hidden.

    Parameters
    ----------
    order : int64 tensor of shape (B, n)
        Patches of each image in the order in which they are to be hidden, at least `count`.
    count : int
        How many.
    n_patches : int
        P.

    Returns
    -------
    bool tensor of shape (B, P)
        False at the hidden patches: what `PatchTransformer` takes as `keep`.

    Raises
    ------
    ValueError
        If `order` has not two axes, or names fewer than `count` patches.

    Examples
    --------
    >>> import torch
    >>> from attnbook.patches import hide
    >>> hide(torch.tensor([[2, 0, 1]]), 1, n_patches=3).tolist()
    [[True, True, False]]
    """
    count = whole_number("count", count, minimum=0)
    if order.ndim != 2 or order.shape[1] < count:
        raise ValueError(
            f"order must have shape (B, n) with n at least {count}, got {tuple(order.shape)}"
        )
    keep = torch.ones(len(order), n_patches, dtype=torch.bool)
    return keep.scatter(1, order[:, :count], False)

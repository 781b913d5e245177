"""MiniLM, an encoder of six layers and twelve heads, in the book's own transformer blocks.

The model is all-MiniLM-L6-v2: a small BERT, trained to give a sentence a vector that lies near the
vectors of sentences with the same meaning.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

from attnbook._checks import whole_number
from attnbook.models import TransformerBlock
from attnbook.pretrained.wheels import fetch

LAYERS, HEADS, WIDTH, MLP_WIDTH, LONGEST = 6, 12, 384, 1536, 512

# The parts of a TransformerBlock, and what the file calls them.
PARTS = {
    "attention.q": "attention.self.query",
    "attention.k": "attention.self.key",
    "attention.v": "attention.self.value",
    "attention.o": "attention.output.dense",
    "norm_attention": "attention.output.LayerNorm",
    "mlp.0": "intermediate.dense",
    "mlp.2": "output.dense",
    "norm_mlp": "output.LayerNorm",
}


@dataclass(frozen=True)
class Reading:
    """What the model made of one text of N tokens.

    Attributes
    ----------
    tokens : list of str
        The pieces, ``[CLS]`` first and ``[SEP]`` last. A piece that goes on with a word starts
        with ``##``.
    hidden : tensor of shape (7, N, 384)
        The tokens' vectors: after the embedding, and after each layer.
    weights : tensor of shape (6, 12, N, N)
        Attention weights by layer and head; row *i* says where token *i* looks.

    Examples
    --------
    The sentence vector is the mean over the tokens, at length one:

    >>> import torch
    >>> from attnbook.pretrained.minilm import Reading
    >>> hidden = torch.tensor([[[1.0, 0.0], [5.0, 8.0]]])
    >>> Reading(["[CLS]", "[SEP]"], hidden, torch.ones(1, 1, 2, 2) / 2).vector
    tensor([0.6000, 0.8000])
    """

    tokens: list[str]
    hidden: torch.Tensor
    weights: torch.Tensor

    @property
    def vector(self) -> torch.Tensor:
        """Return the sentence vector, shape (384,), of length one."""
        return functional.normalize(self.hidden[-1].mean(dim=0), dim=0)


class MiniLM(nn.Module):
    """MiniLM's weights in six of the book's post-norm blocks.

    Parameters
    ----------
    folder : Path
        Holds ``model.safetensors`` and ``tokenizer.json``; `load` finds it.

    References
    ----------
    .. [1] J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
       Understanding", NAACL 2019, https://arxiv.org/abs/1810.04805
    .. [2] N. Reimers, I. Gurevych, "Sentence-BERT", EMNLP 2019, https://arxiv.org/abs/1908.10084
    .. [3] W. Wang et al., "MiniLM", NeurIPS 2020, https://arxiv.org/abs/2002.10957
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        stored = load_file(folder / "model.safetensors")
        with torch.device("meta"):  # shapes only: the weights come from the file
            self.words = nn.Embedding(30_522, WIDTH)
            self.positions = nn.Embedding(LONGEST, WIDTH)
            self.segments = nn.Embedding(2, WIDTH)  # first or second text; here always the first
            self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
            self.blocks = nn.ModuleList(_block() for _ in range(LAYERS))
        names = {
            "words": "embeddings.word_embeddings",
            "positions": "embeddings.position_embeddings",
            "segments": "embeddings.token_type_embeddings",
            "norm": "embeddings.LayerNorm",
        }
        for layer in range(LAYERS):
            names |= {f"blocks.{layer}.{a}": f"encoder.layer.{layer}.{b}" for a, b in PARTS.items()}
        weights = {}
        for own, theirs in names.items():
            for kind in ("weight", "bias"):
                if f"{theirs}.{kind}" in stored:
                    weights[f"{own}.{kind}"] = stored[f"{theirs}.{kind}"]
        self.load_state_dict(weights, assign=True)
        self.eval()
        self.requires_grad_(False)

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pass token numbers through all layers; no mask, every token sees every token.

        Parameters
        ----------
        ids : int tensor of shape (B, N)
            Texts of the same length, at most 512 tokens.

        Returns
        -------
        hidden : tensor of shape (7, B, N, 384)
            After the embedding, and after each layer.
        weights : tensor of shape (6, B, 12, N, N)
            Attention weights.

        Raises
        ------
        ValueError
            If the texts are longer than the table of positions.
        """
        x = self.embed(ids)
        hidden, weights = [x], []
        for block in self.blocks:
            attention = cast(TransformerBlock, block).attention
            weights.append(attention(x, return_weights=True)[1])
            x = block(x)
            hidden.append(x)
        return torch.stack(hidden), torch.stack(weights)

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Return what the first layer reads: word, place and segment, added and normalized.

        Parameters
        ----------
        ids : int tensor of shape (B, N)
            Texts of the same length, at most 512 tokens.

        Returns
        -------
        tensor of shape (B, N, 384)
            One vector for each token.

        Raises
        ------
        ValueError
            If the texts are longer than the table of positions.
        """
        n = ids.shape[-1]
        if n > LONGEST:
            raise ValueError(f"a text may have at most {LONGEST} tokens, got {n}")
        places = self.positions(torch.arange(n))
        found: torch.Tensor = self.norm(self.words(ids) + places + self.segments.weight[0])
        return found

    def ids(self, text: str) -> list[int]:
        """Return the numbers of a text's tokens, ``[CLS]`` and ``[SEP]`` included."""
        found: list[int] = self.tokenizer.encode(text).ids
        return found

    def read(self, text: str) -> Reading:
        """Read one text.

        Parameters
        ----------
        text : str
            At most 510 tokens of text; case does not matter.

        Returns
        -------
        Reading
            Tokens, hidden states and weights.

        Raises
        ------
        ValueError
            If the text is too long.
        """
        found = self.tokenizer.encode(text)
        hidden, weights = self(torch.tensor([found.ids]))
        return Reading(found.tokens, hidden[:, 0], weights[:, 0])

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the sentence vectors, shape (len(texts), 384)."""
        return torch.stack([self.read(text).vector for text in texts])

    def without_positions(self) -> MiniLM:
        """Return the model with nothing added for a token's place; all else is shared."""
        changed = copy.copy(self)
        changed._modules = dict(self._modules)
        changed.positions = nn.Embedding.from_pretrained(torch.zeros_like(self.positions.weight))
        return changed

    def without_scale(self) -> MiniLM:
        """Return the model with raw scores q.k: queries are multiplied by the root of the width."""
        factor = (WIDTH // HEADS) ** 0.5
        return self._with_blocks(range(LAYERS), lambda _, block: _times(block.attention.q, factor))

    def without_heads(self, heads: Iterable[tuple[int, int]]) -> MiniLM:
        """Return the model with some heads knocked out: what they read is not written.

        Parameters
        ----------
        heads : iterable of (layer, head)
            Both counted from 0. The head's rows of W_O become zero; its weights are still computed.

        Returns
        -------
        MiniLM
            Shares all other weights with this one.

        Raises
        ------
        ValueError
            If there is no such layer or head.
        """
        chosen = [_known(layer, head) for layer, head in heads]

        def silence(layer: int, block: TransformerBlock) -> None:
            weight = block.attention.o.weight.clone()  # (384, 384): transposed, heads are columns
            for of_layer, head in chosen:
                if of_layer == layer:
                    weight.unflatten(1, (HEADS, -1))[:, head] = 0
            block.attention.o.weight = nn.Parameter(weight, requires_grad=False)

        return self._with_blocks({layer for layer, _ in chosen}, silence)

    def _with_blocks(
        self, layers: Iterable[int], change: Callable[[int, TransformerBlock], None]
    ) -> MiniLM:
        changed = copy.copy(self)
        changed._modules = dict(self._modules)
        blocks = list(self.blocks)
        for layer in layers:
            block = cast(TransformerBlock, copy.deepcopy(blocks[layer]))
            change(layer, block)
            blocks[layer] = block
        changed.blocks = nn.ModuleList(blocks)
        return changed


def _block() -> TransformerBlock:
    block = TransformerBlock(WIDTH, HEADS, mlp_width=MLP_WIDTH, norm="post")
    block.norm_attention.eps = block.norm_mlp.eps = 1e-12
    return block


def _times(linear: nn.Linear, factor: float) -> None:
    for name, weight in linear.named_parameters():
        setattr(linear, name, nn.Parameter(weight * factor, requires_grad=False))


def _known(layer: int, head: int) -> tuple[int, int]:
    whole_number("layer", layer, minimum=0)
    whole_number("head", head, minimum=0)
    if layer >= LAYERS or head >= HEADS:
        raise ValueError(
            f"there are layers 0 to {LAYERS - 1} with heads 0 to {HEADS - 1}, "
            f"got layer {layer}, head {head}"
        )
    return layer, head


def load() -> MiniLM:
    """Return the model with its weights, fetched at the first call.

    Returns
    -------
    MiniLM
        Float32, without gradients.

    Raises
    ------
    FetchError
        If the weights cannot be had.

    Examples
    --------
    >>> from attnbook.pretrained import minilm
    >>> model = minilm.load()  # doctest: +SKIP
    >>> model.read("The dog bit the man.").tokens  # doctest: +SKIP
    ['[CLS]', 'the', 'dog', 'bit', 'the', 'man', '.', '[SEP]']
    """
    return MiniLM(fetch("minilm"))

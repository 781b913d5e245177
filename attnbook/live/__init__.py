"""Figures to touch: the book's key ideas with sliders and handles, in a notebook and on a page."""

from .cache import Cache
from .causal_mask import CausalMask
from .heads import Heads
from .jacobian import Jacobian
from .permutation import Permutation
from .real_heads import RealHeads
from .retrieval import Retrieval
from .rope import Rope
from .scaling import Scaling
from .sinusoids import Sinusoids
from .temperature import Temperature

__all__ = [
    "Cache",
    "CausalMask",
    "Heads",
    "Jacobian",
    "Permutation",
    "RealHeads",
    "Retrieval",
    "Rope",
    "Scaling",
    "Sinusoids",
    "Temperature",
]

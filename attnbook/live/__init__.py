"""Figures to touch: the book's key ideas with sliders and handles, in a notebook and on a page."""

from .retrieval import Retrieval

__all__ = ["Retrieval"]

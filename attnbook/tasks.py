"""Small tasks with a known answer, made by NumPy from a random generator that the caller owns."""

from __future__ import annotations

import numpy as np

"""Names that every doctest may use."""

import numpy as np
import pytest

import attnbook


@pytest.fixture(autouse=True)
def _doctest_names(doctest_namespace):
    doctest_namespace.update(np=np, attnbook=attnbook)

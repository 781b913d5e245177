"""The hooks of conftest go red: a stale text, picture or claim record, a stripped notebook."""

import base64
import copy
import io
import json
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from attnbook.claims import METADATA_KEY
from conftest import picture_differs, record_differs
from tests.notebook_tools import ROOT, code_cells, read


def picture(scale):
    figure, ax = plt.subplots(figsize=(7, 3))
    x = np.linspace(0, 10, 100)
    ax.plot(x, np.sin(x) * scale)
    ax.set_ylim(-1.5, 1.5)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    plt.close(figure)
    return base64.b64encode(file.getvalue()).decode()


def test_a_changed_curve_exceeds_the_limit():
    assert picture_differs(picture(1.0), picture(1.0)) is None
    assert "RMS" in picture_differs(picture(1.2), picture(1.0))


RECORD = {
    "slug": "a.b",
    "what": None,
    "measured": [0.9, 0.9],
    "expected": None,
    "tolerance": 0.0,
    "at_least": 0.8,
    "at_most": None,
    "holds": None,
    "requirement": "at least 0.8",
}


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({}, False),
        ({"measured": [0.95, 0.95]}, False),
        ({"measured": [1.1, 1.1]}, True),
        ({"at_least": 0.7}, True),
        ({"slug": "a.c"}, True),
    ],
)
def test_records_may_move_within_their_slack_only(change, differs):
    assert (record_differs(RECORD | change, RECORD) is not None) == differs


def test_a_missing_record_differs():
    assert record_differs(None, RECORD) is not None


def stale_text(cells):
    for cell in cells:
        for output in cell["outputs"]:
            if "text/markdown" in output.get("data", {}):
                output["data"]["text/markdown"] = ["stale"]


def stale_record(cells):
    for cell in cells:
        for output in cell["outputs"]:
            if METADATA_KEY in output.get("metadata", {}):
                output["metadata"][METADATA_KEY]["what"] = "stale"


def stale_picture(cells):
    for cell in cells:
        for output in cell["outputs"]:
            if "image/png" in output.get("data", {}):
                output["data"]["image/png"] = picture(1.0)


@pytest.mark.parametrize("spoil", [stale_text, stale_record, stale_picture])
def test_nbval_goes_red_for(spoil, tmp_path):
    """One run of nbval on a spoiled notebook of two cells, with this project's conftest."""
    source = [
        "import matplotlib.pyplot as plt",
        "from IPython.display import Markdown, display",
        "from attnbook import claim",
        "claim('retrieval.convex', 1.0, 1.0)",
        "display(Markdown('fresh'))",
        "_ = plt.figure(figsize=(7, 3)).add_subplot().plot([0, 1])",
    ]
    notebook = {"cells": [], "metadata": read_any()["metadata"], "nbformat": 4, "nbformat_minor": 5}
    notebook["cells"] = [
        {
            "cell_type": "code",
            "id": "one",
            "metadata": {},
            "source": "\n".join(source),
            "outputs": [],
            "execution_count": None,
        }
    ]
    path = tmp_path / "toy.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    from tests.notebook_tools import execute

    execute(path)
    assert nbval(path) == 0
    fresh = read(path)
    spoiled = copy.deepcopy(fresh)
    spoil(code_cells(spoiled))
    assert spoiled != fresh
    path.write_text(json.dumps(spoiled), encoding="utf-8")
    assert nbval(path) == 1


def read_any():
    return read(sorted((ROOT / "chapters").glob("*.ipynb"))[0])


def nbval(path):
    options = ["--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-p", "conftest"]
    command = [sys.executable, "-m", "pytest", "-q", *options, "-c", str(ROOT / "pyproject.toml")]
    return subprocess.run([*command, str(path)], cwd=ROOT, check=False).returncode

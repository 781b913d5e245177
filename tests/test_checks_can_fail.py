"""The hooks of conftest go red: a stale text, picture or claim record, a stripped notebook."""

import base64
import copy
import io
import json
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest

from attnbook.claims import METADATA_KEY, ledger
from conftest import PINNED_MATPLOTLIB, picture_differs, record_differs
from tests import test_notebooks as book
from tests.notebook_tools import CHAPTERS, ROOT, code_cells, execute, read, slice_cells


def picture(scale, color="#0072B2", label=None):
    figure, ax = plt.subplots(figsize=(7, 3))
    x = np.linspace(0, 10, 100)
    ax.plot(x, np.sin(x) * scale, color=color)
    ax.text(5, 1.2, label or "")
    ax.set_ylim(-1.5, 1.5)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    plt.close(figure)
    return base64.b64encode(file.getvalue()).decode()


def test_a_changed_curve_exceeds_the_limit():
    assert picture_differs(picture(1.0), picture(1.0)) is None
    assert "RMS" in picture_differs(picture(1.03), picture(1.0))
    assert "RMS" in picture_differs(picture(1.0, color="#D55E00"), picture(1.0))
    assert "RMS" in picture_differs(picture(1.0, label="a label"), picture(1.0))
    assert "missing" in picture_differs(None, picture(1.0))
    assert "missing" in picture_differs(picture(1.0), None)


def test_pictures_are_compared_with_the_pinned_version():
    assert f"matplotlib=={PINNED_MATPLOTLIB}\n" in (ROOT / "requirements.txt").read_text()
    assert matplotlib.__version__ == PINNED_MATPLOTLIB


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


def test_nbval_goes_red_for_what_is_stale(tmp_path):
    """One run of nbval, with this project's conftest, on a notebook and three spoiled copies."""
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
    path = tmp_path / "fresh.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    execute(path)
    fresh = read(path)
    for spoil in (stale_text, stale_record, stale_picture):
        spoiled = copy.deepcopy(fresh)
        spoil(code_cells(spoiled))
        assert spoiled != fresh
        (tmp_path / f"{spoil.__name__}.ipynb").write_text(json.dumps(spoiled), encoding="utf-8")
    assert nbval(tmp_path) == {
        "fresh": "passed",
        "stale_picture": "failed",
        "stale_record": "failed",
        "stale_text": "failed",
    }


def read_any():
    return read(sorted((ROOT / "chapters").glob("*.ipynb"))[0])


def nbval(folder):
    """Return how the one cell of each notebook of a folder ended."""
    report = folder / "report.xml"
    options = ["--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-p", "conftest"]
    command = [sys.executable, "-m", "pytest", "-q", *options, "-c", str(ROOT / "pyproject.toml")]
    subprocess.run([*command, f"--junitxml={report}", str(folder)], cwd=ROOT, check=False)
    cases = ElementTree.parse(report).iter("testcase")
    return {
        case.get("classname").split(".")[-2]: "passed" if case.find("failure") is None else "failed"
        for case in cases
    }


def without_output(notebook):
    for cell in code_cells(notebook):
        cell["outputs"], cell["execution_count"] = [], None


def with_error(notebook):
    error = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
    code_cells(notebook)[0]["outputs"].append(error)


def with_warning(notebook):
    warning = {"output_type": "stream", "name": "stderr", "text": ["careful"]}
    code_cells(notebook)[0]["outputs"].append(warning)


def with_a_path(notebook):
    text = {"output_type": "stream", "name": "stdout", "text": ["/home/ada/book/x.npz"]}
    code_cells(notebook)[0]["outputs"].append(text)


def hidden_from_nbval(notebook):
    code_cells(notebook)[0]["metadata"]["tags"] = ["nbval-ignore-output"]


def with_a_timestamp(notebook):
    code_cells(notebook)[0]["metadata"]["execution"] = {"iopub.execute_input": "2026-01-01"}


def with_one_id_twice(notebook):
    notebook["cells"][1]["id"] = notebook["cells"][0]["id"]


def with_a_long_cell(notebook):
    code_cells(notebook)[0]["source"] = ["x = 1\n"] * 21


def pictures(notebook):
    return [cell for cell in code_cells(notebook) if "mystnb" in cell["metadata"]]


def without_alt_text(notebook):
    pictures(notebook)[0]["metadata"]["mystnb"]["image"]["alt"] = ""


def without_its_picture(notebook):
    for output in pictures(notebook)[0]["outputs"]:
        output.get("data", {}).pop("image/png", None)


def with_a_typed_result(notebook):
    notebook["cells"][-1] = {
        "cell_type": "markdown",
        "id": "typed",
        "metadata": {},
        "source": ["The slope is $0.98765$."],
    }


def with_a_typed_result_in_a_caption(notebook):
    pictures(notebook)[0]["metadata"]["mystnb"]["figure"]["caption"] = "The slope is 0.98765."


@pytest.mark.parametrize(
    ("check", "spoil"),
    [
        (book.test_every_cell_ran_in_order_without_error, without_output),
        (book.test_every_cell_ran_in_order_without_error, with_error),
        (book.test_every_cell_ran_in_order_without_error, with_warning),
        (book.test_no_output_names_a_folder_of_the_machine, with_a_path),
        (book.test_nothing_is_kept_from_nbval, hidden_from_nbval),
        (book.test_the_file_is_normalized_and_small, with_a_timestamp),
        (book.test_the_file_is_valid_and_its_cells_have_their_own_ids, with_one_id_twice),
        (book.test_cells_are_short, with_a_long_cell),
        (book.test_every_picture_has_a_caption_a_name_and_alt_text, without_alt_text),
        (book.test_every_picture_has_a_caption_a_name_and_alt_text, without_its_picture),
        (book.test_a_number_in_prose_is_an_input_of_the_code, with_a_typed_result),
        (book.test_a_number_in_prose_is_an_input_of_the_code, with_a_typed_result_in_a_caption),
    ],
)
def test_the_checks_of_the_file_go_red(check, spoil, tmp_path):
    path = tmp_path / CHAPTERS[0].name
    notebook = read(CHAPTERS[0])
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    check(path)
    spoil(notebook)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    with pytest.raises((AssertionError, nbformat.ValidationError)):
        check(path)


def test_a_claim_without_a_record_goes_red(monkeypatch):
    extra = {"a.b": {"chapter": CHAPTERS[0].stem, "sentence": "No cell measures this."}}
    monkeypatch.setattr(book, "ledger", lambda: ledger() | extra)
    with pytest.raises(AssertionError):
        book.test_the_ledger_and_the_records_agree()
    monkeypatch.setattr(book, "ledger", lambda: dict(list(ledger().items())[1:]))
    with pytest.raises(AssertionError):
        book.test_the_ledger_and_the_records_agree()


def test_the_cells_of_a_claim_are_found():
    cells = [
        "import numpy as np",
        "x = np.zeros(3)",
        "y = np.ones(3)",
        "x[0] = 1",
        "seen = []",
        "seen.append(2)",
        "np.testing.assert_allclose(y, 1)",
        "def f():\n    return x, seen",
        "x2 = f()",
        "claim('other.one', y)",
        'claim(\n    "a.b",\n    x2,\n)',
        "x[1] = 2",
    ]
    notebook = {"cells": [{"cell_type": "code", "source": [text]} for text in cells]}
    assert slice_cells(notebook, "a.b") == [cells[i] for i in (0, 1, 3, 4, 5, 7, 8, 10)]
    notebook["cells"].append({"cell_type": "code", "source": ["claim('a.b', y, what='more')"]})
    assert slice_cells(notebook, "a.b", "more") == [
        cells[0],
        cells[2],
        "claim('a.b', y, what='more')",
    ]

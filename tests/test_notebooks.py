"""What nbval does not see: unexecuted cells, missing alt text, claims without a record."""

import re

import pytest

from attnbook.claims import METADATA_KEY, ledger
from tests.notebook_tools import CHAPTERS, code_cells, normalized, read, source

chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def outputs(notebook):
    return [(cell, output) for cell in code_cells(notebook) for output in cell["outputs"]]


@chapter
def test_every_cell_ran_in_order_without_error(path):
    notebook = read(path)
    counts = [cell["execution_count"] for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    for cell, output in outputs(notebook):
        assert output["output_type"] != "error", source(cell)
        assert output.get("name") != "stderr", source(cell)


@chapter
def test_the_file_is_normalized_and_small(path):
    text = path.read_text(encoding="utf-8")
    assert text == normalized(read(path), path.stem), "run make notebooks"
    assert len(text) < 5_000_000


@chapter
def test_cells_are_short(path):
    for cell in code_cells(read(path)):
        lines = [line for line in source(cell).splitlines() if line.strip()]
        assert len(lines) <= 20, source(cell)


@chapter
def test_every_picture_has_a_caption_a_name_and_alt_text(path):
    for cell, output in outputs(read(path)):
        if "image/png" in output.get("data", {}):
            shown = cell["metadata"]["mystnb"]
            assert shown["figure"]["name"].startswith("fig-")
            assert len(shown["image"]["alt"]) >= 40
            assert shown["image"]["alt"] != shown["figure"]["caption"]


def test_figure_names_are_unique():
    names = [
        cell["metadata"]["mystnb"]["figure"]["name"]
        for path in CHAPTERS
        for cell in code_cells(read(path))
        if "mystnb" in cell["metadata"]
    ]
    assert len(names) == len(set(names))


def test_the_ledger_and_the_records_agree():
    recorded = {
        (output["metadata"][METADATA_KEY]["slug"], path.stem)
        for path in CHAPTERS
        for _, output in outputs(read(path))
        if METADATA_KEY in output.get("metadata", {})
    }
    assert recorded == {(slug, entry["chapter"]) for slug, entry in ledger().items()}


NUMBER = re.compile(r"(?<![\w.])\d+(?:[ ,]\d{3})*(?:\.\d+)?")


def numbers_in_prose(markdown: str) -> list[str]:
    """Return decimals and whole numbers above 12 that stand in prose; years are allowed."""
    text = re.sub(r"```.*?```|\$\$.*?\$\$|`[^`]*`|\]\([^)]*\)", " ", markdown, flags=re.DOTALL)
    found = [match.strip(" ,").replace(" ", "").replace(",", "") for match in NUMBER.findall(text)]
    return [n for n in found if "." in n or (int(n) > 12 and not 1900 <= int(n) <= 2100)]


def test_the_number_finder():
    assert numbers_in_prose("it is 0.93, or 17 times, in 2017; at most 8 `x = 3.5` $d=512$") == [
        "0.93",
        "17",
        "512",
    ]


@chapter
def test_a_number_in_prose_is_an_input_of_the_code(path):
    notebook = read(path)
    code = "\n".join(source(cell) for cell in code_cells(notebook)).replace("_", "")
    literals = set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?:e\d+)?", code))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            typed = [n for n in numbers_in_prose(source(cell)) if n not in literals]
            assert not typed, f"{typed} in: {source(cell)}"

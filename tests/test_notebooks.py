"""What nbval does not see: unexecuted cells, missing alt text, claims without a record."""

import ast
import json
import re
import statistics

import nbformat
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
def test_nothing_is_kept_from_nbval(path):
    for cell in code_cells(read(path)):
        tags = cell["metadata"].get("tags", [])
        assert not [tag for tag in tags if tag.startswith("nbval") or tag == "skip-execution"]
        assert "NBVAL_" not in source(cell).upper()


MACHINE = re.compile(r"(?<![\w.:/])/(?:home|Users|root|tmp|work|opt|usr|var)/|[A-Z]:\\\\?Users")


def test_the_path_finder():
    assert MACHINE.search('File "/home/ada/book.py"')
    assert MACHINE.search("see /usr/lib/x.npz")
    assert not MACHINE.search("https://example.org/usr/home/ or a/tmp/b, and 1/2")


@chapter
def test_no_output_names_a_folder_of_the_machine(path):
    for cell, output in outputs(read(path)):
        texts = {k: v for k, v in output.get("data", {}).items() if not k.startswith("image/")}
        assert not MACHINE.search(json.dumps([texts, output.get("text")])), source(cell)


@chapter
def test_the_file_is_valid_and_its_cells_have_their_own_ids(path):
    ids = [cell["id"] for cell in read(path)["cells"]]
    assert len(ids) == len(set(ids))
    nbformat.validate(nbformat.from_dict(read(path)))


@chapter
def test_the_file_is_normalized_and_small(path):
    text = path.read_text(encoding="utf-8")
    assert text == normalized(read(path), path.stem), "run make notebooks"
    assert len(text) < 5_000_000


@chapter
def test_cells_are_short(path):
    cells = [source(cell) for cell in code_cells(read(path))]
    lengths = [sum(1 for line in text.splitlines() if line.strip()) for text in cells]
    assert max(lengths) <= 20, cells[lengths.index(max(lengths))]
    assert statistics.median(lengths) <= 5, "split cells, or move code to attnbook"


@chapter
def test_every_picture_has_a_caption_a_name_and_alt_text(path):
    for cell in code_cells(read(path)):
        pictures = sum("image/png" in output.get("data", {}) for output in cell["outputs"])
        assert pictures == ("mystnb" in cell["metadata"]), "one picture to a cell, with its text"
        if pictures:
            shown = cell["metadata"]["mystnb"]
            assert shown["figure"]["caption"].strip()
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


NUMBER = re.compile(r"(?<![\w.])(?:\d+(?:[ ,]\d{3})*(?:\.\d+)?|\.\d+)")


def numbers_in_prose(markdown: str) -> list[str]:
    """Return decimals and whole numbers above 12 that stand in prose; years are allowed."""
    text = re.sub(r"```.*?```|\$\$.*?\$\$|`[^`]*`|\]\([^)]*\)", " ", markdown, flags=re.DOTALL)
    text = re.sub(r"\b[A-Za-z]\w*-\d+[A-Za-z]\w*", " ", text)  # names such as pythia-70m
    found = [match.strip(" ,").replace(" ", "").replace(",", "") for match in NUMBER.findall(text)]
    return [n for n in found if "." in n or (int(n) > 12 and not 1900 <= int(n) <= 2100)]


def numbers_in_code(cells) -> set[float]:
    """Return the numbers that the code itself holds; those in comments and texts do not count."""
    nodes = [node for text in cells for node in ast.walk(ast.parse(text))]
    constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return {float(c) for c in constants if isinstance(c, int | float)}


def test_the_number_finder_passes_names_only():
    assert numbers_in_prose("[pythia-70m](https://example.org/318), top-20, .75") == [
        "20",
        ".75",
    ]


def test_numbers_in_comments_are_no_inputs():
    assert numbers_in_code(["d = 1_024  # 0.93\nname = 'at 17'\nprint(f'{d * 0.5:.2f}')"]) == {
        1024.0,
        0.5,
    }


def test_the_number_finder():
    assert numbers_in_prose("it is 0.93, or 17 times, in 2017; at most 8 `x = 3.5` $d=512$") == [
        "0.93",
        "17",
        "512",
    ]


@chapter
def test_a_number_in_prose_is_an_input_of_the_code(path):
    notebook = read(path)
    inputs = numbers_in_code(source(cell) for cell in code_cells(notebook))
    for cell in notebook["cells"]:
        texts = [source(cell)] if cell["cell_type"] == "markdown" else []
        if "mystnb" in cell["metadata"]:
            shown = cell["metadata"]["mystnb"]
            texts += [shown["figure"]["caption"], shown["image"]["alt"]]
        for text in texts:
            typed = [n for n in numbers_in_prose(text) if float(n) not in inputs]
            assert not typed, f"{typed} in: {text}"

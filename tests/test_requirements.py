"""The list for building the book is a part of the full list, with the same pins."""

from tests.notebook_tools import ROOT


def pins(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def test_the_book_list_is_a_part_of_the_full_list():
    book, full = pins("requirements-book.txt"), pins("requirements.txt")
    assert book
    assert book < full
    assert all("==" in line for line in full)
    assert not any(line.startswith("torch") for line in book)

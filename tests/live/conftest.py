"""A page that fails its test when it errs."""

from __future__ import annotations

import pytest


@pytest.fixture
def tab(browser):
    """Return an empty page; at the end it must have had no error."""
    context = browser.new_context(viewport={"width": 1000, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    page.problems = []
    page.on("console", lambda m: m.type == "error" and page.problems.append(m.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    yield page
    context.close()
    assert not page.problems, page.problems

"""One browser for all tests; a page that fails a test when it errs or asks another host."""

from __future__ import annotations

import pytest
from playwright.sync_api import sync_playwright

from tests.live.browser import launch


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


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

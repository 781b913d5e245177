"""Every page in a real browser: light, quiet, alone on its host, for everyone.

``pytest tests/pages/test_browser.py -s`` also prints what each page weighs.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import axe_playwright_python
import pytest
from fontTools.ttLib import TTFont

from tests.pages.host import sent, serve
from tests.pages.test_pages import SITE, is_redirect, pages
from tests.scope import EVERYTHING

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
NAMES = [str(path.relative_to(SITE)) for path in pages() if not is_redirect(path)]
EACH = pytest.mark.parametrize("name", NAMES)
# Pages that hold every kind of thing. Contrast, which takes axe most of its time, and dark colors and phones are
# looked at on these; in make test-all on all pages.
SAMPLE = {"index", "retrieval", "positions", "notation", "bibliography", "search"}
BUDGET = 180  # KiB of a page on first load, packed, without its own pictures
WITH_PICTURES = (
    300  # KiB with those that stand in the first screen; the others load when they come near
)
PAINTED = 1000  # milliseconds until the largest content shows, on a slow line and a slow processor


@pytest.fixture(scope="session")
def host():
    server, address = serve(SITE)
    yield address
    server.shutdown()
    server.server_close()


class Visit:
    """A page as a visitor gets it: what was asked for, and what went wrong."""

    def __init__(self, browser, address: str, width: int = 1280, **options) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        self.page = self.context.new_page()
        self.asked, self.problems = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("requestfailed", lambda r: self.problems.append(f"{r.url}: {r.failure}"))
        self.page.on(
            "response", lambda r: r.status >= 400 and self.problems.append(f"{r.status} {r.url}")
        )
        self.page.on(
            "console", lambda m: m.type in ("error", "warning") and self.problems.append(m.text)
        )
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_load_state("load")
        if self.page.locator("#live-modules").count():
            self.page.wait_for_selector("html[data-live=ready]", timeout=20_000)

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.context.close()


def outside(addresses: list[str], host: str) -> list[str]:
    """Return the requests that leave the site."""
    return [a for a in addresses if not a.startswith((host, "blob:", "data:"))]


@EACH
def test_a_page_asks_nobody_else_weighs_little_and_fits_a_phone(browser, host, name):
    with Visit(browser, f"{host}/{name}", width=320) as visit:
        assert not outside(visit.asked, host)
        assert not visit.problems, visit.problems
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 320
        files = {SITE / urlsplit(a).path.lstrip("/") for a in visit.asked if a.startswith("http")}
        weights = {file: len(sent(file)[0]) / 1024 for file in files}
        pictures = sum(w for file, w in weights.items() if "_images" in file.parts)
        page = sum(weights.values()) - pictures
        print(f"\n{name}: {page:.0f} KiB, pictures {pictures:.0f} KiB, {len(files)} requests")
        if name.startswith("chapters/"):
            assert page <= BUDGET, sorted(((w, str(f)) for f, w in weights.items()), reverse=True)[
                :6
            ]
            assert page + pictures <= WITH_PICTURES
        alive = visit.page.locator(".live[data-alive=true]").count()
        assert alive == visit.page.locator(".live").count()


def violations(page, **options) -> list[str]:
    """Return what axe finds, each rule with its first element.

    The visible half of a formula is left out: thousands of elements, hidden from screen readers, in the color of
    the text around them, which a line here makes sure of. Its other half, MathML, is looked at.
    """
    colors = page.evaluate(
        """() => [...document.querySelectorAll(".katex-html")].filter((formula) =>
          getComputedStyle(formula).color !== getComputedStyle(formula.closest(".katex").parentElement).color).length"""
    )
    assert colors == 0, "formulas in a color of their own"
    return page.evaluate(
        """async (options) => (await axe.run({ exclude: [".katex-html"] }, { resultTypes: ["violations"], ...options })).violations
          .map(({ id, nodes }) => `${id} (${nodes.length}): ${nodes[0].html.slice(0, 200)}`)""",
        options,
    )


@EACH
def test_axe_finds_nothing_in_light_and_dark(browser, host, name):
    with Visit(browser, f"{host}/{name}", color_scheme="light", reduced_motion="reduce") as visit:
        visit.page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        visit.page.evaluate(AXE)
        whole = EVERYTHING or Path(name).stem in SAMPLE
        assert not violations(visit.page, rules={"color-contrast": {"enabled": whole}})
        if whole:
            visit.page.emulate_media(color_scheme="dark")
            visit.page.wait_for_selector("html[data-theme=dark]")
            assert not violations(visit.page, runOnly=["color-contrast"])  # only colors changed


@EACH
def test_a_page_works_on_a_phone_from_a_folder_and_axe_finds_nothing(browser, name):
    options = {"offline": True, "reduced_motion": "reduce", "color_scheme": "light"}
    with Visit(browser, (SITE / name).as_uri(), width=390, **options) as visit:
        assert not outside(visit.asked, SITE.as_uri())
        assert not visit.problems, visit.problems
        alive = visit.page.locator(".live[data-alive=true]").count()
        assert alive == visit.page.locator(".live").count()
        if EVERYTHING or Path(name).stem in SAMPLE:
            visit.page.evaluate(AXE)
            assert not violations(visit.page)


@pytest.mark.timing
@pytest.mark.skipif(not EVERYTHING, reason="needs an idle machine: make test-all")
@pytest.mark.parametrize(
    "name", ["chapters/index.html", "chapters/retrieval.html", "chapters/temperature.html"]
)
def test_the_largest_content_shows_soon_on_a_slow_line(browser, host, name):
    """10 Mbit/s, 40 ms each way there and back, a processor slowed four times; one of three visits must do."""
    times = []
    for _ in range(3):
        context = browser.new_context(viewport={"width": 390, "height": 800})
        page = context.new_page()
        tools = context.new_cdp_session(page)
        tools.send("Network.enable")
        speed = 10e6 / 8
        line = {
            "offline": False,
            "latency": 40,
            "downloadThroughput": speed,
            "uploadThroughput": speed,
        }
        tools.send("Network.emulateNetworkConditions", line)
        tools.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.goto(f"{host}/{name}")
        times.append(
            page.evaluate(
                """() => new Promise((done) => new PerformanceObserver((list) => done(list.getEntries().at(-1).startTime))
                  .observe({ type: "largest-contentful-paint", buffered: true }))"""
            )
        )
        context.close()
        if times[-1] < PAINTED:
            break
    print(f"\n{name}: {min(times):.0f} ms")
    assert min(times) < PAINTED, times


def test_search_finds_what_is_on_a_page(browser, host):
    with Visit(browser, f"{host}/chapters/retrieval.html") as visit:
        visit.page.keyboard.press("Control+k")
        visit.page.keyboard.type("convex hull")
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_selector("#search-results li a", timeout=10_000)
        links = visit.page.locator("#search-results li a").evaluate_all(
            "(all) => all.map((a) => a.href)"
        )
        assert any("retrieval.html" in link for link in links), links
        assert not visit.problems, visit.problems


def test_icons_are_drawn(browser, host):
    """The font that is left holds every icon that the pages show."""
    with Visit(browser, f"{host}/chapters/retrieval.html") as visit:
        shown = visit.page.evaluate(
            """() => [...document.querySelectorAll("[class*='fa-']")]
              .map((icon) => getComputedStyle(icon, "::before").content.replaceAll('"', ""))"""
        )
    assert len(shown) > 5
    font = TTFont(SITE / "_static/vendor/fontawesome/webfonts/fa-solid-900.woff2")
    assert {ord(sign) for sign in shown} <= set(font.getBestCmap())


def test_the_color_of_the_page_follows_the_button(browser, host):
    with Visit(browser, f"{host}/chapters/retrieval.html", color_scheme="light") as visit:
        seen = []
        for _ in range(3):
            visit.page.locator(".theme-switch-button:visible").first.click()
            seen.append(visit.page.evaluate("document.documentElement.dataset.theme"))
        assert {"light", "dark"} == set(seen)


LIVE = {
    "index": ["retrieval"],
    "retrieval": ["retrieval"],
    "scaling": ["jacobian", "scaling"],
    "multi_head": ["heads"],
    "positions": ["permutation", "sinusoids"],
    "rope": ["rope"],
    "causal_masking": ["causal_mask"],
    "temperature": ["temperature"],
    "generation": ["cache"],
    "encoder": ["real_heads"],
}


@pytest.mark.parametrize("name", LIVE)
def test_every_figure_to_touch_stands_on_its_page(browser, host, name):
    with Visit(browser, f"{host}/chapters/{name}.html") as visit:
        for figure in LIVE[name]:
            assert visit.page.locator(f"#live-{figure}[data-alive=true] .live-figure").is_visible()

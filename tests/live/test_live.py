"""Every live figure: the browser shows NumPy's numbers, and its controls work by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import traitlets

from attnbook import live
from attnbook.live import modules
from attnbook.live.base import Numbers
from attnbook.live.chance import normals
from tests.live.stage import page

FIGURES = [getattr(live, name) for name in live.__all__]
EACH = pytest.mark.parametrize("kind", FIGURES, ids=lambda kind: kind.name)
HANDLES = {
    "retrieval": 1,
    "jacobian": 5,
    "permutation": 5,
    "rope": 3,
    "sinusoids": 2,
    "temperature": 1,
}
ALLOWED = 1e-9  # relative; both sides compute in float64, with sums in another order


def random_state(kind, rng) -> dict:
    """Return a state within the limits that the figure's traits name."""
    state = {}
    for name, value in kind().state().items():
        trait = getattr(kind, name)
        if isinstance(trait, Numbers):
            state[name] = (np.asarray(value) + rng.normal(size=trait.shape)).tolist()
        elif isinstance(trait, traitlets.Enum):
            state[name] = trait.values[rng.integers(len(trait.values))]
        elif isinstance(trait, traitlets.Bool):
            state[name] = bool(rng.integers(2))
        elif isinstance(trait, traitlets.Int):
            state[name] = int(rng.integers(trait.min, trait.max + 1))
        elif isinstance(trait, traitlets.Float):
            state[name] = float(rng.uniform(trait.min, trait.max))
        else:
            state[name] = kind.random(name, rng)
    return state


def assert_same(found, expected, what: str) -> None:
    """Compare what JavaScript found with NumPy's arrays; JSON turns infinities into null."""
    found = np.array(found, dtype=float)
    expected = np.asarray(expected, dtype=float)
    finite = np.isfinite(expected)
    assert found.shape == expected.shape, what
    np.testing.assert_array_equal(np.isfinite(found), finite, what)
    size = np.abs(expected[finite]).max(initial=1.0)
    np.testing.assert_allclose(
        found[finite], expected[finite], rtol=ALLOWED, atol=ALLOWED * size, err_msg=what
    )


def open_stage(tab, tmp_path, figure, theme: str = "light", query: str = ""):
    """Load a page with one figure and return the figure's element."""
    file = tmp_path / f"{figure.name}.html"
    file.write_text(page(figure, theme), encoding="utf-8")
    tab.goto(file.as_uri() + query)
    tab.wait_for_selector("html[data-live=ready]", timeout=10_000)
    assert tab.locator(".live[data-alive=true]").count() == 1, tab.problems
    return tab.locator(".live-figure")


def settled(tab):
    """Wait until what changed is painted; return state and numbers that are shown."""
    tab.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    return tab.locator(".live-figure").evaluate(
        "(root) => ({ state: root.state, found: root.found })"
    )


def assert_shown(tab, kind) -> dict:
    """Hold the numbers that the figure shows against NumPy's for the same state; return it."""
    shown = settled(tab)
    for name, expected in kind(**shown["state"]).numbers().items():
        assert_same(shown["found"][name], expected, f"{kind.name}: {name}")
    return shown["state"]


@EACH
def test_javascript_computes_what_numpy_computes(tab, kind):
    rng = np.random.default_rng(0)
    states = [kind().state()] + [random_state(kind, rng) for _ in range(25)]
    source = modules.kit() + modules.module(kind.name)
    found = tab.evaluate(
        """async ([source, states]) => {
          const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
          const { compute } = await import(address);
          return states.map(compute);
        }""",
        [source, states],
    )
    for state, numbers in zip(states, found, strict=True):
        expected = kind(**state).numbers()
        assert set(numbers) == set(expected)
        for name, value in expected.items():
            assert_same(numbers[name], value, f"{name} at {state}")


@EACH
def test_it_starts_where_its_picture_stands(tab, tmp_path, kind):
    open_stage(tab, tmp_path, kind())
    assert assert_shown(tab, kind) == json.loads(json.dumps(kind().state()))


@EACH
def test_every_control_answers_keys_and_typing(tab, tmp_path, kind):
    figure = open_stage(tab, tmp_path, kind())
    bars = figure.locator("input[type=range]")
    moved = 0
    for i in range(bars.count()):
        bar = bars.nth(i)
        if not bar.is_visible():
            continue
        before = settled(tab)["state"]
        at_end = float(bar.input_value()) >= float(bar.get_attribute("max"))
        bar.focus()
        tab.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
        assert assert_shown(tab, kind) != before, bar.get_attribute("id")
        moved += 1
    typed = figure.locator("input[type=number]")
    for i in range(typed.count()):
        field = typed.nth(i)
        if field.is_visible():
            low = field.get_attribute("min")
            field.fill(low)
            field.press("Enter")
            assert_shown(tab, kind)
            assert math.isclose(float(field.input_value()), float(low)), low
            moved += 1
    free = "input[type=checkbox]:enabled, input[type=radio]:not(:checked)"
    boxes = figure.locator(free)
    for i in range(boxes.count()):
        before = settled(tab)["state"]
        boxes.nth(i).press(" ")
        assert assert_shown(tab, kind) != before
        moved += 1
        boxes = figure.locator(free)
    for name in figure.get_by_role("button").all_inner_texts():
        if name not in ("Start again", "Copy link to this state"):
            before = settled(tab)["state"]
            figure.get_by_role("button", name=name, exact=True).click()
            assert assert_shown(tab, kind) != before, name
            moved += 1
    assert moved, "nothing to touch"


@EACH
def test_its_table_is_whole(tab, tmp_path, kind):
    figure = open_stage(tab, tmp_path, kind())
    figure.locator(".live-numbers > summary").click()
    settled(tab)
    rows = figure.locator("tr").evaluate_all(
        "(all) => all.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    assert len(rows) > 2
    assert len({len(row) for row in rows}) == 1, rows
    assert not {"none", "undefined", "NaN"} & {cell for row in rows for cell in row}


@EACH
def test_handles_can_be_dragged_and_moved_with_keys(tab, tmp_path, kind):
    figure = open_stage(tab, tmp_path, kind())
    handles = figure.locator(".live-handle")
    assert handles.count() == HANDLES.get(kind.name, 0)
    for i in range(handles.count()):
        handle = handles.nth(i)
        before = assert_shown(tab, kind)
        handle.focus()
        tab.keyboard.press("ArrowLeft")
        by_key = assert_shown(tab, kind)
        assert by_key != before
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        tab.mouse.move(x, y)
        tab.mouse.down()
        tab.mouse.move(x - 25, y + 10, steps=4)
        tab.mouse.up()
        assert assert_shown(tab, kind) != by_key


@EACH
def test_a_link_opens_it_as_its_sender_left_it(tab, tmp_path, kind):
    state = random_state(kind, np.random.default_rng(7))
    query = "&".join(f"{key}={json.dumps(value)}" for key, value in state.items())
    open_stage(tab, tmp_path, kind(), query=f"#live-{kind.name}?{query}".replace(" ", ""))
    shown = assert_shown(tab, kind)
    for key, value in state.items():
        assert shown[key] == value or np.allclose(
            np.asarray(shown[key], float), np.asarray(value, float)
        )


@EACH
def test_start_again_goes_back(tab, tmp_path, kind):
    figure = open_stage(tab, tmp_path, kind())
    before = settled(tab)["state"]
    figure.locator("input[type=range]").first.focus()
    tab.keyboard.press("End")
    assert settled(tab)["state"] != before
    figure.get_by_role("button", name="Start again").click()
    assert settled(tab)["state"] == before


@EACH
def test_it_fits_the_page(tab, tmp_path, kind):
    open_stage(tab, tmp_path, kind())
    for width in (1280, 390, 320):
        tab.set_viewport_size({"width": width, "height": 700})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        texts = tab.locator(".live-chart text").evaluate_all(
            """(all) => all.filter((text) => text.textContent).map((text) => {
              const [chart, own] = [text.ownerSVGElement, text.getBoundingClientRect()];
              const frame = chart.getBoundingClientRect();
              return {
                text: text.textContent,
                size: parseFloat(getComputedStyle(text).fontSize) * chart.getScreenCTM().a,
                least: text.classList.contains("live-small") ? 10 : 12,
                out: Math.max(frame.left - own.left, own.right - frame.right),
              };
            })"""
        )
        assert texts
        assert not [text for text in texts if text["size"] < text["least"] - 0.05], width
        assert not [text for text in texts if text["out"] > 2], width


@EACH
def test_on_a_phone_its_controls_follow_the_first_chart(tab, tmp_path, kind):
    figure = open_stage(tab, tmp_path, kind())
    tab.set_viewport_size({"width": 390, "height": 700})
    tops = [chart.bounding_box()["y"] for chart in figure.locator(".live-chart").all()]
    panel = figure.locator(".live-panel").bounding_box()["y"]
    assert tops[0] < panel < tops[1]
    for handle in figure.locator(".live-handle").all():  # what Tab reaches first stands first
        assert handle.bounding_box()["y"] < panel


@pytest.mark.parametrize("kind", [k for k in FIGURES if k.name in HANDLES], ids=lambda k: k.name)
def test_handles_follow_a_finger_and_the_page_stays(browser, tmp_path, kind):
    context = browser.new_context(
        viewport={"width": 390, "height": 660},
        has_touch=True,
        is_mobile=True,
        reduced_motion="reduce",
    )
    tab = context.new_page()
    tab.problems = []
    figure = open_stage(tab, tmp_path, kind())
    hand = context.new_cdp_session(tab)

    def drag(place, across: float, down: float) -> float:
        """Draw a finger over the page, from an element's middle; return how far it scrolled."""
        place.evaluate("(node) => node.scrollIntoView({ block: 'center' })")
        before = tab.evaluate("scrollY")
        box = place.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for part in range(6):
            point = {"x": x + across * part / 5, "y": y + down * part / 5}
            event = "touchMove" if part else "touchStart"
            hand.send("Input.dispatchTouchEvent", {"type": event, "touchPoints": [point]})
        hand.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        settled(tab)
        tab.wait_for_timeout(100)  # a page follows a finger a little later
        return tab.evaluate("scrollY") - before

    handles = figure.locator(".live-handle")
    assert handles.count() == HANDLES[kind.name]
    for i in range(handles.count()):
        handle = handles.nth(i)
        box = handle.bounding_box()
        inward = 40 if box["x"] + box["width"] / 2 < 195 else -40
        before = assert_shown(tab, kind)
        assert drag(handle, inward, -60) == 0
        assert assert_shown(tab, kind) != before, i
    assert drag(figure.locator(".live-chart text").first, 0, -60) > 20  # elsewhere it scrolls
    context.close()


def test_on_paper_it_is_dark_on_white(tab, tmp_path):
    figure = open_stage(tab, tmp_path, live.Retrieval(), theme="dark")
    tab.emulate_media(media="print")
    looks = """(root) => [getComputedStyle(root).backgroundColor,
      getComputedStyle(root.querySelector(".live-chart text")).fill]"""
    assert figure.evaluate(looks) == ["rgb(255, 255, 255)", "rgb(29, 42, 51)"]
    assert not figure.locator(".live-panel").is_visible()


@pytest.mark.timing
@EACH
def test_it_repaints_within_a_frame(tab, tmp_path, kind):
    """The script's part of an interaction, the median of 21, in milliseconds."""
    open_stage(tab, tmp_path, kind())
    times = tab.evaluate(
        """async () => {
          const bar = document.querySelector(".live-figure input[type=range]");
          const times = [];
          for (let i = 0; i < 21; i += 1) {
            bar.value = Number(bar.min) + ((i * 0.37) % 1) * (Number(bar.max) - Number(bar.min));
            await new Promise(requestAnimationFrame);
            const start = performance.now();
            bar.dispatchEvent(new Event("input", { bubbles: true }));
            await new Promise((done) => requestAnimationFrame(done));
            document.body.getBoundingClientRect();
            times.push(document.querySelector(".live-figure").spent ?? performance.now() - start);
          }
          return times;
        }"""
    )
    assert np.median(times) < 16, times


@EACH
def test_its_picture_needs_no_script(browser, tmp_path, kind):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    file = tmp_path / "still.html"
    file.write_text(page(kind()), encoding="utf-8")
    tab.goto(file.as_uri())
    assert tab.locator(".live > svg[role=img]").bounding_box()["width"] > 200
    context.close()


def test_a_figure_that_fails_keeps_its_picture_and_says_so(browser, tmp_path):
    context = browser.new_context()
    tab = context.new_page()
    said = []
    tab.on("console", lambda message: said.append((message.type, message.text)))
    broken = page(live.Retrieval()).replace("export function compute", "export function comput")
    file = tmp_path / "broken.html"
    file.write_text(broken, encoding="utf-8")
    tab.goto(file.as_uri())
    tab.wait_for_selector("html[data-live=ready]")
    assert tab.locator(".live > svg[role=img]").is_visible()
    assert any(kind == "error" and "retrieval" in text for kind, text in said), said
    context.close()


def test_each_step_of_the_mask_is_announced(tab, tmp_path):
    figure = open_stage(tab, tmp_path, live.CausalMask(step=3))
    for step in range(1, 5):
        figure.get_by_role("button", name="Step through").click()
        heard = figure.locator("[aria-live=polite]").filter(has_text=f"Step {step} of 4")
        heard.wait_for(state="attached", timeout=3000)


def test_a_link_that_makes_no_sense_is_left_out(tab, tmp_path):
    said = []
    tab.on("console", lambda message: said.append(message.text))
    start = live.Retrieval().state()
    query = "#live-retrieval?sharpness=%22much%22&nonsense=1&query_x=1e999&key_points=[1]"
    open_stage(tab, tmp_path, live.Retrieval(), query=query)
    assert settled(tab)["state"] == json.loads(json.dumps(start))
    assert len(said) == 4, said


def test_a_link_cannot_leave_the_limits(tab, tmp_path):
    open_stage(tab, tmp_path, live.Retrieval(), query="#live-retrieval?sharpness=500&query_y=-9")
    assert assert_shown(tab, live.Retrieval)["sharpness"] == 20


@pytest.mark.parametrize(("calm", "width"), [(False, 1000), (False, 390), (True, 1000)])
def test_it_moves_by_itself_but_not_for_those_who_asked_for_calm(browser, tmp_path, calm, width):
    context = browser.new_context(
        reduced_motion="reduce" if calm else "no-preference",
        viewport={"width": width, "height": 700},
    )
    tab = context.new_page()
    figure = open_stage(tab, tmp_path, live.Retrieval(moving=True))
    before = settled(tab)["state"]
    tab.wait_for_timeout(400)
    assert (settled(tab)["state"]["query_y"] == before["query_y"]) is calm
    box = figure.get_by_label("Let the query go round")
    assert box.is_disabled() is calm
    if not calm:
        box.uncheck()
    before = settled(tab)["state"]
    tab.wait_for_timeout(200)
    assert settled(tab)["state"] == before
    context.close()


def test_random_numbers_are_the_same_in_both_languages(tab):
    found = tab.evaluate(
        """async (kit) => {
          const source = `${kit} export const numbers =
            [0, 4294967295].map((seed) => kit.normals(seed, 50));`;
          const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
          return (await import(address)).numbers;
        }""",
        modules.kit(),
    )
    assert_same(found, [normals(0, 50), normals(2**32 - 1, 50)], "normals")

"""The page of `gan play` in Chromium, with the training in a process of its own."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import IN_A_BROWSER, open_page
from playing import train_small

from gan.demo.play_routes import play_routes
from gan.demo.play_session import Session
from gan.demo.server import PageServer
from gan.runs.changes import Change, read_changes

pytestmark = IN_A_BROWSER
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    session = Session(train_small, tmp_path_factory.mktemp("games"))
    server = PageServer("127.0.0.1", 0, play_routes(session))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.address
    session.close()
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    with open_page(browser, address, viewport={"width": 1200, "height": 1000}) as page:
        page.locator("#numbers", has_text="minibatch").wait_for()
        new_game(page, "ring")
        yield page


def new_game(page: Any, data: str) -> None:
    before = page.locator("#run").inner_text()
    page.get_by_role("button", name=data, exact=True).click()
    page.get_by_role("button", name="New run").click()
    page.wait_for_function("(before) => document.getElementById('run').innerText !== before", arg=before)
    page.locator("#numbers", has_text="0 minibatches").wait_for()


def drawn(page: Any) -> str:
    return str(page.evaluate("() => document.getElementById('plane').toDataURL()"))


def run_of(page: Any) -> Path:
    return Path(page.locator("#run").inner_text().partition(". To")[0].removeprefix("Saved in "))


def test_start_pause_and_steps(page: Any) -> None:
    before = drawn(page)
    page.get_by_role("button", name="1 step").click()
    page.locator("#numbers", has_text="1 minibatch ").wait_for()
    page.wait_for_function("(before) => document.getElementById('plane').toDataURL() !== before", arg=before)
    page.get_by_role("button", name="Start").click()
    page.locator("#state", has_text="running").wait_for()
    page.locator("#charts figure").wait_for()
    page.get_by_role("button", name="Pause").click()
    page.locator("#state", has_text="paused").wait_for()
    page.get_by_role("button", name="1,000 steps").click()
    page.locator("#state", has_text="running").wait_for()
    page.locator("#state", has_text="paused").wait_for()


def test_changes_are_recorded_and_a_wrong_one_is_told(page: Any) -> None:
    page.get_by_label("Penalty").select_option("r1")
    page.get_by_label("gamma").fill("0.1")
    page.get_by_label("gamma").press("Enter")
    page.get_by_label("learning rate of G").fill("-3")
    page.get_by_label("learning rate of G").press("Enter")
    page.locator("#message", has_text="optimizer.generator.lr: -3 given").wait_for()
    assert page.get_by_label("learning rate of G").input_value() == "0.001"
    page.get_by_label("Objective").select_option("least_squares")
    page.locator("#changes li").nth(2).wait_for()
    assert not page.locator("#message").is_visible()
    page.get_by_role("button", name="1 step").click()
    page.get_by_role("button", name="End").click()
    page.get_by_text("To repeat it: gan repeat").wait_for()
    changes = [
        Change(0, {"penalty": "r1"}),
        Change(0, {"penalty.gamma": 0.1}),
        Change(0, {"objective": "least_squares"}),
    ]
    assert read_changes(run_of(page)) == [*changes, Change(1, end=True)]
    assert page.get_by_role("button", name="Start").is_disabled()


def test_points_are_drawn_by_mouse_and_keyboard_and_trained_on(page: Any) -> None:
    page.get_by_role("button", name="drawn", exact=True).click()
    box = page.locator("#plane").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 300, steps=4)
    page.mouse.up()
    page.get_by_text("5 points").wait_for()
    page.locator("#plane").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    page.get_by_text("6 points").wait_for()
    before = run_of(page)
    page.get_by_role("button", name="New run").click()
    page.wait_for_function(
        "(before) => !document.getElementById('run').innerText.trim().endsWith(before)", arg=str(before)
    )
    assert (run_of(page) / "points.npy").exists()
    page.get_by_role("button", name="1 step").click()
    page.locator("#numbers", has_text="1 minibatch ").wait_for()


def test_a_layer_can_be_left_out(page: Any) -> None:
    before = drawn(page)
    button = page.get_by_role("button", name="D's surface")
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert drawn(page) != before
    button.click()
    assert drawn(page) == before


def test_it_fits_a_phone_in_the_dark_and_every_control_has_a_name(browser: Any, address: str) -> None:
    with open_page(browser, address, **PHONE) as page:
        page.locator("#numbers", has_text="minibatch").wait_for()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll("input, select, button, canvas")].filter((control) =>
            !(control.innerText || control.labels?.length || control.getAttribute("aria-label"))).map(({ id }) => id)"""
        )
        assert unnamed == []
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.id") in ("start", "")

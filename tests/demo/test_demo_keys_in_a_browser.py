"""The demo by keyboard alone, its state in the address, and the saved animation, in Chromium: `make browser`."""

import base64
import io
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import Asker, Serve
from chromium import IN_A_BROWSER, open_page
from gan_command import command_in
from PIL import Image, ImageChops
from test_demo_in_a_browser import changes, shown, wait_for_pictures
from tiny_bundles import codes_bundle, conditional_bundle, points_bundle

from gan.demo.local_page import LocalModel, local_page
from gan.demo.model import Model
from gan.demo.model_cache import BUNDLED
from gan.generators.bundle import load_generator

pytestmark = IN_A_BROWSER
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
CLOTHES = ("Bag", "Coat & hat", "<b>Dress</b>")
FOCUSED = """() => {
  const one = document.activeElement;
  return one.ariaLabel ?? (one.labels?.[0] ?? one).textContent.trim();
}"""


@pytest.fixture
def ask(serve: Serve, tmp_path: Path) -> Asker:
    """One model of clothes, one with codes."""
    return serve([conditional_bundle(tmp_path / "clothes", CLOTHES), codes_bundle(tmp_path / "codes")])


@pytest.fixture
def page(browser: Any, serve: Serve) -> Iterator[Any]:
    """Of the bundled generator, 40 digits in 4 rows."""
    with open_page(browser, serve([]).server.address, viewport=DESKTOP) as page:
        wait_for_pictures(page)
        yield page


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def focused(page: Any) -> str:
    return str(page.evaluate(FOCUSED))


def address_of(page: Any) -> str:
    page.wait_for_timeout(500)  # the address changes a little later than the controls
    return str(page.url)


def test_arrows_move_between_the_images_and_do_not_scroll(page: Any) -> None:
    page.set_viewport_size({"width": 1280, "height": 500})  # so that it could scroll
    page.get_by_role("gridcell").first.focus()
    for keys, found in (
        (["ArrowRight", "ArrowDown"], "image 12, class 1"),
        (["End"], "image 20, class 9"),
        (["Home"], "image 11, class 0"),
        (["Control+End"], "image 40, class 9"),
        (["ArrowRight", "ArrowDown"], "image 40, class 9"),
        (["ArrowUp", "ArrowLeft"], "image 29, class 8"),
        (["Control+Home", "ArrowUp"], "image 1, class 0"),
    ):
        press(page, *keys)
        assert focused(page) == found
    assert page.evaluate("scrollY") == 0
    outline = "(cell) => getComputedStyle(cell).outlineStyle + getComputedStyle(cell).outlineWidth"
    assert page.locator(":focus").evaluate(outline) == "solid2px"
    press(page, "ArrowRight", "Tab", "Shift+Tab")  # one stop of Tab for the whole grid
    assert focused(page) == "image 2, class 1"


def test_enter_opens_an_image_and_escape_closes_it(page: Any) -> None:
    page.locator("#count button", has_text="64").click()  # a square picture
    page.get_by_role("gridcell").nth(63).wait_for()
    page.get_by_role("gridcell").first.focus()
    press(page, "ArrowRight", "Enter")
    page.locator(".neighbours").wait_for()
    assert page.locator(".neighbours img").count() == 6
    box = page.locator(".nearest").bounding_box()
    assert box["y"] + box["height"] < DESKTOP["height"] + 1
    assert page.locator("[aria-selected=true]").get_attribute("aria-label") == "image 2, class 1"
    press(page, "Escape")
    assert page.locator(".neighbours").count() == 0
    assert page.locator("[aria-selected=true]").count() == 0
    assert focused(page) == "image 2, class 1"
    press(page, "ArrowRight", " ")
    page.locator(".neighbours").wait_for()
    page.locator("[aria-selected=true]").click()  # a second click closes it too
    assert page.locator(".neighbours").count() == 0


def test_all_that_the_mouse_does_is_done_by_keys(page: Any) -> None:
    reached: list[str] = []
    press(page, "Tab")
    while page.evaluate("() => document.activeElement !== document.body"):
        reached.append(focused(page))
        press(page, "Tab")
    sliders = [f"principal {number}" for number in range(1, 9)]
    ends = ["Open a file…", "generator", "Save PNG", "Save GIF", "Copy command", "image 1, class 0"]
    controls = ["▶ Interpolate", "speed", "previous seed", "Seed", "next seed", "random", "40", "all", "Truncation"]
    assert reached == [*controls, "reset", *sliders, *ends]
    with page.expect_file_chooser():
        page.locator("#open").focus()
        press(page, "Enter")
    before = shown(page)
    page.locator("#class button").first.focus()
    press(page, "ArrowRight", "ArrowRight", "Enter")
    changes(page, before)
    assert page.locator("#class [aria-pressed=true]").inner_text() == "1"
    press(page, "End")
    assert focused(page) == "9"
    page.get_by_label("principal 2").focus()
    press(page, "End")
    assert page.locator(".slider output").nth(1).inner_text() == "3.0"
    press(page, "0")
    assert page.locator(".slider output").nth(1).inner_text() == "–"


def test_escape_stops_the_interpolation_at_the_images_of_the_seed(page: Any) -> None:
    before = shown(page)
    page.locator("#walk").focus()
    press(page, " ")
    changes(page, before)
    page.wait_for_timeout(300)
    press(page, "Escape")
    assert page.locator("#walk").get_attribute("aria-pressed") == "false"
    assert "seed=1" in address_of(page)
    stopped = shown(page)
    with open_page(page.context.browser, page.url) as other:
        wait_for_pictures(other)
        assert shown(other) == stopped


def test_a_link_shows_the_same_images_elsewhere(browser: Any, ask: Asker) -> None:
    with open_page(browser, ask.server.address) as page:
        wait_for_pictures(page)
        page.locator("#seed").fill("12")
        page.locator("#count button", has_text="4").first.click()
        page.get_by_role("button", name="Coat & hat").click()
        page.locator("#truncation").fill("0.6")
        page.get_by_label("principal 3").first.fill("-1.25")
        page.get_by_label("continuous code 1").fill("0.8")
        page.get_by_label("categorical code 1").get_by_text("2", exact=True).click()
        page.locator("select[aria-label=generator]").nth(1).select_option("0")
        page.locator("select[aria-label=generator]").nth(0).select_option("1")
        page.get_by_label("continuous code 1").wait_for()
        link, pictures = address_of(page), [shown(page, number) for number in (0, 1)]
    assert link.partition("#")[2] == (
        "categorical-code-1=2&class=Coat+%26+hat&continuous-code-1=0.8&generators=1%2C0&images=4&principal-3=-1.25"
        "&seed=12&truncation=0.6"
    )
    with open_page(browser, link) as other:
        other.wait_for_function("() => document.querySelectorAll('canvas').length === 2")
        wait_for_pictures(other)
        other.wait_for_timeout(300)
        assert [shown(other, number) for number in (0, 1)] == pictures
        assert other.locator("#class [aria-pressed=true]").inner_text() == "Coat & hat"
        assert other.locator("#truncation-value").inner_text() == "0.6"


@pytest.mark.parametrize(
    "fragment",
    ["seed=-1&class=Hat&truncation=x&images=5&generators=7,x&principal-1=abc", "%E0%A4%A&&=", "truncation=3&seed="],
)
def test_a_damaged_address_is_ignored_value_by_value(browser: Any, ask: Asker, fragment: str) -> None:
    pictures = []
    for end in ("", f"#{fragment}"):
        with open_page(browser, f"{ask.server.address}{end}") as page:
            page.wait_for_function("() => document.querySelectorAll('canvas').length === 2")
            wait_for_pictures(page)
            page.wait_for_timeout(300)
            assert page.locator(".fault:visible, #message:visible").count() == 0
            pictures.append([shown(page, 0), shown(page, 1)])
    assert pictures[0] == pictures[1]


def test_a_value_outside_its_range_is_moved_into_it(browser: Any, ask: Asker) -> None:
    fragment = "seed=9007199254740999&truncation=0&principal-1=40&categorical-code-1=9&images=1&generators=1"
    with open_page(browser, f"{ask.server.address}#{fragment}") as page:
        wait_for_pictures(page)
        assert page.locator(".fault:visible").count() == 0
        page.wait_for_function("() => document.querySelector('#seed').value === '9007199254740991'")
        assert page.locator("#truncation-value").inner_text() == "0.1"
        assert page.locator(".slider output").first.inner_text() == "3.0"
        assert page.locator("#categorical-code-1 [aria-pressed=true]").inner_text() == "2"


def test_another_address_in_the_same_tab_is_followed(page: Any) -> None:
    before = shown(page)
    page.evaluate("location.hash = '#seed=3&images=16&class=7'")
    changes(page, before)
    assert page.locator("#seed").input_value() == "3"
    assert page.locator("#class [aria-pressed=true]").inner_text() == "7"
    page.evaluate("location.hash = ''")
    page.wait_for_function("(before) => document.querySelector('canvas').toDataURL() === before", arg=before)


def test_an_interpolation_is_saved_as_an_animation(page: Any) -> None:
    page.locator("#seed").fill("4")
    page.locator("#count button", has_text="16").click()
    page.locator("#speed").fill("20")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save GIF").click()
    assert download.value.suggested_filename == "seed-4-to-5.gif"
    picture = Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert (picture.format, picture.n_frames, picture.info["duration"]) == ("GIF", 48, 50)
    assert page.get_by_role("button", name="Save GIF").is_enabled()


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("", "--n 40 --grid 4x10 --seed 0 --out seed-0.png"),
        (
            "seed=5&images=16&class=7&truncation=0.7",
            "--n 16 --grid 4x4 --seed 5 --class 7 --truncation 0.7 --out seed-5.png",
        ),
    ],
)
def test_the_copied_command_makes_the_picture(
    browser: Any, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fragment: str, expected: str
) -> None:
    source = shutil.copy(BUNDLED, tmp_path / "my digits.safetensors")
    with open_page(browser, f"{serve([Path(source)]).server.address}#{fragment}") as page:
        wait_for_pictures(page)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("button", name="Copy command").click()
        page.get_by_role("button", name="Copied").wait_for()
        command = str(page.evaluate("navigator.clipboard.readText()"))
        url = str(page.evaluate("document.querySelector('canvas').toDataURL()"))
    assert command == f"gan sample '{source}' {expected}"
    assert command_in(tmp_path, monkeypatch)(*shlex.split(command)[1:], "--scale", "1") == 0
    shown = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L")
    made = Image.open(tmp_path / expected.rpartition(" ")[2]).convert("L")
    assert (made.size, ImageChops.difference(made, shown).getbbox()) == (shown.size, None)


def test_no_command_makes_a_picture_with_moved_directions(browser: Any, serve: Serve) -> None:
    with open_page(browser, f"{serve([]).server.address}#principal-1=2") as page:
        wait_for_pictures(page)
        page.get_by_role("button", name="Copy command").click()
        assert "reset them" in page.locator(".fault:visible").inner_text()


def test_points_have_no_grid_and_no_animation(browser: Any, serve: Serve, tmp_path: Path) -> None:
    with open_page(browser, serve([points_bundle(tmp_path)]).server.address) as page:
        wait_for_pictures(page)
        assert page.get_by_role("gridcell").count() == 0
        for name in ("Save GIF", "Copy command", "▶ Interpolate", "Two side by side"):
            assert not page.get_by_text(name).is_visible()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_one_image_fits_the_window(browser: Any, serve: Serve, viewport: dict[str, int]) -> None:
    with open_page(browser, f"{serve([]).server.address}#images=1", viewport=viewport) as page:
        wait_for_pictures(page)
        box = page.locator(".picture").bounding_box()
        assert box["width"] > 300
        assert box["y"] + box["height"] <= viewport["height"]
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_the_exported_page_has_the_same_keys_and_address(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(local_page([LocalModel(Model("digits", load_generator(BUNDLED)), "# Card")], "Digits"))
    with open_page(browser, f"file://{file}#seed=5&class=7&images=4", offline=True) as page:
        page.locator("#status", has_text="4 images in").wait_for()
        page.get_by_role("gridcell").first.focus()
        press(page, "End", "Enter")
        page.get_by_text("Seed 5, image 2, class 7").wait_for()
        press(page, "Tab")
        assert focused(page) == "Save this image"
        press(page, "Escape")
        assert focused(page) == "image 2, class 7"
        page.locator("#next").click()
        assert address_of(page).endswith("page.html#class=7&images=4&seed=6")
        assert page.get_by_role("button", name="Save GIF").count() == 0

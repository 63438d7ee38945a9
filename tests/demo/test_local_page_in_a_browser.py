"""Exported pages in Chromium, from their files, with the network off: `make browser`."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import IN_A_BROWSER, open_page
from PIL import Image
from tiny_bundles import codes_bundle, conditional_bundle

from gan import load_generator
from gan.demo.local_page import LocalModel, local_page
from gan.demo.model import Model
from gan.demo.model_cache import BUNDLED
from gan.generators.pictures import grid

pytestmark = IN_A_BROWSER
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
Open = Callable[..., AbstractContextManager[Any]]
# The pixels of the first channel of the picture of a panel.
PIXELS = """(panel) => {
  const canvas = document.querySelectorAll("#panels .picture canvas")[panel], { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  return [width, height, Array.from(data.filter((_, i) => i % 4 === 0))];
}"""
UNLABELLED = """() => [...document.querySelectorAll("button, input, select, canvas")].filter((one) =>
  one.offsetParent && !(one.ariaLabel || one.labels?.length || one.textContent.trim())).map((one) => one.outerHTML)"""


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Open:
    """``opened(bundle, …, card=…)``: the page of generators, named "one", "two" …, from its file."""

    def write(*bundles: Path, card: str = "# Card", **settings: Any) -> Any:
        names = ("one", "two", "three")
        models = [
            LocalModel(Model(name, load_generator(bundle)), card) for name, bundle in zip(names, bundles, strict=False)
        ]
        file = tmp_path / "page.html"
        file.write_bytes(local_page(models, "<i>A title"))
        return open_page(browser, f"file://{file}", **{"offline": True, "viewport": DESKTOP, **settings})

    return write


def drawn(page: Any, panel: int = 0) -> np.ndarray:
    page.locator("#status", has_text="images in").wait_for()
    width, height, values = page.evaluate(PIXELS, panel)
    return np.array(values, np.int16).reshape(height, width)


def expected(bundle: Path, count: int, columns: int, **asked: Any) -> np.ndarray:
    return grid(load_generator(bundle).sample(count, **asked), columns=columns)[0].astype(np.int16)


def settled(page: Any) -> np.ndarray:
    """The picture when it changes no more."""
    last = drawn(page)
    while True:
        page.wait_for_timeout(300)
        now = drawn(page)
        if np.array_equal(last, now):
            return now
        last = now


def walked(page: Any, seed: int) -> None:
    """Wait until a walk has come to a seed. (The page's policy forbids Playwright's own way to wait for a value.)"""
    while int(page.locator("#seed").input_value()) < seed:
        page.wait_for_timeout(50)


def test_seed_class_and_truncation_are_those_of_python(opened: Open) -> None:
    with opened(BUNDLED) as page:
        assert np.abs(settled(page) - expected(BUNDLED, 40, 10)).max() <= 1
        page.locator("#seed").fill("7")
        page.locator("#class button", has_text="3").click()
        page.locator("#count button", has_text="16").click()
        page.locator("#truncation").fill("0.5")
        found = settled(page)
        wanted = expected(BUNDLED, 16, 4, seed=7, labels="3", truncation=0.5)
        assert np.mean(np.abs(found - wanted) <= 1) >= 0.999
        assert page.locator("h1").text_content() == "<i>A title"


def test_sliders_codes_and_keys(opened: Open, tmp_path: Path) -> None:
    bundle = codes_bundle(tmp_path)
    with opened(bundle) as page:
        plain = settled(page)
        assert np.abs(plain - expected(bundle, 16, 4)).max() <= 1
        model = Model("one", load_generator(bundle))
        names = [slider["name"] for slider in model.describe()["sliders"]]
        page.get_by_label(names[0]).focus()
        for _ in range(20):
            page.keyboard.press("ArrowRight")
        page.get_by_label("continuous code 2").fill("-1")
        page.get_by_label("categorical code 1").get_by_text("2", exact=True).click()
        reach = model.reach / 60 * 20
        query = {"count": "16", "directions": f"{reach}", "continuous": ",-1", "categorical": "2"}
        query["directions"] += "," * (len(model.directions) - 1)
        assert np.abs(settled(page) - grid(model.images(model.view(query)), columns=4)[0].astype(np.int16)).max() <= 1
        page.get_by_role("button", name="reset").click()
        page.get_by_role("gridcell").first.focus()
        for key in ("ArrowRight", "ArrowDown", "Enter"):
            page.keyboard.press(key)
        page.get_by_text("Seed 0, image 6").wait_for()
        assert page.locator(".enlarged canvas").get_attribute("aria-label") == "Seed 0, image 6"


def test_a_walk_goes_on_and_stops(opened: Open) -> None:
    with opened(BUNDLED) as page:
        settled(page)
        page.locator("#speed").fill("30")
        page.locator("#count button", has_text="1").first.click()
        page.locator("#walk").click()
        walked(page, 3)
        assert drawn(page).max() > 100
        page.locator("#walk").click()
        seed = page.locator("#seed").input_value()
        page.wait_for_timeout(500)
        assert page.locator("#seed").input_value() in (seed, str(int(seed) + 1))
        page.locator("#seed").fill("0")
        assert np.abs(settled(page) - expected(BUNDLED, 1, 1)).max() <= 1


def test_pictures_are_saved(opened: Open, tmp_path: Path) -> None:
    bundle = conditional_bundle(tmp_path, ("Bag", "Coat", "Dress"))
    with opened(bundle) as page:
        settled(page)
        with page.expect_download() as download:
            page.get_by_role("button", name="Save PNG").click()
        assert download.value.suggested_filename == "seed-0.png"
        assert Image.open(io.BytesIO(download.value.path().read_bytes())).width >= 512
        page.get_by_role("gridcell").first.click()
        page.get_by_text("Seed 0, image 1, class Bag").wait_for()
        with page.expect_download() as download:
            page.get_by_role("button", name="Save this image").click()
        assert download.value.suggested_filename == "seed-0-image-1.png"


def test_several_side_by_side(opened: Open, tmp_path: Path) -> None:
    other = codes_bundle(tmp_path)
    with opened(BUNDLED, other) as page:
        page.locator("#panels .panel").nth(1).wait_for()
        settled(page)
        page.locator("#count button", has_text="16").click()
        settled(page)
        assert np.abs(drawn(page, 1) - expected(other, 16, 4)).max() <= 1
        assert page.locator("details summary").all_text_contents() == ["Model card: one", "Model card: two"]
        page.locator("#panels select").nth(1).select_option("0")  # the same in both
        page.locator("#walk").click()
        walked(page, 2)
        assert drawn(page, 0).max() > 100
        assert drawn(page, 1).max() > 100


def test_no_text_of_the_model_is_markup(opened: Open, tmp_path: Path) -> None:
    attack = "</script><script>window.attacked = 1</script><img src=x onerror='window.attacked = 1'>"
    bundle = conditional_bundle(tmp_path, (attack, "<b>Coat", "Dress"))
    with opened(
        bundle, card=f"# {attack}\n\n{attack}\n\n| {attack} | b |\n| --- | --- |\n| <b>1 | 2 |\n\n- {attack}"
    ) as page:
        settled(page)
        page.locator("summary").click()
        assert page.locator("details").text_content().count(attack) == 4
        assert page.locator("#class button").nth(1).text_content() == attack
        assert page.evaluate("window.attacked") is None
        assert page.locator("body img, body b, body i").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(opened: Open, scheme: str) -> None:
    with opened(BUNDLED, viewport=PHONE, color_scheme=scheme) as page:
        settled(page)
        page.locator("summary").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page_colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, page_colour[4:-1].split(","))) < 300) == (scheme == "dark")
        assert page.evaluate(UNLABELLED) == []

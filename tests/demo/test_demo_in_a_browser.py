"""The pages in Chromium, where there is one: `make browser`."""

import base64
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from asking import Asker, Serve
from chromium import IN_A_BROWSER, open_page
from PIL import Image
from test_bundled_generator import cells
from test_run_status import write_run
from tiny_bundles import codes_bundle, conditional_bundle, whole_bundle

from gan.generators.bundle import FILE_NAME
from gan.metrics.extractors import load_extractor
from gan.runs.reading import is_run

pytestmark = IN_A_BROWSER
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def ask(serve: Serve, tmp_path: Path) -> Asker:
    models = [conditional_bundle(tmp_path / "clothes", ("Bag", "<b>Coat</b>")), codes_bundle(tmp_path / "codes")]
    rows = "".join(f"{row},0,{row * 100},{row},0.{row},100,,\n" for row in range(1, 9))
    return serve(models, runs=[write_run(tmp_path / "watched", rows, max_epochs=1)])


@pytest.fixture
def page(browser: Any, ask: Asker) -> Iterator[Any]:
    with open_page(browser, ask.server.address) as page:
        page.wait_for_function("() => document.querySelectorAll('canvas').length === 2")
        wait_for_pictures(page)
        yield page


def wait_for_pictures(page: Any) -> None:
    page.wait_for_function("() => [...document.querySelectorAll('canvas')].every((canvas) => canvas.width !== 300)")


def shown(page: Any, number: int = 0) -> str:
    return str(page.evaluate("(number) => document.querySelectorAll('canvas')[number].toDataURL()", number))


def changes(page: Any, before: str, number: int = 0) -> None:
    page.wait_for_function(
        "([number, before]) => document.querySelectorAll('canvas')[number].toDataURL() !== before", arg=[number, before]
    )


def moved(page: Any, name: str, value: float) -> None:
    page.get_by_label(name, exact=True).first.evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }", value
    )


@pytest.mark.parametrize("slider", ["principal 1", "continuous code 2"])
def test_a_slider_moves_and_the_picture_changes_and_comes_back(page: Any, slider: str) -> None:
    number = 1 if slider.startswith("continuous") else 0
    before = shown(page, number)
    moved(page, slider, 2)
    changes(page, before, number)
    page.get_by_role("button", name="reset").click()
    page.wait_for_function(
        "([number, before]) => document.querySelectorAll('canvas')[number].toDataURL() === before", arg=[number, before]
    )


def test_a_class_changes_the_picture_of_the_model_that_has_it(page: Any) -> None:
    page.get_by_role("button", name="16", exact=True).click()
    before = shown(page)
    page.get_by_role("button", name="<b>Coat</b>").click()
    changes(page, before)
    assert page.get_by_role("button", name="<b>Coat</b>").get_attribute("aria-pressed") == "true"
    assert page.locator(".fault:visible").count() == 0


def test_of_fifty_threes_the_labeller_says_three_of_nine_in_ten(browser: Any, serve: Serve) -> None:
    """Of the bundled generator, the pictures as they stand on the page."""
    with open_page(browser, serve([]).server.address) as page:
        wait_for_pictures(page)
        page.get_by_role("toolbar", name="number of images").get_by_role("button", name="100", exact=True).click()
        page.wait_for_function("() => document.querySelector('canvas').height === 298")  # ten rows of 28, and gaps
        before = shown(page)
        page.get_by_role("toolbar", name="class").get_by_role("button", name="3", exact=True).click()
        changes(page, before)
        picture = Image.open(io.BytesIO(base64.b64decode(shown(page).partition(",")[2]))).convert("L")
    labeller = load_extractor("mnist", "labeller")
    images = torch.from_numpy(cells(np.asarray(picture), 10)[:50])
    said = labeller.logits(labeller.features(images))[:, 0].argmax(1)
    assert len(said) == 50
    assert int((said == 3).sum()) >= 45


def test_two_models_side_by_side_and_one(page: Any) -> None:
    assert shown(page, 0) != shown(page, 1)
    assert page.locator("select[aria-label=generator]").nth(1).input_value() == "1"
    page.get_by_text("Two side by side").click()
    assert page.locator("canvas").count() == 1
    page.get_by_text("Two side by side").click()
    page.wait_for_function("() => document.querySelectorAll('canvas').length === 2")


def test_a_walk_goes_on_from_seed_to_seed(page: Any) -> None:
    moved(page, "speed", 30)
    page.get_by_role("button", name="Interpolate").click()
    page.wait_for_function("() => Number(document.getElementById('seed').value) >= 2")
    before = shown(page)
    moved(page, "Truncation", 0.3)
    changes(page, before)
    page.get_by_role("button", name="Stop").click()
    assert page.locator(".fault:visible").count() == 0
    assert page.get_by_role("button", name="Interpolate").get_attribute("aria-pressed") == "false"


def test_a_wrong_bundle_is_told_and_a_whole_one_is_shown(page: Any, tmp_path: Path) -> None:
    (tmp_path / "wrong.safetensors").write_bytes(b"GIF89a")
    page.locator("#file").set_input_files(tmp_path / "wrong.safetensors")
    message = page.locator("#message")
    message.wait_for(state="visible")
    assert message.inner_text().startswith("wrong.safetensors: ")
    before = shown(page, 1)
    page.locator("#file").set_input_files(whole_bundle(tmp_path / "plain"))
    changes(page, before, 1)
    assert not message.is_visible()
    assert page.locator("select").nth(1).evaluate("(select) => select.selectedOptions[0].text") == FILE_NAME


def test_a_bundle_that_broke_meanwhile_is_told_in_its_panel(page: Any, tmp_path: Path) -> None:
    (tmp_path / "clothes" / "run" / FILE_NAME).write_bytes(b"GIF89a")
    page.get_by_role("button", name="random").click()
    fault = page.locator(".fault").first
    fault.wait_for(state="visible")
    assert str(tmp_path / "clothes" / "run" / FILE_NAME) in fault.inner_text()


def test_what_is_seen_is_saved(page: Any) -> None:
    with page.expect_download() as download:
        page.get_by_text("Save PNG").first.click()
    assert download.value.suggested_filename == "seed-0.png"
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_a_run_is_watched(page: Any, tmp_path: Path) -> None:
    page.get_by_role("link", name="Training").click()
    page.locator("#charts figure").first.wait_for()
    assert page.locator("h1").inner_text() == "watched on mnist_sample"
    assert page.locator("#progress").inner_text().startswith("8 % · 800 of 9000 images")
    assert page.locator("#charts figure").count() == 2
    with (tmp_path / "watched" / "metrics.csv").open("a") as file:
        file.write("9,0,4500,9,0.9,100,,\n")
    page.get_by_text("50 % · 4500 of 9000 images").wait_for()


def test_a_run_is_watched_while_it_trains(browser: Any, serve: Serve, tmp_path: Path) -> None:
    small = ["model.generator.hidden=[16]", "model.discriminator.hidden=[16]", "callbacks.samples.count=4"]
    words = ["data=mnist_sample", "model=mlp", "callbacks.quality=null", "trainer.max_epochs=40", *small]
    command = [sys.executable, str(ROOT / "train.py"), *words, "hydra.run.dir=watched"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    folder, said = tmp_path / "watched", tmp_path / "said"
    with (
        said.open("w") as file,
        subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=file, stderr=file) as run,
    ):
        while not is_run(folder):
            assert run.poll() is None, said.read_text()
            time.sleep(0.1)
        with open_page(browser, f"{serve([], runs=[folder]).server.address}watch") as page:
            page.locator("#state", has_text="running").wait_for()
            page.locator("#epoch", has_text="epoch").wait_for()
            first = page.locator("#grid").get_attribute("src")
            page.locator("#charts figure").first.wait_for()
            page.wait_for_function(
                "(first) => document.getElementById('grid').getAttribute('src') !== first", arg=first
            )
            page.get_by_text("about").wait_for()  # so many seconds left
            page.locator("#state", has_text="finished").wait_for()
            assert page.locator("#epoch").inner_text() == "epoch 40"
            assert page.locator("#progress").inner_text().startswith("Trained on 360 k images")
        assert run.wait() == 0

"""TensorBoard's page of a run, as `gan board` opens it, in Chromium: our charts, the pictures, the projector."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from board_asking import ask
from chromium import IN_A_BROWSER, open_page

from gan.commands import board

pytestmark = IN_A_BROWSER
ROOT = Path(__file__).parent.parent.parent
EPOCHS = 15  # more than the ten pictures that TensorBoard keeps by itself


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """TensorBoard's address for a short run."""
    folder = tmp_path_factory.mktemp("board")
    small = ["model.generator.hidden=[32]", "model.discriminator.hidden=[32]", "trainer.log_every_n_steps=5"]
    length = [f"trainer.max_epochs={EPOCHS}", "trainer.limit_train_batches=20"]
    command = [sys.executable, str(ROOT / "train.py"), "data=mnist_sample", "model=mlp", *small, *length]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "hydra.run.dir=run"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    address = board.launch(folder / "run", host="127.0.0.1", port=0)
    for plugin, what in (("projector", "runs"), ("images", "tags"), ("custom_scalars", "layout")):
        ask(address, plugin, what)  # once the page is opened it does not look for new pages by itself
    yield address


def test_both_losses_in_one_chart_and_the_accuracies_in_another(browser: Any, url: str) -> None:
    with open_page(browser, f"{url}#custom_scalars") as page:
        charts = page.locator("tf-custom-scalar-multi-line-chart-card")
        for title, lines in (("losses", 2), ("discriminator's accuracy", 3)):  # on real, on fake, guessing
            chart = charts.filter(has=page.get_by_text(title, exact=True))
            chart.get_by_text(f"Matches ({lines})").wait_for()
        assert charts.count() == 2


def test_the_slider_of_the_fixed_latents_goes_through_all_epochs(browser: Any, url: str) -> None:
    from playwright.sync_api import expect

    with open_page(browser, f"{url}#images") as page:
        pictures = page.locator("tf-image-loader").filter(has_text="fixed latents")
        slider, shown = pictures.locator("paper-slider"), pictures.locator("img")
        slider.wait_for()
        assert slider.evaluate("(slider) => slider.max") == EPOCHS
        last = shown.get_attribute("src")
        slider.press("Home")
        expect(shown).not_to_have_attribute("src", str(last), timeout=60_000)
        assert shown.evaluate("async (picture) => { await picture.decode(); return picture.naturalWidth; }") > 28


def test_the_projector_shows_what_the_discriminator_sees(browser: Any, url: str) -> None:
    with open_page(browser, f"{url}#projector") as page:
        frame = page.frame_locator("iframe").frame_locator("iframe")
        frame.get_by_text("Points: 512").wait_for()
        frame.get_by_text("Dimension: 32").wait_for()
        frame.locator("#scatter canvas").first.wait_for()
        frame.locator("paper-dropdown-menu[label='Color by']").click()
        for column in ("real or fake", "class", "logit"):
            frame.locator("#colorby, paper-listbox").get_by_text(column).first.wait_for(state="attached")

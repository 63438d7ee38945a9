"""The page of `gan report` in Chromium, from its file: `make browser`."""

from pathlib import Path
from typing import Any

import pytest
from chromium import IN_A_BROWSER, open_page
from gan_command import command_in
from written_runs import write_run

pytestmark = IN_A_BROWSER


def test_its_charts_and_their_axes(browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ("5119,1.00001,1.0", "5120,1.00002,1.0", "5121,1.00003,1.0")
    write_run(tmp_path / "run", rows=rows)
    write_run(tmp_path / "other", lr=2, rows=rows)
    assert command_in(tmp_path, monkeypatch)("report", "run", "other") == 0
    with open_page(browser, f"file://{tmp_path}/report.html") as page:
        plot = page.locator(".chart svg.plot").first
        plot.locator("text").first.wait_for()
        across = plot.locator("text[text-anchor=middle]").all_text_contents()
        up = plot.locator("text[text-anchor=end]").all_text_contents()
        assert across == ["5119", "5120", "5121"]
        assert len(set(up)) == len(up) > 2
        assert page.locator("#legend button.run").count() == 2
        page.get_by_role("button", name="none").click()
        page.get_by_text("no run is selected").first.wait_for()


def test_a_command_is_copied_by_its_button_with_the_keyboard(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pasted into a field of the page, which needs no permission to read the clipboard."""
    write_run(tmp_path / "run", command=["train.py", "experiment=dcgan"])
    assert command_in(tmp_path, monkeypatch)("report", "run") == 0
    with open_page(browser, f"file://{tmp_path}/report.html") as page:
        button = page.get_by_role("button", name="Copy: gan evaluate run")
        button.focus()
        page.keyboard.press("Enter")
        page.get_by_role("status").get_by_text("Copied").wait_for()
        page.evaluate("document.body.append(document.createElement('textarea'))")
        page.locator("textarea").focus()
        page.keyboard.press("Control+V")
        assert page.locator("textarea").input_value() == "gan evaluate run"

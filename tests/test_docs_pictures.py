"""The pictures of the pages: each has commands in docs/images/README.md, is shown, and shows no path of a machine."""

import json
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest
from documented_commands import check
from PIL import Image

from benchmarks import pictures, screenshot, speed_page

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
PICTURES = sorted(str(path.relative_to(IMAGES)) for path in IMAGES.rglob("*") if path.suffix in (".png", ".gif"))


ROWS = pictures.read_manifest((IMAGES / "README.md").read_text())


def patterns() -> list[str]:
    return [pattern for row in ROWS for pattern in row.patterns]


def test_every_picture_has_a_command_and_every_line_a_picture() -> None:
    assert [name for name in PICTURES if not any(fnmatch(name, pattern) for pattern in patterns())] == []
    assert [pattern for pattern in patterns() if not any(fnmatch(name, pattern) for name in PICTURES)] == []


def test_every_picture_is_shown_on_a_page() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = {name for page in pages for name in re.findall(r"\((?:docs/)?images/([^)]+)\)", page.read_text())}
    assert shown == set(PICTURES)


def test_no_picture_has_text_about_the_machine_that_made_it() -> None:
    for name in PICTURES:  # in the text chunks of PNG and the comments of GIF
        assert not re.search(rb"/(work|home|root|tmp)/", (IMAGES / name).read_bytes()), name


SHORT = [command for row in ROWS if row.is_short for command in row.commands]


@pytest.mark.parametrize("command", dict.fromkeys(SHORT))
def test_make_pictures_runs_commands_that_their_programs_accept(command: str) -> None:
    check(command.replace("gan train", "python train.py"))


def test_its_rows_are_those_that_need_minutes() -> None:
    short = {pattern for row in ROWS if row.is_short for pattern in row.patterns}
    assert {"report.png", "speed.png", "quickstart.gif"} <= short
    assert not short & {"results/*.png", "demo/demo.png"}


def test_its_commands_run_in_any_folder_with_this_python() -> None:
    command = "python benchmarks/screenshot.py report.html docs/images/report.png"
    script, page, picture = pictures.words(command)[1:]
    assert (script, page, picture) == (
        str(ROOT / "benchmarks" / "screenshot.py"),
        "report.html",
        str(IMAGES / "report.png"),
    )
    assert pictures.words("gan report sweep") == [sys.executable, "-m", "gan", "report", "sweep"]


def test_an_unknown_picture_and_a_long_one_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, message in (("reports.png", "no line in docs/images"), ("results/acgan-mnist.png", "hours")):
        monkeypatch.setattr(sys, "argv", ["pictures.py", name])
        with pytest.raises(SystemExit, match=message):
            pictures.main()


def test_every_picture_of_a_page_is_made_by_the_script_that_refuses_paths_or_by_hand() -> None:
    for row in ROWS:
        if any(re.match(r"gan (report|demo|watch|board)\b", command) for command in row.commands):
            assert row.needs.startswith("by hand") or "benchmarks/screenshot.py" in " ".join(row.commands)


def test_a_page_that_shows_a_path_of_the_machine_is_refused() -> None:
    with pytest.raises(SystemExit, match="the page shows /tmp/pictures-1/sweep, a path of this machine"):
        screenshot.check_paths("2 runs in /tmp/pictures-1/sweep on mnist_sample")
    screenshot.check_paths("gan report outputs/DATE/TIME, python train.py seed=0, KID/1e3")


def test_the_picture_of_the_speeds_is_the_one_of_its_numbers(tmp_path: Path) -> None:
    results = json.loads((ROOT / "benchmarks" / "results" / "speed.json").read_text())["results"]
    speed_page.draw(results, tmp_path / "speed.png")
    assert pixel_difference(tmp_path / "speed.png", IMAGES / "speed.png") < 1
    del results["kaggle, batch 1024"]
    speed_page.draw(results, tmp_path / "another.png")
    assert pixel_difference(tmp_path / "another.png", IMAGES / "speed.png") > 1


def pixel_difference(one: Path, other: Path) -> float:
    """The mean absolute difference of two pictures, in grey levels of 255."""
    pixels = [np.asarray(Image.open(path).convert("L"), dtype=float) for path in (one, other)]
    assert pixels[0].shape == pixels[1].shape
    return float(np.abs(pixels[0] - pixels[1]).mean())

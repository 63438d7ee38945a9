"""The pictures of the pages: each has a command in docs/images/README.md, is shown, and shows no path of a machine."""

import re
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
PICTURES = sorted(str(path.relative_to(IMAGES)) for path in IMAGES.rglob("*") if path.suffix in (".png", ".gif"))


def patterns() -> list[str]:
    rows = [line for line in (IMAGES / "README.md").read_text().splitlines() if line.startswith("| `")]
    return [pattern for row in rows for pattern in re.findall(r"`([^`]+)`", row.split("|")[1])]


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

"""mkdocs.yml, from which `make site` makes the site: every page of docs/ has its place in it, once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent


def pages(entry: Any) -> Iterator[str]:
    """The files of a part of `nav`: a file, a name with what it stands for, or a list of such."""
    if isinstance(entry, str):
        yield entry
    else:
        for part in entry.values() if isinstance(entry, dict) else entry:
            yield from pages(part)


def test_every_page_has_its_place_once() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    assert sorted(pages(nav)) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def test_the_api_names_things_that_are_there() -> None:
    import importlib

    named = [line[4:] for line in (ROOT / "docs" / "api.md").read_text().splitlines() if line.startswith("::: ")]
    assert len(named) > 10
    for name in named:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute) or importlib.import_module(name)

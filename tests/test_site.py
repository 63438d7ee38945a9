"""mkdocs.yml, from which `make site` builds the site: every page of docs/ and the notebook is in it once."""

import base64
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
    written = [path.name for path in (ROOT / "docs").glob("*.md")]
    assert sorted(pages(nav)) == sorted([*written, "first_gan.md"])  # made by notebooks/site_page.py


def test_the_notebook_becomes_a_page_with_its_code_outputs_and_pictures() -> None:
    from notebooks.site_page import as_markdown

    png = base64.b64encode(b"png").decode()
    outputs = [{"text": ["1 < 2\n"]}, {"data": {"image/png": png, "text/plain": ["<Figure>"]}}]
    cells = [
        {"cell_type": "markdown", "source": ["See [metrics](../docs/measures.md).\n", "<details>"]},
        {"cell_type": "code", "source": ["x = 1"], "outputs": outputs},
    ]
    text, pictures = as_markdown({"cells": cells})
    assert "[metrics](measures.md)" in text
    assert "<details markdown>" in text
    assert "```python\nx = 1\n```" in text
    assert "```text\n1 < 2\n```" in text
    assert "<Figure>" not in text
    assert list(pictures.values()) == [b"png"]
    assert all(f"]({name})" in text for name in pictures)


def test_the_api_names_things_that_are_there() -> None:
    import importlib

    named = [line[4:] for line in (ROOT / "docs" / "api.md").read_text().splitlines() if line.startswith("::: ")]
    assert len(named) > 10
    for name in named:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute) or importlib.import_module(name)

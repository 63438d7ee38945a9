"""README.md: its length, its links, its numbers; and the facts that other files repeat: the address, the version."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ADDRESS = PROJECT["urls"]["Repository"]
GITHUB = "https://github.com/"
NOTEBOOK = json.loads((ROOT / "notebooks" / "first_gan.ipynb").read_text())
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def section(text: str, title: str) -> str:
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_it_has_at_most_1200_words() -> None:
    assert 600 < len(README.split()) <= 1200


def test_its_links_and_pictures_are_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith(("http", "../../actions"))]
    assert len(links) > 30
    assert [link for link in links if not (ROOT / link.partition("#")[0]).exists()] == []


def test_its_workflow_badge_is_of_a_workflow_that_is_there() -> None:
    workflows = set(re.findall(r"actions/workflows/(\w+\.yml)", README))
    assert [name for name in workflows if not (ROOT / ".github" / "workflows" / name).exists()] == []
    assert workflows


@pytest.mark.parametrize("file", ["README.md", "CONTRIBUTING.md", "docs/index.md", "CITATION.cff"])
def test_the_address_is_that_of_pyproject(file: str) -> None:
    assert ADDRESS in (ROOT / file).read_text(), f"{file} does not show the address of pyproject.toml, {ADDRESS}"


def test_the_notebook_is_opened_in_colab_from_this_address() -> None:
    notebook = "notebooks/first_gan.ipynb"
    opened = f"https://colab.research.google.com/github/{ADDRESS.removeprefix(GITHUB).removesuffix('.git')}"
    for text in (README, intro := NOTEBOOK["cells"][0]["source"]):
        assert f"]({opened}/blob/main/{notebook})" in "".join(text)
    assert f"git+{ADDRESS}`" in "".join(intro)


def test_no_page_has_another_address_to_clone() -> None:
    cloned = {address for page in PAGES for address in re.findall(r"git clone (\S+)", page.read_text())}
    assert {address for address in cloned if address[0].isalnum() and "/" in address} == {ADDRESS}


def test_the_citation_is_of_this_version() -> None:
    citation: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["repository-code"] == ADDRESS
    assert {"cff-version", "message", "title", "authors"} <= set(citation)  # what its format requires


def test_the_site_shows_the_same_installation() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    assert section(index, "Install") == section(README, "Install") != ""


def test_the_installation_is_that_of_make_setup() -> None:
    install = section(README, "Install")
    setup = (ROOT / ".ci" / "setup").read_text()
    assert "pip install -e . -c constraints.txt" in install
    assert "pip_install .venv -e '.[dev]' -c constraints.txt" in setup
    versions = re.findall(r"3\.\d+", install.partition("**")[0])
    assert "".join(f"{version} | " for version in versions).removesuffix(" | ") in setup
    assert [f"Programming Language :: Python :: {version}" in PROJECT["classifiers"] for version in versions] == [
        True
    ] * 3


def rows(table: str) -> dict[str, list[str]]:
    """The cells of a Markdown table by the recipe in the first one."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "|" in line]
    return {row[0].strip("`"): row for row in cells if row[0].startswith("`")}


def test_its_results_are_those_of_the_pages() -> None:
    results = (ROOT / "docs" / "results.md").read_text()
    table = section(results, "MNIST")
    header = next(line for line in table.splitlines() if line.startswith("| result"))
    columns = [cell.strip() for cell in header.strip("|").split("|")]
    measured = rows(table)
    shown = rows(section(README, "Results"))
    assert len(shown) == 5
    for recipe, row in shown.items():
        assert row[1] == measured[f"{recipe}-mnist"][columns.index("FCD")], recipe
        assert row[2] == measured[f"{recipe}-mnist"][columns.index("minutes")], recipe
    assert "have FCD 0.041" in results
    assert "**real held-out digits have 0.04**" in README

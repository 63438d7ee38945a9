"""The public API: what gan/__init__.py names is what docs/api.md documents, and all of it can be imported."""

import importlib
import re
from pathlib import Path

import pytest

import gan

PAGE = (Path(__file__).parent.parent / "docs" / "api.md").read_text()
DOCUMENTED = re.findall(r"^::: (\S+)$", PAGE, re.MULTILINE)


def test_the_page_documents_what_the_package_names() -> None:
    names = {f"{gan._HOMES[name]}.{name}" for name in gan.__all__ if name != "__version__"}
    in_modules = {name for name in names if name.rpartition(".")[0] in gan.LIBRARY}
    assert sorted(DOCUMENTED) == sorted((names - in_modules) | set(gan.LIBRARY))


def test_completion_shows_the_public_names() -> None:
    assert dir(gan) == sorted(gan.__all__)


@pytest.mark.parametrize("name", gan.__all__)
def test_a_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    found = getattr(gan, name)
    assert found.__doc__


@pytest.mark.parametrize("module", gan.LIBRARY)
def test_a_public_module_says_what_it_is(module: str) -> None:
    assert importlib.import_module(module).__doc__

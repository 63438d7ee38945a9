"""docs/architecture.md names files and functions that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("docs/architecture.md", "CONTRIBUTING.md")
NAMED = re.compile(r"`((?:[\w.]+/)*\w+\.py)(?::([\w.]+))?`")


def files_named(path: str) -> list[Path]:
    """The files that a page may mean: from the root or from gan/."""
    return [file for file in (ROOT / path, ROOT / "gan" / path) if file.is_file()] or [
        file for room in ("gan", "tests") for file in sorted(ROOT.glob(f"{room}/**/{path}"))
    ]


def names_in(tree: ast.AST) -> set[str]:
    """Functions and classes, methods as Class.method and by their own name."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    return found


@pytest.mark.parametrize("page", PAGES)
def test_what_the_page_names_exists(page: str) -> None:
    named = [(path, name) for path, name in NAMED.findall((ROOT / page).read_text()) if "NAME" not in path]
    assert len(named) > 5
    missing = []
    for path, name in named:
        files = files_named(path)
        if not files or (name and not any(name in names_in(ast.parse(file.read_text())) for file in files)):
            missing.append(f"{path}:{name}")
    assert missing == []

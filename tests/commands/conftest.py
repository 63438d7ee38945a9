"""Fixtures of the commands: small run folders, and `gan` as it is typed beside them."""

from pathlib import Path

import pytest
from gan_command import GanCommand, command_in
from tiny_bundles import conditional_bundle, points_bundle, whole_bundle

CLOTHES = ("Bag", "Coat, long", "Sandal")


@pytest.fixture
def gan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GanCommand:
    return command_in(tmp_path, monkeypatch)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return whole_bundle(tmp_path).parent


@pytest.fixture
def clothes(tmp_path: Path) -> Path:
    """A conditional generator of three classes."""
    return conditional_bundle(tmp_path / "clothes", CLOTHES)


@pytest.fixture
def points(tmp_path: Path) -> Path:
    return points_bundle(tmp_path / "points")

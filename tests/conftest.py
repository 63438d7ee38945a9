"""Fixtures: configurations composed as train.py composes them, and small runs of the real thing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

ROOT = Path(__file__).parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
Compose = Callable[..., dict[str, Any]]


@pytest.fixture
def compose_settings(tmp_path: Path) -> Compose:
    """Settings for overrides as on the command line, in plain containers; the run folder is ``tmp_path / "run"``."""

    def composed(*overrides: str) -> dict[str, Any]:
        run_dir = tmp_path / "run"
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = compose("config", [*overrides, f"run_dir='{run_dir}'"])
        settings = OmegaConf.to_container(config, resolve=True)
        assert isinstance(settings, dict)
        return {str(name): node for name, node in settings.items()}

    return composed

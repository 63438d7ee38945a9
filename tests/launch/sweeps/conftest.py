"""Sweeps of jobs that only pretend to train, in this process."""

from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from pretended_sweeps import Sweeps, write_configuration


@pytest.fixture
def sweeps(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Sweeps:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    return Sweeps(tmp_path, write_configuration(tmp_path_factory.mktemp("conf")), monkeypatch)

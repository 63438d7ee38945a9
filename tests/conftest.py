"""Fixtures: configurations composed as train.py composes them, and small runs of the real thing."""

import functools
import os
import signal

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as gan.launch.hydra_job has it: before anything imports torch
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
if "PYTEST_XDIST_WORKER" in os.environ:  # one of several processes, which share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tiny_runs import TINY, Compose, EveryStep, Losses, Play, Rows, Run, few_images

from gan.config.experiments import without_leftovers
from gan.runs import run_folder
from gan.runs.moved_settings import in_folder
from gan.runs.resume import ResumeState
from gan.system import trust
from gan.training.build import build_data, build_game, build_trainer

ROOT = Path(__file__).parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests have no time limit."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(0))


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What is computed of the real images is shared by the tests of a session, and leaves no trace."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def signals_are_heard() -> Iterator[None]:
    """In a script's background Ctrl-C is ignored, and under nohup SIGHUP: by the tests, and by all that they start."""
    heard = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in heard.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """As they are by default, after a test that has run train.py in this process: hypothesis wants them."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(autouse=True)
def run_folders_are_released() -> Iterator[None]:
    """A test that trains in this process holds a run folder, as a real process does until it ends."""
    yield
    run_folder.release_all()


@pytest.fixture(autouse=True)
def trust_is_forgotten() -> Iterator[None]:
    """A command with --trust trusts for its whole process."""
    yield
    os.environ.pop(trust.VARIABLE, None)


@pytest.fixture
def compose_settings(tmp_path: Path) -> Compose:
    """Settings for overrides as on the command line, in plain containers; the run folder is ``tmp_path / "run"``."""

    def composed(*overrides: str) -> dict[str, Any]:
        return in_folder(_composed(overrides, os.environ.get("GAN_DATA")), tmp_path / "run")

    return composed


@functools.cache
def _composed(overrides: tuple[str, ...], data_root: str | None) -> dict[str, Any]:
    """Composing takes a quarter of a second, and most tests ask for the same more than once."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("config", [*overrides, "run_dir=/the/run/folder"])
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    return {str(name): node for name, node in settings.items() if name not in ("resume", "trust")}


@pytest.fixture
def play(compose_settings: Compose, monkeypatch: pytest.MonkeyPatch) -> Play:
    """``play(*overrides, callbacks=[…])``: train, with these callbacks around the game and no others."""
    monkeypatch.setattr("gan.data.module.load", lambda *arguments, **options: few_images())

    def played(
        *overrides: str,
        callbacks: Sequence[L.Callback] = (),
        ckpt_path: Path | None = None,
        past: ResumeState | None = None,
    ) -> Run:
        settings = without_leftovers(compose_settings(*TINY, *overrides), overrides)  # as train.py does
        data = build_data(settings)
        data.setup()
        game = build_game(settings, data)
        losses = Losses()
        game.record = EveryStep(game, losses)
        trainer = build_trainer(settings, past)
        rows = Rows()
        trainer.loggers = [*trainer.loggers, rows]
        trainer.callbacks.extend(callbacks)  # type: ignore[attr-defined]
        trainer.fit(game, datamodule=data, ckpt_path=ckpt_path)
        return Run(game, trainer, data, Path(settings["run_dir"]), rows, losses)

    return played

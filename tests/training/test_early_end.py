"""run.json says how a run ended before its time."""

import json
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as L
import pytest
from tiny_runs import Play

from gan.launch.results import after
from gan.launch.summary import early_end
from gan.system.signals import Stopped


def said(folder: Path, end: BaseException) -> dict[str, Any]:
    path = folder / "run.json"
    path.write_text('{"seed": 0}')
    given: Any = SimpleNamespace(is_global_zero=True, default_root_dir=str(folder))
    with pytest.raises(type(end)), early_end(given):
        raise end
    facts = json.loads(path.read_text())
    assert isinstance(facts, dict)
    assert facts.pop("seed") == 0
    return facts


def test_an_error(tmp_path: Path) -> None:
    facts = said(tmp_path, RuntimeError("out of memory\nand much more"))
    assert facts["failed"]["error"] == "RuntimeError: out of memory"
    assert facts["failed"]["at"].startswith("20")


def test_a_signal(tmp_path: Path) -> None:
    assert said(tmp_path, Stopped(signal.SIGTERM))["cut"]["by"] == "SIGTERM"


def test_an_exit_of_its_own_is_neither(tmp_path: Path) -> None:
    assert said(tmp_path, SystemExit(0)) == {}


def test_a_run_json_that_is_gone_does_not_hide_the_error(tmp_path: Path) -> None:
    given: Any = SimpleNamespace(is_global_zero=True, default_root_dir=str(tmp_path))
    with pytest.raises(RuntimeError, match="the error itself"), early_end(given):
        raise RuntimeError("the error itself")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("length", "cut"), [("trainer.max_epochs=2", True), ("trainer.max_steps=8", False)])
def test_the_last_lines_say_how_to_go_on_where_there_are_epochs_left(play: Play, length: str, cut: bool) -> None:
    class TimeIsUp(L.Callback):
        def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *arguments: Any) -> None:
            trainer.should_stop = cut and pl_module.turns == 2

    run = play("trainer.max_epochs=2", length, callbacks=[TimeIsUp()])
    data: Any = run.trainer.datamodule  # type: ignore[attr-defined]
    lines = after(data, run.trainer, 1.0).splitlines()
    told = [line for line in lines if line.startswith("Ended before its 2 epochs. To resume: python train.py resume=")]
    assert len(told) == cut

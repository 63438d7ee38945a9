"""Pruning: what of a run is reported to its search, when it is ended early, and what then stands in its folder."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import IMAGES, Play, Run

from gan.launch.sweeps.pruning import Pruning
from gan.training.callbacks import QualityMonitor


@dataclass
class Place:
    """A run's place in a search that finds it hopeless from these measurements on."""

    hopeless_at: set[int] = field(default_factory=set)
    reported: dict[int, float] = field(default_factory=dict)

    def report(self, measurement: int, value: float) -> None:
        assert measurement not in self.reported
        self.reported[measurement] = value

    def is_hopeless(self) -> bool:
        return bool(self.reported) and max(self.reported) in self.hopeless_at

    def others(self, measurement: int) -> tuple[float, int]:
        return 0.5, 3


@pytest.fixture
def measured(play: Play, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``measured(place, …)``: a run that is measured after every second epoch of four, as 20 and then 10."""
    values = iter([20.0, 10.0])
    monkeypatch.setattr("gan.training.callbacks.quality.why_unmeasured", lambda data: "")
    monkeypatch.setattr(QualityMonitor, "_measure", lambda *arguments: {"fcd": next(values), "recall": 0.25})

    def played(
        place: Place, *, monitor: str = "quality/fcd", callbacks: Any = None, ckpt_path: Path | None = None
    ) -> Run:
        pruning = Pruning("nowhere", 7, monitor)
        pruning.place = place  # type: ignore[assignment]
        around = [QualityMonitor(every=2 * IMAGES, n=200)] if callbacks is None else callbacks
        return play("trainer.max_epochs=4", callbacks=[*around, pruning], ckpt_path=ckpt_path)

    return played


def test_each_measurement_is_reported_once_by_its_number(measured: Any) -> None:
    place = Place()
    run = measured(place)
    assert place.reported == {1: 20.0, 2: 10.0}
    assert run.game.images_seen == 4 * IMAGES
    assert not (run.folder / "pruned.json").exists()


def test_a_hopeless_run_ends_with_its_epoch_and_says_why(measured: Any) -> None:
    place = Place(hopeless_at={1})
    run = measured(place)
    assert run.game.images_seen == 2 * IMAGES
    assert place.reported == {1: 20.0}
    told = json.loads((run.folder / "pruned.json").read_text())
    assert told == {"measurement": 1, "quality/fcd": 20.0, "median": 0.5, "finished_runs": 3}


def test_another_measure_can_be_the_one(measured: Any) -> None:
    place = Place()
    measured(place, monitor="quality/recall")
    assert place.reported == {1: 0.25, 2: 0.25}


def test_a_run_killed_when_it_was_hopeless_ends_where_it_did(measured: Any, tmp_path: Path) -> None:
    first = measured(Place(hopeless_at={1}))
    path = tmp_path / "killed.ckpt"
    first.trainer.save_checkpoint(path)
    (first.folder / "pruned.json").unlink()
    again = measured(Place(hopeless_at={1}, reported={1: 20.0}), ckpt_path=path)
    assert again.game.images_seen == 2 * IMAGES
    assert json.loads((again.folder / "pruned.json").read_text())["measurement"] == 1


def test_one_killed_before_its_checkpoint_trains_up_to_there_again(measured: Any) -> None:
    run = measured(Place(hopeless_at={1}, reported={1: 20.0}))
    assert run.game.images_seen == 2 * IMAGES
    assert json.loads((run.folder / "pruned.json").read_text())["measurement"] == 1


def test_what_was_reported_before_a_kill_is_not_reported_again(measured: Any) -> None:
    place = Place(reported={1: 20.0})
    run = measured(place)
    assert place.reported == {1: 20.0, 2: 10.0}
    assert run.game.images_seen == 4 * IMAGES


@pytest.mark.parametrize(
    ("monitor", "callbacks"),
    [("quality/modes", None), ("quality/fcd", [])],
    ids=["not this measure", "nothing measures"],
)
def test_without_the_measure_nothing_is_reported_and_nothing_ended(measured: Any, monitor: str, callbacks: Any) -> None:
    place = Place(hopeless_at={1, 2})
    run = measured(place, monitor=monitor, callbacks=callbacks)
    assert place.reported == {}
    assert run.game.images_seen == 4 * IMAGES


def test_of_data_that_cannot_be_measured_nothing_is_ended(play: Play) -> None:
    pruning, place = Pruning("nowhere", 0), Place(hopeless_at={1})
    pruning.place = place  # type: ignore[assignment]
    run = play(callbacks=[QualityMonitor(every=1, n=200), pruning])
    assert place.reported == {}
    assert run.game.images_seen == 2 * IMAGES


def test_a_run_that_no_search_waits_for_is_hopeless_no_more(play: Play, tmp_path: Path) -> None:
    before = tmp_path / "run" / "pruned.json"
    before.parent.mkdir()
    before.write_text("{}")
    pruning = Pruning(str(tmp_path), 0)
    run = play(callbacks=[pruning])
    assert pruning.place is None
    assert run.game.images_seen == 2 * IMAGES
    assert not before.exists()
    assert not (tmp_path / "study.db").exists()

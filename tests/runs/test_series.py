"""The table of logged series, held against what runs log, and against what may be monitored."""

import csv
import shutil
from dataclasses import replace
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_runs import TINY, Compose, Play

from gan.data.sources import LoadedImages, load
from gan.launch.monitored import logged_names
from gan.runs.series import ALARMS, BY_NAME, CHARTS, COIN, FINAL, SERIES, drawn_in
from gan.training.callbacks import Alarms, GameMonitor, LossCurves, QualityMonitor
from gan.training.callbacks.alarms import COLLAPSE, DEAD, MISSING, STILL, WINS

RUNS = {
    "digits": ["penalty=r1", "augmentation=adaptive"],
    "digits of classes": ["model.generator.conditioning=concat", "model.discriminator.conditioning=auxiliary"],
    "codes": ["objective=hinge", "model.codes.categorical=[3]", "model.codes.continuous=1"],
    "pairs": ["objective=relativistic_paired"],
    "ring": ["data=ring", "data.batch_size=5000"],
}
MONITORS = {name: {"_target_": f"gan.callbacks.{name}"} for name in ("GameMonitor", "QualityMonitor")}


def few_digits(*arguments: Any, **options: Any) -> LoadedImages:
    digits = load("mnist_sample")
    parts = {name: getattr(digits, name)[:320] for name in ("images", "labels")}
    held_out = {name: getattr(digits, name)[:250] for name in ("held_out_images", "held_out_labels")}
    return replace(digits, **parts, **held_out)


def test_runs_log_what_the_table_has_and_what_may_be_monitored(
    play: Play, compose_settings: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: set[str] = set()
    for name, changes in RUNS.items():
        monkeypatch.setattr("gan.data.module.load", load if name == "ring" else few_digits)
        overrides = ["data.batch_size=64", *changes, "logger=default", "trainer.max_epochs=1"]
        callbacks = [GameMonitor(), QualityMonitor(every=1, n=200), LossCurves(), Alarms(count=8)]
        run = play(*overrides, callbacks=callbacks)
        with (run.folder / "metrics.csv").open(newline="") as table:
            columns = set(next(csv.reader(table))) - {"step"}
        settings = {**compose_settings(*TINY, *overrides), "callbacks": MONITORS}
        assert set(logged_names(settings, run.data)) == {column for column in columns if "/" in column}, name

        tags = set(EventAccumulator(str(run.folder / "tensorboard")).Reload().Tags()["scalars"])
        alarms = {ALARMS + alarm.replace(" ", "_") for alarm in (WINS, COLLAPSE, MISSING, DEAD, STILL)}
        finals = {tag for tag in tags if tag.startswith(FINAL)}
        assert not tags & alarms  # the page begins with losses, not with counters and alarms that never began
        assert tags - finals - {"hp_metric"} == {column for column in columns if "/" in column} | {COIN}, name
        logged |= columns | {COIN}
        shutil.rmtree(run.folder)
    assert logged == set(BY_NAME)


def test_each_chart_has_series_of_which_all_are_better_in_one_way() -> None:
    assert len(BY_NAME) == len(SERIES)
    for chart in CHARTS:
        assert len({series.better for series in drawn_in(chart)}) == 1

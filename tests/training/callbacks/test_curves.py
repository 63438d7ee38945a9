"""LossCurves: losses.png from metrics.csv."""

import io
import math
from pathlib import Path

import matplotlib.axes
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tiny_runs import Play

from gan.runs.curves import Curve, read_curves
from gan.runs.series import COIN
from gan.training.callbacks import GameMonitor, LossCurves
from gan.training.callbacks.curves import draw_curves


def test_a_run_leaves_a_picture(play: Play) -> None:
    run = play("logger=csv", callbacks=[GameMonitor(), LossCurves()])
    with Image.open(run.folder / "losses.png") as picture:
        assert picture.format == "PNG"
        assert picture.size == (800, 600)


def test_without_the_table_there_is_no_picture(play: Play) -> None:
    run = play(callbacks=[GameMonitor(), LossCurves()])
    assert not (run.folder / "losses.png").exists()


def test_columns_of_the_table_are_what_was_logged(play: Play) -> None:
    run = play("logger=csv", "schedule.n_critic=3", callbacks=[GameMonitor()])
    columns = read_curves(run.folder / "metrics.csv", "step")
    for name in ("train/d_loss", "train/g_loss", "train/d_accuracy_real", "train/d_accuracy_fake", "epoch/g_loss"):
        logged = run.logged.having(name)
        assert columns[name] == Curve([step for step, _ in logged], [value for _, value in logged])
        assert logged


def test_empty_cells_are_left_out(tmp_path: Path) -> None:
    table = tmp_path / "metrics.csv"
    table.write_text("step,a,b\n1,0.5,\n2,,7\n3,nan,8\n")
    columns = read_curves(table, "step")
    assert set(columns) == {"step", "a", "b"}
    assert columns["b"] == Curve([2, 3], [7.0, 8.0])
    assert columns["a"].x == [1, 3]
    assert columns["a"].values[0] == 0.5
    assert math.isnan(columns["a"].values[1])


def test_both_losses_and_both_accuracies_are_drawn_against_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Curve] = {}
    plot = matplotlib.axes.Axes.plot

    def spy(self: matplotlib.axes.Axes, *data: list[float], **style: object) -> object:
        drawn[str(style["label"])] = Curve(list(map(int, data[0])), list(data[1]))
        return plot(self, *data, **style)

    monkeypatch.setattr(matplotlib.axes.Axes, "plot", spy)
    columns = {
        "train/d_loss": Curve([1, 2], [1.5, 1.4]),
        "train/g_loss": Curve([1, 3], [0.5, 0.6]),
        "train/d_accuracy_real": Curve([1, 2], [0.9, 0.8]),
        "train/d_accuracy_fake": Curve([2, 3], [0.7, 0.6]),
        "train/d_lr": Curve([1, 2], [0.1, 0.1]),
    }
    picture = draw_curves(columns)
    assert drawn == {
        "D's loss": columns["train/d_loss"],
        "G's loss": columns["train/g_loss"],
        "on real": columns["train/d_accuracy_real"],
        "on fake": columns["train/d_accuracy_fake"],
    }
    assert Image.open(io.BytesIO(picture)).format == "PNG"


@pytest.mark.parametrize(
    "columns", [{}, {"train/d_loss": Curve([0], [float("nan")])}, {"train/g_loss": Curve([5], [1.0])}]
)
def test_a_run_with_next_to_nothing_to_show_has_a_picture_too(columns: dict[str, Curve]) -> None:
    assert Image.open(io.BytesIO(draw_curves(columns))).format == "PNG"


def test_tensorboard_gets_both_losses_in_one_chart_and_the_accuracies_in_another(play: Play) -> None:
    run = play("logger=tensorboard", callbacks=[GameMonitor(), LossCurves()])
    events = EventAccumulator(str(run.folder / "tensorboard")).Reload()
    steps = [event.step for event in events.Scalars(COIN)]
    assert [event.value for event in events.Scalars(COIN)] == [0.5] * 3
    assert (steps[0], steps[-1]) == (0, run.game.g_updates)
    layout = layout_pb2.Layout()
    (content,) = events.Tensors("custom_scalars__config__")[-1].tensor_proto.string_val
    layout.ParseFromString(content)
    charts = {chart.title: list(chart.multiline.tag) for category in layout.category for chart in category.chart}
    assert charts["losses"] == ["train/d_loss", "train/g_loss"]
    logged = set(events.Tags()["scalars"])
    assert set(charts["losses"]) <= logged
    assert set(charts["discriminator's accuracy"]) - logged == {"train/d_accuracy_pairs"}  # of relativistic objectives

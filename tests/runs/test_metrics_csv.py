"""metrics.csv: one table that grows, and never loses a row."""

import csv
from pathlib import Path

import pytest
from lightning.pytorch.utilities import rank_zero_only

from gan.runs.metrics_csv import MetricsCSV


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(None not in row and None not in row.values() for row in rows)  # as many cells as columns, in each row
    return rows


def header(folder: Path) -> list[str]:
    return (folder / "metrics.csv").read_text().splitlines()[0].split(",")


def test_a_row_is_on_the_disk_as_soon_as_it_is_logged(tmp_path: Path) -> None:
    logger = MetricsCSV(str(tmp_path))
    assert not (tmp_path / "metrics.csv").exists()
    logger.log_metrics({"a": 1.5, "b": 2}, step=10)
    assert table(tmp_path) == [{"step": "10", "a": "1.5", "b": "2"}]
    logger.log_metrics({"a": 2.5, "b": 3}, step=20)
    assert table(tmp_path) == [{"step": "10", "a": "1.5", "b": "2"}, {"step": "20", "a": "2.5", "b": "3"}]


def test_a_column_appears_when_it_is_first_logged_and_the_rows_before_leave_it_empty(tmp_path: Path) -> None:
    logger = MetricsCSV(str(tmp_path))
    logger.log_metrics({"d_loss": 1.0}, step=0)
    logger.log_metrics({"g_loss": 2.0}, step=1)
    logger.log_metrics({"quality/fcd": 3.0, "d_loss": 4.0}, step=2)
    assert header(tmp_path) == ["step", "d_loss", "g_loss", "quality/fcd"]
    assert table(tmp_path) == [
        {"step": "0", "d_loss": "1.0", "g_loss": "", "quality/fcd": ""},
        {"step": "1", "d_loss": "", "g_loss": "2.0", "quality/fcd": ""},
        {"step": "2", "d_loss": "4.0", "g_loss": "", "quality/fcd": "3.0"},
    ]


def test_values_come_back_exactly(tmp_path: Path) -> None:
    values = [0.1 + 0.2, 1e-300, 1.0, float("inf"), float("nan")]
    logger = MetricsCSV(str(tmp_path))
    for step, value in enumerate(values):
        logger.log_metrics({"x": value}, step=step)
    logger.log_metrics({"y": 1.0}, step=9)  # rewrites the rows before
    assert [row["x"] for row in table(tmp_path)] == [*(repr(value) for value in values), ""]


def test_rows_of_an_earlier_run_in_the_folder_are_kept(tmp_path: Path) -> None:
    MetricsCSV(str(tmp_path)).log_metrics({"a": 1.0, "b": 2.0}, step=1)
    resumed = MetricsCSV(str(tmp_path))
    resumed.log_metrics({"b": 3.0}, step=2)
    resumed.log_metrics({"c": 4.0}, step=3)
    assert table(tmp_path) == [
        {"step": "1", "a": "1.0", "b": "2.0", "c": ""},
        {"step": "2", "a": "", "b": "3.0", "c": ""},
        {"step": "3", "a": "", "b": "", "c": "4.0"},
    ]


def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").touch()
    MetricsCSV(str(tmp_path)).log_metrics({"a": 1.0}, step=1)
    assert table(tmp_path) == [{"step": "1", "a": "1.0"}]


def test_names_with_a_comma_or_a_quote_are_one_column(tmp_path: Path) -> None:
    logger = MetricsCSV(str(tmp_path))
    logger.log_metrics({'a "b", c': 1.0}, step=0)
    assert table(tmp_path) == [{"step": "0", 'a "b", c': "1.0"}]


def test_the_folder_is_made_and_other_files_in_it_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text("x")
    logger = MetricsCSV(str(folder))
    logger.log_metrics({"a": 1.0}, step=0)
    logger.log_metrics({"b": 1.0}, step=0)
    assert sorted(path.name for path in folder.iterdir()) == ["config.yaml", "metrics.csv"]
    MetricsCSV(str(tmp_path / "new" / "run")).log_metrics({"a": 1.0}, step=0)
    assert len(table(tmp_path / "new" / "run")) == 1


def test_hyperparameters_make_no_row(tmp_path: Path) -> None:
    MetricsCSV(str(tmp_path)).log_hyperparams({"lr": 1})
    assert list(tmp_path.iterdir()) == []


def test_only_the_first_process_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    MetricsCSV(str(tmp_path)).log_metrics({"a": 1.0}, step=0)
    assert list(tmp_path.iterdir()) == []


def test_a_name_and_a_folder_for_lightning(tmp_path: Path) -> None:
    logger = MetricsCSV(str(tmp_path / "run"))
    assert (logger.name, logger.version, logger.save_dir) == ("csv", "", str(tmp_path / "run"))

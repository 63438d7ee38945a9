"""metrics.csv is read as it stands, also while it is being written."""

import math
from pathlib import Path

import pytest

from gan.runs.curves import Curve, read_curves, thinned, with_gaps


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "metrics.csv"


def test_a_row_without_images_belongs_to_those_of_the_row_above(table: Path) -> None:
    table.write_text("step,images_seen,train/d_loss,quality/fcd\n0,,,90\n1,64,2.5,\n2,128,2.0,\n2,,,7.5\n")
    curves = read_curves(table)
    assert curves["train/d_loss"] == Curve([64, 128], [2.5, 2.0])
    assert curves["quality/fcd"] == Curve([0, 128], [90, 7.5])


def test_a_last_line_that_is_half_written_is_left_out(table: Path) -> None:
    table.write_text("images_seen,train/d_loss\n64,2.5\n128,2")
    assert read_curves(table)["train/d_loss"] == Curve([64], [2.5])


def test_a_broken_row_is_left_out_and_what_is_not_finite_is_kept(table: Path) -> None:
    table.write_text("images_seen,train/d_loss\n64,2.5\n12x8,2.0\n192,nan\n256,inf\n\0\0,\n")
    curve = read_curves(table)["train/d_loss"]
    assert curve.x == [64, 192, 256]
    assert math.isnan(curve.values[1])
    assert curve.finite() == [2.5]


def test_what_a_resumed_run_logs_again_replaces_what_was_there(table: Path) -> None:
    table.write_text("images_seen,train/d_loss\n64,1\n128,2\n192,3\n128,20\n192,30\n")
    assert read_curves(table)["train/d_loss"] == Curve([64, 128, 128, 192], [1, 2, 20, 30])


def test_no_file_and_an_empty_file_have_no_curves(table: Path) -> None:
    assert read_curves(table) == {}
    table.write_text("")
    assert read_curves(table) == {}


def test_a_thinned_curve_has_all_peaks_and_both_ends() -> None:
    values = [math.sin(index / 50) for index in range(10_000)]
    values[1234], values[7777], values[5000] = 99.0, -99.0, math.nan
    thin = thinned(Curve(list(range(0, 640_000, 64)), values), 300)
    assert len(thin.x) <= 300
    assert max(thin.finite()) == 99.0
    assert min(thin.finite()) == -99.0
    assert thin.x == sorted(thin.x)
    assert thin.x[thin.values.index(99.0)] == 1234 * 64
    assert sum(map(math.isnan, thin.values)) == 1


def test_a_short_curve_is_not_thinned() -> None:
    curve = Curve([1, 2, 3], [3.0, math.nan, 1.0])
    assert thinned(curve, 3) is curve


def test_a_line_is_broken_where_the_other_network_trained() -> None:
    images = [0, 10, 20, 30, 40, 1000, 1010, 1020]
    broken = with_gaps(Curve(images, [1.0] * 8))
    assert [index for index, value in enumerate(broken.values) if math.isnan(value)] == [5]
    assert broken.x[4:7] == [40, 520, 1000]
    assert with_gaps(Curve(images[:5], [1.0] * 5)) == Curve(images[:5], [1.0] * 5)


@pytest.mark.parametrize(
    ("steps", "drawn"),
    [
        ([], []),
        ([5], [5]),
        ([50, 100, 138, 188], [50, 100, 138, 188]),
        ([0, 0, 0, 938, 938, 938], [0, 0, 0, None, 938, 938, 938]),
    ],
    ids=["nothing", "one row", "an ordinary run", "alternating epochs"],
)
def test_a_line_is_broken_where_nothing_was_logged_for_long(steps: list[int], drawn: list[int | None]) -> None:
    broken = with_gaps(Curve(steps, [1.0] * len(steps)))
    assert [None if math.isnan(value) else x for x, value in zip(broken.x, broken.values, strict=True)] == drawn

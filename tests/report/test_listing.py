"""Runs chosen and ordered by their columns."""

from pathlib import Path

import pytest
from written_runs import write_run

from gan.report.listing import chosen, columns, ordered
from gan.runs.reading import Run, find_runs
from gan.system.errors import GanError

KNOWN = columns(now=0)


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    write_run(tmp_path / "10", fcd=3.0, command=("train.py", "objective=hinge"))
    write_run(tmp_path / "2", fcd=12.0, data="fashion")
    write_run(tmp_path / "x", fcd=float("nan"), seed=1)
    write_run(tmp_path / "none", ended=False, rows=("50,1.0,1.0",))
    return find_runs([tmp_path])


def names(runs: list[Run]) -> list[str]:
    return [run.name for run in runs]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], {"2", "10", "x", "none"}),
        (["data=fashion"], {"2"}),
        (["data != fashion", "state=finished"], {"10", "x"}),
        (["recipe~HINGE"], {"10"}),
        (["fcd<12"], {"10"}),
        (["fcd<=12"], {"2", "10"}),
        (["fcd>3"], {"2"}),
        (["fcd>=3", "images>=100"], {"2", "10"}),
        (["images=50"], {"none"}),
        (["images=5.0e1"], {"none"}),
        (["seed=1"], {"x"}),
        (["why="], {"2", "10", "x", "none"}),
    ],
)
def test_conditions(runs: list[Run], conditions: list[str], expected: set[str]) -> None:
    assert set(names(chosen(runs, conditions, KNOWN))) == expected


@pytest.mark.parametrize(
    ("by", "reverse", "expected"),
    [
        ("fcd", False, ["10", "2"]),
        ("fcd", True, ["2", "10"]),
        ("run", False, ["2", "10", "none", "x"]),
        ("run", True, ["x", "none", "10", "2"]),
    ],
)
def test_the_best_first_and_who_has_no_value_last(runs: list[Run], by: str, reverse: bool, expected: list[str]) -> None:
    assert names(ordered(runs, by, KNOWN, reverse=reverse))[: len(expected)] == expected


def test_more_images_come_first(runs: list[Run]) -> None:
    assert names(ordered(runs, "images", KNOWN, reverse=False))[-1] == "none"


@pytest.mark.parametrize("condition", ["fcd", "fcd<low", "fdc<3", "< 3"])
def test_what_is_no_condition(runs: list[Run], condition: str) -> None:
    with pytest.raises(GanError, match="--filter: "):
        chosen(runs, [condition], KNOWN)
    with pytest.raises(GanError, match="--sort: no such option 'fdc'; did you mean 'fcd'"):
        ordered(runs, "fdc", KNOWN, reverse=False)


def test_what_stands_in_a_cell(runs: list[Run]) -> None:
    cells = {run.name: {name: column.cell(run) for name, column in KNOWN.items()} for run in runs}
    assert cells["10"]["fcd"] == "3.00"
    assert (cells["10"]["images"], cells["10"]["minutes"], cells["10"]["seed"]) == ("200", "1.5", "0")
    assert (cells["10"]["recipe"], cells["2"]["recipe"]) == ("objective=hinge", "-")
    assert (cells["none"]["state"], cells["x"]["fcd"]) == ("interrupted", "not finite")

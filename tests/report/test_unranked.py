"""Runs that are not ranked: ended early by a search, failed, never begun; each is there, with the reason."""

import json
from pathlib import Path

import pytest
from gan_command import GanCommand, command_in
from written_runs import write_run

from gan.report.document import Drawing, Table, Text
from gan.report.ranking import rankings
from gan.report.sweep import sweep_section
from gan.report.unranked import never_begun, unranked_blocks
from gan.runs.reading import find_runs, read_run

PRUNED = {"measurement": 2, "quality/fcd": 120.3, "median": 90.12, "finished_runs": 5}


def prune(run: Path, facts: object = PRUNED) -> Path:
    (run / "pruned.json").write_text(json.dumps(facts))
    return run


def fail(run: Path, reason: str) -> Path:
    run.mkdir(parents=True, exist_ok=True)
    (run / "failed.json").write_text(json.dumps({"reason": reason, "exit_code": 1}))
    return run


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Eight finished runs, one that is better but was ended early, one that failed, one that never began."""
    folder = tmp_path / "sweep"
    for number in range(8):
        lr, penalty = (1e-4, 1e-3)[number % 2], {"name": ("none", "r1")[number // 2 % 2]}
        words = ["train.py", "-m", f"optimizer.lr={lr}", f"seed={number}"]
        write_run(folder / str(number), lr=lr, penalty=penalty, seed=number, fcd=10.0 + number % 2, command=words)
    prune(write_run(folder / "early", lr=1e-2, fcd=1.0))
    fail(write_run(folder / "broken", lr=1, ended=False), "RuntimeError: no memory\nand more")
    fail(folder / "penalty-none_ab12cd34", "penalty.gamma: no such setting; settings: name")
    return folder


def test_their_states_and_reasons(sweep: Path) -> None:
    early, broken = read_run(sweep / "early"), read_run(sweep / "broken")
    assert (early.state(0), broken.state(0)) == ("pruned", "failed")
    assert early.why == "quality/fcd 120.3 at measurement 2, worse than the median of 5 finished runs, 90.12"
    assert broken.why == "RuntimeError: no memory and more"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"measurement": 3, "quality/recall": 0.25}, "quality/recall 0.25 at measurement 3, worse than the median"),
        ({"measurement": 1}, "by its search"),
    ],
)
def test_what_an_older_search_has_left_is_told_as_far_as_it_goes(tmp_path: Path, facts: object, why: str) -> None:
    assert read_run(prune(write_run(tmp_path / "run"), facts)).why == why


def test_none_of_them_is_the_best_or_in_the_ranking(sweep: Path) -> None:
    (ranking,) = rankings(find_runs([sweep]))
    assert ranking.best is not None
    assert {run.name for run in ranking.best} == {"0", "4"} or {run.name for run in ranking.best} == {"2", "6"}
    assert sorted(run.name for run in ranking.unranked) == ["broken", "early"]
    assert len(ranking.runs) == 8


def test_they_stand_apart_with_what_they_had_reached(sweep: Path) -> None:
    (ranking,) = rankings(find_runs([sweep]))
    about, table = unranked_blocks(ranking, now=0)
    assert isinstance(about, Text)
    assert isinstance(table, Table)
    assert about.text.startswith("Not ranked: 1 failed, 1 stopped early by the search.")
    rows = {row[0]: dict(zip(table.head, row, strict=True)) for row in table.rows}
    assert (rows["early"]["state"], rows["early"]["last FCD"], rows["early"]["images"]) == ("pruned", "1.00", "200")
    assert rows["early"]["settings"] == "penalty=none optimizer.lr=0.01"
    assert rows["broken"]["why"] == "RuntimeError: no memory and more"


def test_they_have_a_dashed_line_and_no_part_in_what_mattered(sweep: Path) -> None:
    (ranking,) = rankings(find_runs([sweep]))
    section = sweep_section(ranking)
    assert section is not None
    drawing, table = section.blocks[:2]
    assert isinstance(drawing, Drawing)
    assert drawing.svg.count("<polyline") == 10
    assert drawing.svg.count("stroke-dasharray") == 2
    assert "early: quality/fcd 120.3 at measurement 2" in drawing.svg
    assert isinstance(table, Table)
    assert "0.01:" not in table.rows[0][2]
    assert table.rows[0][:2] == ["optimizer.lr", "100%"]


def test_jobs_that_never_began_are_known(sweep: Path) -> None:
    reason = "penalty.gamma: no such setting; settings: name"
    assert never_begun([sweep]) == {"penalty-none_ab12cd34": reason}
    fail(sweep.parent / "other" / "penalty-none_ab12cd34", "seed: not allowed")
    found = never_begun([sweep, sweep.parent / "other"])
    assert found == {"sweep/penalty-none_ab12cd34": reason, "other/penalty-none_ab12cd34": "seed: not allowed"}


@pytest.fixture
def gan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GanCommand:
    return command_in(tmp_path, monkeypatch)


def test_page_markdown_and_terminal_say_it(
    gan: GanCommand, sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gan("report", "sweep") == 0
    page, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    for said in ("Jobs that did not start: 1.", "Not ranked: 1 failed", "RuntimeError: no memory and more", "90.12"):
        assert said in page
        assert said in text
    assert "command that repeats the first run of the ranking" in page
    told = capsys.readouterr().out
    assert "  pruned: early: quality/fcd 120.3 at measurement 2, worse than" in told
    assert "  failed: broken: RuntimeError: no memory and more" in told
    assert "  failed: penalty-none_ab12cd34: penalty.gamma: no such setting" in told


def test_where_all_have_failed_there_is_a_report_still(gan: GanCommand, tmp_path: Path) -> None:
    fail(write_run(tmp_path / "sweep" / "only", ended=False), "no memory")
    assert gan("report", "sweep") == 0
    assert "mnist: there are no runs to rank" in (tmp_path / "report.md").read_text()


def test_where_nothing_has_begun_the_first_reason_is_the_answer(
    gan: GanCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(tmp_path / "sweep" / "job", "seed: -1 given")
    assert gan("report", "sweep") == 2
    assert capsys.readouterr().err == "sweep: none of the sweep's jobs has started; job failed: seed: -1 given\n"

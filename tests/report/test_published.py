"""A repetition is compared with published runs: bit-equal, or within the range that the published seeds predict."""

from pathlib import Path

import pytest
from gan_command import ROOT
from written_runs import write_quality, write_run

from gan.report import published
from gan.report.published import Published, compare, record
from gan.runs.reading import read_run
from gan.system.errors import GanError


def rows_of(tmp_path: Path, *fcds: float) -> Published:
    """A result with one run for each FCD."""
    folders = [write_run(tmp_path / f"seed{seed}", seed=seed, fcd=fcd) for seed, fcd in enumerate(fcds)]
    return Published("dcgan-mnist", ["experiment=dcgan"], [record(read_run(folder)) for folder in folders])


def other_run(tmp_path: Path, fcd: float) -> Path:
    """A run with another number in metrics.csv."""
    return write_run(tmp_path / "again", fcd=fcd, rows=("100,2.0,1.0", "200,1.0,1.6"))


def test_the_same_run_is_the_same_bit_for_bit(tmp_path: Path) -> None:
    row = rows_of(tmp_path, 4.0)
    is_confirmed, lines = compare(row, 0, read_run(write_run(tmp_path / "again", fcd=4.0)))
    assert is_confirmed
    assert lines == ["Bit-identical to the published run: metrics.csv and the weights of the generator."]


def test_other_weights_are_not_the_same(tmp_path: Path) -> None:
    row = rows_of(tmp_path, 4.0)
    folder = write_run(tmp_path / "again", fcd=4.0)
    text = (folder / "quality.json").read_text()
    (folder / "quality.json").write_text(text.replace("7" * 64, "8" * 64))
    assert not compare(row, 0, read_run(folder))[0]


@pytest.mark.parametrize(("fcd", "is_inside"), [(4.2, True), (6.4, True), (6.6, False), (1.5, False)])
def test_two_seeds_and_more_predict_a_range(tmp_path: Path, fcd: float, is_inside: bool) -> None:
    # 4, 4.5 and 3.5: mean 4, standard deviation 0.5, t 4.303 with 2 degrees of freedom: 4 ± 2.48
    row = rows_of(tmp_path, 4.0, 4.5, 3.5)
    is_confirmed, lines = compare(row, 0, read_run(other_run(tmp_path, fcd)))
    assert is_confirmed == is_inside
    assert f"  FCD: {fcd:.3f}; 1.516 to 6.484 expected" in lines
    end = "All are within the range predicted from 3 seeds for 95 % of the runs."
    assert (end if is_inside else "Outside the range predicted from 3 seeds: FCD.") in lines


def test_one_seed_predicts_nothing(tmp_path: Path) -> None:
    is_confirmed, lines = compare(rows_of(tmp_path, 4.0), None, read_run(other_run(tmp_path, 4.01)))
    assert not is_confirmed
    assert "  FCD: 4.010; published 4.000" in lines
    assert lines[-1].startswith("Only one seed is published")


def test_a_seed_that_was_not_published(tmp_path: Path) -> None:
    with pytest.raises(GanError, match=r"--seed: 5 given; published seeds of 'dcgan-mnist': 0, 1"):
        rows_of(tmp_path, 4.0, 4.1).of_seed(5)


def test_what_cannot_be_repeated_is_not_published(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    with pytest.raises(GanError, match="gan evaluate"):
        record(read_run(folder))
    write_quality(folder, fcd=4.0)
    (folder / "run.json").write_text((folder / "run.json").read_text().replace('"clean": true', '"clean": false'))
    with pytest.raises(GanError, match="uncommitted changes"):
        record(read_run(folder))


def test_published_results_are_complete() -> None:
    rows = published.read()
    for name, row in rows.items():
        assert name == row.name
        assert len({run.seed for run in row.runs}) == len(row.runs) > 0
        assert all(len(run.rows) == len(run.weights) == 64 and run.quality["fcd"] > 0 for run in row.runs)
        assert (ROOT / "docs" / "images" / "results" / f"{name}.png").is_file()

"""`gan report --csv` and `--latex`: the statistics over seeds as files."""

import csv
import io
import re
from pathlib import Path

import pytest
from gan_command import GanCommand, command_in
from written_runs import write_run

from gan.report.numbers import HEAD, latex


@pytest.fixture
def gan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GanCommand:
    for lr, fcds in {1e-4: (4.0, 5.0, 6.0), 2e-4: (8.0, 9.0, 10.0), 4e-4: (11.0,)}.items():
        for seed, fcd in enumerate(fcds):
            write_run(tmp_path / "sweep" / f"{lr}_{seed}", lr=lr, seed=seed, fcd=fcd)
    return command_in(tmp_path, monkeypatch)


def test_csv_has_the_statistics_of_each_configuration(gan: GanCommand, tmp_path: Path) -> None:
    assert gan("report", "sweep", "--csv", "table.csv") == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text())))
    assert tuple(rows[0]) == HEAD
    first, second, third = [row for row in rows if row["metric"] == "FCD"]
    assert (first["configuration"], first["seeds"], first["n"]) == ("optimizer.lr=0.0001", "0 1 2", "3")
    assert (float(first["mean"]), float(first["std"])) == (5.0, 1.0)
    assert float(first["ci95_high"]) == pytest.approx(5 + 2.484, abs=1e-3)
    assert (first["diff_to_first"], first["measured_on"], first["better"]) == ("", "10,000 images of mnist", "lower")
    assert (second["diff_to_first"], second["diff_ci95_low"], second["diff_n"]) == ("4", "4", "3")
    assert (second["diff_method"], second["different"]) == ("paired", "yes")
    assert (third["n"], third["std"], third["ci95_low"], third["different"]) == ("1", "", "", "")
    assert {row["unit"] for row in rows} == {"1", "classes", "images", "min"}


def test_latex_is_a_booktabs_table_with_its_command_and_version(gan: GanCommand, tmp_path: Path) -> None:
    assert gan("report", "sweep", "--latex", "my_table.tex") == 0
    text = (tmp_path / "my_table.tex").read_text()
    assert r"FCD $\downarrow$ & missing (classes) $\downarrow$ & Time (min) & $\Delta$ FCD \\" in text
    assert r"optimizer.lr=0.0001 & 3 & $5.00 \pm 2.48$ & $0$ & $1.50 \pm 0.00$ &  \\" in text
    assert r"optimizer.lr=0.0002 & 3 & $9.00 \pm 2.48$ & $0$ & $1.50 \pm 0.00$ & $+4.00 \pm 0.00$ \\" in text
    assert r"optimizer.lr=0.0004 & 1 & $11.0$ & $0$ & $1.50$ &  \\" in text
    assert re.search(r"Made by \\texttt\{gan report sweep --latex my\\_table\.tex\}, gan \d", text)
    columns = {line.count("&") for line in text.splitlines() if line.endswith(r"\\")}
    assert columns == {text.partition("{tabular}{l")[2].partition("}")[0].count("r")}


def test_names_are_escaped_for_latex() -> None:
    assert latex("a_b 50% $x$ {y} \\input & #1 ~^") == (
        r"a\_b 50\% \$x\$ \{y\} \textbackslash{}input \& \#1 \textasciitilde{}\textasciicircum{}"
    )


@pytest.mark.parametrize(("option", "name"), [("--csv", "t.csv"), ("--latex", "t.tex")])
def test_nothing_is_overwritten_without_force(
    gan: GanCommand, tmp_path: Path, option: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("mine")
    assert gan("report", "sweep", option, name) == 2
    assert f"{option}: {name} exists with other content; give another name, or --force" in capsys.readouterr().err
    assert (tmp_path / name).read_text() == "mine"
    assert not (tmp_path / "report.html").exists()
    assert gan("report", "sweep", option, name, "--force") == 0
    assert (tmp_path / name).read_text() != "mine"


def test_another_ending_is_refused(gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("report", "sweep", "--csv", "table.xlsx") == 2
    assert "--csv: table.xlsx given; a file name that ends in .csv expected" in capsys.readouterr().err

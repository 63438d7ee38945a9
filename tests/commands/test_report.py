"""`gan report`: one HTML page that fetches nothing and the same in Markdown, whatever the runs are called."""

import csv
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from gan_command import ROOT, GanCommand, command_in
from written_runs import write_run

from gan.launch.sweeps.summary import report_command

HOSTILE = "<script>alert(1)<"
OTHER = '"x|y`$z$ <img src=x onerror=alert(1)>'


@pytest.fixture
def gan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GanCommand:
    return command_in(tmp_path, monkeypatch)


class Page(HTMLParser):
    """The elements, the addresses and the texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    write_run(tmp_path / "runs" / HOSTILE, fcd=3.0)
    write_run(tmp_path / "runs" / OTHER, lr=2, rows=("100,nan,1.0", "200,nan,</script>"))
    return tmp_path


def test_a_page_fetches_nothing_and_runs_no_script_but_its_own(gan: GanCommand, hostile: Path) -> None:
    assert gan("report", "runs") == 0
    text = (hostile / "report.html").read_text()
    page = Page(text)
    assert all(address.startswith(("data:image/png;base64,", "#part-")) for address in page.addresses)
    assert page.elements.count("script") == 2  # the points and ours
    assert page.elements.count("img") == 2  # the grids
    assert "default-src 'none'" in text
    assert not re.findall(r"url\((?!#)|@import|https?://(?!www.w3.org/2000/svg)", text)
    assert {HOSTILE, OTHER} <= set(page.texts)


def test_the_points_are_json_with_gaps_for_nan(gan: GanCommand, hostile: Path) -> None:
    assert gan("report", "runs") == 0
    (points,) = re.findall(
        r'<script type="application/json" id="curves">(.*)</script>', (hostile / "report.html").read_text()
    )
    stored = json.loads(points)
    assert [line["name"] for line in stored["lines"]] == [HOSTILE, OTHER]
    d_loss = stored["charts"][0]
    assert d_loss["title"] == "train/d_loss"
    assert d_loss["curves"] == [{"line": 0, "x": [100, 200], "y": [2.0, 1.0]}, {"line": 1, "x": [100], "y": [None]}]


def _pictures(markdown: str) -> Iterator[str]:
    yield from re.findall(r'src="([^"]+)"', markdown)
    yield from re.findall(r"!\[[^\]]*\]\(([^)]+)\)", markdown)


def test_the_markdown_has_its_pictures_and_no_html_of_a_user(gan: GanCommand, hostile: Path) -> None:
    assert gan("report", "runs") == 0
    text = (hostile / "report.md").read_text()
    pictures = list(_pictures(text))
    assert len(pictures) == 3  # two grids, the curves
    assert all((hostile / picture).is_file() for picture in pictures)
    assert "<script" not in text
    assert "<img src=x" not in re.sub(r"^```\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)  # commands
    assert "&lt;script&gt;alert(1)&lt;" in text
    assert r"\`\$z\$" in text


def test_a_name_in_markdown_is_text_alone(gan: GanCommand, tmp_path: Path) -> None:
    """Settings, columns, reasons, facts and folders from files: no fence, link, heading, list or cell of their own."""
    bad = "1. ``` # [a](b) ![c](d) | https://e.f www.g.h @i $\\frac$\n\n- <b>"
    for number in (0, 1):
        folder = write_run(tmp_path / "runs" / f"```[a](b) https:{number}", fcd=1.0, lr=number, command=["t.py", bad])
        settings = yaml.safe_load((folder / "config.yaml").read_text())
        (folder / "config.yaml").write_text(yaml.safe_dump({**settings, bad: {bad: number}}))
        facts = json.loads((folder / "run.json").read_text())
        facts |= {"versions": {bad: bad, "x": number}, "git": {bad: f"{bad}{number}"}}
        (folder / "run.json").write_text(json.dumps(facts))
        (folder / "alarms.json").write_text(json.dumps([{"message": bad}]))
        (folder / "metrics.csv").write_text('images_seen,"train/$\\frac$ ``` [a](b)"\n1,2\n2,3\n')
    (write_run(tmp_path / "runs" / "failed") / "failed.json").write_text(json.dumps({"reason": bad}))
    assert gan("report", "runs") == 0
    text = (tmp_path / "report.md").read_text()
    prose = re.sub(r"^(`{3,})\n.*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)  # commands, as they are typed
    tables = re.findall(r"<table>.*?</table>", prose, re.DOTALL)  # HTML, in which Markdown is text
    assert not [table for table in tables if "\n\n" in table or "<b>" in table]
    prose = re.sub(r"<table>.*?</table>", "", prose, flags=re.DOTALL)
    prose = re.sub(r"^!\[Curves\].*$|^!\[More curves\].*$", "", prose, flags=re.MULTILINE)
    for raw in ("```", "[a](b)", "![c]", "https://e", "www.g", "@i", "<b>"):
        assert raw not in prose, raw
    assert not re.findall(r"^(- |\d+\. |# \[)", prose, re.MULTILINE)
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):  # tables: each row has as many cells as its head
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1, block


def test_both_say_the_same(gan: GanCommand, tmp_path: Path) -> None:
    for number, lr in enumerate((1e-4, 2e-4)):
        write_run(
            tmp_path / "runs" / f"r{number}", lr=lr, fcd=3.25 + number, command=["train.py", f"optimizer.lr={lr}"]
        )
    assert gan("report", "runs") == 0
    page, text = Page((tmp_path / "report.html").read_text()), (tmp_path / "report.md").read_text()
    for said in ("3.25", "4.25", "1,234", "AMD EPYC", "python train.py optimizer.lr=0.0001"):
        assert any(said in part for part in page.texts), said
        assert said in text, said


def test_an_unmeasured_run_says_how_to_measure_it(
    gan: GanCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "run", ended=False, rows=())
    assert gan("report", "run", "--out", "some/page.html") == 0
    assert "gan evaluate run" in (tmp_path / "some" / "page.md").read_text()
    assert "some/page.html" in capsys.readouterr().out


def test_what_is_there_is_kept_unless_it_is_the_same_or_forced(
    gan: GanCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "runs" / "a", fcd=3.0)
    assert gan("report", "runs") == 0
    assert gan("report", "runs") == 0  # the same bytes
    before = (tmp_path / "report.html").read_bytes()
    write_run(tmp_path / "runs" / "b", fcd=4.0, lr=1)
    capsys.readouterr()
    assert gan("report", "runs") == 2
    assert "report.html exists with other content" in capsys.readouterr().err
    assert (tmp_path / "report.html").read_bytes() == before
    assert gan("report", "runs", "--force") == 0
    assert (tmp_path / "report.html").read_bytes() != before


def test_the_command_at_the_end_of_a_sweep_works_beside_another_page_and_after_more_jobs(
    gan: GanCommand, tmp_path: Path
) -> None:
    (tmp_path / "report.html").write_text("of another sweep")
    for number in range(2):
        write_run(tmp_path / "sweep" / f"job{number}", fcd=3.0 + number, lr=number + 1)
        program, *words = shlex.split(report_command(Path("sweep")))
        assert (program, gan(*words)) == ("gan", 0)
        assert f"job{number}" in (tmp_path / "sweep" / "report.html").read_text()
    assert (tmp_path / "report.html").read_text() == "of another sweep"


@pytest.mark.parametrize(
    ("what", "other", "heading"),
    [
        ("10000", "5000", "mnist, measured on 5,000 images of mnist: FCD 9.00 (lower is better; one seed"),
        ('"mnist"', '"fashion"', "mnist, measured on 10,000 images of fashion: FCD 9.00 (lower is better; one seed"),
        ("5" * 64, "6" * 64, "10,000 images of mnist with mnist_classifier 66666666: FCD 9.00 (lower is better; one"),
    ],
)
def test_only_metrics_of_the_same_evaluation_are_averaged_and_ranked(
    gan: GanCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str, other: str, heading: str
) -> None:
    for seed in range(3):
        write_run(tmp_path / "runs" / str(seed), fcd=3.0 + 3 * seed, seed=seed)
    differs = tmp_path / "runs" / "2" / "quality.json"
    differs.write_text(differs.read_text().replace(what, other))
    assert gan("report", "runs", "--csv", "numbers.csv", "--latex", "numbers.tex") == 0
    out = capsys.readouterr().out
    assert "FCD 4.50 ± " in out
    assert heading in out
    assert "There are several rankings, because" in (tmp_path / "report.md").read_text()
    assert (tmp_path / "numbers.tex").read_text().count(r"\begin{table}") == 2
    rows = list(csv.DictReader((tmp_path / "numbers.csv").read_text().splitlines()))
    assert [(row["n"], row["mean"]) for row in rows if row["metric"] == "FCD"] == [("2", "4.5"), ("1", "9")]


def test_a_loss_that_became_nan_is_noted(gan: GanCommand, tmp_path: Path) -> None:
    write_run(tmp_path / "run", rows=("100,1,1", "200,nan,1", "300,nan,1"))
    assert gan("report", "run") == 0
    assert "D's loss is not finite in 2 rows, first at 200 images" in (tmp_path / "report.md").read_text()


def test_a_report_needs_no_torch(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = ['gan', 'report', 'run']\n"
        "from gan.commands.main import main\ntry: main()\nexcept SystemExit as end: assert not end.code\n"
        "assert not {'torch', 'lightning', 'hydra'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True, timeout=60)

"""benchmarks/results.py: runs are published, and docs/results.md has a row for each recipe and what measured it."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from gan_command import ROOT
from written_runs import write_run

from gan.report import published
from gan.system.errors import GanError

EMPTY = "# Results\n\n<!-- written by benchmarks/results.py: mnist -->\n<!-- to here -->\n\nThe end.\n"


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("results", ROOT / "benchmarks" / "results.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "draw", lambda run, name: None)  # the runs here have no generator
    return module


@pytest.fixture
def empty(results: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script with a page of its own and nothing published."""
    (tmp_path / "page.md").write_text(EMPTY)
    (tmp_path / "published.json").write_text("[]")
    monkeypatch.setattr(results, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(published, "FILE", tmp_path / "published.json")
    return results


def test_recipes_are_ranked_with_the_facts_below(empty: ModuleType, tmp_path: Path) -> None:
    for name, seed, fcd in (("wgan", 0, 20.0), ("dcgan", 1, 5.0), ("dcgan", 0, 4.0)):
        command = ["train.py", f"experiment={name}", "data=mnist", f"seed={seed}", f"hydra.run.dir=runs/{name}"]
        write_run(tmp_path / "runs" / f"{name}-{seed}", seed=seed, fcd=fcd, command=command)
    empty.main([str(tmp_path / "runs" / "dcgan-0"), str(tmp_path / "runs" / "wgan-0")])
    empty.main([str(tmp_path / "runs" / "dcgan-1")])
    empty.main([str(tmp_path / "runs" / "dcgan-1")])  # the same run again is no further seed
    _, _, _, head, _, *rows, _, end = (tmp_path / "page.md").read_text().splitlines()
    assert head.startswith("| result | seeds | G updates | images | minutes | FCD |")
    assert rows[0].startswith("| `dcgan-mnist` | 2 | 1,234 | 0.00 M | 1.5 | 4.50 ± 0.50 |")
    assert rows[1].startswith("| `wgan-mnist` | 1 | 1,234 | 0.00 M | 1.5 | 20.0 |")
    assert rows[3:7] == [
        "- Measured: 10,000 images against mnist",
        "- Extractors (sha256): mnist_classifier 5555555555555555",
        "- Machine: AMD EPYC, CPU (1 thread), Linux",
        "- Versions: Python 3.11.7, torch 2.12.1, lightning 2.6.6, commit abcdef12",
    ]
    assert end == "The end."
    row = published.read()["dcgan-mnist"]
    assert row.overrides == ["experiment=dcgan", "data=mnist"]
    assert [(run.seed, run.quality["fcd"]) for run in row.runs] == [(0, 4.0), (1, 5.0)]


def test_a_run_that_was_not_measured_is_named(empty: ModuleType, tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    with pytest.raises(GanError, match="gan evaluate"):
        empty.main([str(tmp_path / "run")])


def test_docs_results_is_what_the_script_writes(results: ModuleType) -> None:
    text = (ROOT / "docs" / "results.md").read_text()
    assert results.page(text, published.read().values()) == text


def test_runs_of_other_overrides_replace_those_of_the_row(empty: ModuleType, tmp_path: Path) -> None:
    command = ["train.py", "experiment=dcgan", "data=mnist"]
    for name, seed, more in (("old-0", 0, ["optimizer.lr=1e-3"]), ("old-1", 1, ["optimizer.lr=1e-3"]), ("new", 0, [])):
        write_run(tmp_path / "runs" / name, seed=seed, fcd=4.0, command=[*command, f"seed={seed}", *more])
        empty.main([str(tmp_path / "runs" / name)])
    row = published.read()["dcgan-mnist"]
    assert row.overrides == ["experiment=dcgan", "data=mnist"]
    assert [run.seed for run in row.runs] == [0]

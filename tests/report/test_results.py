"""benchmarks/results.py: a row for each recipe, and below the table what measured and on what."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from gan_command import ROOT
from written_runs import write_run


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("results", ROOT / "benchmarks" / "results.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "draw", lambda run: None)  # the runs here have no generator
    return module


def test_recipes_are_ranked_with_the_facts_below(
    results: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seed, fcd in (("wgan", 0, 20.0), ("dcgan", 0, 4.0), ("dcgan", 1, 5.0)):
        command = ["train.py", f"experiment={name}", "data=mnist", f"seed={seed}"]
        write_run(tmp_path / f"{name}-{seed}", seed=seed, fcd=fcd, command=command)
    results.main([str(tmp_path)])
    title, _, head, _, *rows = capsys.readouterr().out.splitlines()
    assert title == "mnist"
    assert head.startswith("| recipe | seeds | G updates | images | minutes | FCD |")
    assert rows[0].startswith("| `dcgan` | 2 | 1,234 | 0.00 M | 1.5 | 4.50 ± 0.50 |")
    assert rows[1].startswith("| `wgan` | 1 | 1,234 | 0.00 M | 1.5 | 20.0 |")
    assert rows[3:7] == [
        "- Measured: 10,000 images against mnist",
        "- Extractors (sha256): mnist_classifier 5555555555555555",
        "- Machine: AMD EPYC, CPU (1 thread), Linux",
        "- Versions: Python 3.11.7, torch 2.12.1, lightning 2.6.6, commit abcdef12",
    ]


def test_a_run_that_was_not_measured_is_named(results: ModuleType, tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    with pytest.raises(SystemExit, match="gan evaluate"):
        results.main([str(tmp_path)])

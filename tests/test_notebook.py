"""notebooks/first_gan.ipynb runs from start to end, and is committed with its pictures, which are small."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "notebooks" / "first_gan.ipynb"
MOST_BYTES = 1_000_000


def cells(kind: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == kind]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", **more}


def test_every_cell_runs(tmp_path: Path) -> None:
    """As a script, with each training cut short: no Jupyter is needed. The slow test below takes it as it is."""
    script = tmp_path / "first_gan.py"
    script.write_text("\n\n".join("".join(cell["source"]) for cell in cells("code")))
    ended = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment(QUICK="1", TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "real digits, held out" in ended.stdout


def test_it_is_committed_with_the_outputs_of_one_run_from_start_to_end() -> None:
    code = cells("code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 10
    assert NOTEBOOK.stat().st_size < MOST_BYTES


def test_what_it_links_to_is_there() -> None:
    text = "".join("".join(cell["source"]) for cell in cells("markdown"))
    links = [part.partition(")")[0] for part in text.split("](")[1:]]
    assert links
    assert [link for link in links if not (NOTEBOOK.parent / link).exists()] == []


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("nbclient") is None, reason="an extra: pip install -e '.[notebook]'")
@pytest.mark.skipif(importlib.util.find_spec("ipykernel") is None, reason="an extra: pip install -e '.[notebook]'")
def test_as_it_is_in_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    for name, value in environment(TMPDIR=str(tmp_path)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MPLBACKEND")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        notebook, timeout=1200, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    printed = "".join(
        output["text"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.get("name") == "stdout"
    )
    assert "8 of 8 clouds" in printed  # the remedy of section 7
    assert "missing: none" in printed.split("section 6, DCGAN")[1].splitlines()[0]

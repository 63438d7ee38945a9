"""notebooks/first_gan.ipynb runs from start to end, and is committed with its pictures, which are small."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from documented_commands import COMMAND, SPAN, check

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "notebooks" / "first_gan.ipynb"
MOST_BYTES = 1_000_000


def cells(kind: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == kind]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", **more}


# As in the notebook, and with less training.
SHORTER = {
    "EPOCHS = 20": "EPOCHS = 1",
    '"trainer.max_epochs=8"': '"trainer.max_epochs=1", "trainer.limit_train_batches=10"',
    '"trainer.max_epochs=5"': '"trainer.max_epochs=5", "trainer.limit_train_batches=10"',
    "COUNT = 1000": "COUNT = 200",
}


def test_every_cell_runs(tmp_path: Path) -> None:
    """As a script, without Jupyter and with less training. The slow test below runs the notebook as it is."""
    text = "\n\n".join("".join(cell["source"]) for cell in cells("code"))
    for long, short in SHORTER.items():
        assert long in text
        text = text.replace(long, short)
    script = tmp_path / "first_gan.py"
    script.write_text(text)
    ended = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment(TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "real digits" in ended.stdout


def test_it_imports_only_the_public_interface() -> None:
    import gan

    text = "\n".join("".join(cell["source"]) for cell in cells("code"))
    modules = {line.split()[1] for line in text.splitlines() if line.startswith("from gan")}
    assert modules <= {"gan", *gan.LIBRARY}


def test_it_is_committed_with_the_outputs_of_one_run_from_start_to_end() -> None:
    code = cells("code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 10
    assert not re.search(r"/(work|home|root|tmp)/", json.dumps(outputs))
    assert NOTEBOOK.stat().st_size < MOST_BYTES


def test_its_commands_are_ones_that_their_programs_accept() -> None:
    text = "\n".join("".join(cell["source"]) for cell in cells("markdown"))
    commands = [span for span in SPAN.findall(text) if " " in span and COMMAND.match(span)]  # a name alone is a mention
    assert len(commands) > 5
    for command in commands:
        check(command)


def test_the_answers_of_its_exercises_are_hidden() -> None:
    text = "".join(cells("markdown")[-1]["source"])
    exercises = text.partition("## 10. Exercises")[2].partition("## 11.")[0]
    assert exercises.count("<details><summary>Answer</summary>") == exercises.count("</details>") == 4


def test_what_it_links_to_is_there() -> None:
    text = "".join("".join(cell["source"]) for cell in cells("markdown"))
    links = [part.partition(")")[0] for part in text.split("](")[1:]]
    assert links
    local = [link for link in links if not link.startswith("https://colab.research.google.com/")]
    assert [link for link in local if not (NOTEBOOK.parent / link).exists()] == []


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
    assert "8 of 8 clouds" in printed  # R3GAN, section 7
    assert printed.split("section 6, quickstart")[1].splitlines()[0].endswith("none")  # no digit is missing

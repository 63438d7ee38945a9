"""Run notebooks/first_gan.ipynb from start to end, print each cell's time, and store its outputs in the file.

make notebook
"""

import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent / "first_gan.ipynb"


def main() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as folder:  # the runs' folders, which are not kept
        client = NotebookClient(notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": folder}})
        with client.setup_kernel():
            for index, cell in enumerate(notebook.cells):
                began = time.monotonic()
                client.execute_cell(cell, index)
                if cell.cell_type == "code":
                    seconds = time.monotonic() - began
                    print(f"{seconds:6.1f} s  {cell.source.splitlines()[0]}", flush=True)
                    tidy(cell)
    nbformat.write(notebook, NOTEBOOK)


def tidy(cell: nbformat.NotebookNode) -> None:
    """Remove times, progress bars, and the JPEG copy of each picture from a cell that has run."""
    cell.metadata.pop("execution", None)
    cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    for output in cell.outputs:
        output.get("data", {}).pop("image/jpeg", None)


if __name__ == "__main__":
    main()

"""`gan export`: the folder that it makes, and what it says; what lies there is kept."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gan_command import GanCommand, in_a_process
from PIL import Image

from gan import load_generator

ONNX = ("onnx", "onnxscript", "onnxruntime")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_to_hand_on(
    clothes: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gan("export", clothes, "--to", "pt2", "--licence", "mit") == 0
    made = contents(tmp_path / "export")
    assert set(made) == {"generator.safetensors", "generator.pt2", "samples.png", "README.md"}
    assert made["generator.safetensors"] == (clothes / "generator.safetensors").read_bytes()
    told = capsys.readouterr().out
    difference = re.search(r"generator.pt2: torch.export, .* bundle: (\S+) \(1,000 latents, torch 2", told)
    assert difference is not None
    assert float(difference[1]) <= 1e-5
    with Image.open(tmp_path / "export" / "samples.png") as picture:
        assert picture.size == (2 * (3 * 5 + 2 * 2), 2 * (8 * 4 + 7 * 2))  # a column for each class, eight rows
    card = made["README.md"].decode()
    assert "license: mit" in card
    monkeypatch.chdir(tmp_path / "export")
    for code in re.findall(r"```python\n(.*?)```", card, re.DOTALL):
        given: dict[str, Any] = {}
        exec(code, given)
        if "z" in given:
            expected = load_generator(clothes).decode(_tensor(given["z"]), given["labels"])
            assert np.abs(given["pixels"].astype(int) - expected).max() <= 1


def _tensor(array: np.ndarray) -> Any:
    import torch

    return torch.tensor(array)


def test_what_is_there_is_kept(run: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("mine")
    call = ("export", run, "--to", "pt2", "--out", "mine")
    assert gan(*call) == 2
    assert "--out: mine/README.md exists; give another folder, or --force to overwrite" in capsys.readouterr().err
    assert contents(tmp_path / "mine") == {"README.md": b"mine"}
    assert gan(*call, "--force", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == ["generator.safetensors", "generator.pt2", "samples.png", "README.md"]
    assert (told["latents"], told["tolerance"], told["formats"]["pt2"]["file"]) == (1000, 1e-5, "generator.pt2")
    first = contents(tmp_path / "mine")
    assert gan(*call, "--force") == 0
    assert {name for name, content in contents(tmp_path / "mine").items() if content != first[name]} <= {
        "generator.pt2"
    }


def test_onnx_and_pt2(
    clothes: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ONNX:
        pytest.importorskip(package, reason="gan[export] is not installed")
    assert gan("export", clothes, "--to", "pt2, onnx", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["formats"]["onnx"]["opset"] == 18
    assert told["formats"]["onnx"]["difference"] <= 1e-5
    monkeypatch.chdir(tmp_path / "export")
    card = (tmp_path / "export" / "README.md").read_text()
    pixels = []
    for code in re.findall(r"```python\n(.*?)```", card, re.DOTALL)[1:]:
        given: dict[str, Any] = {}
        exec(code, given)
        pixels.append(given["pixels"].astype(int))
    assert np.abs(pixels[0] - pixels[1]).max() <= 1


def test_points(points: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("export", points, "--to", "pt2") == 0
    with Image.open(tmp_path / "export" / "samples.png") as picture:
        assert picture.mode == "RGB"
    card = (tmp_path / "export" / "README.md").read_text()
    assert "2-D points" in card
    assert "pipeline_tag" not in card


def test_a_page(clothes: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("export", clothes, "--to", "html", "--licence", "mit") == 0
    assert set(contents(tmp_path / "export")) == {"generator.safetensors", "generator.html", "samples.png", "README.md"}
    told = capsys.readouterr().out
    assert "generator.html: a page that runs the generator in any browser" in told
    assert "To publish the page, upload it as index.html to a host of static files" in told
    page = (tmp_path / "export" / "generator.html").read_text()
    assert load_generator(clothes).metadata["sha256"] in page
    assert "Weights: mit." in page
    assert "generator.html" in (tmp_path / "export" / "README.md").read_text()
    assert gan("export", clothes, "--to", "html", "--weights", "float32", "--out", "whole") == 0
    assert gan("export", clothes, "--to", "html") == 2
    assert "--out: export/generator.safetensors exists" in capsys.readouterr().err


def test_weights_are_of_html_alone(
    clothes: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gan("export", clothes, "--to", "pt2", "--weights", "float32") == 2
    assert "--weights: float32 given, which needs --to html" in capsys.readouterr().err
    assert gan("export", clothes, "--to", "html", "--weights", "float1") == 2
    assert "did you mean 'float16'?" in capsys.readouterr().err
    assert not (tmp_path / "export").exists()


def test_points_have_no_page(points: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("export", points, "--to", "html") == 2
    assert "html: this generator generates 2-D points" in capsys.readouterr().err
    assert not (tmp_path / "export").exists()


@pytest.mark.slow
def test_in_a_shell_it_prints_no_warnings_of_libraries(clothes: Path, tmp_path: Path) -> None:
    done = in_a_process("export", clothes, "--to", "pt2,html", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")

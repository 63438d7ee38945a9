"""A bundle whose weights are not finite, or make images that are not, is told by every command that reads one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from gan_command import GanCommand, command_in
from tiny_bundles import SHAPE, make_generator, metadata, whole_bundle

from gan import load_generator
from gan.generators import bundle_file
from gan.generators.bundle import add_quality, save_bundle
from gan.generators.pictures import png
from gan.system.errors import BundleError, GanError

COMMANDS = (
    ("sample", "{}"),
    ("evaluate", "{}"),
    ("interpolate", "{}"),
    ("explore", "{}"),
    ("invert", "{}", "picture.png"),
    ("export", "{}", "--to", "pt2"),
    ("demo", "{}", "--port", "0"),
)


@pytest.fixture
def gan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GanCommand:
    (tmp_path / "picture.png").write_bytes(png(np.zeros(SHAPE, np.uint8)))
    return command_in(tmp_path, monkeypatch)


def damaged(path: Path, value: float, **more: object) -> Path:
    state = make_generator().state_dict()
    state["layers.0.bias"][2:4] = value
    bundle_file.write(path, state, metadata(**more))
    return path


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_every_command_tells_of_weights_that_are_not_finite(
    value: float, gan: GanCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = damaged(tmp_path / "bad.safetensors", value, data={"name": "mnist"})
    before = sorted(tmp_path.iterdir())
    for command in COMMANDS:
        assert gan(*(word.format(path) for word in command)) == 2, command
        out, err = capsys.readouterr()
        assert out == ""
        assert err == (
            f"{path}: 2 of its weights are not finite, the first in 'layers.0.bias': its training diverged, so it "
            "cannot generate images\n"
        )
    assert sorted(tmp_path.iterdir()) == before
    for call in (lambda: load_generator(path), lambda: add_quality(path, {})):
        with pytest.raises(BundleError, match="not finite"):
            call()


def test_such_weights_are_not_saved_either(tmp_path: Path) -> None:
    generator = make_generator()
    with torch.no_grad():
        next(generator.parameters())[0, 0] = torch.nan
    with pytest.raises(BundleError, match="1 of its weights are not finite"):
        save_bundle(tmp_path / "x.safetensors", generator, metadata())
    assert not list(tmp_path.iterdir())


def test_finite_weights_whose_images_are_not_are_told(
    gan: GanCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = whole_bundle(tmp_path)
    state = {name: tensor * 3e38 for name, tensor in make_generator().state_dict().items()}
    bundle_file.write(path, state, metadata())
    for command in COMMANDS[:1] + COMMANDS[2:4]:
        assert gan(*(word.format(path) for word in command)) == 2, command
        assert "makes images that are not finite" in capsys.readouterr().err
    with pytest.raises(GanError, match="not finite"):
        load_generator(path).sample(4)

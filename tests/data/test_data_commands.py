"""`gan data fetch` and `gan data verify`: what they download and say, and each mistake in one message."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_set import FILES, Mirror, TinySet
from gan_command import GanCommand, command_in

Online = Callable[..., None]
LINE = "MNIST: 12 images to train on and 6 held out, from {}/MNIST/raw"


@pytest.fixture
def gan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GanCommand:
    return command_in(tmp_path, monkeypatch)


def test_fetch_then_verify(
    gan: GanCommand, tmp_path: Path, online: Online, mirror: Mirror, capsys: pytest.CaptureFixture[str]
) -> None:
    online()
    root = tmp_path / "sets"
    assert gan("data", "fetch", "mnist", "--root", root) == 0
    assert capsys.readouterr().out.startswith(f"mnist: {LINE.format(root)}")
    asked = len(mirror.requests)
    assert asked
    for command in ("fetch", "verify"):  # complete: nothing is downloaded
        assert gan("data", command, "mnist", "mnist_sample", "--root", root) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith(f"mnist: {LINE.format(root)}")
        assert lines[1].startswith("mnist_sample: the bundled sample of MNIST: ")
    assert len(mirror.requests) == asked


def test_verify_downloads_nothing(
    gan: GanCommand,
    tmp_path: Path,
    tiny: TinySet,
    online: Online,
    mirror: Mirror,
    capsys: pytest.CaptureFixture[str],
) -> None:
    online()
    tiny.write(tmp_path / "data", train_images=b"mine")
    assert gan("data", "verify", "mnist", "mnist_sample") == 2
    out, err = capsys.readouterr()
    assert out.startswith("mnist_sample: ")  # the others are tried
    assert err.startswith("data=mnist: MNIST is not available\n")
    assert str(tmp_path / "data" / "MNIST" / "raw" / FILES[0]) in err
    assert err.endswith("1 of 2 not available: mnist\n")
    assert not mirror.requests


def test_a_download_that_fails(
    gan: GanCommand, offline: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gan("data", "fetch", "mnist") == 2
    err = capsys.readouterr().err
    assert f"the download failed ({offline}" in err
    assert err.endswith("1 of 1 not available: mnist\n")


def test_an_unknown_name(gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    for name, near in {"mnits": "mnist", "SVNH": "SVHN"}.items():
        assert gan("data", "fetch", name) == 2
        assert capsys.readouterr().err.startswith(f"NAME: no such dataset '{name}'; did you mean '{near}'? choices: ")
    assert gan("data", "fetch", "folder") == 2

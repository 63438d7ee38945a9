"""`gan board`: the newest run is found, and TensorBoard's page is there."""

import json
import os
import socket
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from board_asking import ask_json
from gan_command import GanCommand
from torch.utils.tensorboard import SummaryWriter

from gan.commands import board
from gan.system.errors import GanError


def write_events(run: Path, changed: int) -> Path:
    with SummaryWriter(str(run / "tensorboard")) as writer:
        writer.add_scalar("train/d_loss", 0.5, 1)
    for path in (run / "tensorboard").iterdir():
        os.utime(path, (changed, changed))
    return run


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that the browser was sent to; nobody waits for Ctrl-C."""
    addresses: list[str] = []
    monkeypatch.setattr("webbrowser.open", addresses.append)
    monkeypatch.setattr(board, "wait", lambda: None)
    return addresses


def test_the_newest_run_is_opened(
    tmp_path: Path, gan: GanCommand, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, changed in {"outputs/day/1": 1_000, "outputs/day/2": 3_000, "multirun/day/0": 2_000}.items():
        write_events(tmp_path / name, changed)
    assert gan("board", "--port", 0) == 0
    (url,) = opened
    told = capsys.readouterr().out
    assert told.startswith(f"TensorBoard on outputs/day/2: {url}\n")
    assert url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(f"{url}data/plugins_listing", timeout=30) as answer:
        assert b"custom_scalars" in answer.read()


def test_the_slider_of_the_pictures_goes_through_the_whole_run(tmp_path: Path, opened: list[str]) -> None:
    with SummaryWriter(str(tmp_path / "mine" / "tensorboard")) as writer:
        for epoch in range(40):
            writer.add_image("samples/fixed latents", np.full((1, 4, 4), epoch, np.uint8), 10 * epoch)
    url = board.launch(tmp_path / "mine", host="127.0.0.1", port=0)
    shown = ask_json(url, "images", "images", run="tensorboard", tag="samples/fixed latents", sample=0)
    assert [image["step"] for image in shown] == [10 * epoch for epoch in range(40)]


def test_a_given_run(tmp_path: Path, gan: GanCommand, opened: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    write_events(tmp_path / "mine", 1_000)
    assert gan("board", "mine", "--port", 0, "--no-browser") == 0
    assert "TensorBoard on mine: http://127.0.0.1:" in capsys.readouterr().out
    assert opened == []


def test_the_folder_stays_the_same_wherever_this_process_goes(
    tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_events(tmp_path / "mine", 1_000)
    url = board.launch(Path("mine"), host="127.0.0.1", port=0)
    with urllib.request.urlopen(f"{url}data/environment", timeout=30) as answer:
        assert json.load(answer)["data_location"] == str(tmp_path / "mine")


def test_a_port_that_is_taken(tmp_path: Path, gan: GanCommand, opened: list[str]) -> None:
    write_events(tmp_path / "mine", 1_000)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(GanError, match="TensorBoard cannot listen at 127"):
            board.launch(tmp_path / "mine", host="127.0.0.1", port=taken.getsockname()[1])
    with pytest.raises(GanError, match=r"--host: cannot listen on '192\.0\.2\.1'"):  # an address of no machine
        board.launch(tmp_path / "mine", host="192.0.2.1", port=0)
    with pytest.raises(GanError, match=r"^--host: '' given, which would listen on all addresses"):
        board.launch(tmp_path / "mine", host="", port=None)


def test_nothing_to_show(
    tmp_path: Path, gan: GanCommand, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "outputs" / "day").mkdir(parents=True)
    (tmp_path / "notes.txt").write_text("mine")
    for call, told in {
        ("board",): "no run below outputs has TensorBoard files",
        ("board", "outputs"): "outputs: no TensorBoard files in this folder",
        ("board", "none"): "none: there is no such folder",
        ("board", "notes.txt"): "notes.txt: this is a file",
    }.items():
        assert gan(*call) == 2
        assert capsys.readouterr().err.startswith(told)

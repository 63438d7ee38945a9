"""`gan play`, from the command line to Ctrl-C, and the repetition of its run."""

import json
import time
from pathlib import Path

import pytest
from gan_command import GanCommand, command_in, in_a_process
from test_demo import asked, started

from gan.runs.changes import Change, read_changes


@pytest.mark.slow
def test_a_game_is_played_ended_by_ctrl_c_and_repeated(tmp_path: Path) -> None:
    with started("play", "--port", 0, folder=tmp_path) as line:
        assert line[3] == ""
        assert b"Train a GAN on 2-D points" in asked(line, "/")
        for command in ({"do": "begin", "data": "grid"}, {"do": "step"}):
            state = json.loads(asked(line, "/api/play", json.dumps(command).encode()))
        asked(line, "/api/play", b'{"do": "change", "settings": {"penalty": "r1"}}')
        asked(line, "/api/play", b'{"do": "step", "count": 19}')
        while json.loads(asked(line, "/api/play", b'{"do": "look"}'))["state"] == "running":
            time.sleep(0.05)
    run = tmp_path / state["run"]
    assert run.parent.parent == tmp_path / "outputs"
    assert read_changes(run) == [Change(1, {"penalty": "r1"}), Change(20, end=True)]
    assert json.loads((run / "run.json").read_text())["ended"]["g_updates"] == 20
    told = in_a_process("repeat", run, folder=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "The same numbers, bit for bit: " in told.stdout
    assert "changed after minibatch 1: penalty=r1" in in_a_process("show", run, folder=tmp_path).stdout


def test_a_wrong_port_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gan: GanCommand = command_in(tmp_path, monkeypatch)
    assert gan("play", "--port", "99999") == 2
    assert capsys.readouterr().err == "--port: 99999 given; 0 to 65535 expected, 0 for any free port\n"
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_refused_before_the_page_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gan: GanCommand = command_in(tmp_path, monkeypatch)
    (tmp_path / "notes.txt").write_text("mine")
    assert gan("play", "--out", "notes.txt", "--port", "0") == 2
    assert capsys.readouterr().err == "--out: notes.txt given, and runs cannot be written there: it is a file\n"
    assert gan("play", "--out", "notes.txt/runs", "--port", "0") == 2
    assert "runs cannot be written there" in capsys.readouterr().err

"""`gan demo` and `gan watch`, from the command line to the first answer, and to the end by Ctrl-C."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gan_command import ROOT, GanCommand, command_in
from tiny_bundles import whole_bundle

from gan.demo.model_cache import SENT


@contextmanager
def started(*arguments: object, folder: Path) -> Iterator[re.Match[str]]:
    """The command in a process of its own; what it prints first: host, port and page."""
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from gan.commands.main import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    ) as process:
        try:
            assert process.stdout is not None
            line = re.fullmatch(r"http://(.+):(\d+)/(.*)  \(Ctrl-C ends it\)\n", process.stdout.readline())
            assert line is not None
            yield line
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()  # or a failure would wait for it for ever


def test_options_of_the_other_kind_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gan = command_in(tmp_path, monkeypatch)
    assert gan("demo", "--static", "page", "--open", "--host", "0.0.0.0") == 2
    no_effect = "--host, --open: no effect with --static, which writes a file and starts no server\n"
    assert capsys.readouterr().err == no_effect
    assert gan("demo", "--force") == 2
    assert capsys.readouterr().err.startswith("--force: only with --static")
    assert not (tmp_path / "page").exists()


def asked(line: re.Match[str], path: str, sent: bytes | None = None) -> bytes:
    connection = http.client.HTTPConnection(line[1], int(line[2]), timeout=60)
    connection.request("GET" if sent is None else "POST", path, sent)
    content = connection.getresponse().read()
    connection.close()
    return content


def test_a_run_is_played_with_and_watched(tmp_path: Path) -> None:
    """What is sent to it lies in a temporary folder; one that a killed server has left is removed."""
    bundle = whole_bundle(tmp_path)
    run = bundle.parent
    left = tmp_path / f"{SENT}left"
    left.mkdir()
    (left / "sent.safetensors").write_bytes(b"x")
    (run / "config.yaml").write_text("seed: 0\n")
    (run / "run.json").write_text("{}")
    with started("watch", tmp_path, "--port", 0, "--trust", "mypkg", folder=tmp_path) as line:
        assert (line[1], line[3]) == ("127.0.0.1", "watch")
        assert json.loads(asked(line, "/api/pages")) == {"models": [str(run)], "runs": [str(run)]}
        assert asked(line, "/api/images.png").startswith(b"\x89PNG")
        assert not left.exists()
        assert json.loads(asked(line, "/api/models?name=mine", bundle.read_bytes()))["model"] == 1
        assert len(list(tmp_path.glob(f"{SENT}*/*.safetensors"))) == 1
    assert not list(tmp_path.glob(f"{SENT}*"))


def test_a_port_in_use_is_one_message(gan: GanCommand, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert gan("demo", run, "--port", port) == 2
    told = f"--port: {port} is in use on 127.0.0.1; give another one, or --port 0 for any free port\n"
    assert capsys.readouterr().err == told


def test_a_page_without_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gan: GanCommand = command_in(tmp_path, monkeypatch)
    one, other = whole_bundle(tmp_path / "one"), whole_bundle(tmp_path / "other")
    assert gan("demo", one, other, "--static", "page") == 0
    assert "page/index.html: opens in any browser" in capsys.readouterr().out
    page = (tmp_path / "page" / "index.html").read_text()
    assert page.count('class="model">') == 2
    assert gan("demo", one, "--static", "page") == 2
    assert "--static: page/index.html exists; give another folder, or --force" in capsys.readouterr().err
    assert gan("demo", one, "--static", "page", "--force") == 0
    assert (tmp_path / "page" / "index.html").read_text().count('class="model">') == 1

"""`gan play`: a session through its server, in this process; its runs, and the messages for wrong values."""

import json
import threading
import time
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from asking import Answer, Asker, parts_of
from playing import ThreadSession

from gan.commands.repeat import _begin, _settings, verdict
from gan.demo.play_routes import play_routes
from gan.demo.play_session import MOST_DRAWN, POINTS_MADE
from gan.demo.play_worker import QUIET, Pace
from gan.demo.server import PageServer
from gan.runs.changes import POINTS, Change, read_changes
from gan.runs.reading import read_run
from gan.system.errors import GanError

SETTINGS = {"objective": "hinge", "penalty": "r1", "penalty.gamma": 0.1, "optimizer.generator.lr": 0.002}


class Player:
    """Gives commands to a server, as the page does."""

    def __init__(self, ask: Asker) -> None:
        self.ask = ask

    def answer(self, **command: Any) -> Answer:
        return self.ask("/api/play", method="POST", body=json.dumps(command).encode())

    def __call__(self, do: str, **command: Any) -> dict[str, Any]:
        answer = self.answer(do=do, **command)
        assert answer.status == 200, answer.content
        state: dict[str, Any] = answer.json
        return state


@pytest.fixture
def player(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Player]:
    monkeypatch.chdir(tmp_path)
    session = ThreadSession(tmp_path / "games")
    server = PageServer("127.0.0.1", 0, play_routes(session))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield Player(Asker(server))
    session.close()
    server.shutdown()
    server.server_close()


def test_the_page_has_all_its_parts_here(player: Player) -> None:
    assert {"page.css", "play.js", "plane.js", "chart.js"} <= parts_of(player.ask, "/")


def repeated(run: Path) -> tuple[bool, list[str]]:
    """The verdict of `gan repeat`, which trains in this process."""
    from gan.launch.python_run import train

    second = run.with_name("second")
    _begin(run, second, _settings(run))
    train(f"resume={second}")
    return verdict(run, second)


def test_a_game_is_steered_and_is_a_run_that_is_repeated(player: Player) -> None:
    state = player("begin", data="ring", settings={"seed": 4})
    assert (state["state"], state["minibatches"], state["data"]) == ("paused", 0, "ring")
    assert player("step")["minibatches"] == 1
    assert player("step")["minibatches"] == 2
    state = player("change", settings=SETTINGS)
    assert SETTINGS.items() <= state["settings"].items()
    assert player("start")["state"] == "running"
    while (state := player("look"))["minibatches"] < 45:
        time.sleep(0.01)
    state = player("pause")
    at = state["minibatches"]
    assert player("look")["minibatches"] == at
    assert [len(line["x"]) for line in state["losses"]] == [at // 20] * 2
    player("change", settings={"seed": 9})
    ended = player("end")
    assert (ended["state"], ended["minibatches"]) == ("ended", at)
    run = Path(ended["run"])
    changes = [Change(2, SETTINGS), Change(at, {"seed": 9}), Change(at, end=True)]
    assert read_changes(run) == changes
    assert ended["changes"] == [str(change) for change in changes]
    read = read_run(run)
    assert (read.state(time.time()), read.count("g_updates")) == ("finished", at)
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert (config["seed"], config["objective"]["_target_"]) == (4, "gan.game.losses.NonSaturating")
    assert (run / "checkpoints" / "last.ckpt").exists()
    agree, lines = repeated(run)
    assert agree, lines
    assert lines[0].startswith("The same numbers, bit for bit: ")
    assert read_changes(run.with_name("second")) == changes


def test_a_game_on_drawn_points_is_repeated_too(player: Player) -> None:
    drawn = [[0.25, 0.5], [0.75, 0.25]]
    state = player("begin", data="drawn", points=drawn, settings={"objective": "minimax"})
    assert (state["data"], state["modes"], state["settings"]["objective"]) == ("array", None, "minimax")
    run = Path(state["run"])
    points = np.load(run / POINTS)
    assert points.shape == (POINTS_MADE, 2)
    nearest = np.linalg.norm(points[:, None] - np.array(drawn), axis=2).min(axis=1)
    assert nearest.max() < 0.06
    for _ in range(21):
        player("step")
    player("end")
    agree, lines = repeated(run)
    assert agree, lines


def test_a_new_game_ends_the_one_before(player: Player) -> None:
    first = player("begin")
    player("step")
    second = player("begin", data="grid")
    assert second["run"] != first["run"]
    assert (second["minibatches"], second["modes"]["of"]) == (0, 25)
    assert read_changes(Path(first["run"])) == [Change(1, end=True)]
    assert read_run(Path(first["run"])).state(time.time()) == "finished"


def test_many_steps_are_made_and_no_more(player: Player) -> None:
    player("begin")
    assert player("step", count=40)["state"] == "running"
    while (state := player("look"))["state"] == "running":
        time.sleep(0.01)
    assert (state["state"], state["minibatches"]) == ("paused", 40)
    assert player("step", count=10**6)["state"] == "running"
    assert player("pause")["minibatches"] < 1000
    assert player("look")["state"] == "paused"


def test_the_pace_of_a_game(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("gan.demo.play_worker.time.monotonic", lambda: now)
    pace = Pace(heard=now)
    assert pace.wait() is None
    pace.steps = 1
    assert pace.wait() == 0
    pace.begin()
    assert pace.wait() is None
    pace.paused, pace.speed = False, 4.0
    assert pace.wait() == 0
    pace.begin()
    now += 0.1
    assert pace.wait() == pytest.approx(0.15)
    pace.speed = None
    assert pace.wait() == 0
    now += QUIET + 1  # no page is open any more
    assert pace.wait() is None


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"do": "stepp"}, "do: no such option 'stepp'; did you mean 'step'?"),
    ({"do": "begin", "data": "rings"}, "data: no such option 'rings'; did you mean 'ring'?"),
    ({"do": "begin", "data": "drawn"}, f"points: none given; draw 1 to {MOST_DRAWN:,} points"),
    ({"do": "begin", "data": "drawn", "points": []}, f"points: 0 given; draw 1 to {MOST_DRAWN:,} points"),
    ({"do": "begin", "data": "drawn", "points": [[0, 2]]}, "points: [0, 2] given; x and y from 0 to 1 expected"),
    ({"do": "step", "count": 0}, "count: '0' given; an integer from 1 to 1000000 expected"),
    ({"do": "step", "count": "many"}, "count: 'many' given; an integer from 1 to 1000000 expected"),
    ({"do": "speed", "speed": 0}, "speed: '0' given; minibatches per second from 0.5 to 1000 expected, or null"),
    ({"do": "change", "settings": {"seed": "a b"}}, "settings: values by path expected"),
    ({"do": "change", "settings": {"model.latent_dim": 3}}, "change: no such option 'model.latent_dim';"),
    ({"do": "change", "settings": {"penalty": "r3"}}, "penalty: no such option 'r3'; did you mean "),
    ({"do": "begin", "settings": {"objective": "hing"}}, "objective: no such option 'hing'; did you mean 'hinge'?"),
    ({"do": "begin", "settings": {"objective": "wasserstein"}}, "objective: 'wasserstein' given, which needs "),
    ({"do": "begin", "settings": {"optimizer.generator.lr": -1}}, "optimizer.generator.lr: -1 given"),
]


def test_a_wrong_value_is_told_and_the_game_goes_on(player: Player) -> None:
    first = player("begin")
    for command, message in WRONG:
        answer = player.answer(**command)
        assert answer.status == 400
        assert answer.error.startswith(message)
    state = player("look")
    assert (state["state"], state["run"]) == ("ended", first["run"])  # a wrong game ends the one before
    assert [str(path.resolve()) for path in Path("games").glob("*/*")] == [first["run"]]  # and leaves nothing


def test_a_training_process_that_does_not_answer_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A late answer would be taken for that of the next command."""
    session = ThreadSession(tmp_path)
    others: list[Any] = []

    def start() -> None:
        session._connection, other = Pipe()
        session._process = threading.current_thread()
        others.append(other)

    monkeypatch.setattr(session, "_start", start)
    monkeypatch.setattr("gan.demo.play_session.PATIENCE", 0.0)
    for _ in range(2):
        with pytest.raises(GanError, match="has not answered for 0 s and was stopped; start a new run"):
            session.command({"do": "look"})
    assert len(others) == 2
    for other in others:
        assert other.recv() == {"do": "look"}
        with pytest.raises(EOFError):
            other.recv()


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"\xff"])
def test_what_is_no_command_is_refused(player: Player, body: bytes) -> None:
    answer = player.ask("/api/play", method="POST", body=body)
    assert answer.status == 400
    assert answer.error.startswith("a command in JSON expected")


def test_before_a_game_there_is_nothing_to_show(player: Player) -> None:
    assert player("look") == {"state": "none"}
    assert player.ask("/api/play").status == 405


def test_the_page_and_its_files_are_served(player: Player) -> None:
    page = player.ask("/").content.decode()
    assert "Train a GAN on 2-D points" in page
    for name in ("play.js", "plane.js", "requests.js", "chart.js", "page.css"):
        assert player.ask(f"/{name}").status == 200
    options = player.ask("/api/options").json
    assert options["data"] == ["ring", "grid", "drawn"]
    assert "r1" in [option["name"] for option in options["penalty"]]
    assert not (Path.cwd() / "games").exists()

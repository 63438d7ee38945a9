"""Heartbeats between machines: who is lost, when, and the message; no network, no second process."""

import json
import os
import threading
import time
from pathlib import Path

import pytest

from gan.training import heartbeat
from gan.training.heartbeat import Beat, Heartbeat, Loss, Pulse
from gan.training.strategy import GameDDP

HOSTS = ("east", "west", "north")


class MemoryStore:
    """What `torch.distributed.TCPStore` does, in this process; with `is_silent` its calls never return."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.is_silent = threading.Event()

    def _answer(self) -> None:
        if self.is_silent.is_set():
            threading.Event().wait()

    def set(self, key: str, value: str) -> None:
        self._answer()
        self.values[key] = value

    def compare_set(self, key: str, expected: str, desired: str) -> None:
        self._answer()
        self.values.setdefault(key, desired)

    def multi_get(self, keys: list[str]) -> list[bytes]:
        self._answer()
        return [self.values[key].encode() for key in keys]


def beats(*counts: int, **changed: Beat) -> list[Beat]:
    """Beats of ranks 0, 1, …; ``rank1=Beat(…)`` replaces one."""
    found = [Beat(count, host) for count, host in zip(counts, HOSTS, strict=False)]
    return [changed.get(f"rank{rank}", beat) for rank, beat in enumerate(found)]


def lived(
    pulse: Pulse, seconds: float, *, silent: int | None = None, since: float = 0.0, store: bool = True
) -> Loss | None:
    """The first loss in so many seconds in which all but one rank beat."""
    for second in range(1, int(seconds) + 1):
        now = since + second
        if store:
            pulse.hear([Beat(1 if rank == silent else int(now) + 1, host) for rank, host in enumerate(HOSTS)], now)
        if lost := pulse.lost(now):
            return lost
    return None


def test_nobody_is_lost_while_all_beat() -> None:
    assert lived(Pulse(0, 3, now=0.0), 300) is None


def test_a_rank_that_is_silent_is_named_with_its_machine() -> None:
    pulse = Pulse(0, 3, now=0.0)
    assert lived(pulse, 15, silent=2) is None
    assert lived(pulse, 3, silent=2, since=15) == Loss("rank 2 of 3 processes, on north, has not answered for 16 s")


def test_a_rank_that_has_not_begun_has_longer() -> None:
    pulse = Pulse(0, 3, now=0.0)
    for second in range(1, 301):
        pulse.hear([Beat(second, "east"), Beat(second, "west"), Beat()], float(second))
        assert pulse.lost(float(second)) is None
    lost = pulse.lost(301.0)
    assert lost == Loss("rank 2 of 3 processes, on an unknown machine, has not started after 300 s")


def test_no_answer_from_the_store_means_rank_0() -> None:
    pulse = Pulse(1, 3, now=0.0)
    assert lived(pulse, 5) is None
    lost = lived(pulse, 30, since=5, store=False)
    assert lost == Loss("rank 0 of 3 processes, on east, has not answered for 16 s")


def test_a_rank_whose_last_beat_is_older_than_the_last_answer_is_not_blamed_for_the_store() -> None:
    pulse = Pulse(1, 3, now=0.0)
    assert lived(pulse, 5) is None
    pulse.hear(beats(7, 7, 6), 6.0)  # rank 2 is a little late
    lost = lived(pulse, 30, since=6, store=False)
    assert lost == Loss("rank 0 of 3 processes, on east, has not answered for 16 s")


def test_a_process_that_was_itself_stopped_blames_nobody() -> None:
    pulse = Pulse(0, 3, now=0.0)
    lived(pulse, 5)
    assert pulse.lost(5 + 3600.0) is None
    assert lived(pulse, 10, since=3605) is None
    assert lived(pulse, 30, since=3615, silent=1) is not None


def test_an_error_of_another_rank_is_told_at_once() -> None:
    pulse = Pulse(0, 3, now=0.0)
    pulse.hear(beats(1, 1, 1, rank1=Beat(2, "west", error="ValueError: no")), 1.0)
    assert pulse.lost(1.0) == Loss("rank 1 of 3 processes, on west, failed: ValueError: no", is_error=True)


def test_a_rank_that_has_done_its_part_is_not_lost_unless_an_exchange_failed() -> None:
    pulse = Pulse(1, 3, now=0.0)
    done = beats(9, 9, 9, rank2=Beat(9, "north", done=True))
    for second in range(1, 60):
        pulse.hear([Beat(second, "east"), Beat(second, "west"), done[2]], float(second))
        assert pulse.lost(float(second)) is None
    pulse.is_broken = True
    assert pulse.lost(60.0) == Loss("rank 2 of 3 processes, on north, has left the run")


def test_the_store_may_end_with_rank_0() -> None:
    pulse = Pulse(1, 3, now=0.0)
    pulse.hear(beats(9, 9, 9, rank0=Beat(9, "east", done=True)), 1.0)
    assert lived(pulse, 60, since=1, store=False) is None


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(heartbeat, "LIMIT_SECONDS", 0.3)
    monkeypatch.setattr(Pulse.__init__, "__defaults__", (0.3,))


def pair(store: MemoryStore) -> tuple[Heartbeat, Heartbeat, list[Loss]]:
    """Two processes, and what rank 0 is told of a loss."""
    told: list[Loss] = []
    return Heartbeat(store, 0, 2, told.append), Heartbeat(store, 1, 2, told.append), told


def until(told: list[Loss], seconds: float = 10.0) -> Loss:
    last = time.monotonic() + seconds
    while not told:
        assert time.monotonic() < last
        time.sleep(0.01)
    return told[0]


@pytest.mark.usefixtures("quick")
def test_two_that_beat_and_end_tell_nothing() -> None:
    one, two, told = pair(MemoryStore())
    time.sleep(0.6)
    one.stop()
    time.sleep(0.6)
    two.stop()
    assert told == []


@pytest.mark.usefixtures("quick")
def test_an_error_reaches_the_other_process() -> None:
    one, two, told = pair(MemoryStore())
    two.stop("ValueError: no")
    assert until(told).message.endswith("failed: ValueError: no")
    one.stop()


@pytest.mark.usefixtures("quick")
def test_a_store_that_does_not_answer_holds_nobody() -> None:
    store = MemoryStore()
    one, two, told = pair(store)
    time.sleep(0.1)
    store.is_silent.set()
    assert "rank 0 of 2 processes" in until(told).message
    began = time.monotonic()
    one.stop()
    two.stop()
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("quick")
def test_the_trainer_takes_over_the_heartbeat_of_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.distributed.TCPStore", lambda *_, **__: MemoryStore())
    ours = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "east", "MASTER_PORT": "1", "GAN_PROCESS": "{}"}
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    assert heartbeat.begin() is None  # not started by torchrun
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    begun = heartbeat.begin()
    assert begun is not None
    strategy = GameDDP(heartbeat=begun)
    monkeypatch.setattr("lightning.pytorch.strategies.DDPStrategy.setup_environment", lambda _: None)
    monkeypatch.setattr(GameDDP, "world_size", 2)
    strategy.setup_environment()
    assert begun.when_lost == strategy._end_without
    begun.stop()


@pytest.mark.usefixtures("quick")
def test_what_a_process_writes_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "2")
    store = MemoryStore()
    one, two, _ = pair(store)
    one.stop()
    two.stop()
    assert list(store.values) == ["gan/heartbeat/2/0", "gan/heartbeat/2/1"]
    assert Beat(*json.loads(store.values["gan/heartbeat/2/0"])).done


@pytest.mark.parametrize("is_error", [False, True])
def test_the_end_is_one_message_and_stands_in_run_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_error: bool
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    GameDDP()._end_without(Loss("rank 1 of 2 processes, on west, has not answered for 21 s", is_error))
    told = capsys.readouterr()
    assert codes == [1]
    assert told.out == ""
    assert told.err == (
        "rank 1 of 2 processes, on west, has not answered for 21 s; the run was stopped.\n"
        "Its files are in ./; there is no complete checkpoint yet.\n"
    )
    assert list(json.loads((tmp_path / "run.json").read_text())) == ["failed" if is_error else "cut"]

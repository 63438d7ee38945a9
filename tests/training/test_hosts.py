"""One run on several hosts (network namespaces), over a link that delays and loses packets: benchmarks/hosts.py."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import hosts
from host_runs import Ended, HostRun, copied, differences, on_one_machine
from network import Network, network, unavailable

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made() -> Iterator[Network]:
    if reason := unavailable():
        pytest.skip(f"no hosts can be made: {reason}")
    with network(2) as two:
        yield two


@pytest.fixture(scope="module")
def whole(made: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on two hosts that nobody disturbs."""
    run = tmp_path_factory.mktemp("hosts") / "whole"
    ended = HostRun(made, 2, run, hosts.LENGTH).finish()
    assert "Newest grid:" in ended[0].told
    assert "Newest grid:" not in ended[1].told
    return run


def is_told(ended: Ended, rank: int) -> None:
    """One host has ended in time, with one message that names the lost one."""
    assert ended.exit_code == 1
    assert ended.seconds < hosts.HOLD
    assert ended.named == [f"host{rank + 1}"]
    assert ended.told.count(f"rank {rank} of 2 processes, on host{rank + 1}, has not answered for ") == 1
    assert "To resume: run the same command again on every machine, with resume=auto" in ended.told
    assert "frame #" not in ended.told  # torch's stack traces
    assert "gloo" not in ended.told


def test_two_hosts_train_what_two_processes_of_one_machine_do(whole: Path) -> None:
    alone = whole.with_name("alone")
    on_one_machine(alone, 2, hosts.LENGTH)
    assert differences(whole, alone) == []


@pytest.mark.parametrize(("way", "host"), [*((way, 2) for way in hosts.WAYS), ("kill -9", 1)])
def test_a_host_that_disappears_and_comes_back(made: Network, whole: Path, tmp_path: Path, way: str, host: int) -> None:
    (ended,) = hosts.lose(made, way, host, tmp_path / "mine")
    is_told(ended, host - 1)
    assert [made.processes(number) for number in (1, 2)] == [[], []]
    HostRun(made, 2, tmp_path / "mine", hosts.LENGTH).finish()
    assert differences(tmp_path / "mine", whole) == []


def test_a_host_that_does_not_come_back(made: Network, tmp_path: Path) -> None:
    run = tmp_path / "mine"
    (ended,) = hosts.lose(made, "kill -9", 2, run)
    is_told(ended, 1)
    alone = copied(run, tmp_path / "alone")
    HostRun(made, 1, run, hosts.LENGTH, "resume.allow=[trainer.num_nodes]").finish()
    on_one_machine(alone, 1, hosts.LENGTH, "resume.allow=[trainer.num_nodes,trainer.devices]")
    assert differences(run, alone) == []

"""A run that is asked to end does so: all of its processes, with one line, and with the exit code of the signal."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gan.runs.checkpoint_file import sealed
from gan.runs.run_end import describe_stopped_run
from gan.system import process, signals
from gan.system.signals import Stopped, listening, stop_behind

ROOT = Path(__file__).parents[2]
ENDLESS = (
    "data=mnist_sample",
    "data.batch_size=100",
    "model.generator.hidden=[8]",
    "model.discriminator.hidden=[8]",
    "accelerator=cpu",
    "callbacks.progress=null",
    "callbacks.samples=null",
    "callbacks.curves=null",
    "logger=none",
    "trainer.max_epochs=100000",
    "trainer.limit_train_batches=20",
)
Begin = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """``python train.py …`` in an empty folder, once it has trained for an epoch and written its checkpoint."""
    begun_ones: list[subprocess.Popen[str]] = []

    def begun(checkpoint: str, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "train.py"), *words, *ENDLESS],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun_ones.append(process)
        last = time.monotonic() + 200
        while not next(tmp_path.glob(checkpoint), None):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < last
            time.sleep(0.1)
        return process

    yield begun
    for child in begun_ones:
        child.kill()
        child.communicate()


def ended(process: subprocess.Popen[str], number: int) -> tuple[int, list[str]]:
    """Send the signal; the exit code and the lines on stderr."""
    process.send_signal(number)
    _, told = process.communicate(timeout=120)
    return process.returncode, told.splitlines()


def rest_of(folder: Path) -> list[str]:
    """The processes that still run on this folder."""
    command_lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    return [line.decode() for line in command_lines if str(folder).encode() in line]


@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")])
def test_one_process_is_stopped(begin: Begin, tmp_path: Path, number: int, name: str) -> None:
    code, told = ended(begin("mine/checkpoints/last.ckpt", "hydra.run.dir=mine"), number)
    assert code == 128 + number
    assert told[:2] == ["", "Stopping: this update is finished and the run saved; a second signal ends it at once."]
    assert told[2].startswith(
        f"Stopped by {name}. Its files are in mine/; the newest complete checkpoint is checkpoints/last.ckpt"
    )
    assert told[3:] == ["To resume: python train.py resume=mine"]
    assert json.loads((tmp_path / "mine" / "run.json").read_text())["cut"]["by"] == name


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for the processes in /proc")
@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, *(pytest.param(number, marks=pytest.mark.slow) for number in (signal.SIGINT, signal.SIGHUP))],
)
def test_two_processes_are_stopped_together(begin: Begin, tmp_path: Path, number: int) -> None:
    process = begin("mine/checkpoints/last.ckpt", "trainer.devices=2", "hydra.run.dir=mine")
    assert len(rest_of(tmp_path / "mine")) == 3  # the launcher and two ranks
    code, told = ended(process, number)
    assert code == 128 + number
    assert told[0] == ""
    assert [line.partition(":")[0].partition(" by ")[0] for line in told[1:]] == ["Stopping", "Stopped", "To resume"]
    assert rest_of(tmp_path / "mine") == []


def test_a_sweep_is_stopped_as_a_whole(begin: Begin, tmp_path: Path) -> None:
    process = begin("sweep/seed-1_*/checkpoints/last.ckpt", "-m", "seed=1,2,3", "hydra.sweep.dir=sweep")
    code, told = ended(process, signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert [line for line in told if line.startswith("Stopped by SIGTERM.")] == [told[-2]]
    assert any(line.startswith("Finished jobs are kept. To resume the rest:  python train.py -m") for line in told)
    assert [run.name[:6] for run in (tmp_path / "sweep").iterdir() if run.is_dir()] == ["seed-1"]


def test_what_is_left_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert describe_stopped_run(None) == "The run had not started."
    run = tmp_path / "run"
    checkpoints = run / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "half.ckpt").write_bytes(b"PK\x03\x04")
    assert describe_stopped_run(run) == "Its files are in run/; there is no complete checkpoint yet."
    for name, seconds in (("best.ckpt", 1_000), ("last.ckpt", 2_000)):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("weights", b"1")
        (checkpoints / name).write_bytes(sealed(archive.getvalue()))
        os.utime(checkpoints / name, (seconds, seconds))
    assert describe_stopped_run(run).startswith(
        "Its files are in run/; the newest complete checkpoint is checkpoints/last.ckpt, saved at "
    )


def test_a_signal_is_an_exception_that_nobody_takes_for_an_error() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped) as stopped, listening():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        except Exception:  # as Hydra's and Lightning's do
            pytest.fail("taken for an error")
    assert (stopped.value.name, stopped.value.exit_code) == ("SIGTERM", 143)
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with listening():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_exit_after_a_signal_is_not_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "_listener", signals.Listener())
    end = SystemExit()
    assert stop_behind(end) is end
    signals._listener.numbers.append(signal.SIGTERM)
    meant = stop_behind(end)
    assert isinstance(meant, Stopped)
    assert meant.exit_code == 143


def test_ranks_that_are_left_over_in_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("RANK", "3")
    process.ignore_old_ranks()
    assert process.is_first()
    assert "LOCAL_RANK" not in os.environ
    told = capsys.readouterr().err
    assert told == "RANK=3, LOCAL_RANK=1 in the environment is ignored: torchrun has not started this process\n"


def test_the_ranks_of_a_launch_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "gan")
    monkeypatch.setenv("RANK", "1")
    process.ignore_old_ranks()
    assert not process.is_first()


@pytest.mark.parametrize("starter", ["TORCHELASTIC_RUN_ID", "SLURM_PROCID"])
def test_torch_prints_no_stack_traces_about_sockets_in_one_process_of_several(
    monkeypatch: pytest.MonkeyPatch, starter: str
) -> None:
    for name in ("TORCH_CPP_LOG_LEVEL", "TORCHELASTIC_RUN_ID", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    process.hide_lost_connections()
    assert "TORCH_CPP_LOG_LEVEL" not in os.environ
    monkeypatch.setenv(starter, "1")
    process.hide_lost_connections()
    assert os.environ.pop("TORCH_CPP_LOG_LEVEL") == "ERROR"
    monkeypatch.setenv("TORCH_CPP_LOG_LEVEL", "INFO")
    process.hide_lost_connections()
    assert os.environ["TORCH_CPP_LOG_LEVEL"] == "INFO"

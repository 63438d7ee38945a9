"""Jobs of a sweep as jobs of a queue: what is submitted, what becomes of it, and what a stop does."""

import json
import os
import signal
import stat
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pretended_sweeps import ROOT, Sweeps
from pretended_train import FATES
from test_side_by_side import until

pytest.importorskip("submitit", reason="pip install -e '.[cluster]'")

SLURM = (
    "hydra/launcher=submitit_slurm",
    "hydra.launcher.partition=small",
    "hydra.launcher.timeout_min=90",
    "hydra.launcher.gpus_per_node=2",
    "hydra.sweep.dir=s",
)
# A SLURM of one node that runs what it is given at once, and a job that is requeued again.
COMMANDS = {
    "sbatch": """
        cp $1 submitted.sh
        cp $1 own_$$.sh  # as SLURM does: submitit moves its file away as soon as this command has ended
        export SLURM_ARRAY_JOB_ID=7 SLURM_JOB_ID=7 SLURM_NTASKS=1 SLURM_JOB_NAME=gan
        last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\)%.*/\\1/p' $1)
        [ -n "$last" ] || unset SLURM_ARRAY_JOB_ID
        for number in $(seq 0 ${last:-0}); do
            export SLURM_ARRAY_TASK_ID=$number
            again=again_$number; [ -n "$last" ] || again=again_7
            (while sh own_$$.sh; [ -e $again ]; do rm $again; done) >/dev/null 2>&1 &
        done
        echo Submitted batch job 7
    """,
    "srun": """
        while [ "${1#-}" != "$1" ]; do
            case $1 in --output|--error) shift;; esac
            shift
        done
        echo $SLURM_ARRAY_TASK_ID $$ >> started
        exec "$@"
    """,
    "scontrol": "touch again_${2#*_}",
    "squeue": "exit 1",
    "scancel": "echo $1 >> cancelled",
}


@pytest.fixture
def slurm(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of a SLURM that this machine does not have."""
    folder = tmp_path_factory.mktemp("slurm")
    for name, script in COMMANDS.items():
        (folder / name).write_text("#!/bin/bash\n" + textwrap.dedent(script))
        (folder / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def fates(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    return lambda by_seed: monkeypatch.setenv(FATES, json.dumps(by_seed))


@pytest.mark.usefixtures("slurm")
def test_slurm_gets_one_array_job_and_the_sweep_its_results(
    sweeps: Sweeps, fates: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    fates({0: "meets 1", 1: "meets 0", 2: "killed"})
    assert sweeps("seed=0,1,2", *SLURM) == 128 + signal.SIGKILL
    shown = capfd.readouterr()
    assert "3 jobs: 2 finished, 0 skipped (finished before), 1 failed." in shown.out
    assert "a job of the sweep (seed=2): was ended by SIGKILL (by hand, or because memory ran out)\n" in shown.err
    lines = Path("submitted.sh").read_text().splitlines()
    wanted = {"array=0-2%3", "partition=small", "time=90", "gpus-per-node=2", "ntasks-per-node=1", "nodes=1"}
    wanted |= {"requeue", "signal=USR2@120", "job-name=gan", "open-mode=append"}
    assert {f"#SBATCH --{option}" for option in wanted} <= set(lines)
    assert next(line for line in lines if line.startswith("srun")).count("--kill-on-bad-exit=1") == 1


@pytest.mark.slow
@pytest.mark.usefixtures("slurm")
def test_a_job_whose_time_is_up_is_saved_requeued_and_gone_on_with(
    sweeps: Sweeps, fates: Callable[..., None], tmp_path: Path
) -> None:
    fates({0: "endless once"})

    def time_is_up() -> None:
        until(lambda: any(tmp_path.glob("s/seed-0_*/process")))
        os.kill(int((tmp_path / "started").read_text().split()[-1]), signal.SIGUSR2)

    threading.Thread(target=time_is_up, daemon=True).start()
    assert sweeps("seed=choice(0)", *SLURM) == 0
    assert next(Path("s").glob("seed-0_*/stopped")).read_text() == "SIGTERM"
    assert len(Path("started").read_text().splitlines()) == 2
    assert json.loads(next(Path("s").glob("seed-0_*/run.json")).read_text())["resume"] == "auto"


@pytest.mark.usefixtures("slurm")
def test_a_stop_takes_the_jobs_back(sweeps: Sweeps, fates: Callable[..., None], tmp_path: Path) -> None:
    fates({0: "endless", 1: "endless"})

    def stop() -> None:
        until(lambda: len(list(tmp_path.glob("s/seed-*/process"))) == 2)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()
    assert sweeps("seed=0,1", *SLURM) == 128 + signal.SIGTERM
    assert sorted(Path("cancelled").read_text().split()) == ["7_0", "7_1"]
    for path in tmp_path.glob("s/seed-*/process"):
        os.kill(int(path.read_text()), signal.SIGTERM)


@pytest.mark.usefixtures("slurm")
def test_without_waiting_it_submits_and_the_same_command_collects(
    sweeps: Sweeps, fates: Callable[..., None], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fates({1: "endless"})
    words = ("seed=0,1", *SLURM, "hydra.launcher.wait=false")
    assert sweeps(*words) == 0
    told = capfd.readouterr().out
    assert "2 jobs: 0 finished, 0 skipped (finished before), 0 failed, 2 in the queue.\n" in told
    assert "To collect the results, and to submit the rest, run the same command later:  python pretended_" in told
    until(lambda: any(Path("s/.submitit").rglob("7_0_0_result.pkl")) and any(Path("s").glob("seed-1_*/process")))
    assert sweeps(*words) == 0
    told = capfd.readouterr().out
    assert "2 jobs: 1 finished, 0 skipped (finished before), 0 failed, 1 in the queue.\n" in told
    os.kill(int(next(Path("s").glob("seed-1_*/process")).read_text()), signal.SIGTERM)
    assert sweeps(*words[:-1]) == 128 + signal.SIGTERM  # waits for the last one, and has its result
    told = capfd.readouterr().out
    assert "2 jobs: 0 finished, 1 skipped (finished before), 1 failed.\n" in told
    assert len(Path("started").read_text().splitlines()) == 2  # nothing was submitted twice
    assert json.loads(Path("s/.submitit/queued.json").read_text()) == {}


@pytest.mark.usefixtures("slurm")
def test_without_waiting_jobs_can_be_left_for_the_next_call(
    sweeps: Sweeps, fates: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    fates({0: "endless"})
    words = ("seed=0,1", *SLURM, "hydra.launcher.wait=false", "hydra.launcher.n_jobs=1")
    assert sweeps(*words) == 0
    told = capfd.readouterr().out
    assert "0 failed, 1 in the queue, 1 waiting for a free slot (hydra.sweeper.n_jobs).\n" in told
    until(lambda: any(Path("s").glob("seed-0_*/process")))
    os.kill(int(next(Path("s").glob("seed-0_*/process")).read_text()), signal.SIGTERM)


def test_without_slurm_there_is_one_message(
    sweeps: Sweeps, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert sweeps("seed=0,1", *SLURM) == 2
    assert capsys.readouterr().err == ('hydra.launcher: Could not detect "srun", are you indeed on a slurm cluster?\n')


@pytest.mark.slow
def test_the_queue_of_this_machine(sweeps: Sweeps, fates: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    local = ("hydra/launcher=submitit_local", "hydra.sweeper.n_jobs=2", "hydra.sweep.dir=s")
    fates({0: "meets 1", 1: "meets 0", 2: "broken"})
    assert sweeps("seed=0,1,2", *local) == 2
    fates({2: "endless", 3: "endless"})

    def stop() -> None:
        until(lambda: all(any(Path("s").glob(f"seed-{seed}_*/process")) for seed in (2, 3)))
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()
    assert sweeps("seed=0,1,2,3", *local) == 128 + signal.SIGTERM
    assert len(list(Path("s").glob("seed-*/stopped"))) == 2
    fates({})
    assert sweeps("seed=0,1,2,3", *local) == 0

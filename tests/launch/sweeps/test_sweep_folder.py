"""The folder of a sweep: which one a command continues, and what a dry run leaves as it is."""

import json
from pathlib import Path

import pytest
from pretended_sweeps import Sweeps

from gan.launch.sweeps import folder

COMMAND = ["train.py", "-m", "seed=0,1"]


def test_the_printed_command_and_the_first_one_continue_the_same_sweep(tmp_path: Path) -> None:
    """The command that is printed after an interruption names the folder; the first command still finds it."""
    sweep, dated = tmp_path / "2026-11-30" / "10-00-00", tmp_path / "2026-11-30" / "11-00-00"
    sweep.mkdir(parents=True)
    folder.keep_record(sweep, [*COMMAND, f"hydra.sweep.dir={sweep}"], finished=False)
    assert folder.of_this_command(dated, COMMAND) == sweep
    earlier = {"command": [*COMMAND, f"hydra.sweep.dir={sweep}"], "finished": False}  # of an earlier version
    (sweep / folder.RECORD).write_text(json.dumps(earlier))
    assert folder.of_this_command(dated, COMMAND) == sweep
    other_order = ["train.py", "seed=0,1", "-m"]
    assert folder.of_this_command(dated, other_order) == sweep
    folder.keep_record(sweep, COMMAND, finished=True)
    assert folder.of_this_command(dated, COMMAND) == dated


def test_a_dry_run_of_a_sweep_clears_no_folder_of_a_job(sweeps: Sweeps, monkeypatch: pytest.MonkeyPatch) -> None:
    cleared: list[Path] = []
    monkeypatch.setattr(folder, "clear", cleared.append)
    sweeps.broken = {0}
    assert sweeps("seed=0,1", "hydra.sweep.dir=s") == 2
    cleared.clear()
    sweeps("seed=0,1", "hydra.sweep.dir=s", "dry_run=true")
    assert cleared == []
    sweeps("seed=0,1", "hydra.sweep.dir=s")
    assert len(cleared) == 1


def test_a_job_with_data_below_run_is_known_again(sweeps: Sweeps) -> None:
    """Linux mounts disks below /run/media; the placeholder of the run folder must not be the beginning of a path."""
    words = ("seed=0,1", "data.root=/run/media/user", "+data.folder=/run/media/user/pictures", "hydra.sweep.dir=s")
    assert sweeps(*words) == 0
    assert sweeps(*words) == 0
    assert [seed for seed, _ in sweeps.trained] == [0, 1]

"""A sweep that is killed and given again: what is finished stays so, what was cut goes on, what failed is told."""

import json
from pathlib import Path

import pytest
from pretended_sweeps import Killed, Sweeps

from gan.launch.sweeps.folder import held

ALL = [(0, 0.1), (1, 0.1), (0, 0.2), (1, 0.2)]


def test_every_combination_is_run_in_a_folder_that_says_what_it_is(
    sweeps: Sweeps, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweeps("optimizer.lr=0.1,0.2", "seed=0,1") == 0
    assert sweeps.trained == ALL
    names = [folder.name.rpartition("_")[0] for folder in sweeps.folders]
    assert names == [f"optimizer.lr-{lr}_seed-{seed}" for lr in (0.1, 0.2) for seed in (0, 1)]
    assert "4 jobs: 4 finished, 0 skipped (finished before), 0 failed." in capsys.readouterr().out


def test_killed_and_given_again_it_goes_on_where_it_was(sweeps: Sweeps, capsys: pytest.CaptureFixture[str]) -> None:
    sweeps.killed_at = {1}
    with pytest.raises(Killed):
        sweeps("optimizer.lr=0.1,0.2", "seed=0,1")
    assert sweeps.trained == ALL[:2]
    assert sweeps("optimizer.lr=0.1,0.2", "seed=0,1") == 0
    assert sweeps.trained == [*ALL[:2], *ALL[1:]]
    assert set(sweeps.resumed) == {"auto"}
    assert len(sweeps.folders) == 4
    told = capsys.readouterr().out
    assert "is not finished; it is resumed." in told
    assert "4 jobs: 3 finished, 1 skipped (finished before), 0 failed." in told


def test_once_all_is_finished_the_command_is_a_new_sweep_and_a_named_folder_is_not(sweeps: Sweeps) -> None:
    words = ("seed=0,1", "hydra.sweep.dir=multirun/yesterday/noon")
    assert (sweeps(*words), sweeps(*words)) == (0, 0)
    assert len(sweeps.trained) == 2
    assert (sweeps("seed=0,1"), len(sweeps.trained)) == (0, 4)
    # The folder is named for the second in which it begins, which may still be the same.
    record = next(path for path in Path("multirun").glob("*/*/sweep.json") if path.parent.name != "noon")
    assert json.loads(record.read_text())["finished"] is True


def test_jobs_are_known_by_their_settings_whatever_the_words(sweeps: Sweeps) -> None:
    sweeps("seed=0,1", "hydra.sweep.dir=mine")
    sweeps("seed=2,1,0", "optimizer.lr=2e-4", "trainer.max_epochs=2", "data.root=elsewhere", "hydra.sweep.dir=mine")
    assert [seed for seed, _ in sweeps.trained] == [0, 1, 2]


def test_a_job_that_fails_is_recorded_and_the_others_go_on(sweeps: Sweeps, capsys: pytest.CaptureFixture[str]) -> None:
    sweeps.broken = {1}
    assert sweeps("seed=0,1,2") == 2
    assert [seed for seed, _ in sweeps.trained] == [0, 1, 2]
    failed = next(Path("multirun").rglob("failed.json"))
    assert failed.parent.name.startswith("seed-1_")
    assert json.loads(failed.read_text())["reason"] == "seed: 1 given, another one expected"
    shown = capsys.readouterr()
    assert "3 jobs: 2 finished, 0 skipped (finished before), 1 failed." in shown.out
    assert "seed-1_" in next(line for line in shown.out.splitlines() if line.startswith("  failed:"))
    assert "a job of the sweep" in shown.err

    sweeps.broken = set()
    assert sweeps("seed=0,1,2") == 0
    assert [seed for seed, _ in sweeps.trained] == [0, 1, 2, 1]
    assert not failed.exists()


def test_a_setting_that_some_jobs_do_not_have_fails_them_and_the_others_go_on(
    sweeps: Sweeps, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("model=mlp,dcgan", "model.deep=1,2", "hydra.sweep.dir=s")
    for finished, skipped in ((2, 0), (0, 2)):
        assert sweeps(*words) == 2
        shown = capsys.readouterr()
        assert f"4 jobs: {finished} finished, {skipped} skipped (finished before), 2 failed." in shown.out
        assert shown.err.count("a job of the sweep (model=mlp model.deep=") == 2
        assert shown.err.count("model.deep: no such setting; ") == 2
    assert len(sweeps.trained) == 2
    reasons = {
        path.parent.name.rpartition("_")[0]: json.loads(path.read_text()) for path in Path("s").rglob("failed.json")
    }
    assert set(reasons) == {"model-mlp_model.deep-1", "model-mlp_model.deep-2"}
    assert all(reason["exit_code"] == 2 for reason in reasons.values())
    assert sweeps(*words, "dry_run=true", "hydra.sweep.dir=dry") == 2
    assert not list(Path("dry").rglob("failed.json"))


def test_a_folder_in_which_a_sweep_is_going_on_is_left_alone(
    sweeps: Sweeps, capsys: pytest.CaptureFixture[str]
) -> None:
    with held(Path("mine")):
        assert sweeps("seed=0,1", "hydra.sweep.dir=mine") == 2
        assert "hydra.sweep.dir: a sweep is running in mine; " in capsys.readouterr().err
        assert list(Path("mine").iterdir()) == []
    assert not Path("mine").exists()
    assert (sweeps("seed=0,1", "hydra.sweep.dir=mine"), len(sweeps.trained)) == (0, 2)


def test_a_sweep_that_torchrun_started_is_refused(
    sweeps: Sweeps, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert sweeps("seed=0,1") == 2
    assert "-m: given to 2 processes that torchrun started; a sweep starts the processes" in capsys.readouterr().err
    assert list(sweeps.folder.iterdir()) == []
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert (sweeps("seed=0,1"), len(sweeps.trained)) == (0, 2)


def test_a_signal_ends_the_sweep_and_is_no_success(sweeps: Sweeps, capsys: pytest.CaptureFixture[str]) -> None:
    sweeps.stopped_at = {1}
    assert sweeps("seed=0,1,2") == 128 + 15
    assert [seed for seed, _ in sweeps.trained] == [0, 1]
    assert "To resume the rest:  python pretended_train.py -m" in capsys.readouterr().err
    sweeps.stopped_at = set()
    assert sweeps("seed=0,1,2") == 0
    assert [seed for seed, _ in sweeps.trained] == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("seed=interval(0,3)", "seed: interval(0,3) given, which only a search accepts; values expected"),
        ("optimizer.lrr=1,2", "optimizer.lrr"),
        ("model=mlpp,dcgan", "model: no such option 'mlpp'; did you mean 'mlp'? choices: dcgan, mlp"),
        ("seed=range(3,1)", "seed: range(3,1) given, which has no values"),
    ],
)
def test_a_mistake_in_the_command_leaves_nothing(
    sweeps: Sweeps, capsys: pytest.CaptureFixture[str], word: str, message: str
) -> None:
    assert sweeps(word) == 2
    assert message in capsys.readouterr().err
    assert sweeps.trained == []
    assert list(sweeps.folder.iterdir()) == []


def test_a_dry_sweep_leaves_nothing(sweeps: Sweeps) -> None:
    assert sweeps("seed=0,1", "dry_run=true", "hydra.sweep.dir=mine") == 0
    assert len(sweeps.trained) == 2
    assert not Path("mine/sweep.json").exists()

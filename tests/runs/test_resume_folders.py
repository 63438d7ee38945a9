"""What becomes of the files of a run that goes on, and the commands that it prints, typed where they are printed."""

import json
import os
import pickle
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import yaml
from gan_command import command_in
from test_mistakes import contents
from train_command import SMALL, Train, train_in

from gan.config.saved_settings import read_saved
from gan.runs import run_end, run_folder
from gan.system.errors import ConfigError
from gan.training.callbacks import LastCheckpoint

FAST = (
    *SMALL, "trainer.limit_train_batches=2", "accelerator=cpu",
    *(f"callbacks.{name}=null" for name in ("progress", "samples", "curves", "quality", "projector")),
)  # fmt: skip
ODD = 'it\'s #1 = (a, b) & "c"'  # a folder's name
ADVICE = re.compile(r"To (?:resume|make it longer): (?:python train\.py|gan train) (.+)")
Damage = Callable[[Path], None]


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Train:
    monkeypatch.setattr(run_folder, "PATIENCE", 0.2)
    return train_in(tmp_path, monkeypatch, capfd)


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def put_a_link_to_nowhere_there(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.ckpt")


DAMAGES: list[tuple[Damage, str]] = [
    (flip_a_byte, "damaged: its bytes are not those that were written"),
    (lambda path: path.write_bytes(pickle.dumps({"a": 1})) and None, "not a checkpoint of this program"),
    (put_a_link_to_nowhere_there, "No such file"),
    (lambda path: path.chmod(0), "Permission denied"),
]


@pytest.fixture
def trained(train: Train, tmp_path: Path) -> Path:
    """A run that was interrupted, as far as its files say, with two checkpoints."""
    assert train(*FAST, "hydra.run.dir=run", "callbacks.checkpoint.keep_every=1").returncode == 0
    run = tmp_path / "run"
    (run / "run.json").write_text("{}")
    (run / "checkpoints" / "epoch_0002.ckpt").unlink()
    return run


def test_damaged_checkpoints_stop_a_run_that_is_to_go_on(
    train: Train, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained.with_name("whole")
    shutil.copytree(trained, whole)
    read = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.suffix == ".ckpt" and path.stat().st_mode & 0o777 == 0:  # root can read anything
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    for damage, reason in DAMAGES:
        shutil.rmtree(trained)
        shutil.copytree(whole, trained)
        files = sorted((trained / "checkpoints").iterdir())
        for path in files:
            damage(path)
        there = [(path.name, path.lstat().st_mtime_ns) for path in sorted(trained.rglob("*"))]
        auto = ["resume=auto", *FAST, "hydra.run.dir=run", "trainer.max_epochs=3"]
        for words in (["resume=run"], *([auto] if damage is flip_a_byte else [])):
            ended = train(*words)
            assert ended.returncode == 2
            assert "run has checkpoints, and none can be read; nothing was changed" in ended.stderr
            assert all(f"{path}: " in ended.stderr for path in files)
            assert reason in ended.stderr
            assert [(path.name, path.lstat().st_mtime_ns) for path in sorted(trained.rglob("*"))] == there

    (advice,) = re.findall(r"start this run again: (mv .+), then the same command again", ended.stderr)
    _, source, target = shlex.split(advice)
    (trained.parent / source).rename(trained.parent / target)
    monkeypatch.setattr(Path, "read_bytes", read)
    kept = contents(trained)
    ended = train("resume=run")
    assert ended.returncode == 0
    assert "resume: no checkpoint was written yet; the run starts from the beginning" in ended.stderr
    assert (trained / "checkpoints" / "last.ckpt").exists()
    now = contents(trained)
    for name, content in kept.items():
        assert content in (now.get(name), now.get(f"set_aside_1/{name}")), name
    assert now["set_aside_1/metrics.csv"] == kept["metrics.csv"]


def test_a_run_that_is_killed_as_it_starts_again_keeps_its_command(train: Train, trained: Path) -> None:
    shutil.rmtree(trained / "checkpoints")
    before = (trained / "run.json").read_bytes()
    run_folder.reclaim(read_saved(trained), anew=True)
    assert (trained / "run.json").read_bytes() == (trained / "set_aside_1" / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "To resume: python train.py resume=run"),
        ({"objective": {"_target_": "mypkg.losses.Mine"}}, "To resume: python train.py resume=run 'trust=[mypkg]'"),
        ({"trainer": {"num_nodes": 2}}, run_end.ON_EVERY_MACHINE.format("hydra.run.dir=run")),
        ({"trainer": 5}, "To resume: python train.py resume=run"),
    ],
)
def test_how_to_resume(settings: dict[str, Any], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command trusts the run's own classes, which a resumed run must be told; of several machines, each starts."""
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run", "config.yaml").write_text(yaml.safe_dump({"run_dir": "run", **settings}))
    assert run_end.how_to_resume(Path("run")) == line
    assert run_end.describe_stopped_run(Path("run")).startswith("Its files are in run/")


def test_a_run_that_starts_again_has_its_first_command_and_the_changes(train: Train, trained: Path) -> None:
    shutil.rmtree(trained / "checkpoints")
    path = trained / "run.json"
    facts = {"command": ["train.py", "-m", "seed=1,2"], "overrides": ["seed=1"]}  # killed before the first checkpoint
    path.write_text(json.dumps(facts))
    assert train("resume=run", "trainer.max_epochs=3").returncode == 0
    again = json.loads(path.read_text())
    assert again["command"] == [*facts["command"], "trainer.max_epochs=3"]
    assert again["overrides"] == [*facts["overrides"], "trainer.max_epochs=3"]
    assert "resumed" not in again
    finished = train("resume=run")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "is finished: 3 epochs" in finished.stdout


def test_a_folder_of_checkpoints_that_cannot_be_read_is_not_an_empty_one(train: Train, trained: Path) -> None:
    shutil.rmtree(trained / "checkpoints")
    (trained / "checkpoints").write_text("")
    before = contents(trained)
    ended = train("resume=run")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "checkpoints: Not a directory; a folder of checkpoints expected" in ended.stderr
    assert contents(trained) == before


def test_a_run_without_checkpoints_that_has_ended_is_not_begun_anew(train: Train, tmp_path: Path) -> None:
    words = (*FAST, "hydra.run.dir=run", "callbacks.checkpoint=null", "callbacks.best=null", "resume=auto")
    assert train(*words).returncode == 0
    before = contents(tmp_path)
    assert not any(name.endswith(".ckpt") for name in before)
    ended = train(*words)
    assert ended.returncode == 0
    assert "run has ended, and it has no checkpoint to resume from" in ended.stdout
    ended = train(*words, "trainer.max_epochs=5")
    assert ended.returncode == 2
    assert contents(tmp_path) == before


@pytest.mark.parametrize("words", [[], ["lr_schedule=cosine"], ["lr_schedule=linear", "trainer.max_steps=3"]])
def test_the_advice_of_a_finished_run_makes_it_longer(train: Train, tmp_path: Path, words: list[str]) -> None:
    assert train(*FAST, *words, f"hydra.run.dir={hydra_quoted(ODD)}").returncode == 0
    finished = train(f"resume={ODD}")
    assert finished.returncode == 0
    (advice,) = ADVICE.findall(finished.stdout)
    longer = train(*shlex.split(advice))
    assert longer.returncode == 0, longer.stderr
    assert f"Trained for {4 if words[1:] else 8} generator updates" in longer.stdout
    assert ("resume.allow" in advice) == bool(words)


def hydra_quoted(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"


def test_the_commands_of_a_run_in_a_folder_of_any_name_can_be_typed(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = LastCheckpoint.on_train_epoch_end

    def save_and_stop(self: LastCheckpoint, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        save(self, trainer, pl_module)
        trainer.should_stop = True

    with monkeypatch.context() as patch:
        patch.setattr(LastCheckpoint, "on_train_epoch_end", save_and_stop)
        ended = train(*FAST, f"hydra.run.dir={hydra_quoted(ODD)}", "trainer.max_epochs=4")
    assert ended.returncode == 0
    gan = command_in(tmp_path, monkeypatch)
    (sample,) = re.findall(r"the generator alone: gan (.+)", ended.stdout)
    assert gan(*shlex.split(sample)) == 0
    assert (tmp_path / "grid.png").exists()
    (board,) = re.findall(r"TensorBoard:  tensorboard --logdir (.+)", ended.stdout)
    assert (tmp_path / shlex.split(board)[0] / "tensorboard").is_dir()
    (again,) = ADVICE.findall(ended.stdout)
    assert shlex.split(again) == [f"resume={ODD}"]
    (stopped,) = ADVICE.findall(run_end.describe_stopped_run(tmp_path / ODD))
    assert stopped == again
    for epochs, run in ((4, shlex.split(again)[0]), (5, f"resume={hydra_quoted(ODD)}"), (6, f"resume.run={ODD}")):
        resumed = train(run, f"trainer.max_epochs={epochs}")
        assert resumed.returncode == 0, resumed.stderr
        assert "resumes  from last.ckpt" in resumed.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grid.png", ODD]


def test_of_two_that_go_on_with_a_run_the_second_is_told_to_wait(train: Train, trained: Path) -> None:
    with run_folder.undo_on_failure(trained):  # this process has trained in it, and holds it
        descriptor = os.open(trained, os.O_RDONLY)
    assert run_folder.lock(descriptor)
    try:
        words = ["resume=auto", *FAST, "callbacks.checkpoint.keep_every=1", "hydra.run.dir=run", "trainer.max_epochs=3"]
        before = contents(trained)
        for command in (words, ["resume=run", "trainer.max_epochs=3"]):
            waiting = train(*command)
            assert waiting.returncode == 2
            told = f"resume: another process is training in {trained}; when it has ended, run the same command again\n"
            assert waiting.stderr == told
        assert contents(trained) == before
    finally:
        os.close(descriptor)
    assert train(*words).returncode == 0  # when it has ended


def test_of_two_that_begin_a_run_with_resume_auto_the_second_is_told_to_wait(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = run_folder.claim

    def taken_a_moment_ago(settings: dict[str, object]) -> None:
        (tmp_path / "run" / "config.yaml").write_text("of another")
        take(settings)

    monkeypatch.setattr(run_folder, "claim", taken_a_moment_ago)
    loser = train("resume=auto", *FAST, "hydra.run.dir=run")
    assert loser.returncode == 2
    assert "; when it has ended, run the same command again" in loser.stderr
    assert "resume: another process is training in " in loser.stderr
    assert (tmp_path / "run" / "config.yaml").read_text() == "of another"


def test_a_start_that_fails_leaves_the_settings_of_the_run(
    train: Train, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (trained / "config.yaml").read_bytes()

    def fails(*arguments: object, **named: object) -> None:
        raise ConfigError("no game can be made")

    monkeypatch.setattr("gan.training.build.build_game", fails)
    ended = train("resume=run", "trainer.max_epochs=3", "seed=4", "resume.allow=[seed]")
    assert ended.returncode == 2
    assert (trained / "config.yaml").read_bytes() == before

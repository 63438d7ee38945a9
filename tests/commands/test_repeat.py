"""`gan repeat` trains a run again, and says whether the numbers are the same, and if not, from where."""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from gan_command import ROOT, GanCommand, command_in
from tiny_runs import Play
from train_command import Train, train_in

from gan.commands import repeat as command
from gan.commands.repeat import verdict
from gan.training.callbacks import GameMonitor, LastCheckpoint

SMALL = (
    "data=mnist_sample", "data.batch_size=250", "model.generator.hidden=[8]", "model.discriminator.hidden=[8]",
    "accelerator=cpu", "logger=csv", "trainer.log_every_n_steps=1", "trainer.limit_train_batches=3",
    "trainer.max_epochs=1", *(f"callbacks.{name}=null" for name in ("progress", "samples", "curves", "quality")),
)  # fmt: skip
Told = pytest.CaptureFixture[str]


@pytest.fixture
def gan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GanCommand:
    return command_in(tmp_path, monkeypatch)


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Train:
    return train_in(tmp_path, monkeypatch, capfd)


@pytest.fixture
def played_run(play: Play, tmp_path: Path) -> Callable[..., Path]:
    """``played_run(name, *words)``: the folder of a tiny run, as train.py leaves it."""

    def played(name: str, *words: str) -> Path:
        run = play("logger=csv", "trainer.log_every_n_steps=2", *words, callbacks=[GameMonitor(), LastCheckpoint()])
        run.trainer.strategy.teardown()
        facts = {"versions": {"torch": "1"}, "ended": {"epochs": 2}}
        (run.folder / "run.json").write_text(json.dumps(facts))
        settings = {name: node for name, node in run.game.hparams.items() if name != "resume"}
        (run.folder / "config.yaml").write_text(yaml.safe_dump(settings))
        return Path(shutil.move(run.folder, tmp_path / name))

    return played


def test_a_run_is_repeated_and_compared(tmp_path: Path, gan: GanCommand, capfd: Told) -> None:
    words = [sys.executable, str(ROOT / "train.py"), *SMALL, "hydra.run.dir=first"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    assert gan("repeat", "first") == 0
    told = capfd.readouterr()
    assert "The same numbers, bit for bit: 4 rows of metrics.csv and the last checkpoint." in told.out
    assert yaml.safe_load((tmp_path / "first-repeated" / "config.yaml").read_text())["run_dir"].endswith("-repeated")
    first, again = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("first", "first-repeated"))
    assert (again["command"], again["overrides"]) == (first["command"], first["overrides"])
    assert first["command"][1:] == [*SMALL, "hydra.run.dir=first"]


@pytest.mark.parametrize("typed", [".", "..", "../first", "it's #1"])
def test_the_folder_of_a_run_may_be_called_anything(
    played_run: Callable[..., Path], capsys: Told, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    first = played_run("it's #1" if "#" in typed else "first")
    trained: list[Path] = []

    def train(folder: Path) -> int:
        trained.append(folder.resolve())
        shutil.copytree(first, folder, dirs_exist_ok=True)
        return 0

    monkeypatch.setattr(command, "_train", train)
    gan = command_in({"..": first / "checkpoints", "it's #1": first.parent}.get(typed, first), monkeypatch)
    assert gan("repeat", typed) == 0
    assert trained == [first.with_name(f"{first.name}-repeated")]
    assert gan("repeat", typed, "--out", first) == 2
    assert capsys.readouterr().err.strip() == f"--out: {first} is the run itself; give another folder"


def test_a_job_of_a_sweep_is_repeated_outside_of_the_sweep(
    played_run: Callable[..., Path], gan: GanCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = played_run("job")
    (tmp_path / "sweep").mkdir()
    job = Path(shutil.move(first, tmp_path / "sweep"))
    (tmp_path / "sweep" / "sweep.json").write_text("{}")
    monkeypatch.setattr(command, "_train", lambda folder: bool(shutil.copytree(job, folder, dirs_exist_ok=True)) - 1)
    assert gan("repeat", job) == 0
    assert {path.name for path in tmp_path.iterdir()} >= {"sweep", "sweep-job-repeated"}
    assert [path.name for path in (tmp_path / "sweep").iterdir() if path.is_dir()] == ["job"]


def test_what_has_been_repeated_already_is_only_compared(
    played_run: Callable[..., Path], gan: GanCommand, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = played_run("first"), played_run("second")
    settings = yaml.safe_load((first / "config.yaml").read_text())
    for folder in (first, second):
        text = (first / "config.yaml").read_text().replace(settings["run_dir"], str(folder))
        (folder / "config.yaml").write_text(text)
    monkeypatch.setattr(command, "_train", lambda folder: 0)
    assert gan("repeat", first, "--out", second) == 0
    assert capsys.readouterr().out.startswith("The same numbers, bit for bit: ")
    old = yaml.safe_load((first / "config.yaml").read_text())
    old["game"] = {"_target_": "gan.GAN", "concatenate": False, "class_weight": 1.0, **old["game"]}
    del old["game"]["d_batch"], old["game"]["auxiliary_losses"]["class_weight"]
    (first / "config.yaml").write_text(yaml.safe_dump(old))  # of an earlier version; the repetition has the present one
    assert gan("repeat", first, "--out", second) == 0
    capsys.readouterr()
    table = (second / "metrics.csv").read_text().splitlines()
    (second / "metrics.csv").write_text("\n".join(table[:-1]) + "\n")
    assert gan("repeat", first, "--out", second) == 1
    assert "rows before" in capsys.readouterr().out
    monkeypatch.setattr(command, "_train", lambda folder: 130)
    assert gan("repeat", first, "--out", second) == 130


def test_the_first_difference_and_what_may_explain_it_are_told(played_run: Callable[..., Path]) -> None:
    first, second = played_run("first"), played_run("second", "optimizer.lr=0.011")
    facts = json.loads((second / "run.json").read_text())
    (second / "run.json").write_text(json.dumps({**facts, "versions": {"torch": "2"}}))
    agree, told = verdict(first, second)
    assert not agree
    assert told[0].startswith("Different numbers, first at update ")
    assert told[1:] == ["  different in the two runs: versions.torch: 1 -> 2"]


def test_other_initial_weights_are_told(train: Train, tmp_path: Path) -> None:
    for number in range(2):
        assert train(*SMALL, f"seed={number}", f"hydra.run.dir=source{number}").returncode == 0
        tuned = (f"model.init_from=source{number}", f"hydra.run.dir=tuned{number}")
        assert train(*SMALL, *tuned).returncode == 0
    agree, told = verdict(tmp_path / "tuned0", tmp_path / "tuned1")
    assert not agree
    assert told[1].startswith("  different in the two runs: init_from.sha256: ")


def test_a_changed_run_is_said_to_be_one(played_run: Callable[..., Path]) -> None:
    first = played_run("first")
    facts = json.loads((first / "run.json").read_text())
    changed = ["optimizer.lr: 0.1 -> 0.2", "trainer.max_epochs: 1 -> 2"]
    (first / "run.json").write_text(json.dumps({**facts, "resumed": [{"changed": changed}]}))
    agree, told = verdict(first, first)
    assert agree
    assert told[0] == "The run was resumed with a change, which is not repeated: optimizer.lr: 0.1 -> 0.2"


def test_what_cannot_be_repeated_is_told(
    played_run: Callable[..., Path], gan: GanCommand, tmp_path: Path, capsys: Told
) -> None:
    def told(*words: object) -> str:
        assert gan("repeat", *words) == 2
        return capsys.readouterr().err.strip()

    assert told("none") == "none: not a run folder (no readable config.yaml); a run folder expected"
    first = played_run("first")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    assert told(first, "--out", "mine") == "--out: mine is not empty; give another folder"
    assert told(first, "--out", played_run("other", "seed=1")).endswith(
        "contains another run, which is not overwritten; give another folder"
    )
    (first / "metrics.csv").unlink()
    assert told(first).endswith("has no metrics.csv to compare with; it was run without logger=csv or logger=default")
    (first / "run.json").unlink()
    assert told(first).endswith(f"this run has not ended. To resume: gan train resume={first.name}")
    settings = (first / "config.yaml").read_text()
    (first / "config.yaml").write_text(settings + "\nmine: {_target_: evil.Loss}\n")
    assert "To resume" not in told(first)  # the advice would trust a package of whoever made the folder
    assert told(first).endswith("add --trust evil")
    (first / "config.yaml").write_text(settings)
    odd = first.rename(first.with_name("it's #1"))
    advice = told(odd).rpartition("To resume: ")[2]
    assert shlex.split(advice) == ["gan", "train", "resume=it's #1"]
    assert told("/") == "/: not a run folder (no readable config.yaml); a run folder expected"

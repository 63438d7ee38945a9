"""`gan.train`: the training of the command line, called from Python."""

import math
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL.Image import Image
from train_command import SMALL

import gan
from gan.launch.python_run import _words
from gan.system import shell


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> gan.TrainingRun:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("python"))
        return gan.train(*SMALL, "trainer.max_epochs=1", seed=3, hydra={"run": {"dir": "the run"}})


def test_a_run_has_its_folder_generator_metrics_and_samples(run: gan.TrainingRun) -> None:
    assert run.folder.name == "the run"
    assert run.generator.sample(2).shape == (2, 1, 28, 28)
    assert isinstance(run.samples, Image)
    losses = [value for value in run.metrics["train/d_loss"] if not math.isnan(value)]
    assert len(losses) == 2  # 6 minibatches, a row every 3
    assert run.quality["quality/fcd"] > 0
    assert repr(run).startswith(f"<run {shell.short(run.folder)}: 1 epoch, 6 generator updates, fcd ")
    assert '<img alt="samples" src="data:image/png;base64,' in run._repr_html_()


def test_a_generator_describes_itself_and_has_a_picture(run: gan.TrainingRun) -> None:
    assert repr(run.generator) == "<generator mlp: images 1 x 28 x 28 of mnist_sample, 6 generator updates>"
    assert run.generator._repr_png_().startswith(b"\x89PNG")


def test_the_same_run_can_be_resumed_from_python(run: gan.TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.folder.parent)
    longer = gan.train(f"resume={run.folder}", "trainer.max_epochs=2")
    assert longer.folder == run.folder
    assert "2 epochs, 12 generator updates" in repr(longer)
    moved = run.folder.rename(run.folder.with_name("run, moved"))  # a comma in a path is no sweep
    again = gan.train(f"resume={moved}", "trainer.max_epochs=2", quiet=True)
    assert again.folder == moved
    moved.rename(run.folder)
    for finished in ("trainer.max_epochs=2", "seed=3"):
        again = gan.train(f"resume={run.folder}", finished, quiet=True)
        assert (again.folder, repr(again)) == (run.folder, repr(longer))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("penalty=r3", "penalty: no such option 'r3'; did you mean 'r2'?"),
        ("trainer.max_epochs=0", "trainer.max_epochs: 0 given, 1 or more expected"),
        ("optimizer.lrr=1", "optimizer.lrr: no such setting; did you mean 'lr'?"),
        ("-m", "gan.train: one run at a time; for a sweep: gan train -m …"),
        ("sweep=seeds", "gan.train: one run at a time; for a sweep: gan train -m …"),
        ("hydra.mode=MULTIRUN", "gan.train: one run at a time; for a sweep: gan train -m …"),
        ("seed=0,1", "gan.train: one run at a time; for a sweep: gan train -m …"),
        ("dry_run=true", "gan.train: dry_run given, which trains nothing; for a dry run: gan train … dry_run=true"),
        ("--help", "gan.train: '--help' given; overrides as strings, such as 'data=fashion', or keywords expected"),
        (None, "gan.train: None given; overrides as strings, such as 'data=fashion', or keywords expected"),
        (
            {"model": "mlp"},
            "gan.train: {'model': 'mlp'} given; overrides as strings, such as 'data=fashion', or keywords",
        ),
        ("hydra.job.chdir=true", "hydra.job.chdir: true given, false expected: relative paths are relative to where"),
    ],
)
def test_an_error_is_an_exception_with_the_words_of_the_command_line(
    word: Any, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = list(sys.argv)
    with pytest.raises(gan.GanError) as raised:
        gan.train(word)
    assert str(raised.value).startswith(message)
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())
    assert sys.argv == arguments


def test_a_quiet_run_prints_nothing_unless_it_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = gan.train(*SMALL, "trainer.max_epochs=1", quiet=True)
    assert capsys.readouterr() == ("", "")
    assert repr(run).startswith("<run outputs/")  # relative to the working folder
    with pytest.raises(gan.GanError, match="no such option 'r3'"):
        gan.train("penalty=r3", quiet=True)


def test_a_second_run_at_the_same_time_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    refused = []

    def train_another() -> None:
        with pytest.raises(gan.GanError, match="a run is being trained in this process") as raised:
            gan.train(*SMALL, "seed=2", quiet=True)
        refused.append(raised.value)

    def during_the_run(*_: Any) -> None:
        other = threading.Thread(target=train_another)
        other.start()
        other.join()

    with monkeypatch.context() as patch:
        patch.setattr("gan.training.callbacks.curves.LossCurves.on_train_start", during_the_run)
        run = gan.train(*SMALL, "trainer.max_epochs=1", "seed=1", quiet=True)
    assert len(refused) == 1
    assert "seed: 1" in (run.folder / "config.yaml").read_text()
    assert gan.train(*SMALL, "trainer.max_epochs=1", quiet=True).folder != run.folder  # the next run may begin


@pytest.mark.slow
def test_several_devices_from_a_thread_and_quietly(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import threading, gan\n"
        f"train = lambda: print(gan.train(*{SMALL!r}, 'trainer.devices=2', 'trainer.max_epochs=1', quiet=True))\n"
        "thread = threading.Thread(target=train)\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("<run outputs/")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_keywords_are_written_by_hydras_grammar() -> None:
    given = {
        "model": "mlp",
        "seed": 3,
        "trainer": {"max_epochs": 1, "max_time": None, "deterministic": True},
        "optimizer": {"betas": [0.5, 0.9]},
        "data": {"folder": "my pictures, all"},
    }
    assert list(_words(given)) == [
        "model=mlp",
        "seed=3",
        "++trainer.max_epochs=1",
        "++trainer.max_time=null",
        "++trainer.deterministic=true",
        "++optimizer.betas=[0.5,0.9]",
        '++data.folder="my pictures, all"',
    ]


@pytest.mark.slow
def test_two_processes_find_the_modules_beside_the_callers_script(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text(
        "from gan.game.penalties import R1\n\n\nclass Mine(R1):\n    '''A penalty.'''\n"
    )
    (tmp_path / "script.py").write_text(
        "import gan\n"
        f"run = gan.train(*{SMALL!r}, 'trainer.devices=2', penalty={{'_target_': 'beside.Mine'}})\n"
        "print(run)\n"
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "2 processes" in done.stdout
    assert "2 epochs, 12 generator updates" in done.stdout

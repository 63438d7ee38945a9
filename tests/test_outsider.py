"""A package of a stranger's, tests/outsider, brings one class of each kind; docs/extending.md shows all of it."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from gan_command import command_in
from train_command import ROOT, SMALL, Train, train_in

from gan.generators.bundle import FILE_NAME, load_generator
from gan.report.model_card import Card
from gan.system.errors import BundleError

OUTSIDER = ROOT / "tests" / "outsider"
CONF = OUTSIDER / "conf"
PAGE = (ROOT / "docs" / "extending.md").read_text()
MODULES = sorted(path for path in (OUTSIDER / "outsider").glob("*.py") if path.stem != "__init__")
FILES = sorted(CONF.rglob("*.yaml"))
MOST_LINES = 20
OWN = ("--config-dir", str(CONF))
PARTS = (
    *("penalty=zero_centred", "objective=exponential", "augmentation=mirror", "optimizer=sign_sgd"),
    *("lr_schedule=halving", "schedule=warm_start", "model=two_layers"),
    "+callbacks.diary._target_=outsider.callback.Diary",
    '+logger.lines={_target_: outsider.logger.JSONLines, save_dir: "${run_dir}"}',
    "+callbacks.quality.metrics.brightness._target_=outsider.metric.Brightness",
    "callbacks.quality.n=200",
)
# The small settings that do not belong to the mlp.
TINY = tuple(word for word in SMALL if not word.startswith("model."))
TRUST = ("--trust", "outsider")
Gan = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def outsider(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package can be imported, as if it were installed."""
    monkeypatch.setenv("PYTHONPATH", str(OUTSIDER))
    monkeypatch.syspath_prepend(str(OUTSIDER))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "outsider"]:
        del sys.modules[name]


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Train:
    return train_in(tmp_path, monkeypatch, capfd)


@pytest.fixture
def gan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Gan:
    """``gan("sample", …)``: the exit code, stdout and stderr of the command in this process."""
    command = command_in(tmp_path, monkeypatch)

    def run(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        return command(*words), *capfd.readouterr()

    return run


@pytest.mark.parametrize("path", [*MODULES, *FILES], ids=lambda path: path.name)
def test_the_page_shows_each_file_in_full(path: Path) -> None:
    content = path.read_text()
    assert f"```{'python' if path.suffix == '.py' else 'yaml'}\n{content}```" in PAGE
    assert len(content.splitlines()) <= MOST_LINES


def test_one_of_each_kind_trains_resumes_and_is_used(
    train: Train, gan: Gan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = train(*OWN, *PARTS, *TINY, "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    run = tmp_path / "run"
    for shown in ("objective  Exponential", "penalty  ZeroCentred", "augmentation  Mirror", "optimizer  SignSGD"):
        assert shown in done.stdout
    assert (run / "diary.txt").read_text().splitlines()[-1] == "epoch 2: 9 generator updates"
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert any(0 <= row.get("quality/brightness", -1) <= 255 for row in rows)
    assert "quality/brightness" in (run / "metrics.csv").read_text().splitlines()[0]

    refused = train("resume=run", "trainer.max_epochs=3")
    assert refused.returncode == 2
    assert "model.generator._target_: 'outsider.networks.Generator' given" in refused.stderr
    advice = re.search(r"If you trust the code of outsider, add '(.*)'$", refused.stderr)
    assert advice is not None
    refused = train("resume=run", "trainer.max_epochs=3", advice[1])  # the schedule could depend on the length
    allowed = re.search(r"or allow the change: '(.*)'$", refused.stderr)
    assert allowed is not None
    resumed = train("resume=run", "trainer.max_epochs=3", advice[1], allowed[1])
    assert resumed.returncode == 0, resumed.stderr
    assert (run / "diary.txt").read_text().splitlines()[-1] == "epoch 3: 15 generator updates"
    finished = train("resume=run", advice[1])
    assert (finished.returncode, finished.stderr) == (0, "")
    _, _, longer = finished.stdout.partition("To make it longer: python train.py ")
    assert train(*shlex.split(longer)).returncode == 0
    assert (run / "diary.txt").read_text().splitlines()[-1] == "epoch 6: 33 generator updates"

    code, out, err = gan("sample", str(run), "--n", "4", "--out", str(tmp_path / "grid.png"))
    assert code == 2
    assert f"if you trust the code of outsider, add {' '.join(TRUST)}" in err
    _, _, sample = next(line for line in done.stdout.splitlines() if "gan sample" in line).partition("gan ")
    assert shlex.split(sample)[-2:] == list(TRUST)
    assert gan(*shlex.split(sample))[0] == 0
    assert f"gan demo run {' '.join(TRUST)}" in done.stdout
    card = Card(load_generator(run, trust=["outsider"]), None, "unknown", {FILE_NAME: ""}, "samples.png").text()
    code_block = re.search(r"```python\n(from gan import.*?)```", card, re.DOTALL)
    assert code_block is not None
    monkeypatch.chdir(run)
    monkeypatch.delenv("GAN_TRUST", raising=False)
    names: dict[str, Any] = {}
    exec(code_block[1], names)
    assert names["images"].shape == (16, 1, 28, 28)
    few = ("--n", "500", "--kid-subset", "100")
    code, out, err = gan("evaluate", str(run), *few, "--metric", "outsider.metric.Brightness", *TRUST)
    assert code == 0, err
    assert "Brightness" in out
    code, out, err = gan("export", str(run), "--to", "pt2", "--out", str(tmp_path / "file.pt2"), *TRUST)
    assert code == 0, err


def test_a_generator_of_another_package_is_loaded_only_with_trust(train: Train, tmp_path: Path) -> None:
    assert train(*OWN, "model=two_layers", *TINY, "callbacks.quality=null", "hydra.run.dir=run").returncode == 0
    with pytest.raises(BundleError, match=r'in Python: trust=\["outsider"\]'):
        load_generator(tmp_path / "run")
    generator = load_generator(tmp_path / "run", trust=["outsider"])
    assert generator.sample(2).shape == (2, 1, 28, 28)
    assert not isinstance(generator.generator, torch.jit.ScriptModule)


def test_a_sweep_over_an_option_of_ones_own(train: Train, gan: Gan, tmp_path: Path) -> None:
    short = ("callbacks.quality=null", "callbacks.best=null", "trainer.max_epochs=1", "hydra.sweep.dir=sweep")
    done = train("-m", *OWN, *SMALL, *short, "penalty=zero_centred,r1")
    assert done.returncode == 0, done.stderr
    assert "2 jobs: 2 finished" in done.stdout
    again = train("-m", *OWN, *SMALL, *short, "penalty=zero_centred,r1")
    assert "2 skipped (finished before)" in again.stdout
    code, _, err = gan("report", str(tmp_path / "sweep"), "--out", str(tmp_path / "report.html"))
    assert code == 0, err
    assert "penalty=ZeroCentred" in (tmp_path / "report.html").read_text()


def test_images_of_ones_own(train: Train, gan: Gan, tmp_path: Path) -> None:
    quick = ("trainer.max_epochs=1", "trainer.limit_train_batches=4", "hydra.run.dir=run")
    done = train(*OWN, "data=bars", *quick, "model.generator.hidden=[8]", "model.discriminator.hidden=[8]")
    assert done.returncode == 0, done.stderr
    assert "bars" in done.stdout
    generator = load_generator(tmp_path / "run")
    assert generator.class_names == ("horizontal", "vertical")
    code, _, err = gan("sample", "run", "--reject", "--out", "kept.npy")
    assert code == 2
    assert "add --trust outsider" in err
    code, _, err = gan("sample", "run", "--reject", "--out", "kept.npy", *TRUST)
    assert (code, (tmp_path / "kept.npy").exists()) == (0, True), err
    assert gan("evaluate", "run", *TRUST)[0] == 2
    code, out, err = gan("evaluate", "run", "--n", "40", "--metric", "outsider.metric.Brightness", *TRUST)
    assert code == 0, err
    assert "run: Brightness " in out
    measured = json.loads((tmp_path / "run" / "quality.json").read_text())["quality"]
    assert (measured["n"], list(measured["own"])) == (40, ["Brightness"])
    code, out, err = gan("evaluate", ".", "--n", "40", "--metric", "outsider.metric.Brightness", *TRUST)
    assert (code, "Brightness " in out) == (0, True), err
    assert gan("report", "run", "--out", "report.html")[0] == 0


def test_a_class_can_be_typed_and_settings_of_the_option_that_it_replaces_are_left_out(train: Train) -> None:
    word = "penalty._target_=outsider.penalty.ZeroCentred"
    shown = train("penalty=r1", word, "+penalty.weight=3", *SMALL, "dry_run=true")
    assert shown.returncode == 0, shown.stderr
    assert "weight: 3  <- given" in shown.stdout
    assert "gamma" not in shown.stdout


@pytest.mark.parametrize(
    ("option", "word", "message"),
    [
        ("penalty=zero_centred", "penalty.wieght=2", "penalty.wieght: no such setting; did you mean 'weight'?"),
        ("penalty=zero_centred", "penalty.weight=0", "penalty.weight: 0 given, greater than 0 expected"),
        ("penalty=zero_centerd", "seed=1", "penalty: no such option 'zero_centerd'; did you mean 'zero_centred'?"),
        (
            "objective=exponential",
            "objective.sharpnes=2",
            "objective.sharpnes: no such setting; did you mean 'sharpness'?",
        ),
        (
            "model=two_layers",
            "model.generator.widht=2",
            "model.generator.widht: no such setting; did you mean 'width'?",
        ),
        ("model=two_layers", "model.generator.width=a", "model.generator.width: 'a' given, an integer expected"),
        ("data=bars", "data.cuont=2", "data.cuont: no such setting; did you mean 'count'?"),
        ("data=bars", "data.batch_size=0", "data.batch_size: 0 given, 1 or more expected"),
        ("augmentation=mirror", "augmentation.probabilty=1", "augmentation.probabilty: no such setting; did you mean"),
        ("augmentation=mirror", "augmentation.probability=2", "augmentation.probability: 2 given, in [0, 1] expected"),
        ("optimizer=sign_sgd", "optimizer.lrr=1", "optimizer.lrr: no such setting; did you mean 'lr'?"),
        ("lr_schedule=halving", "lr_schedule.evry=2", "lr_schedule.evry: no such setting; did you mean 'every'?"),
        ("schedule=warm_start", "schedule.update=2", "schedule.update: no such setting; did you mean 'updates'?"),
        (
            "seed=1",
            "penalty._target_=outsider.penalty.ZeroCentered",
            "penalty._target_: 'outsider.penalty.ZeroCentered' given",
        ),
        (
            "seed=1",
            "penalty._target_=outsider.objective.Exponential",
            "penalty._target_: 'outsider.objective.Exponential' ",
        ),
        (
            "seed=1",
            "penalty._target_=outsidr.penalty.Mine",
            "penalty._target_: 'outsidr.penalty.Mine' given, and there is no",
        ),
        (
            "seed=1",
            "+callbacks.x={_target_: outsider.callback.Diary, evry: 2}",
            "callbacks.x.evry: no such setting; did you",
        ),
        (
            "seed=1",
            "+logger.x={_target_: outsider.logger.JSONLines, save_dr: .}",
            "logger.x.save_dr: no such setting; did you",
        ),
        (
            "seed=1",
            "+callbacks.quality.metrics.x={_target_: outsider.metric.Brightness, scal: 2}",
            "callbacks.quality.metrics.x.scal: no such setting; did you mean 'scale'?",
        ),
    ],
)
def test_a_mistake_is_one_message_and_leaves_nothing(
    train: Train, tmp_path: Path, option: str, word: str, message: str
) -> None:
    done = train(*OWN, option, word)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert not list(tmp_path.iterdir())


def test_a_run_folder_cannot_make_objects_by_interpolations(train: Train, gan: Gan, tmp_path: Path) -> None:
    assert train(*SMALL, "trainer.max_epochs=1", "callbacks.quality=null", "hydra.run.dir=run").returncode == 0
    config = tmp_path / "run" / "config.yaml"
    for value in ("${oc.create:{_target_:outsider.callback.Diary}}", "{_target_: '${oc.env:HOME}.callback.Diary'}"):
        config.write_text(
            re.sub(r"^callbacks:\n", f"callbacks:\n  x: {value}\n", config.read_text(), flags=re.MULTILINE)
        )
        refused = train("resume=run", "trainer.max_epochs=2")
        assert refused.returncode == 2
        assert "the config.yaml of a run has no interpolations" in refused.stderr
        code, _, err = gan("repeat", "run")
        assert code == 2
        assert "has no interpolations" in err
        assert "outsider.callback" not in sys.modules
    assert not (tmp_path / "run-repeated").exists()


def test_gan_options_lists_options_and_classes_of_ones_own(gan: Gan) -> None:
    code, out, err = gan("options", "penalty/zero_centred", "--config-dir", str(CONF))
    assert code == 0, err
    assert "penalty.weight=1.0" in out
    assert "weight of the penalty (a number, greater than 0)" in out
    assert "sharpness=1.0" in gan("options", "outsider.objective.Exponential")[1]


def write_option(folder: Path, group: str, text: str) -> None:
    """An option ``old`` of the user's own, in the folder ``mine``."""
    (folder / "mine" / group).mkdir(parents=True)
    (folder / "mine" / group / "old.yaml").write_text(f"# @package _global_\n{text}\n")


def test_old_names_in_a_configuration_of_ones_own(train: Train, tmp_path: Path) -> None:
    write_option(tmp_path, "experiment", "penalty: {name: r1, gamma: 2.0}\nobjective: {instance_noise: 0.1}")
    shown = train("--config-dir", "mine", "experiment=old", *SMALL, "dry_run=true")
    assert shown.returncode == 0, shown.stderr
    assert "penalty.name is now penalty._target_; the old name works until the next release" in shown.stderr
    assert "objective.instance_noise is now game.instance_noise.std; the old name" in shown.stderr
    assert "r1 (gamma 2.0)" in shown.stdout
    assert "std: 0.1" in shown.stdout


def test_old_names_in_a_file_do_not_replace_the_command_line(train: Train, tmp_path: Path) -> None:
    write_option(tmp_path, "experiment", "game: {class_weight: 2.0, concatenate: true}")
    shown = train("--config-dir", "mine", "experiment=old", "game.class_weight=3", *SMALL, "dry_run=true")
    assert shown.returncode == 0, shown.stderr
    assert "class_weight: 3  <- given" in shown.stdout
    assert "d_batch: concatenated\n" in shown.stdout


@pytest.mark.slow
def test_old_names_in_a_sweep_of_ones_own(train: Train, tmp_path: Path) -> None:
    write_option(tmp_path, "sweep", "hydra: {mode: MULTIRUN, sweeper: {params: {game.concatenate: 'true,false'}}}")
    shown = train("--config-dir", "mine", "sweep=old", *SMALL, "dry_run=true")
    assert shown.returncode == 0, shown.stderr
    assert "game.concatenate is now game.d_batch; the old name works until the next release" in shown.stderr
    for number, value in enumerate(("concatenated", "separate")):
        assert f"#{number} : game.d_batch={value}" in shown.stdout + shown.stderr


def test_a_file_beside_the_run_does_not_replace_an_installed_module(train: Train, tmp_path: Path) -> None:
    (tmp_path / "torchmetrics.py").write_text("raise SystemExit('the wrong file')\n")
    (tmp_path / "beside.py").write_text("from outsider.penalty import ZeroCentred as Mine\n")
    shown = train("penalty._target_=beside.Mine", *SMALL, "dry_run=true")
    assert shown.returncode == 0, shown.stderr


@pytest.mark.slow
def test_one_of_each_kind_in_two_processes_and_repeated(tmp_path: Path) -> None:
    environment = {
        "PYTHONPATH": f"{ROOT}:{OUTSIDER}",
        "PATH": "/usr/bin:/bin",
        "OMP_NUM_THREADS": "1",
        "HOME": str(tmp_path),
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    done = run(str(ROOT / "train.py"), *OWN, *PARTS, *TINY, "trainer.devices=2", "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "diary.txt").read_text().splitlines()[-1] == "epoch 2: 9 generator updates"
    refused = run("-m", "gan", "repeat", "run")
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith("add --trust outsider")
    assert not (tmp_path / "run-repeated").exists()
    again = run("-m", "gan", "repeat", "run", *TRUST)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "The same numbers, bit for bit" in again.stdout

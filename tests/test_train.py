"""train.py from end to end, as a user runs it: what it says, what it leaves, and what it does with mistakes."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from train_command import ROOT, SMALL, Train, run_train, train_in

EXPERIMENTS = sorted(path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml"))
Finished = tuple[Path, subprocess.CompletedProcess[str]]


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Train:
    """``python train.py …`` in an empty folder, in this process."""
    return train_in(tmp_path, monkeypatch, capfd)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A small run that has ended: its folder, and what it said."""
    folder = tmp_path_factory.mktemp("finished")
    done = run_train(folder, *SMALL, "schedule.n_critic=2", "hydra.run.dir=mine")
    assert done.returncode == 0, done.stderr
    return folder / "mine", done


def test_a_run_leaves_all_that_it_says(finished: Finished) -> None:
    run, done = finished
    left = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    assert {
        "config.yaml",
        "run.json",
        "metrics.csv",
        "losses.png",
        "generator.safetensors",
        "checkpoints/last.ckpt",
        "samples/real.png",
        "samples/epoch_0000.png",
        "samples/epoch_0001.png",
        "samples/epoch_0002.png",
        "samples/progress.gif",
        "samples/fixed_latents.npz",
        "tensorboard/hparams.yaml",
    } <= left
    assert not [name for name in left if name.endswith(".tmp")]

    assert "the bundled sample of MNIST: 9,000 images" in done.stdout
    assert "generator  mlp, 14,944 parameters" in done.stdout  # 100*16 + 16 + 16*784 + 784
    assert "discriminator  mlp, 12,577 parameters" in done.stdout
    assert "2 epochs of 6 minibatches of 32, 6 generator updates" in done.stdout
    assert "  all settings  config.yaml in the run folder; before a run, dry_run=true prints them\n" in done.stdout
    assert "optimizer  " not in done.stdout  # as by default
    assert re.search(
        r"\n  FCD \S+ \(1,000 real held-out images in the same measurement: 0.58; lower is better\)\n", done.stdout
    )
    assert done.stdout.splitlines()[-4:] == [
        "Try it:       gan demo mine",
        "Curves:       gan watch mine",
        "TensorBoard:  tensorboard --logdir mine",
        "Newest grid:  mine/samples/epoch_0002.png",
    ]
    assert "epoch 2/2" in done.stderr
    assert "images/s" in done.stderr
    assert "Warning" not in done.stderr

    facts = json.loads((run / "run.json").read_text())
    assert facts["command"] == ["train.py", *SMALL, "schedule.n_critic=2", "hydra.run.dir=mine"]
    assert facts["seed"] == 0
    assert facts["data"]["used"] == "mnist_sample"
    assert set(facts["versions"]) >= {"python", "torch", "lightning"}
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["model"]["generator"]["hidden"] == [16]
    assert config["run_dir"] == str(run)


def test_the_logs_of_a_run(finished: Finished) -> None:
    run, _ = finished
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows if row["train/d_loss"]] == [1, 3, 4, 6]
    assert [int(row["d_updates"]) for row in rows if row["d_updates"]] == [3, 6, 9, 12]
    assert [int(row["images_seen"]) for row in rows if row["images_seen"]] == [96, 192, 288, 384, 384]
    assert [int(row["step"]) for row in rows if row["quality/fcd"]] == [6]  # at the end of so short a run
    assert [int(row["step"]) for row in rows if row["epoch/d_loss"]] == [3, 6]
    assert all(0 <= float(row["train/d_accuracy_real"]) <= 1 for row in rows if row["train/d_accuracy_real"])

    events = EventAccumulator(str(run / "tensorboard")).Reload()
    scalars = set(events.Tags()["scalars"])
    assert {
        *(f"train/{name}" for name in ("d_loss", "g_loss", "d_accuracy_real", "d_accuracy_fake", "d_real", "d_fake")),
        *(f"train/{name}" for name in ("d_gradient_norm", "g_gradient_norm", "d_lr", "g_lr", "images_per_second")),
        *(f"epoch/{name}" for name in ("d_loss", "g_loss", "d_loss_last", "g_loss_last")),
    } <= scalars
    assert [event.step for event in events.Scalars("train/d_loss")] == [1, 3, 4, 6]
    assert set(events.Tags()["images"]) == {"samples/real", "samples/fixed latents"}
    assert [image.step for image in events.Images("samples/fixed latents")] == [0, 3, 6]


def test_fixed_latents_are_kept_as_they_were_drawn(finished: Finished) -> None:
    run, _ = finished
    with np.load(run / "samples" / "fixed_latents.npz") as kept:
        assert kept["images"].shape == (3, 4, 1, 28, 28)
        assert kept["images"].dtype == np.uint8
        assert kept["epochs"].tolist() == [0, 1, 2]
        assert kept["latents"].shape == (4, 100)
        assert not np.array_equal(kept["images"][0], kept["images"][2])
        with Image.open(run / "samples" / "epoch_0002.png") as grid:
            corner = np.asarray(grid)[:56:2, :56:2]  # each pixel is drawn as 2 x 2
        assert np.array_equal(corner, kept["images"][2, 0, 0])


def test_the_same_command_gives_the_same_numbers(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        done = run_train(
            tmp_path, *SMALL, "experiment=slides_mnist", "callbacks.quality=null", f"hydra.run.dir={folder}"
        )
        assert done.returncode == 0, done.stderr
    one, two = ((tmp_path / folder / "generator.safetensors").read_bytes() for folder in ("one", "two"))
    assert one == two


def test_a_failure_while_it_imports_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    train = train_in(tmp_path, monkeypatch, capfd)
    assert train("hydra.run.dir=mine", "dry_run=true").returncode == 0
    monkeypatch.delattr("gan.launch.preflight")
    monkeypatch.setitem(sys.modules, "gan.launch.preflight", None)
    with pytest.raises(ImportError):
        train("hydra.run.dir=mine", "dry_run=true")
    assert list(tmp_path.iterdir()) == []


def test_a_run_folder_is_not_used_twice(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run, _ = finished
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    again = train_in(run.parent, monkeypatch, capfd)(*SMALL, "hydra.run.dir=mine")
    assert again.returncode == 2
    assert again.stderr == (
        f"hydra.run.dir: {run} already contains a run, which is not overwritten; "
        "give another folder, or leave hydra.run.dir out for a new one\n"
    )
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model=mpl"], "model: no such option 'mpl'; did you mean 'mlp'? choices: dcgan, mlp, r3gan, resnet\n"),
        (
            ["experiment=slide_mnist"],
            "experiment: no such option 'slide_mnist'; did you mean 'slides_mnist'? choices: "
            f"{', '.join(EXPERIMENTS)}\n",
        ),
        (
            ["model.latnt_dim=3"],
            "model.latnt_dim: no such setting; did you mean 'latent_dim'? settings: channels_last, clusters, codes, "
            "compile, discriminator, freeze_d, generator, init_from, latent_dim, prior\n",
        ),
        (
            ["experiment=slides_mnist", "optimiser.lr=3"],
            "optimiser: no such setting; did you mean 'optimizer'? settings: augmentation, callbacks, "
            "data, dry_run, ema, game, logger, lr_schedule, model, objective, optimizer, penalty, resume, run_dir, "
            "schedule, seed, trainer, trust\n",
        ),
        (
            ["optimizer.weight_decay=0.1"],
            "optimizer.weight_decay: not in conf/; put a plus before it to add it: +optimizer.weight_decay=…\n",
        ),
        (
            ["data.batch_size=abc", "optimizer.lr=-1"],
            "data.batch_size: 'abc' given, an integer expected\n"
            "optimizer.lr: -1 given, a number greater than 0 expected\n",
        ),
    ],
)
def test_a_mistake_is_one_message_and_leaves_nothing(
    train: Train, tmp_path: Path, words: list[str], message: str
) -> None:
    done = train(*words)
    assert (done.returncode, done.stderr, done.stdout) == (2, message, "")
    assert list(tmp_path.iterdir()) == []


def test_how_far_it_came_and_in_what_time_is_recorded(finished: Finished) -> None:
    ended = json.loads((finished[0] / "run.json").read_text())["ended"]
    assert (ended["epochs"], ended["d_updates"], ended["g_updates"], ended["images_seen"]) == (2, 12, 6, 2 * 6 * 32)
    assert ended["seconds"] > 0


def test_images_that_are_missing_are_told_before_after_and_in_the_record(train: Train, tmp_path: Path) -> None:
    missing = [word for word in SMALL if word != "data=mnist_sample"]
    done = train(*missing, "data=mnist", "data.download=false", "data.root=nowhere", "hydra.run.dir=mine")
    assert done.returncode == 0, done.stderr
    warning = "WARNING: this is not the requested dataset 'mnist'."
    assert done.stdout.count(warning) == 2
    assert warning in "\n".join(done.stdout.splitlines()[-8:])
    facts = json.loads((tmp_path / "mine" / "run.json").read_text())["data"]
    assert (facts["asked_for"], facts["used"]) == ("mnist", "mnist_sample")


def test_images_that_are_missing_stop_a_run_that_is_told_to(train: Train, tmp_path: Path) -> None:
    done = train(*SMALL, "data=mnist", "data.download=false", "data.root=nowhere", "data.on_missing=error")
    assert done.returncode == 2
    assert done.stderr.startswith("data=mnist: MNIST is not available\n")
    assert "mnist_sample instead of mnist" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_is_one_run_for_each_value_and_goes_on_after_a_mistake(train: Train, tmp_path: Path) -> None:
    done = train("-m", "logger=csv", *SMALL, "hydra.sweep.dir=sweep", "optimizer.lr=1e-4,-1,2e-4")
    assert done.returncode == 2
    assert "a job of the sweep (" in done.stderr
    assert "optimizer.lr=-1): optimizer.lr: -1 given, a number greater than 0 expected\n" in done.stderr
    rates = {
        settings.parent.name.rpartition("_")[0]: yaml.safe_load(settings.read_text())["optimizer"]["lr"]
        for settings in (tmp_path / "sweep").glob("*/config.yaml")
    }
    assert rates == {"optimizer.lr-0.0001": 1e-4, "optimizer.lr-0.0002": 2e-4}
    assert len(list((tmp_path / "sweep").glob("*/generator.safetensors"))) == 2
    assert [path.parent.name.rpartition("_")[0] for path in (tmp_path / "sweep").glob("*/failed.json")] == [
        "optimizer.lr--1"
    ]
    overrides = [json.loads(path.read_text())["overrides"] for path in sorted((tmp_path / "sweep").glob("*/run.json"))]
    assert overrides == [["logger=csv", *SMALL, f"optimizer.lr={rate}"] for rate in ("0.0001", "0.0002")]

"""train.py with every option of every group, with two devices, with a recipe; and its page of help."""

import csv
import importlib.util
import json
from itertools import zip_longest
from pathlib import Path

import pytest
from train_command import ROOT, SMALL, Train, run_train, train_in


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Train:
    """``python train.py …`` in an empty folder, in this process."""
    return train_in(tmp_path, monkeypatch, capfd)


def test_two_devices_and_bf16_are_plain_overrides(train: Train, tmp_path: Path) -> None:
    half_for_each = [word.replace("batch_size=32", "batch_size=16") for word in SMALL] + ["data.batch_size_of=each"]
    two = ("accelerator=cpu", "trainer.devices=2", "trainer.precision=bf16-mixed")
    done = train(*half_for_each, *two, "hydra.run.dir=mine")
    assert done.returncode == 0, done.stderr
    assert "2 processes, each CPU" in done.stdout
    assert done.stdout.count("Newest grid:") == 1
    facts = json.loads((tmp_path / "mine" / "run.json").read_text())
    assert facts["machine"]["processes"] == 2
    assert facts["command"][0] == "train.py"
    with (tmp_path / "mine" / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["images_seen"] for row in rows if row["train/d_loss"]] == ["96", "192", "288", "384"]
    assert [row["images_seen"] for row in rows if row["quality/fcd"]] == ["384"]


def test_help_is_a_page_for_a_newcomer(train: Train) -> None:
    done = train("--help")
    assert done.returncode == 0
    commands = [line for line in done.stdout.splitlines() if line.strip().startswith("python train.py")]
    assert len(commands) >= 6
    for group in ("accelerator", "callbacks", "data", "experiment", "logger", "model", "objective", "optimizer"):
        options = sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml"))
        assert f"{group}: {', '.join(options)}" in done.stdout
    assert f"```text\n{done.stdout.strip()}\n```" in (ROOT / "docs" / "commands.md").read_text()


# The first options of all groups in one run, the second in another, and so on: every option file takes part in one.
GROUPS = {
    folder.name: [f"{folder.name}={path.stem}" for path in sorted(folder.glob("*.yaml"))]
    for folder in sorted((ROOT / "conf").iterdir())
    if folder.is_dir() and folder.name not in ("hydra", "data", "experiment", "sweep")
}
for name in ("wandb", "mlflow"):
    if importlib.util.find_spec(name) is None:
        GROUPS["logger"].remove(f"logger={name}")  # runs where it is installed
GROUPS["accelerator"].remove("accelerator=gpu")  # needs a GPU: composed and validated in test_config.py


ALSO = {  # what an option needs besides
    "objective=wasserstein": ["model.discriminator.spectral_norm=true"],
    "optimizer=sgd": ["optimizer.lr=1e-4"],  # at its 0.01 the residual network diverges in five updates
    "optimizer=torch": ["optimizer._target_=torch.optim.NAdam"],
}


@pytest.mark.parametrize(
    "options", list(zip_longest(*GROUPS.values())), ids=lambda options: " ".join(filter(None, options))
)
def test_every_option_runs(train: Train, tmp_path: Path, options: tuple[str | None, ...]) -> None:
    chosen = [option for option in options if option]
    absent = ["callbacks."] if "callbacks=none" in chosen else []
    absent += ["callbacks.samples"] if "callbacks=play" in chosen else []
    absent += [] if "model=mlp" in chosen or all(not option.startswith("model=") for option in chosen) else ["model."]
    words = [word for word in SMALL if not word.startswith(tuple(absent))]
    words += [word for option in chosen for word in ALSO.get(option, [])]
    words = [*words, *chosen, "hydra.run.dir=mine"]
    # torch.distributed cannot be forgotten again: not in this process
    done = run_train(tmp_path, *words) if "accelerator=ddp" in chosen else train(*words)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine" / "config.yaml").exists()


@pytest.mark.parametrize(
    ("experiment", "data"),
    # the others begin in test_combinations.py, in one process
    [("slides_mnist", "fashion_sample"), ("quickstart", "mnist_sample"), ("ten_minutes", "fashion_sample")],
)
def test_an_experiment_begins(train: Train, experiment: str, data: str) -> None:
    done = train(f"experiment={experiment}", f"data={data}", "trainer.max_epochs=1", "trainer.limit_train_batches=3")
    assert done.returncode == 0, done.stderr
    assert "Newest grid:" in done.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["experiment=slides_mnist", "data.download=false"],
            "Note on experiment=slides_mnist: with the default seed 0",
        ),
        (["experiment=few_images", "data=mnist"], "WARNING: experiment=few_images is not made for data=mnist: "),
    ],
)
def test_what_to_know_about_a_recipe_is_printed_before_the_summary(train: Train, words: list[str], line: str) -> None:
    done = train(*words, "dry_run=true")
    assert done.returncode == 0, done.stderr
    told, rest = done.stdout.split(line)
    assert "parameters" not in told
    assert "parameters" in rest

"""The DataModule (gan/data/module.py): set up early or by a Trainer, alone or on two processes."""

import logging
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from fake_set import Mirror, TinySet

from gan.data.loader import ResidentLoader
from gan.data.module import ImageData
from gan.system.errors import DataError

# lightning 2.6 on torch >= 2.10, in every fit
pytestmark = pytest.mark.filterwarnings(r"ignore:`isinstance\(treespec, LeafSpec\)` is deprecated:FutureWarning")

Online = Callable[..., None]
REPOSITORY = Path(__file__).parents[2]


class Watcher(L.LightningModule):
    """Learns nothing, and keeps the labels that it was shown, by epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen: list[list[int]] = []
        self.shapes: set[tuple[int, ...]] = set()

    def on_train_epoch_start(self) -> None:
        self.seen.append([])

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], batch_idx: int) -> torch.Tensor:
        images, labels = batch
        self.seen[-1] += labels.tolist()
        self.shapes.add(tuple(images.shape))
        return self.weight.sum()

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], batch_idx: int) -> None:
        """ImageData has held-out images too."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(data: ImageData, epochs: int) -> Watcher:
    watcher = Watcher()
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,  # the module has no validation step
    )
    trainer.fit(watcher, datamodule=data)
    return watcher


@pytest.mark.parametrize("early", [False, True], ids=["set up by the Trainer", "set up before"])
def test_trainer_gets_a_new_order_in_each_epoch(tmp_path: Path, tiny: TinySet, early: bool) -> None:
    tiny.write(tmp_path)
    data = ImageData("mnist", str(tmp_path), batch_size=5, seed=3)
    if early:
        data.setup()
    watcher = fit(data, epochs=3)
    assert watcher.shapes == {(5, 1, 28, 28), (2, 1, 28, 28)}
    assert len({tuple(labels) for labels in watcher.seen}) == 3
    # and it is the order that the loader gives for (seed, epoch)
    loader = ImageData("mnist", str(tmp_path), batch_size=5, seed=3)
    loader.setup()
    batches = loader.train_dataloader()
    for epoch, labels in enumerate(watcher.seen):
        batches.set_epoch(epoch)
        assert labels == torch.cat([labels for _, labels in batches]).tolist()


def test_file_order(tmp_path: Path, tiny: TinySet) -> None:
    tiny.write(tmp_path)
    watcher = fit(ImageData("mnist", str(tmp_path), batch_size=5, shuffle=False, drop_last=True), epochs=2)
    assert watcher.seen == [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]] * 2


def test_properties() -> None:
    data = ImageData("fashion_sample")
    with pytest.raises(RuntimeError, match=r"known after setup\(\)"):
        _ = data.image_shape
    with pytest.raises(RuntimeError, match=r"before ImageData.setup\(\)"):
        data.train_dataloader()
    data.setup()
    assert data.image_shape == (1, 28, 28)
    assert data.num_classes == 10
    assert data.class_names[9] == "Ankle boot"
    assert data.train_images == 9_000
    assert data.origin.startswith("the bundled sample of Fashion-MNIST")
    assert data.substitute_for is None
    images, labels = data.held_out
    assert images.shape == (1_000, 1, 28, 28)
    assert images.dtype == torch.uint8
    assert labels.shape == (1_000,)


def test_settings_reach_the_loader(tmp_path: Path, tiny: TinySet) -> None:
    tiny.write(tmp_path)
    data = ImageData(
        "mnist", str(tmp_path), batch_size=4, shuffle=False, drop_last=True, mean=0.1, std=0.3, seed=11, split=None
    )
    data.setup()
    loader = data.train_dataloader()
    assert isinstance(loader, ResidentLoader)
    assert (loader.batch_size, loader.shuffle, loader.drop_last) == (4, False, True)
    assert (loader.mean, loader.std, loader.seed) == (0.1, 0.3, 11)
    assert (loader.rank, loader.world_size) == (0, 1)


def test_setup_again_changes_nothing(tmp_path: Path, tiny: TinySet) -> None:
    folder = tiny.write(tmp_path)
    data = ImageData("mnist", str(tmp_path))
    data.prepare_data()
    data.setup()
    images = data.loaded.images
    for file in folder.iterdir():
        file.unlink()
    data.prepare_data()
    data.setup("fit")
    assert data.loaded.images is images


def test_images_move_to_the_device_of_the_trainer(tmp_path: Path, tiny: TinySet) -> None:
    tiny.write(tmp_path)
    data = ImageData("mnist", str(tmp_path))
    data.setup()
    assert data.train_dataloader().images.device.type == "cpu"
    # "meta" stands for a GPU
    trainer = SimpleNamespace(
        strategy=SimpleNamespace(root_device=torch.device("meta")), global_rank=0, world_size=1, overfit_batches=0.0
    )
    data.trainer = trainer  # type: ignore[assignment]
    data.setup("fit")
    loader = data.train_dataloader()
    assert loader.images.device.type == loader.labels.device.type == "meta"
    assert data.held_out[0].device.type == "cpu"


def test_substitute_is_announced_once(
    tmp_path: Path, tiny: TinySet, offline: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = ImageData("mnist", str(tmp_path))
    data.setup()
    data.setup("fit")
    assert data.substitute_for == "mnist"
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [data.origin]


def test_other_local_ranks_do_not_announce_it_again(
    tmp_path: Path, tiny: TinySet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    data = ImageData("mnist", str(tmp_path))
    data.setup()
    assert data.substitute_for == "mnist"
    assert not caplog.records


@pytest.mark.parametrize("variable", ["LOCAL_RANK", "SLURM_LOCALID"])
def test_other_local_ranks_do_not_download(
    tmp_path: Path, online: Online, mirror: Mirror, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    online()
    first, second = (ImageData("mnist", str(tmp_path), on_missing="error") for _ in range(2))
    monkeypatch.setenv(variable, "1")
    with pytest.raises(DataError, match="no download was tried"):
        second.prepare_data()
    assert not mirror.requests
    monkeypatch.setenv(variable, "0")
    first.prepare_data()
    assert mirror.requests
    monkeypatch.setenv(variable, "1")
    second.prepare_data()
    assert torch.equal(first.loaded.images, second.loaded.images)


def test_no_download_when_it_is_switched_off(tmp_path: Path, online: Online, mirror: Mirror) -> None:
    online()
    data = ImageData("mnist", str(tmp_path), download=False)
    data.setup()
    assert data.substitute_for == "mnist"
    assert not mirror.requests
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"std": 0.0}, "data.std: 0.0 given, greater than 0 expected"),
        ({"std": -0.5}, "data.std: -0.5 given, greater than 0 expected"),
        ({"std": float("nan")}, "data.std: nan given, a finite number expected"),
        ({"mean": float("inf")}, "data.mean: inf given, a finite number expected"),
        (
            {"on_missing": "stop"},
            "data.on_missing: no such option 'stop'; choices: error, sample",
        ),
        ({"split": "letters"}, "data.split=letters: 'mnist' has no splits; only emnist has. Leave data.split out"),
    ],
)
def test_bad_settings_are_refused_at_once(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as error:
        ImageData("mnist", **settings)
    assert str(error.value) == message


TWO_PROCESSES = """
    import json, os, sys, warnings
    warnings.filterwarnings("ignore")
    import lightning as L
    import torch
    from test_image_data import Watcher
    from gan.data.module import ImageData
    from gan.system.errors import DataError

    mode, folder = sys.argv[1:]
    rank = os.environ.get("LOCAL_RANK", "0")
    # "torn": one process has the images, the other goes on with the sample of another size
    name = "mnist" if mode == "torn" and rank == "0" else "mnist_sample"
    data = ImageData(name, "../shared/data", batch_size=100)
    data.setup()
    watcher = Watcher()
    trainer = L.Trainer(
        accelerator="cpu", devices=2, strategy="ddp", max_epochs=1, limit_train_batches=3, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )
    try:
        trainer.fit(watcher, datamodule=data)
    except DataError as error:
        watcher.seen = [str(error)]
    # Lightning's strategy does not. Then gloo sometimes aborts the process at its exit (pytorch #190489)
    torch.distributed.destroy_process_group()
    json.dump(watcher.seen, open(f"{folder}/{rank}.json", "w"))
"""


def run_on_two_processes(mode: str, folder: Path) -> list[Any]:
    import json

    script = folder / "script.py"
    script.write_text(textwrap.dedent(TWO_PROCESSES))
    paths = f"{REPOSITORY}:{Path(__file__).parent}"
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, str(script), mode, str(folder)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


def test_two_processes_share_each_batch(tmp_path: Path) -> None:
    first, second = run_on_two_processes("same", tmp_path)
    data = ImageData("mnist_sample", batch_size=100)
    data.setup()
    whole = [labels.tolist() for _, labels in data.train_dataloader()][:3]
    assert first == [[label for batch in whole for label in batch[:50]]]
    assert second == [[label for batch in whole for label in batch[50:]]]


@pytest.mark.slow
def test_two_processes_with_different_data_stop(tmp_path: Path, shared_data: Path) -> None:
    first, second = run_on_two_processes("torn", tmp_path)
    told = "the processes hold different data (60,000, 9,000 images); start again when the set is on every node's disk"
    assert told in first[0]
    assert told in second[0]


def test_a_batch_larger_than_the_dataset_is_said(caplog: pytest.LogCaptureFixture) -> None:
    ImageData("mnist_sample", batch_size=9_000).setup()
    assert caplog.messages == []
    ImageData("mnist_sample", batch_size=20_000).setup()
    assert caplog.messages == ["data.batch_size: 20,000 given; each batch has all 9,000 training images"]

"""Two processes, one game: equal weights after every step, different latents, the data dealt out."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gan.errors import ConfigError
from gan.parallel import check_devices, launch, process_count

STEPS = 6


@pytest.fixture
def two_ranks(compose_settings: Callable[..., dict[str, Any]], tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Train on two processes; the reports of both."""

    def trained(*overrides: str) -> list[dict[str, Any]]:
        settings = compose_settings(
            "data=mnist_sample",
            "data.batch_size=10",
            "model.generator.hidden=[16]",
            "model.discriminator.hidden=[16,8]",
            "model.discriminator.dropout=0.3",
            "accelerator=cpu",
            "trainer.devices=2",
            "callbacks=none",
            "logger=none",
            "trainer.max_epochs=1",
            f"trainer.limit_train_batches={STEPS}",
            *overrides,
        )
        file = tmp_path / "settings.json"
        file.write_text(json.dumps(settings))
        code = launch(str(Path(__file__).with_name("rank_report.py")), [str(file), str(tmp_path)], processes=2)
        assert code == 0
        return [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2)]

    return trained


@pytest.mark.parametrize(
    "overrides", [[], ["trainer.precision=bf16-mixed", "schedule.n_critic=2"]], ids=["float32", "bf16, n_critic 2"]
)
def test_two_processes_hold_equal_weights_and_draw_different_latents(
    two_ranks: Callable[..., list[dict[str, Any]]], overrides: list[str]
) -> None:
    one, two = two_ranks(*overrides)
    assert one["equal"] == two["equal"] == [True] * STEPS
    assert one["weights"] == two["weights"]
    assert len(one["latents"]) == len(two["latents"]) > 0
    assert not set(one["latents"]) & set(two["latents"])
    assert len(one["images"]) == len(two["images"]) == STEPS * 5
    assert not set(one["images"]) & set(two["images"])


def test_a_launch_gives_the_exit_code_of_a_process_that_fails(tmp_path: Path) -> None:
    script = tmp_path / "fails.py"
    script.write_text("import os, sys\nsys.exit(int(os.environ['LOCAL_RANK']) * 3)\n")
    assert launch(str(script), [], processes=2) != 0


def test_a_launch_divides_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    script = tmp_path / "threads.py"
    script.write_text(
        "import os, pathlib, sys\n"
        "pathlib.Path(sys.argv[1], os.environ['LOCAL_RANK']).write_text(os.environ['OMP_NUM_THREADS'])\n"
    )
    assert launch(str(script), [str(tmp_path)], processes=2) == 0
    assert [(tmp_path / rank).read_text() for rank in "01"] == ["4", "4"]


@pytest.mark.parametrize(
    ("devices", "count"), [(1, 1), (3, 3), ("2", 2), ([0, 2], 2), ("0,1,2", 3), ("auto", 1), (-1, 1), ("-1", 1)]
)
def test_how_many_processes_a_number_of_devices_means_on_the_cpu(devices: Any, count: int) -> None:
    assert process_count(devices, "cpu") == count


def test_more_gpus_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    check_devices({"accelerator": "gpu", "devices": 2, "num_nodes": 1}, 6)
    check_devices({"accelerator": "cpu", "devices": 3, "num_nodes": 1}, 6)
    with pytest.raises(ConfigError) as told:
        check_devices({"accelerator": "auto", "devices": 3, "num_nodes": 1}, 6)
    assert str(told.value) == "trainer.devices: 3 given, and this machine has 2"


def test_an_accelerator_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(ConfigError) as told:
        check_devices({"accelerator": "gpu", "devices": 1, "num_nodes": 1}, 6)
    assert str(told.value) == "trainer.accelerator: 'gpu' given, and this machine has none; auto, cpu expected"


def test_a_batch_that_two_processes_cannot_share() -> None:
    with pytest.raises(ConfigError) as told:
        check_devices({"accelerator": "cpu", "devices": 2, "num_nodes": 1}, 33)
    assert str(told.value) == (
        "data.batch_size=33: must be a multiple of 2, the number of processes, which share each batch equally; "
        "nearest: 32 or 34"
    )

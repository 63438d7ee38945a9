"""Classes of a user's own in a file beside the run: what does not work is one message, before the run starts."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from train_command import SMALL, Train, train_in


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Train]:
    known = set(sys.modules)
    yield train_in(tmp_path, monkeypatch, capfd)
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "return torch.zeros(len(z), 1, 27, 28)",
            "output of shape (2, 1, 27, 28) for 2 latents given, (2, 1, 28, 28) expected",
        ),
        ("raise KeyError('width')", "KeyError: 'width'"),
    ],
)
def test_a_network_that_does_not_work_is_told_before_the_run(
    train: Train, tmp_path: Path, body: str, message: str
) -> None:
    (tmp_path / "broken.py").write_text(
        "import torch\n\n\nclass Broken(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(1, 1)\n\n"
        f"    def forward(self, z):\n        {body}\n"
    )
    done = train("model.generator._target_=broken.Broken", "data=mnist_sample", "hydra.run.dir=run")
    assert done.returncode == 2
    assert done.stderr.endswith(f"model.generator: broken.Broken: {message}\n")


@pytest.mark.parametrize(
    ("kind", "base", "method", "missing"),
    [
        ("objective", "losses.Objective", "d_loss", "g_loss"),
        ("penalty", "penalties.Penalty", "due", "__call__"),
        ("schedule", "schedules.Schedule", "minibatches", "plan"),
        ("lr_schedule", "learning_rates.LRSchedule", "rate", "factor"),
        ("ema", "ema.GeneratorAverage", "step", "update"),
    ],
)
def test_a_class_that_lacks_a_method_is_told_which(
    train: Train, tmp_path: Path, kind: str, base: str, method: str, missing: str
) -> None:
    module, name = base.split(".")
    (tmp_path / "half.py").write_text(
        f"from gan.game.{module} import {name}\n\n\nclass Half({name}):\n    def {method}(self):\n        return 1\n"
    )
    done = train(f"{kind}._target_=half.Half", *SMALL, "hydra.run.dir=run")
    assert done.returncode == 2
    assert done.stderr == f"{kind}._target_: 'half.Half' given, which does not implement {missing}\n"
    assert not (tmp_path / "run").exists()


def test_a_function_must_make_what_it_says(train: Train, tmp_path: Path) -> None:
    (tmp_path / "makers.py").write_text(
        "from gan.game.penalties import Penalty\n\n\ndef make() -> Penalty:\n    return None\n"
    )
    done = train("penalty._target_=makers.make", *SMALL, "hydra.run.dir=run")
    assert done.returncode == 2
    assert done.stderr == "penalty: 'makers.make' made None, a Penalty expected\n"


def test_a_module_that_ends_the_program_when_it_is_imported_is_a_message(train: Train, tmp_path: Path) -> None:
    (tmp_path / "ending.py").write_text("raise SystemExit(3)\n")
    done = train("penalty._target_=ending.Mine")
    assert (done.returncode, done.stderr) == (2, "penalty._target_: 'ending.Mine' cannot be imported: SystemExit: 3\n")

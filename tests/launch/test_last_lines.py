"""The last lines of a run: what the metrics mean, and commands that work."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from gan_command import command_in
from train_command import SMALL, train_in

from gan.commands import demo as demo_command
from gan.config.experiments import longer_experiment
from gan.config.options.conf_files import CONF
from gan.launch.results import MEANINGS, described
from gan.runs.series import BY_NAME, QUALITY


def test_each_metric_has_its_meaning_and_the_direction_that_is_better() -> None:
    measured = {"quality/fcd": 2.437, "quality/recall": 0.8, "quality/density": 0.5, "quality/mine": 3.0}
    assert list(described(measured, (0.5770, 1000))) == [
        "  FCD 2.44 (1,000 real held-out images in the same measurement: 0.58; lower is better)",
        "  recall 0.8 (fraction of real images that look like generated ones; higher is better)",
        "  others: density 0.5, mine 3",
    ]
    assert next(described(measured, None)) == "  FCD 2.44 (lower is better)"
    assert {QUALITY + name for name in MEANINGS} <= set(BY_NAME)


def test_the_commands_at_the_end_of_a_run_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    train = train_in(tmp_path, monkeypatch, capfd)
    done = train("experiment=quickstart", *SMALL[1:2], *SMALL[4:], "trainer.max_epochs=1", "hydra.run.dir=a run")
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(":  ", 1) for line in done.stdout.splitlines()[-5:])
    assert list(lines) == ["Next recipe", "Try it", "Curves", "TensorBoard", "Newest grid"]

    served: list[Any] = []
    monkeypatch.setattr(demo_command, "_serve", lambda models, runs, *arguments, **more: served.append(runs))
    for name in ("Try it", "Curves"):
        program, *words = shlex.split(lines[name])
        assert program == "gan"
        assert command_in(tmp_path, monkeypatch)(*words) == 0
    assert served == [[Path("a run")], [Path("a run")]]
    assert (tmp_path / lines["Newest grid"].strip()).is_file()
    assert (tmp_path / shlex.split(lines["TensorBoard"])[2] / "tensorboard").is_dir()
    command = lines["Next recipe"].partition("  (")[0]
    longer = train(*shlex.split(command)[2:], "dry_run=true")
    assert longer.returncode == 0, longer.stderr


def test_another_dataset_has_no_longer_recipe() -> None:
    assert longer_experiment(["experiment=quickstart"]) is not None
    assert longer_experiment(["experiment=quickstart", "data=fashion_sample"]) is None


def test_a_longer_recipe_exists() -> None:
    found = [longer_experiment([f"experiment={path.stem}"]) for path in (CONF / "experiment").glob("*.yaml")]
    names = [name for name, why in filter(None, found)]
    assert names == ["ten_minutes"]
    assert all((CONF / "experiment" / f"{name}.yaml").is_file() for name in names)

"""Every node and every setting is given values of every kind: each is answered, and none leaves anything."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from tiny_runs import few_images
from train_command import ROOT

import train
from gan.launch import costs, dry_run

VALUES = ("null", "", "5", "[]", "{}", "word", "1e400")


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Few images, and no minibatch is timed: what is left of a dry run is looked at."""
    trial = costs.Trial(seconds=Counter(), timed=1, batch_size=64, checkpoint_bytes=1, bundle_bytes=1, peak_memory=None)
    monkeypatch.setattr("gan.data.module.load", lambda *arguments: few_images())
    monkeypatch.setattr(dry_run, "timed", lambda *arguments, **options: trial)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def config(tmp_path: Path) -> Iterator[DictConfig]:
    """As Hydra has it for `python train.py dry_run=true`, all optional nodes present."""
    words = ["dry_run=true", "data=mnist_sample", "ema=standard", "penalty=r1", "augmentation=adaptive"]
    words += ["lr_schedule=linear", "model.generator.hidden=[8]", "model.discriminator.hidden=[8]"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        composed = compose("config", words, return_hydra_config=True)
    with open_dict(composed.hydra):
        composed.hydra.runtime.output_dir = str(tmp_path / "outputs" / "now")
    HydraConfig.instance().set_config(composed)
    OmegaConf.set_readonly(composed, False)
    with open_dict(composed):
        del composed["hydra"]
    yield composed
    HydraConfig.instance().cfg = None


def paths(node: Any, above: str = "") -> Iterator[str]:
    """Every node and setting."""
    for name, value in node.items():
        yield f"{above}{name}"
        if isinstance(value, dict):
            yield from paths(value, f"{above}{name}.")


def problem(code: int, told: str, folder: Path) -> str | None:
    """What is wrong with an answer."""
    if code not in (0, 2):
        return f"exit code {code}, {told}"
    if "Traceback" in told or (code == 2 and not 0 < len(told.strip()) < 3000):
        return f"answered with {told!r}"
    return f"left {sorted(folder.rglob('*'))}" if any(folder.iterdir()) else None


@pytest.mark.slow  # 20 s and more on a busy machine
def test_every_setting_is_answered_whatever_it_is_given(
    config: DictConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plain = OmegaConf.to_container(config)
    wrong = []
    for path in paths(plain):
        for text in VALUES:
            word = f"{path}={text}"
            changed = config.copy()
            try:
                OmegaConf.update(changed, path, OverridesParser.create().parse_override(word).value(), merge=True)
            except OmegaConfBaseException:  # Hydra's own refusal, while it composes
                continue
            if changed.get("dry_run") is not True:
                continue
            (tmp_path / "outputs" / "now").mkdir(parents=True)
            try:
                code = train.main(changed)
                told = capfd.readouterr().err
            except BaseException as error:
                code, told = 1, repr(error)
            if found := problem(code, told, tmp_path):
                wrong.append(f"{word}: {found}")
    assert not wrong, "\n".join(wrong)

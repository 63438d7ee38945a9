"""A run of an earlier version goes on: settings that came later have the values that it was trained with."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from option_classes import option_file

from gan.config import saved_settings

NEW = {"clusters": 0, "init_from": None, "freeze_d": 0}  # in all networks


@pytest.mark.parametrize(("schedule", "later"), [("steps", {"reuse_fakes": False}), ("alternating_epochs", {})])
def test_a_setting_that_came_later_is_as_it_was(tmp_path: Path, schedule: str, later: dict[str, Any]) -> None:
    saved = {"run_dir": "x", "schedule": {"name": schedule}, "model": {"name": "mlp"}, "data": {"name": "mnist"}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(saved))
    settings = saved_settings.read_saved(tmp_path)
    assert settings["schedule"] == {"_target_": option_file("schedule", schedule)["_target_"], **later}
    assert settings["model"] == {
        "_target_": "gan.game.networks.Networks",
        "compile": False,
        "channels_last": False,
        **NEW,
    }
    assert settings["data"] == {"_target_": "gan.ImageData", "name": "mnist", "batch_size_of": "all", "flip": False}


@pytest.mark.parametrize(
    ("family", "generator", "discriminator"),
    [
        ("r3gan", {"upsampling_border": "edge"}, {}),
        ("resnet", {}, {"first_block": "half"}),
        ("dcgan", {}, {}),
    ],
)
def test_a_setting_of_a_network_that_came_later(
    tmp_path: Path, family: str, generator: dict[str, str], discriminator: dict[str, str]
) -> None:
    networks: dict[str, Any] = {"generator": {"base_channels": 8}, "discriminator": {"base_channels": 4}}
    saved = {"run_dir": "x", "model": {"name": family, "compile": True, **networks}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(saved))
    node = option_file("model", family)
    assert saved_settings.read_saved(tmp_path)["model"] == {
        "_target_": node["_target_"],
        "compile": True,
        "channels_last": False,
        **NEW,
        "generator": {"_target_": node["generator"]["_target_"], "base_channels": 8, **generator},
        "discriminator": {"_target_": node["discriminator"]["_target_"], "base_channels": 4, **discriminator},
    }


def test_a_folder_of_numbered_classes_keeps_the_order_that_the_run_began_with(tmp_path: Path) -> None:
    saved = {"run_dir": "x", "data": {"name": "folder", "folder": "pictures", "batch_size_of": "all"}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(saved))
    added = {"_target_": "gan.ImageData", "fit": None, "on_broken": "error", "class_order": "name", "flip": False}
    assert saved_settings.read_saved(tmp_path)["data"] == {**saved["data"], **added}  # type: ignore[dict-item]

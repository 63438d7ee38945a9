"""Every file of conf/sweep/ can be composed and makes jobs that are valid."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser

from gan.config.validation import validate

CONF = Path(__file__).parents[3] / "conf"
POINTS = {"seeds": 5, "learning_rates": 9, "objective_penalty": 9, "mnist_search": None}


def test_all_are_looked_at() -> None:
    assert {path.stem for path in (CONF / "sweep").glob("*.yaml")} == set(POINTS)


@pytest.mark.parametrize("name", POINTS)
def test_its_jobs_are_valid(name: str, compose_settings: Callable[..., dict[str, Any]]) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        hydra = compose("config", [f"sweep={name}"], return_hydra_config=True).hydra
    assert hydra.mode.name == "MULTIRUN"
    overrides = OverridesParser.create().parse_overrides(
        [f"{key}={value}" for key, value in hydra.sweeper.params.items()]
    )
    firsts, lasts, count = [], [], 1
    for override in overrides:
        values = [str(override.input_line).partition("=")[2]]
        if override.is_discrete_sweep():
            values = list(override.sweep_string_iterator())
        elif override.is_sweep_override():
            values = [str(override.value().start), str(override.value().end)]
        firsts.append(f"{override.get_key_element()}={values[0]}")
        lasts.append(f"{override.get_key_element()}={values[-1]}")
        count *= len(values)
    assert POINTS[name] in (count, None)
    for words in (firsts, lasts):
        validate(compose_settings(*words))

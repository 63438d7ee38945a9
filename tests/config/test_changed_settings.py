"""Settings that may change while a run trains, and the messages for those that may not."""

from typing import Any

import pytest
from option_classes import CONF, options
from tiny_runs import Compose

from gan.config.changed_settings import changeable, choices, with_changes, words
from gan.system.errors import ConfigError


@pytest.fixture
def settings(compose_settings: Compose) -> dict[str, Any]:
    return compose_settings("experiment=two_dimensions")


@pytest.mark.parametrize("group", ["objective", "penalty"])
def test_every_option_can_be_chosen_and_is_described(settings: dict[str, Any], group: str) -> None:
    described = {option["name"]: option for option in choices()[group]}
    assert set(described) == set(options(group))
    for name, option in described.items():
        others = {"penalty": "gradient_penalty"} if name == "wasserstein" else {}
        new = changeable(with_changes(settings, {group: name, **others}))
        assert new[group] == name
        assert {one["path"]: one["default"] for one in option["settings"]}.items() <= new.items()
        assert option["about"] in " ".join((CONF / group / f"{name}.yaml").read_text().replace("\n# ", " ").split())


def test_the_other_settings_stay(settings: dict[str, Any]) -> None:
    changes = {"penalty": "r1", "penalty.gamma": 0.1, "optimizer.generator.lr": 2e-3, "optimizer.betas": [0.0, 0.9]}
    before = changeable(settings)
    new = with_changes(settings, {**changes, "schedule.n_critic": 5, "seed": 7})
    assert changeable(settings) == before
    assert changeable(new) == {**before, **changes, "penalty.every": 1, "schedule.n_critic": 5, "seed": 7}
    assert {name: new[name] for name in ("model", "data", "trainer")} == {
        name: settings[name] for name in ("model", "data", "trainer")
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": "hing"}, "objective: no such option 'hing'; did you mean 'hinge'?"),
        ({"penalty.gama": 1.0}, "change: no such option 'penalty.gama';"),
        (
            {"penalty": "r1", "penalty.gama": 1.0},
            "change: no such option 'penalty.gama'; did you mean 'penalty.gamma'?",
        ),
        ({"model.latent_dim": 3}, "change: no such option 'model.latent_dim';"),
        ({"objective._target_": "os.system"}, "change: no such option 'objective._target_';"),
        ({"objective.real_target": 1.5}, "objective.real_target: 1.5 given, "),
        ({"optimizer.generator.lr": -1.0}, "optimizer.generator.lr: -1.0 given"),
        ({"seed": -1}, "seed: -1 given, an integer from 0 to 2**32 - 1 expected"),
        ({"objective": "wasserstein"}, "objective: 'wasserstein' given, which needs a discriminator with"),
    ],
)
def test_what_is_not_valid_is_refused(settings: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        with_changes(settings, changes)
    assert str(raised.value).startswith(message)


def test_changes_are_words_of_a_command_line_the_options_first(compose_settings: Compose) -> None:
    changes = {"penalty.gamma": 0.1, "penalty": "r1", "optimizer.betas": [0.0, 0.9], "seed": 3}
    found = words(changes)
    assert found == ["penalty=r1", "penalty.gamma=0.1", "optimizer.betas=[0.0, 0.9]", "seed=3"]
    assert changes.items() <= changeable(compose_settings("experiment=two_dimensions", *found)).items()
    with pytest.raises(ConfigError, match=r"change: no such option 'trainer\.devices'"):
        words({"trainer.devices": 8})

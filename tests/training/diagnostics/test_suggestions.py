"""Every suggestion can be typed on the command line, and gives another valid configuration."""

import pytest
from tiny_runs import Compose

from gan.config.experiments import without_leftovers
from gan.config.validation import validate
from gan.training.diagnostics.suggestions import MOST, SUGGESTIONS, suggestions

RECIPES = ("dcgan", "gan_2014", "r3gan", "wgan")  # whose settings are as different as can be


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_is_advised_is_another_configuration_and_valid(compose_settings: Compose, recipe: str) -> None:
    def settings(*changes: str) -> dict[str, object]:
        words = [f"experiment={recipe}", *changes]
        return without_leftovers(compose_settings(*words), words)

    before = settings()
    told = {problem: suggestions(problem, before) for problem in SUGGESTIONS}
    assert all(1 <= len(changes) <= MOST for changes in told.values()), told
    for change in dict.fromkeys(change for changes in told.values() for change in changes):
        changed = settings(*change.split())
        validate(changed)
        assert changed != before, change


def test_a_rate_is_changed_where_it_is_set(compose_settings: Compose) -> None:
    """If each network has a rate of its own, `optimizer.lr` has no effect, also if both have the same one."""
    same = ("optimizer.discriminator.lr=4e-4", "optimizer.generator.lr=4e-4", "optimizer.lr=2e-4")
    rates = [change for change in told(compose_settings, "divergence", *same) if ".lr=" in change]
    assert rates
    assert not any(change.startswith("optimizer.lr=") for change in rates)
    clipped = told(compose_settings, "divergence", "+optimizer.generator.clip_norm=0.5")
    assert not any("clip_norm" in change for change in clipped)


def told(compose: Compose, problem: str, *words: str) -> list[str]:
    return suggestions(problem, compose(*words))


def test_the_likeliest_comes_first(compose_settings: Compose) -> None:
    assert told(compose_settings, "discriminator wins", "objective=minimax")[0] == "objective=non_saturating"
    wins = told(
        compose_settings, "discriminator wins", "optimizer.discriminator.lr=4e-4", "optimizer.generator.lr=1e-4"
    )
    assert wins[0] == "optimizer.discriminator.lr=0.0001"
    assert told(compose_settings, "discriminator wins", "optimizer.generator.lr=1e-9", "optimizer.lr=1e-3")[0] == (
        "optimizer.generator.lr=0.001"
    )
    assert told(compose_settings, "divergence", "trainer.precision=16-mixed")[0] == "trainer.precision=32-true"
    assert told(compose_settings, "divergence", "optimizer.lr=1")[0] == "optimizer.lr=0.1"


def test_a_generator_that_stands_still_gets_larger_steps_or_has_had_too_large_ones(compose_settings: Compose) -> None:
    problem = "generator stands still"
    assert told(compose_settings, problem, "optimizer.lr=1e-6")[0] == "optimizer.generator.lr=1e-05"
    assert told(compose_settings, problem, "optimizer.lr=1")[0] == "optimizer.generator.lr=0.01"
    assert told(compose_settings, problem, "optimizer.lr=1e-3", "optimizer.generator.lr=1e-9")[0] == (
        "optimizer.generator.lr=0.001"
    )


def test_of_settings_that_are_not_a_configuration_nothing_is_said() -> None:
    assert suggestions("mode collapse", {}) == []

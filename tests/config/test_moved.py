"""Settings of earlier versions: the names of options instead of classes, and paths that have moved."""

from typing import Any

import pytest
from option_classes import GROUPS, option_file, options
from tiny_runs import Compose

from gan.config.moved import MOVED, NO_TARGET, WAS_TRUE, moved_paths, updated, updated_words

CLASSES = [(group, option) for group in GROUPS for option in options(group)]


def of_an_earlier_version(node: Any) -> Any:
    """The node without the classes."""
    if not isinstance(node, dict):
        return node
    return {name: of_an_earlier_version(value) for name, value in node.items() if name != "_target_"}


@pytest.mark.parametrize(("group", "option"), CLASSES)
def test_the_name_of_an_option_stands_for_its_class(group: str, option: str) -> None:
    node = option_file(group, option)
    saved = {group: {"name": option, **of_an_earlier_version(node)}}
    assert updated(saved)[group] == node


OF_GAME: dict[str, Any] = {
    "concatenate": True,
    "instance_noise": 0.1,
    "instance_noise_images": 30,
    "class_weight": 2.0,
    "information_weight": 0.5,
}
GAME: dict[str, Any] = {
    "_target_": "gan.GAN",
    "d_batch": "concatenated",
    "instance_noise": {"_target_": "gan.game.augmentation.InstanceNoise", "std": 0.1, "images": 30},
    "auxiliary_losses": {
        "_target_": "gan.game.losses.AuxiliaryLosses",
        "class_weight": 2.0,
        "information_weight": 0.5,
    },
}


def test_settings_of_the_objective_are_now_those_of_the_game() -> None:
    saved = {"objective": {"name": "non_saturating", "real_target": 0.9, **OF_GAME}, "seed": 3}
    assert updated(saved) == {
        "objective": {"_target_": "gan.game.losses.NonSaturating", "real_target": 0.9},
        "game": GAME,
        "seed": 3,
    }


def test_settings_of_the_game_are_now_those_of_its_parts() -> None:
    saved = {"game": {"_target_": "gan.GAN", "one_pass": False, **OF_GAME}}
    assert updated(saved)["game"] == GAME
    assert saved["game"]["concatenate"] is True  # what was given stays as it is


@pytest.mark.parametrize(
    ("concatenate", "one_pass", "d_batch"),
    [(False, False, "separate"), (True, False, "concatenated"), (False, True, "one_pass")],
)
def test_two_flags_are_one_setting_now(concatenate: bool, one_pass: bool, d_batch: str) -> None:
    assert updated({"game": {"concatenate": concatenate, "one_pass": one_pass}})["game"]["d_batch"] == d_batch
    assert updated({"game": {"one_pass": one_pass, "concatenate": concatenate}})["game"]["d_batch"] == d_batch


def test_a_flag_that_was_false_replaces_no_present_setting() -> None:
    assert updated({"game": {"d_batch": "one_pass", "concatenate": False}})["game"]["d_batch"] == "one_pass"


def test_a_flag_that_is_false_undoes_its_own_true() -> None:
    """As in a recipe that changes another one, which has `d_batch: concatenated`."""
    assert updated({"game": {"d_batch": "concatenated", "concatenate": False}})["game"]["d_batch"] == "separate"


def test_a_value_of_the_command_line_replaces_one_at_an_old_path() -> None:
    file = {"game": {**GAME, "class_weight": 3, "concatenate": True}}
    given = ("game.auxiliary_losses.class_weight", "game.d_batch")
    assert updated({**file, "game": {**file["game"], "d_batch": "one_pass"}}, given)["game"] == {
        **GAME,
        "d_batch": "one_pass",
    }


@pytest.mark.parametrize("group", ["objective", "game"])
def test_settings_of_a_class_of_ones_own_stay(group: str) -> None:
    own = {group: {"_target_": "mypkg.Mine", "class_weight": 5, "concatenate": True}}
    assert updated(own)[group] == own[group]
    assert moved_paths(own) == []
    words = [f"{group}._target_=mypkg.Mine", f"+{group}.class_weight=7"]
    assert updated_words(words) == (words, [])


def test_a_run_of_an_earlier_version_with_a_game_of_ones_own_is_read() -> None:
    saved = {"game": {"_target_": "mypkg.Mine", "one_pass": False, "mine": 1, **OF_GAME}}
    assert updated(saved)["game"] == {**GAME, "_target_": "mypkg.Mine", "mine": 1}


def test_two_flags_that_exclude_each_other_are_left_for_the_message() -> None:
    both = {"game": {"concatenate": True, "one_pass": True}}
    assert updated(both) == both
    words = ["game.concatenate=true", "game.one_pass=true"]
    assert updated_words(words) == (words, [])


def test_two_flags_of_a_command_are_one_word() -> None:
    flags = ["game.one_pass=true", "game.concatenate=false"]
    for words in (flags, flags[::-1]):
        assert updated_words(words)[0] == ["game.d_batch=one_pass"]
    assert updated_words(["game.one_pass=false", "game.concatenate=false", "seed=1"])[0] == [
        "game.d_batch=separate",
        "seed=1",
    ]
    assert updated_words(["game.concatenate=false,true", "game.one_pass=false"])[0] == [
        "game.d_batch=separate,concatenated"
    ]


def test_an_old_value_in_a_configuration_of_ones_own_goes_into_the_present_node() -> None:
    present = {"game": {**GAME, "class_weight": 3}}
    assert updated(present)["game"]["auxiliary_losses"] == {**GAME["auxiliary_losses"], "class_weight": 3}
    assert moved_paths(present) == [
        "game.class_weight is now game.auxiliary_losses.class_weight; the old name works until the next release"
    ]
    assert moved_paths({"game": GAME}) == []
    assert moved_paths({"game": {**GAME, "instance_noise": None}}) == []


@pytest.mark.parametrize("name", NO_TARGET)
def test_a_target_without_effect_is_left_out(name: str) -> None:
    saved = {"objective": {"name": name, "real_target": 1.0}}
    assert updated(saved)["objective"] == option_file("objective", name)


def test_settings_of_this_version_stay_as_they_are(compose_settings: Compose) -> None:
    settings = compose_settings("penalty=r1", "augmentation=adaptive", "ema=standard")
    assert updated(settings) == settings


def test_a_file_that_is_no_configuration_is_read_too() -> None:
    """config.yaml may be anyone's; validation and the report say what is wrong with it."""
    for odd in (5, None, "x", [1]):
        saved = {"game": odd, "objective": {"name": "hinge", "concatenate": True}, "data": odd}
        assert updated(saved)["game"] == odd


def test_what_is_not_known_is_left_for_validation() -> None:
    for node in ({"name": "nope"}, {"name": None}, {}, 3, None, []):
        saved = {group: node for group in GROUPS if group != "data"}
        assert updated(saved)["penalty"] == node


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_an_old_path_on_the_command_line_works_with_a_warning(old: str, new: str) -> None:
    warning = f"{old} is now {new}; the old name works until the next release"
    value, now = ("true", WAS_TRUE[old]) if old in WAS_TRUE else ("1", "1")
    other, other_now = ("false", "separate") if old in WAS_TRUE else ("2", "2")
    for sign in ("", "+", "++"):
        assert updated_words([f"{sign}{old}={value}", "seed=3"]) == ([f"{sign}{new}={now}", "seed=3"], [warning])
    assert updated_words([f"{old}={value},{other}"]) == ([f"{new}={now},{other_now}"], [warning])
    removed = ([f"~{old}"], []) if old == "game.instance_noise" else ([f"~{new}"], [warning])
    assert updated_words([f"~{old}"]) == removed


def test_the_name_of_an_option_on_the_command_line_chooses_the_option() -> None:
    words, warnings = updated_words(["penalty.name=r1", "data.name=mnist", "trainer.max_epochs=1", "--help"])
    assert words == ["penalty=r1", "data.name=mnist", "trainer.max_epochs=1", "--help"]
    assert warnings == ["penalty.name is now penalty; the old name works until the next release"]


def test_present_words_get_no_warning() -> None:
    words = [
        "game.d_batch=concatenated",
        "game.instance_noise=null",
        "penalty=r1",
        "experiment=acgan",
        "-m",
        "seed=1,2",
    ]
    assert updated_words(words) == (words, [])


def test_a_value_that_was_never_allowed_is_left_for_the_message() -> None:
    assert updated_words(["game.concatenate=5"]) == (["game.concatenate=5"], [])

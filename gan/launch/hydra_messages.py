"""Messages for failed compositions of Hydra: what was given, the nearest valid name, and what to type instead."""

import contextlib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import InterpolationResolutionError, MissingMandatoryValue, UnsupportedInterpolationType

from gan.config.experiments import NO_PACKAGE
from gan.config.kinds import locate
from gan.config.lightning_support import NOT_FOR_A_GAME
from gan.config.options.conf_files import CONF
from gan.system import shell
from gan.system.errors import GanError, unknown_name, unknown_setting
from gan.system.trust import is_below
from gan.system.value_types import parameters_of


def hydra_message(error: Exception, words: Sequence[str] | None = None) -> str:
    """Return the message for a failed composition: it suggests the nearest valid name, and no plus sign as Hydra does.

    ``words`` are the composed overrides; None means the command line.
    """
    if isinstance(error.__cause__, GanError):  # raised by an object that Hydra created, for example a sweeper
        return str(error.__cause__)
    text = str(error)
    if isinstance(error, MissingConfigException) and (found := re.search(r"Could not find '(.+)/(.*?)'", text)):
        group, option = found.groups()
        return unknown_name(group, option, error.options or [])
    if isinstance(error, MissingMandatoryValue) and (found := re.search(r"full_key: (\S+)", text)):
        return f"{found[1]}: has no value yet; give one: {found[1]}=…"
    if isinstance(error, (InterpolationResolutionError, UnsupportedInterpolationType)) and error.full_key:
        return f"{error.full_key}: {str(error.msg or error).splitlines()[0]}"
    if found := re.search(r"Requirement '(.+?)' not met", text):
        target = re.search(r"target '(?:\S+\.)?(\w+)'", text)  # Hydra 1.4 does not name it
        who = target[1] if target else "this configuration"
        return f"{who} needs a package that is not installed: pip install '{found[1]}'"
    if re.search(r"Could not override '\S+@experiment\.", text):
        return NO_PACKAGE
    if found := re.search(r"(\S+) appears more than once|Multiple values for (\S+)\.", text):
        group = found[1] or found[2]
        return f"{group}: its option is chosen twice; in a recipe, write: - override /{group}: OPTION"
    if found := re.search(r"Could not override '(.+?)'", text):
        return _unknown_settings(found[1], sys.argv[1:] if words is None else words)
    if (found := re.match(r"Error merging override \+([^=+]+=.*)", text)) and "HydraConfig" in str(error.__cause__):
        return f"+{found[1]}: a plus only adds a setting that is not there; to change this one: {found[1]}"
    if isinstance(error, ConfigCompositionException) and error.__cause__ is not None:
        text = f"{text}: {error.__cause__}"
    return re.sub(r"\s*\n\s*", " ", text.strip())


def _unknown_settings(path: str, words: Sequence[str]) -> str:
    """Return the message for all unknown settings in ``words``; ``path`` is the first, where Hydra stopped."""
    classes = [word for word in words if word.partition("=")[0].endswith("._target_") and word != path]
    composed = _composed([*filter(_chooses, words), *classes], path) or _composed(list(filter(_chooses, words)), path)
    if composed is None:
        return f"{path}: no such setting"
    named = [word.partition("=")[0] for word in words if "=" in word and word[0] not in "+~-"]
    others = [name for name in named if name != path and not (CONF / name).is_dir() and not name.startswith("hydra.")]
    without = _without(path, words)
    if without is not None:
        return f"{path}: no such setting, because of {without}; leave out one of the two"
    messages = [_unknown_setting(composed, path) or f"{path}: no such setting; to add your own: +{path}.NAME=…"]
    messages += [message for name in others if (message := _unknown_setting(composed, name))]
    return "\n".join(dict.fromkeys(messages))


def _without(path: str, words: Sequence[str]) -> str | None:
    """The word that removes a node above this setting, such as ``callbacks.quality=null``; None if there is none."""
    names = path.lstrip("+").split(".")
    above = [".".join(names[:depth]) for depth in range(1, len(names))]
    nothing = [f"{name}={value}" for name in above for value in ("null", "none")]
    return next((word for word in words if word.lstrip("+") in nothing), None)


def _composed(words: Sequence[str], path: str) -> DictConfig | None:
    """Return the configuration of these overrides; None if Hydra cannot compose it."""
    try:
        with _another_hydra(), initialize_config_dir(str(CONF), version_base="1.3"):
            return compose("config", [*words, *_search_path()], return_hydra_config=path.startswith("hydra."))
    except HydraException:
        return None


def _search_path() -> list[str]:
    """Return the override that finds the options of `--config-dir`, if the command line has it."""
    flags = ("--config-dir", "-cd")
    pairs = zip(sys.argv, [*sys.argv[1:], ""], strict=True)
    given = [word.partition("=")[2] or after for word, after in pairs if word.partition("=")[0] in flags]
    return [f"hydra.searchpath=[{shell.quoted(Path(folder).absolute().as_uri())}]" for folder in given[-1:]]


@contextlib.contextmanager
def _another_hydra() -> Iterator[None]:
    """Inside the block, Hydra can be initialised again, also in a Hydra job."""
    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = before


def _unknown_setting(node: Any, path: str) -> str | None:
    """Return the message for an unknown setting, with the valid names at its place; None if the setting exists."""
    for depth, name in enumerate(path.split(".")):
        if not isinstance(node, DictConfig):
            return f"{path}: no such setting"
        if path == f"trainer.{name}" and name in NOT_FOR_A_GAME:
            return f"{path}: not for a GAN; {NOT_FOR_A_GAME[name].alternative}"
        if name not in node and _is_argument(name, node.get("_target_")):
            return f"{path}: not in conf/; put a plus before it to add it: +{path}=…"
        if not node:
            return f"{path}: not in conf/; put a plus before it to add it: +{path}=…"
        if name not in node:
            return unknown_setting(".".join(path.split(".")[: depth + 1]), name, map(str, node))
        node = node._get_node(name)
    return None


def _is_argument(name: str, target: str | None) -> bool:
    """True if the class or function at ``target`` has this argument, for example weight_decay of Adam."""
    # a setting that one of our options does not have is of no use to it
    called = None if target is None or is_below(target, ["gan"]) else locate(target)
    return called is not None and name in parameters_of(called)


def _chooses(word: str) -> bool:
    """True for a word of the command line that selects an option of a config group, for example ``model=mlp``."""
    group, equals, _ = word.partition("=")
    return bool(equals) and (CONF / group).is_dir()

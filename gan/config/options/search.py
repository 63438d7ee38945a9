"""Search in the listing of settings."""

import dataclasses
import difflib
from collections.abc import Callable, Sequence

from gan.config.options.listing import Group, Option, Setting, all_options, all_settings, of_class
from gan.system.errors import GanError, unknown_name


def select(groups: Sequence[Group], word: str) -> list[Group]:
    """The groups, options and settings for a word: the first of the following that exists.

    ``model``: the group, with all settings below that name. ``model/mlp`` (or ``model=mlp``): the option with its
    settings. ``model.generator``: the settings below that path. ``lr``: names that contain it.
    ``dropout``: descriptions that contain it. ``mypkg.MyPenalty``: the arguments of a class.

    Raises:
        GanError: nothing was found; with the nearest names.
    """
    group, slash, option = word.replace("=", "/").partition("/")
    if slash:
        return [_one_option(groups, group, option)]
    if word.count(".") and (found_class := of_class(word)) is not None:
        return [found_class]
    below = _narrowed(groups, lambda o: False, lambda s: s.path == word or s.path.startswith(f"{word}."))
    named = [group for group in groups if group.name == word]
    if named or below:
        return [*named, *(group for group in below if group.name != word)]

    lower = word.lower()
    found = _narrowed(groups, lambda o: lower in f"{o.group}/{o.name}", lambda s: lower in s.path) or _narrowed(
        groups, lambda o: lower in " ".join(o.header).lower(), lambda s: lower in f"{s.meaning} {s.allowed}".lower()
    )
    if not found:
        raise GanError(_nothing(groups, word))
    return found


def _one_option(groups: Sequence[Group], name: str, option: str) -> Group:
    by_name = {group.name: group for group in groups if group.options}
    if name not in by_name:
        raise GanError(unknown_name("gan options", name, by_name))
    group = by_name[name]
    options = {found.name: found for found in group.options}
    if option not in options:
        raise GanError(unknown_name(name, option, options))
    return Group(
        name,
        (options[option],),
        tuple(setting for setting in group.settings if option in setting.options),
        tuple(others for others in group.others if others.option == option),
    )


def _narrowed(
    groups: Sequence[Group], wants: Callable[[Option], bool], takes: Callable[[Setting], bool]
) -> list[Group]:
    """The groups with the selected options and settings, without empty groups."""
    narrowed = (
        dataclasses.replace(
            group, options=tuple(filter(wants, group.options)), settings=tuple(filter(takes, group.settings)), others=()
        )
        for group in groups
    )
    return [group for group in narrowed if group.options or group.settings]


def _nothing(groups: Sequence[Group], word: str) -> str:
    names = {group.name for group in groups} | {option.name for option in all_options(groups)}
    names |= {name for setting in all_settings(groups) for name in setting.path.split(".")}
    near = difflib.get_close_matches(word, sorted(names), n=3, cutoff=0.6)
    return unknown_name("gan options", word, {*near, *(group.name for group in groups)})

"""All groups of ``conf/`` with their options, and all settings with meaning, type, default and range.

Nodes are described by the signatures and the docstrings of their classes; those of other packages also by the comments
of the option files.
"""

import dataclasses
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gan.config.kinds import GIVEN
from gan.config.lightning_support import NOT_FOR_A_GAME
from gan.config.options.conf_files import CONF, ConfFile, Keys, conf_folder, read_conf_file, value_of
from gan.config.options.signatures import Argument, arguments_of
from gan.config.target_validation import TRAINER_CHECKS
from gan.system.value_types import WORDS

RUN = "run"  # heading of the settings of config.yaml that belong to no group
NUMBERS = (WORDS[int], WORDS[float])
HYDRA = "hydra"  # its settings are listed by `python train.py --hydra-help`


@dataclass(frozen=True)
class Option:
    """One file of a group: ``group=name`` on the command line.

    Attributes:
        header: paragraphs at the beginning of the file; indented ones are commands.
        default: whether it is the default option of its group.
    """

    group: str
    name: str
    header: tuple[str, ...]
    default: bool


@dataclass(frozen=True)
class Others:
    """Arguments of a ``_target_`` that ``conf/`` does not set.

    Attributes:
        target: its dotted name.
        paths: paths of the arguments, with the plus that Hydra needs.
        option: the option with the target; "" for a node of config.yaml.
    """

    target: str
    paths: tuple[str, ...]
    option: str = ""


@dataclass(frozen=True)
class Setting:
    """One setting: ``path=default`` on the command line.

    Attributes:
        path: path as typed.
        meaning: description in a sentence.
        type: description of the type, such as "an integer".
        allowed: range or choices; "" if the type is sufficient.
        default: default as typed; "???" if the setting is required.
        group: its group, or ``RUN``, or the node of config.yaml that contains it.
        options: the options that have it; () for a setting of config.yaml.
    """

    path: str
    meaning: str
    type: str
    allowed: str
    default: str
    group: str
    options: tuple[str, ...] = ()

    @property
    def refers_to(self) -> str:
        """The setting whose value is the default of this one, or ""."""
        name = self.default.removeprefix("${").removesuffix("}")
        return name if self.default == f"${{{name}}}" and ":" not in name else ""


@dataclass(frozen=True)
class Group:
    """One folder of ``conf/``, or one heading of config.yaml without options."""

    name: str
    options: tuple[Option, ...]
    settings: tuple[Setting, ...]
    others: tuple[Others, ...] = ()


def list_groups(folder: Path = CONF, own: Path | None = None) -> list[Group]:
    """The settings of config.yaml, then all groups in the order of its defaults list.

    Args:
        own: a folder with options of the user's own, as for `--config-dir`.

    Raises:
        GanError: there is no ``conf/``, as in an installed wheel.
    """
    conf_folder(folder)
    main = read_conf_file(folder / "config.yaml")
    folders = {path.parent.relative_to(folder).as_posix() for path in folder.rglob("*.yaml") if path.parent != folder}
    names = [name for name in main.defaults if name in folders]
    names += sorted(name for name in folders if name not in names)
    groups = [_group(folder / name, name, main) for name in names if name.split("/")[0] != HYDRA]
    given = {group.name for group in groups} | {setting.path.rpartition(".")[2] for setting in all_settings(groups)}
    return [*_groups_of_main(main, given), *(_with_own(group, own, main) if own else group for group in groups)]


def _with_own(group: Group, folder: Path, main: ConfFile) -> Group:
    """The group with the options of the user's own, from a folder of this name."""
    found = _group(folder / group.name, group.name, main)
    return dataclasses.replace(
        group,
        options=(*group.options, *found.options),
        settings=(*group.settings, *found.settings),
        others=(*group.others, *found.others),
    )


def of_class(target: str) -> Group | None:
    """The settings of a class by its dotted name; None if its source is not found or it has none."""
    arguments = arguments_of(target)
    settings = (
        Setting(each.name, each.meaning, each.type, each.allowed, each.default or "???", target)
        for each in arguments.values()
    )
    return Group(target, (), tuple(settings)) if arguments else None


def _groups_of_main(main: ConfFile, given: set[str]) -> Iterator[Group]:
    """The settings of config.yaml itself: single settings, then each node."""
    for heading in dict.fromkeys(keys[0] if len(keys) > 1 else RUN for keys in main.values):
        if heading == HYDRA:
            continue
        settings = tuple(_target_settings(main, main, (), heading))
        yield Group(heading, (), settings, tuple(_others(main, (heading,), heading, given)))


def _group(folder: Path, name: str, main: ConfFile) -> Group:
    options: list[Option] = []
    others: list[Others] = []
    merged: dict[Setting, list[str]] = {}
    for path in sorted(folder.glob("*.yaml")):
        file = read_conf_file(path)
        options.append(Option(name, path.stem, file.header, main.defaults.get(name) == path.stem))
        if file.package == "_global_":  # an experiment: it changes settings of other groups
            continue
        others += [dataclasses.replace(found, option=path.stem) for found in _others(file, (), file.package)]
        for setting in _target_settings(file, main, (file.package,), name):
            merged.setdefault(setting, []).append(path.stem)
    settings = [dataclasses.replace(setting, options=tuple(names)) for setting, names in merged.items()]
    return Group(name, tuple(options), tuple(_with_shared_meaning(settings)), tuple(others))


def _with_shared_meaning(settings: Iterable[Setting]) -> Iterator[Setting]:
    """The settings path by path; a setting without a comment gets the meaning from another option file."""
    by_path: dict[str, list[Setting]] = {}
    for setting in settings:
        by_path.setdefault(setting.path, []).append(setting)
    for same in by_path.values():
        described = next((setting for setting in same if setting.meaning), same[0])
        alike: dict[Setting, tuple[str, ...]] = {}
        for setting in same:
            inherits = not setting.meaning or setting.refers_to
            changes = {"meaning": described.meaning, "type": described.type} if inherits else {}
            key = dataclasses.replace(setting, options=(), **changes)
            alike[key] = (*alike.get(key, ()), *setting.options)
        yield from (dataclasses.replace(setting, options=options) for setting, options in alike.items())


def _target_settings(file: ConfFile, main: ConfFile, above: Keys, group: str) -> Iterator[Setting]:
    """The settings of a file, described by its comments and the signature of its target."""
    for keys, value in file.values.items():
        full = (*above, *keys)
        if not above and group != (keys[0] if len(keys) > 1 else RUN):
            continue
        if _is_not_a_setting(keys, value, file, above):
            continue
        argument = _argument(file, keys) or _argument(main, full) or Argument(keys[-1], "", "", None, "")
        _, allowed = TRAINER_CHECKS.get(keys[-1], (None, "")) if full[0] == "trainer" else (None, argument.allowed)
        type_ = argument.type if value == "null" else argument.type.removesuffix(" or null")
        if allowed and full[0] == "trainer" and type_ not in NUMBERS:  # clearer than Lightning's hint
            type_ = ""
        elif not allowed:
            type_ = type_ or _type_of(value)
        meaning = argument.meaning if _is_ours(file, keys) else file.comments.get(keys) or argument.meaning
        meaning = re.sub(r"\bNone\b", "null", meaning or file.comments.get(keys, ""))
        setting = Setting(".".join(full), meaning, type_, allowed, value, group)
        yield dataclasses.replace(setting, meaning=setting.meaning or _inherited(file, keys, setting.refers_to))


def _is_not_a_setting(keys: Keys, value: str, file: ConfFile, above: Keys) -> bool:
    """Whether a key is a ``_target_`` with a value, or a missing callback or logger, as in ``samples: null``."""
    if keys[-1].startswith("_"):
        return value != "???"
    return bool(above) and len(keys) == 1 and value == "null" and file.value("_target_") is None


def _argument(file: ConfFile, keys: Keys) -> Argument | None:
    """The argument that a value is for: of the ``_target_`` of its node, or of an outer node."""
    for depth in range(len(keys) - 1, -1, -1):
        target = _target(file, keys[:depth])
        if target is not None:
            return arguments_of(target).get(keys[-1])
    return None


def _target(file: ConfFile, keys: Keys) -> str | None:
    """The class of a node; of `data=custom` the one whose settings the file has beside those of the user's function."""
    target = file.value(*keys, "_target_")
    return "gan.ImageData" if target == "???" and file.package == "data" else target


def _is_ours(file: ConfFile, keys: Keys) -> bool:
    """Whether the class of the node is ours: then its docstring says what the setting means."""
    targets = (_target(file, keys[:depth]) for depth in range(len(keys) - 1, -1, -1))
    return next((target for target in targets if target), "").startswith("gan.")


def _inherited(file: ConfFile, keys: Keys, refers_to: str) -> str:
    if refers_to:
        return f"by default the value of {refers_to}"
    around = [keys[:depth] for depth in range(len(keys) - 1, 0, -1)]
    if keys[-1] == "_target_":
        return "dotted name of the class or function"
    above = next((file.comments[node] for node in around if node in file.comments), "")
    return above or file.comments.get((*keys[:-1], "_target_"), "")


def _type_of(written: str) -> str:
    """The description of the type of a value without a hint; "" for null."""
    if "${" in written:
        return ""
    value = value_of(written)
    return "" if value is None else WORDS.get(type(value), "")


def _others(file: ConfFile, keys: Keys, package: str, elsewhere: Collection[str] = ()) -> Iterator[Others]:
    """Arguments of the ``_target_`` at ``keys`` that neither this file nor another one of ``conf/`` sets."""
    target = file.value(*keys, "_target_")
    given = {other[len(keys)] for other in file.values if other[: len(keys)] == keys}
    left_out = {*given, *elsewhere, *NOT_FOR_A_GAME, *GIVEN.get(package, ())}
    possible = (argument for argument in arguments_of(target).values()) if target else ()
    names = [argument.name for argument in possible if argument.default is not None and argument.name not in left_out]
    if target and names:
        yield Others(target, tuple(f"+{package}.{name}" for name in names))


def all_settings(groups: Iterable[Group]) -> list[Setting]:
    return [setting for group in groups for setting in group.settings]


def all_options(groups: Iterable[Group]) -> list[Option]:
    return [option for group in groups for option in group.options]

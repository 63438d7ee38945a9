"""The saved settings of a run, and the check of changed settings when it is resumed."""

import difflib
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan.config.free_settings import LENGTH, free_settings, within
from gan.config.moved import MOVED, updated
from gan.config.option_names import option_name
from gan.config.options.conf_files import CONF, read_conf_file
from gan.config.options.signatures import arguments_of
from gan.config.trust import check_literal
from gan.data.registry import FOLDER
from gan.runs import file_names
from gan.runs.moved_settings import in_folder
from gan.runs.run_files import RunFileError, read_settings
from gan.system import shell
from gan.system.errors import ConfigError
from gan.system.trust import is_below

# Settings that may not differ, and why.
NO_STATE = "the checkpoint has no networks or states for that"
FIXED = {
    **dict.fromkeys(("model", "game._target_"), NO_STATE),
    **{f"{group}._target_": NO_STATE for group in ("ema", "augmentation")},
    **{
        f"data.{name}": NO_STATE
        for name in (
            *("_target_", "name", "split", "folder", "file", "dataset", "of", "held_out", "image_size"),
            "image_channels",
        )
    },
    **{f"optimizer.{part}_target_": NO_STATE for part in ("", "generator.", "discriminator.")},
    **dict.fromkeys(("run_dir", "trainer.default_root_dir"), "a resumed run stays in its folder, which can be moved"),
}
CHANGES_ROUNDING = ("model.compile",)  # of the fixed groups: may be allowed, as any other setting
ADAPTED = {"augmentation.probability": "the run adapts it, and its value is in the checkpoint"}
# Settings that runs of earlier versions do not have, with their values at that time.
LATER: dict[str, dict[str, Any]] = {
    "data": {"batch_size_of": "all", "flip": False},
    "model": {
        "compile": False,
        "channels_last": False,
        **{"clusters": 0, "init_from": None, "freeze_d": 0},
        "generator": {"upsampling_border": "edge"},
        "discriminator": {"first_block": "half"},
    },
    "schedule": {"reuse_fakes": False},
}
LATER_OF_FOLDERS = {"fit": None, "on_broken": "error", "class_order": "name"}  # of data=folder
REFERENCE = re.compile(r"\$\{([a-z_][\w.]*)\}")
_NOTHING = object()


def read_saved(folder: Path) -> dict[str, Any]:
    """The settings in a run's config.yaml, with the current path of the run folder.

    Raises:
        ConfigError: the file cannot be read, or does not contain the settings of a run.
    """
    path = folder / file_names.SETTINGS
    try:
        saved = read_settings(path)
    except (OSError, RunFileError) as error:
        raise ConfigError(f"resume: {error}") from error
    if not isinstance(saved.get("run_dir"), str):
        raise ConfigError(f"resume: {path} contains no settings of a run")
    return in_folder(in_this_version(saved), folder)


def in_this_version(saved: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run of any version with the present paths, and with the settings that it did not have yet."""
    check_literal(saved, "the config.yaml of a run")
    saved = updated(saved)
    for group, settings in LATER.items():
        node = saved.get(group, {})
        if isinstance(node, dict):
            of_folders = LATER_OF_FOLDERS if group == "data" and node.get("name") == FOLDER else {}
            saved[group] = _with_later(node, {**settings, **of_folders})
    return saved


def with_former_values(settings: Mapping[str, Any], folder: Path, words: Sequence[str]) -> dict[str, Any]:
    """The settings of a command that resumes the run in ``folder``.

    Settings that the run's version did not have get the value that it trained with, unless ``words`` gives them.
    """
    saved = updated(read_settings(folder / file_names.SETTINGS))
    given = {word.lstrip("+~").partition("=")[0] for word in words}
    found = OmegaConf.create(dict(settings))
    for path, _, value in differing(saved, in_this_version(saved)):
        if path not in given and _value(settings, path) is not _NOTHING:
            OmegaConf.update(found, path, value)
    plain: Any = OmegaConf.to_container(found)
    return dict(plain)


def _with_later(node: dict[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """The node with the missing settings of ``later`` that its class has, recursively."""
    target = str(node.get("_target_"))
    has = arguments_of(target) if is_below(target, ["gan"]) else {}  # other code is read only if it is trusted
    found = dict(node)
    for name, value in later.items():
        if isinstance(value, dict) and isinstance(node.get(name), dict):
            found[name] = _with_later(node[name], value)
        elif not isinstance(value, dict) and name in has:
            found.setdefault(name, value)
    return found


@functools.cache
def references() -> dict[str, str]:
    """Settings whose default in conf/ is another setting, such as ``optimizer.generator.lr: ${optimizer.lr}``.

    config.yaml has the values of both. While they are equal, the first one follows changes of the second one, as in the
    command that started the run.
    """
    found = {}
    for path in sorted(CONF.glob("*.yaml")) + sorted(CONF.glob("*/*.yaml")):
        if "${" not in path.read_text(encoding="utf-8"):
            continue
        file = read_conf_file(path)
        above = () if path.parent == CONF or file.package == "_global_" else (file.package,)
        for keys, value in file.values.items():
            if match := REFERENCE.fullmatch(value):
                found[".".join((*above, *keys))] = match[1]
    return found


def following(settings: Mapping[str, Any]) -> dict[str, str]:
    """The `references` of these settings in which both values exist and are equal."""
    values = {path: _value(settings, path) for pair in references().items() for path in pair}
    return {
        path: source
        for path, source in references().items()
        if values[path] is not _NOTHING and values[path] == values[source]
    }


def _value(settings: Any, path: str) -> Any:
    for name in path.split("."):
        settings = settings.get(name, _NOTHING) if isinstance(settings, Mapping) else _NOTHING
    return settings


def changed(before: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """The saved settings with the overrides of the command line and the references that follow them.

    Raises:
        ConfigError: an override is not a setting of the run, or has an invalid value.
    """
    wanted = OmegaConf.create(before)
    for path, source in following(before).items():
        OmegaConf.update(wanted, path, f"${{{source}}}")
    for override in _parsed(overrides):
        path = override.key_or_group
        if _is_group(before, path) or override.is_delete():
            raise ConfigError(
                f"resume: {override.input_line} given; a resumed run keeps its options; only settings "
                "can change, as in trainer.max_epochs=40"
            )
        if override.is_sweep_override():
            raise ConfigError(f"resume: {override.input_line} given; a resumed run needs one value")
        if _value(before, path) is _NOTHING and not override.is_add():
            raise ConfigError(f"{path}: the run has no such setting; config.yaml in its folder lists all of them")
        try:
            OmegaConf.update(wanted, path, override.value(), force_add=True)
        except (OmegaConfBaseException, ValueError, TypeError, LookupError) as error:
            raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
    try:
        plain: Any = OmegaConf.to_container(wanted, resolve=True)
    except (OmegaConfBaseException, RecursionError) as error:
        raise ConfigError(f"resume: {' '.join(str(error).split())}") from error
    return dict(plain)


def _parsed(overrides: Sequence[str]) -> list[Override]:
    try:
        return list(OverridesParser.create().parse_overrides(list(overrides)))
    except HydraException as error:
        raise ConfigError(f"resume: {' '.join(str(error).split())}") from error


def _is_group(before: Mapping[str, Any], path: str) -> bool:
    return "/" in path or "@" in path or path == "experiment" or isinstance(before.get(path), dict)


def differing(before: Any, wanted: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every setting that differs: its path and both values."""
    if isinstance(before, dict) and isinstance(wanted, dict):
        for name in dict.fromkeys([*before, *wanted]):
            where = f"{path}.{name}" if path else str(name)
            yield from differing(before.get(name), wanted.get(name), where)
    elif before != wanted:
        yield path, before, wanted


def problems(before: dict[str, Any], wanted: dict[str, Any], allowed: Sequence[str]) -> Iterator[str]:
    """Problems of the settings ``wanted`` of a resumed run, with the override that would allow the changes."""
    copies = dict(following(before).items() & following(wanted).items())
    free = free_settings(wanted)
    fixed = {**FIXED, **(ADAPTED if option_name("augmentation", wanted["augmentation"]) == "adaptive" else {})}
    to_allow = []
    for path, old, new in differing(before, wanted):
        if path in copies or _left_with_its_class(path, before, wanted):  # checked as another setting
            continue
        why = next((why for part, why in fixed.items() if within(path, [part])), None)
        if why and path not in CHANGES_ROUNDING:
            yield f"{path}: {old!r} before, {new!r} given: {why}"
        elif not within(path, (*free, *allowed)):
            why = ", which determines the learning rates" if path in LENGTH else ""
            yield f"{path}: {old!r} before, {new!r} given{why}"
            to_allow.append(path)
    if to_allow:
        yield f"restore the old values, or allow the change: {allowing(*to_allow)}"


def _left_with_its_class(path: str, before: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a setting is missing because the class of its node, which had it, was replaced."""
    target = f"{path.rpartition('.')[0]}._target_"
    return _value(wanted, path) is _NOTHING and _value(before, target) != _value(wanted, target)


def allowing(*paths: str) -> str:
    """The override that allows changes of settings, as typed."""
    return shell.command(f"resume.allow=[{','.join(paths)}]")


def allowed_paths(given: Any, *known: Mapping[str, Any]) -> list[str]:
    """The paths of ``resume.allow``: settings or nodes that exist in one of ``known``.

    Raises:
        ConfigError: it is not a list of names, or a name does not exist.
    """
    paths = [] if given is None else given
    if isinstance(paths, str) and paths:
        raise ConfigError(f"resume.allow: {paths!r} given, a list expected: {allowing(paths)}")
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ConfigError(f"resume.allow: {paths!r} given, a list of settings expected, as {allowing('optimizer.lr')}")
    paths = [MOVED.get(path, path) for path in paths]
    for path in paths:
        if all(_value(settings, path) is _NOTHING for settings in known):
            everything = [name for settings in known for name in _paths(settings)]
            near = [name for name in everything if name.endswith(f".{path}")] or everything
            nearest = difflib.get_close_matches(path, near, n=1, cutoff=0.0)
            raise ConfigError(f"resume.allow: no such setting '{path}'; did you mean {nearest[0]}?")
    return paths


def _paths(settings: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in settings.items():
        yield f"{above}{name}"
        if isinstance(value, Mapping):
            yield from _paths(value, f"{above}{name}.")

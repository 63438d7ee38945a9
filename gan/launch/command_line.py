"""Command line of this process: checks its words before Hydra composes them, and keeps the state of the command."""

import functools
import re
import sys
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf

from gan.config.moved import updated_words
from gan.config.options.conf_files import CONF
from gan.system import process, shell
from gan.system.errors import ConfigError, GanError, unknown_name

SWEEP = "sweep"  # the config group
NONE = "none"  # the option that disables a group
CONFIG_PATH = ("--config-path", "-cp")
HYDRA_GROUPS = ("hydra.sweeper", "hydra.launcher", "hydra.job_logging", "hydra.hydra_logging", "hydra.help")


@dataclass
class Command:
    """State of a command that this process runs.

    Attributes:
        changes: overrides given together with ``resume=RUN``.
        has_begun: True once one of its jobs has started.
        exit_codes: exit codes of its jobs; a sweep has several.
        raises: errors are raised, for a caller in Python, and not printed.
        error: the error of its job, if ``raises``.
        finished: the folder of the run that was to be resumed, and is finished.
    """

    changes: list[str] = field(default_factory=list)
    has_begun: bool = False
    exit_codes: list[int] = field(default_factory=list)
    raises: bool = False
    error: GanError | None = None
    finished: Path | None = None


_current: ContextVar[Command] = ContextVar("command")


def begin(*, raises: bool = False) -> Command:
    """Start a new command, which `current` then returns."""
    command = Command(raises=raises)
    _current.set(command)
    return command


def current() -> Command:
    """Return the command that this process runs."""
    return _current.get(None) or begin()


def names_run(word: str) -> bool:
    """True for a word that names the run to resume."""
    return word.lstrip("+").startswith(("resume=", "resume.run="))


def readable(words: Sequence[str]) -> list[str]:
    """Return the words in a form that Hydra accepts: flags first, and no null for a group.

    Hydra reads overrides from only one place of the command line, and does not accept null for a group with an option.

    Raises:
        ConfigError: a word is not a setting, or not an option of its group; the message says what to type instead.
    """
    flags, settings = shell.divided(words)
    settings, warnings = updated_words(settings)
    for warning in (*warnings, *_replaced_values(settings)):
        print(warning, file=sys.stderr)
    problems = list(_problems(settings, sweeps=any(flag in flags for flag in ("-m", "--multirun"))))
    if problems:
        raise ConfigError("\n".join(problems))
    return [*_with_absolute_folder(flags), *without_null_groups(settings)]


def _with_absolute_folder(flags: Sequence[str]) -> Iterator[str]:
    """Make the folder of --config-path absolute: it is relative to the script, or to the current folder of `gan`.

    Hydra would look beside the file that has the decorated function.
    """
    base = Path.cwd() if process.is_of_gan() else Path(sys.argv[0]).resolve().parent
    for before, word in zip(["", *flags], flags, strict=False):
        flag, equals, folder = word.rpartition("=") if word.startswith("--config-path=") else (before, "", word)
        if flag in CONFIG_PATH and not folder.startswith("pkg://"):
            yield f"--config-path={base / folder}" if equals else str(base / folder)
        else:
            yield word


def without_null_groups(words: Sequence[str]) -> list[str]:
    """Replace e.g. `logger=null` by `logger=none`, and remove e.g. `experiment=null`, which selects nothing."""
    plain = []
    for word in words:
        group, equals, value = word.partition("=")
        if value != "null" or group.lstrip("+") not in _groups():
            plain.append(word)
        elif NONE in _groups()[group.lstrip("+")]:
            plain.append(f"{group.lstrip('+')}{equals}{NONE}")
    return plain


def task_words() -> list[str]:
    """Return the overrides of this job as typed: interpolations, e.g. ``${seed}``, are not resolved."""
    if not HydraConfig.initialized():
        return []
    words: Any = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    return [str(word) for word in words]


def _problems(words: Sequence[str], *, sweeps: bool) -> Iterator[str]:
    parser = OverridesParser.create()
    for before, word in zip(["", *words], words, strict=False):
        if names_run(word):  # a plain folder path: Hydra does not see this word
            continue
        try:
            override = parser.parse_override(word)
        except HydraException:
            yield _unreadable(word, before, parser)
            continue
        if override.key_or_group == SWEEP and (override.is_sweep_override() or isinstance(override.value(), list)):
            yield f"{word}: one sweep expected; run several one after the other"
            continue
        if override.is_sweep_override() and not sweeps:
            yield _several(word)
            continue
        if not override.key_or_group:
            yield f"{word}: the name of a setting is missing; NAME=value expected"
        elif override.key_or_group in HYDRA_GROUPS and not override.is_delete():
            group = override.key_or_group.replace(".", "/")
            with_slash = word.replace(override.key_or_group, group, 1)
            yield f"{word}: {group} is a config group, whose name has a slash: {with_slash}"
        elif override.key_or_group in _groups() and not override.is_delete():
            yield from _option_problems(override)
        elif (
            re.match("hydra(/|$)", override.key_or_group)
            and not override.is_sweep_override()
            and not (override.is_delete() or isinstance(override.value(), str | list))
        ):
            yield f"{word}: the name of an option expected"


def _replaced_values(words: Sequence[str]) -> Iterator[str]:
    """Yield a warning for each setting that takes the place of its values in the option of ``sweep``."""
    given = dict(word.lstrip("+").split("=", 1) for word in words if "=" in word)
    file = CONF / SWEEP / f"{given.get(SWEEP)}.yaml"
    if file.is_file():
        sweep = yaml.safe_load(file.read_text(encoding="utf-8"))
        params = sweep.get("hydra", {}).get("sweeper", {}).get("params") or {}
        for name in sorted(given.keys() & params.keys()):
            yield f"{name}={given[name]}: replaces the values of sweep={given[SWEEP]} ({name}={params[name]})"


def has_several_values(word: str) -> bool:
    """Whether this override is a sweep over values, such as ``seed=0,1``; False for a word that Hydra does not read."""
    if names_run(word):  # a plain folder path
        return False
    try:
        return OverridesParser.create().parse_override(word).is_sweep_override()
    except HydraException:
        return False


def _several(word: str) -> str:
    name, _, value = word.partition("=")
    as_text = f"; as text: {shell.command(shell.override(name, value))}" if "," in value else ""
    return f"{word}: several values are a sweep, which needs the option -m{as_text}"


def _unreadable(word: str, before: str, parser: OverridesParser) -> str:
    name, equals, value = word.partition("=")
    if equals and value.startswith("~/"):  # a shell replaces a ~ at the beginning of a word only
        return f"{word}: ~ is not your home folder here; write {name}=$HOME{value[1:]}"
    if equals and re.fullmatch(r"[+~]*[\w./@]+", name):
        message = f"{word}: Hydra cannot read the value, because it contains a special character"
        as_text = shell.override(name, value)
        try:
            parser.parse_override(as_text)
        except HydraException:  # an incomplete interpolation ${…}
            return message
        return f"{message}; to give it as text, quote it: {shell.command(as_text)}"
    if word and "=" in before:
        name, _, value = before.partition("=")
        together = shell.command(shell.override(name, f"{value} {word}"))
        return f"{word!r}: not a setting; NAME=value expected, or, if it belongs to the word before it: {together}"
    return f"{word!r}: not a setting; NAME=value expected"


def _option_problems(override: Override) -> Iterator[str]:
    """Yield problems of an override that selects an option of a group; Hydra itself reports an unknown name.

    In a sweep, gan.launch.sweeps checks each option.
    """
    group, value = override.key_or_group, None if override.is_sweep_override() else override.value()
    chosen = value if isinstance(value, list) and value else [value]
    is_option = isinstance(value, str) and value in _groups()[group]
    if override.is_add() and group in _defaults() and is_option:
        chosen_anew = f"{group}={_plain(override)}"
        yield f"{override.input_line}: a plus only adds a missing entry; to choose another option: {chosen_anew}"
    elif not override.is_sweep_override() and not (value is None and may_be_null(group)):
        for option in chosen:
            if not isinstance(option, str):
                yield unknown_name(group, _plain(override), _groups()[group])


def may_be_null(group: str) -> bool:
    """True if a group has an option that disables it, or no default option."""
    return NONE in _groups()[group] or _defaults().get(group) is None


def _plain(override: Override) -> str:
    return str(override.input_line).partition("=")[2]


@functools.cache
def _groups() -> dict[str, list[str]]:
    """Return the config groups of conf/, except Hydra's own, each with its options."""
    folders = {path.parent for path in CONF.rglob("*.yaml")} - {CONF, *CONF.glob("hydra/*")}
    return {
        folder.relative_to(CONF).as_posix(): sorted(path.stem for path in folder.glob("*.yaml")) for folder in folders
    }


@functools.cache
def _defaults() -> dict[str, Any]:
    """Return the groups in the defaults list, each with its default option."""
    listed = yaml.safe_load((CONF / "config.yaml").read_text(encoding="utf-8"))["defaults"]
    return {name: option for entry in listed if isinstance(entry, dict) for name, option in entry.items()}

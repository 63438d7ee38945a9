"""The command that repeats a run, including a run of a sweep."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gan.config.moved import updated, updated_words
from gan.config.option_names import option_name, value_at
from gan.report.settings import flat
from gan.runs.reading import Run
from gan.system import shell
from gan.system.process import GAN_TRAIN

SWEEP_FLAGS = ("-m", "--multirun")
OF_THE_SWEEP = ("hydra.sweep", "hydra/sweeper", "hydra.run.dir=")  # output folders, and the sweeper
NO_RECIPE = ("data=", "seed=", "hydra.", "hydra/", "callbacks.")
FUNCTIONS = re.compile(r"^(range|choice|interval|glob|sort|shuffle|tag)\(")


def command(run: Run) -> str | None:
    """The shell command. For a run of a sweep, each swept override has the value of this run.

    None if run.json has no command, or config.yaml does not show a swept value, as with ``experiment=a,b``.
    """
    words = run_overrides(run)
    return None if words is None else shell.typed(words)


def run_overrides(run: Run) -> list[str] | None:
    """The same as a list of words, beginning with train.py or `gan train`."""
    words = [word for word in run.command if word not in SWEEP_FLAGS and not word.startswith(OF_THE_SWEEP)]
    if not words or not _is_of_sweep(run.command):
        return words or None
    if isinstance(overrides := run.facts.get("overrides"), list):
        program = _program(words)
        flags, _ = shell.divided(words[len(program) :])  # such as --config-dir
        return [*program, *flags, *updated_words(list(map(str, overrides)))[0]]
    settled = [_settled(word, updated(run.settings)) for word in updated_words(words)[0]]
    return None if None in settled else [word for word in settled if word is not None]


def _program(words: Sequence[str]) -> Sequence[str]:
    return words[: len(GAN_TRAIN)] if words[: len(GAN_TRAIN)] == GAN_TRAIN else words[:1]


def _is_of_sweep(command: Sequence[str]) -> bool:
    return not set(SWEEP_FLAGS).isdisjoint(command) or any(word.startswith("sweep=") for word in command)


def recipe(run: Run) -> str:
    """The overrides of a run as the user typed them, for example `dcgan optimizer.lr=1e-3`."""
    return " ".join(recipe_words(run))


def recipe_words(run: Run) -> list[str]:
    """The words of the command without data, seed and folders; for a run of a sweep, first those that were swept."""
    words = [word for word in (run_overrides(run) or [])[1:] if "=" in word and not word.startswith(NO_RECIPE)]
    swept = {word.partition("=")[0] for word in run.command if _is_sweep(word.partition("=")[2])}
    words.sort(key=lambda word: (not word.startswith("experiment="), word.partition("=")[0] not in swept))
    return [word.removeprefix("experiment=") for word in words]


def _settled(word: str, settings: Mapping[str, Any]) -> str | None:
    """A swept override with the value of this run; None if the value is unknown."""
    name, sign, given = word.partition("=")
    if not sign or not _is_sweep(given):
        return word
    path = name.lstrip("+").replace("/", ".")
    node = _node(settings, path)
    if node is not None:
        return next((f"{name}={option}" for option in _pieces(given) if option in _names(path, node)), None)
    value = flat(settings).get(path)
    return None if value is None else f"{name}={value}"


def _is_sweep(given: str) -> bool:
    return len(_pieces(given)) > 1 or FUNCTIONS.match(given) is not None


def _pieces(given: str) -> list[str]:
    """The text split at commas outside brackets and quotes, as in Hydra."""
    pieces, depth, quote = [""], 0, ""
    for sign in given:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        else:
            depth += (sign in "[({") - (sign in "])}")
        if sign == "," and not depth and not quote:
            pieces.append("")
        else:
            pieces[-1] += sign
    return [piece.strip() for piece in pieces]


def _names(group: str, option: Mapping[str, Any]) -> set[str]:
    """The possible names of an option of a group: its name, or the class that it builds."""
    target = str(option.get("_target_", ""))
    return {option_name(group, option), str(option.get("name", "")), target.rpartition(".")[2].lower()} - {""}


def _node(settings: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """The option of a group by its path; None if the path is a setting."""
    node = value_at(settings, *path.split("."))
    return node if isinstance(node, dict) else None

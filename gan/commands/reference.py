"""docs/commands.md: every command with its arguments and options, from the help texts. `make docs` writes it:

python -m gan.commands.reference
"""

import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
import yaml

from gan.commands.main import app
from gan.config.options.conf_files import CONF
from gan.config.options.pages import code

HELP = "hydra/help/newcomer.yaml"  # the page of `python train.py --help`, in conf/
TYPES = {int: "integer", float: "number", str: "text", Path: "path", bool: ""}  # a bool is a flag: no value

INTRO = """\
# Commands

This page lists all commands with their arguments and options. In a terminal, `gan evaluate --help` prints the help
of one command. RUN is a run folder, such as `outputs/DATE/TIME`; `latest` names the newest. `make docs` writes this
page from the help texts.

- Activate the environment once in each shell: `. .venv/bin/activate`, on Windows `.venv\\Scripts\\activate`.
- `gan train` and `python train.py` are the same command. `gan train` also works outside the checkout.
- No command overwrites a file unless you add `--force`.
- If an argument is invalid, the command prints one message and ends with exit code 2. `gan --debug evaluate RUN` also
  prints a traceback.
- `gan --install-completion` adds the commands and options to the completion of your shell.
"""

TRAIN = """\
## gan train

| command | what it does |
| --- | --- |
| `gan train experiment=quickstart` | trains a [recipe](recipes.md) |
| `gan train model=dcgan data=fashion optimizer.lr=1e-4` | trains with these [settings](configuration.md) |
| `gan train experiment=ten_minutes dry_run=true` | prints settings, networks and the estimated cost; does not train |
| `gan train experiment=ten_minutes --cfg job` | prints all settings; does not train |
| `gan train resume=outputs/DATE/TIME` | [resumes an interrupted run](reliability.md) |
| `gan train experiment=dcgan hydra.run.dir=outputs/mine resume=auto` | starts this run, or resumes it |
| `gan train -m experiment=dcgan seed=0,1,2` | trains one run for each value: a [sweep](sweeps.md) |
| `gan train --config-dir=FOLDER …` | also finds [your own options and recipes](extending.md) in FOLDER |

`gan train --help` prints:
"""


def page() -> str:
    """The text of docs/commands.md."""
    found = _commands(typer.main.get_command(app), "gan")
    commands = dict(sorted(found, key=lambda named: named[0] != "gan train"))  # this one first
    lines = [INTRO, "| command | what it does |", "| --- | --- |"]
    lines += [f"| [`{name}`](#{name.replace(' ', '-')}) | {_cell(_summary(one))} |" for name, one in commands.items()]
    for name, one in commands.items():
        lines += ["", *(_train() if name == "gan train" else _section(name, one))]
    return "\n".join(lines) + "\n"


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Each command by its full name, a group's subcommands in place of the group."""
    if not hasattr(command, "commands"):
        yield name, command
    for part, below in getattr(command, "commands", {}).items():
        yield from _commands(below, f"{name} {part}")


def _summary(command: Any) -> str:
    """The first paragraph of a command's help, on one line."""
    return " ".join((command.help or "").split("\n\n")[0].split())


def _train() -> Iterator[str]:
    yield TRAIN
    groups = {
        folder.name: sorted(path.stem for path in folder.glob("*.yaml"))
        for folder in sorted(CONF.iterdir())
        if folder.is_dir() and folder.name not in ("hydra", "__pycache__")
    }
    text = yaml.safe_load((CONF / HELP).read_text(encoding="utf-8"))["template"]
    listed = "".join(f"{group}: {', '.join(options)}\n" for group, options in groups.items())
    yield f"```text\n{text.replace('$APP_CONFIG_GROUPS', listed).strip()}\n```"


def _section(name: str, command: Any) -> Iterator[str]:
    """A command's usage, help and parameters."""
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    shown = " ".join(_name(one) if one.required else f"[{_name(one)}]" for one in arguments)
    yield f"## {name}\n"
    yield f"```text\n{' '.join(filter(None, [name, shown, '[OPTIONS]' if options else '']))}\n```\n"
    yield "\n\n".join(" ".join(paragraph.split()) for paragraph in (command.help or "").split("\n\n"))
    if arguments or options:
        yield "\n| argument or option | value | meaning |\n| --- | --- | --- |"
    hints = typing.get_type_hints(command.callback)
    for one in (*arguments, *options):
        yield f"| {code(_name(one))} | {_cell(_value(one, hints[one.name]))} | {_cell(one.help or '')} |"


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "option":
        return ", ".join([*parameter.opts, *parameter.secondary_opts])
    name = parameter.metavar or parameter.name.upper()
    return str(name) if parameter.nargs == 1 else f"{name}…"


def _value(parameter: Any, hint: Any) -> str:
    """The type, the range and the default: "integer, 1 or more; default 64"."""
    ranged = parameter if hasattr(parameter, "min") else parameter.type  # where typer's versions keep a range
    low, high = getattr(ranged, "min", None), getattr(ranged, "max", None)
    limits = f"{low} to {high}" if None not in (low, high) else f"{low} or more" if low is not None else ""
    kind = ", ".join(filter(None, [TYPES[_element(hint)], limits]))
    return "; ".join(filter(None, [kind, "required" if parameter.required else _default(parameter)]))


def _default(parameter: Any) -> str:
    default = parameter.default
    if default is True:
        default = parameter.opts[0]
    elif not isinstance(default, (int, float, str, Path)) or default in (False, ""):
        return ""
    return f"default `{default}`" if parameter.envvar is None else f"default `${parameter.envvar}`, else `{default}`"


def _element(hint: Any) -> type:
    """``int`` of ``int | None``, ``Path`` of ``list[Path]``."""
    while typing.get_origin(hint) is not None or isinstance(hint, types.UnionType):
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
    assert isinstance(hint, type)
    return hint


def _cell(text: str) -> str:
    """Help text in a cell of a table, on one line; parts in backquotes are code."""
    parts = " ".join(text.split()).split("`")
    parts[::2] = [part.replace("<", "\\<").replace("*", "\\*").replace("_", "\\_") for part in parts[::2]]
    return "`".join(parts).replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")

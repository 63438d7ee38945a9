"""The `gan` command, with all subcommands."""

import os
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

import gan
from gan.commands.board import board
from gan.commands.data import data
from gan.commands.demo import demo, watch
from gan.commands.evaluate import evaluate
from gan.commands.explore import explore
from gan.commands.export import export
from gan.commands.interpolate import interpolate
from gan.commands.invert import invert
from gan.commands.metrics import metrics
from gan.commands.options import options
from gan.commands.play import play
from gan.commands.repeat import repeat
from gan.commands.report import report
from gan.commands.runs import runs
from gan.commands.sample import sample
from gan.commands.show import show
from gan.commands.train import train
from gan.system.errors import GanError, unknown_name
from gan.system.process import FULL_ERRORS, hide_deprecations

# Typer has no public name for the base class of usage errors, which is click's or its own, depending on the version.
UsageError: Any = typer.BadParameter.__mro__[1]

HELP = """Train GANs on small images, and use their generators.

A run is given as its folder, such as outputs/DATE/TIME. The word latest names the newest run below outputs/.
"""

app = typer.Typer(
    name="gan",
    help=HELP,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def print_version(wanted: bool) -> None:
    if wanted:
        print(f"gan {gan.__version__}")
        raise typer.Exit


@app.callback()
def commands(
    debug: Annotated[bool, typer.Option("--debug", help="Print a traceback with an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    if debug:
        os.environ[FULL_ERRORS] = "1"


for command in (
    sample, interpolate, explore, invert, export, demo, watch, play, evaluate, options, runs, show, board, report,
    repeat,
):  # fmt: skip
    app.command()(command)
app.command(add_help_option=False, context_settings={"ignore_unknown_options": True})(train)  # Hydra reads its words
app.add_typer(metrics)
app.add_typer(data)


def main() -> None:
    """The console script: a user's mistake gives one message and exit code 2; with --debug a traceback."""
    hide_deprecations()
    try:
        _check_no_empty_word(sys.argv[1:])
        code = app(prog_name="gan", standalone_mode=False)
    except (GanError, UsageError) as error:
        if os.environ.get(FULL_ERRORS) == "1":
            traceback.print_exception(error)
        else:
            print(error if isinstance(error, GanError) else _usage_message(error), file=sys.stderr)
        code = 2
    except typer.Abort:  # Ctrl-C, in typer's versions before 0.29
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def _check_no_empty_word(words: Sequence[str]) -> None:
    """Raise GanError for an empty word, as of a shell variable that is not set: as a path it would be this folder."""
    for before, word in zip(["", *words], words, strict=False):
        if not word or (word.startswith("--") and word.endswith("=")):
            where = word.removesuffix("=") or (before if before.startswith("--") else "gan")
            raise GanError(
                f"{where}: an empty word given, perhaps of a shell variable that is not set; a value expected"
            )


def _usage_message(error: Any) -> str:
    """One line for an invalid command line: the problem, and the nearest valid name."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return str(error.format_message())  # the help; empty if rich has printed it already
    context = error.ctx
    where = context.command_path if context else "gan"
    message = " ".join(str(error.format_message()).split())
    command = re.match(r"No such command '(.*?)'", message)
    if command is not None:
        return unknown_name(where, command[1], context.command.commands).replace("no such option", "no such command", 1)
    if hasattr(error, "possibilities"):  # an option does not exist
        options = [
            name for param in context.command.get_params(context) for name in param.opts if name.startswith("--")
        ]
        return unknown_name(where, error.option_name, options)
    return f"{where}: {message[:1].lower()}{message[1:].removesuffix('.')}; see {where} --help"

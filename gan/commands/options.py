"""`gan options`: the listing of all settings."""

from pathlib import Path
from typing import Annotated

import typer

from gan.system import shell
from gan.system.errors import GanError


def options(
    word: Annotated[
        str | None,
        typer.Argument(
            help="A group, GROUP/OPTION, the path of a setting or its beginning, part of a name, or the dotted name of "
            "a class, such as mypkg.MyPenalty."
        ),
    ] = None,
    config_dir: Annotated[
        Path | None, typer.Option(help="A folder with your own options, as for `train.py --config-dir`.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, as in docs/configuration.md.")
    ] = False,
) -> None:
    """List all settings with default, range and meaning."""
    from gan.config.options.listing import list_groups
    from gan.config.options.pages import as_json, markdown, terminal
    from gan.config.options.search import select

    if config_dir is not None and not config_dir.is_dir():
        raise GanError(f"--config-dir: {config_dir} is not a folder")
    groups = list_groups(own=config_dir)
    shown = groups if word is None else select(groups, word)
    if json:
        print(as_json(shown))
    elif as_markdown:
        print(markdown(shown, whole=word is None))
    else:
        print(shell.as_started(terminal(shown, whole=word is None)))

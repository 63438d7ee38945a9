"""`gan play`: train a GAN on 2-D points on a web page of this machine."""

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from gan.commands.demo import HOST, PORT, Host, Open, Port, serve_page
from gan.system.errors import GanError


def play(
    out: Annotated[Path, typer.Option(help="Folder of the runs; each is in OUT/DATE/TIME.")] = Path("outputs"),
    host: Host = HOST,
    port: Port = PORT,
    open_page: Open = False,
) -> None:
    """Train a GAN on 2-D points on a web page, for teaching.

    The page shows real points, samples, the output of D as a surface, and gradients.

    Objective, penalty, learning rates and seed can be changed while it trains. Each run has a folder;
    gan repeat RUN repeats it with its changes. The page needs no internet connection. Stop it with Ctrl-C.
    """
    from gan.demo.play_routes import play_routes
    from gan.demo.play_session import Session
    from gan.demo.server import PageServer
    from gan.launch.python_run import train

    _check_folder(out)
    with closing(Session(train, out)) as session, PageServer(host, port, play_routes(session)) as server:
        serve_page(server, open_page=open_page)


def _check_folder(out: Path) -> None:
    """Raise GanError before the page opens if no run can be written below this folder."""
    there = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        why = "it is a file" if there.is_file() else f"{there} is not a folder that can be written to"
        raise GanError(f"--out: {out} given, and runs cannot be written there: {why}")

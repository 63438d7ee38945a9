"""`gan play`: train a GAN on 2-D points on a web page of this machine."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from gan.commands.demo import PORT, Host, Open, Port, serve_page


def play(
    out: Annotated[Path, typer.Option(help="Folder of the runs; each is in OUT/DATE/TIME.")] = Path("outputs"),
    host: Host = "127.0.0.1",
    port: Port = PORT,
    open_page: Open = False,
) -> None:
    """Train a GAN on 2-D points on a web page, for teaching.

    The page shows real points, samples, the output of D as a surface, and gradients.

    Objective, penalty, learning rates and seed can be changed while it trains. Each run has a folder;
    gan repeat RUN repeats it with its changes. The page needs no network. Stop it with Ctrl-C.
    """
    from gan.demo.play_routes import play_routes
    from gan.demo.play_session import Session
    from gan.demo.server import PageServer
    from gan.launch.python_run import train

    with closing(Session(train, out)) as session, PageServer(host, port, play_routes(session)) as server:
        serve_page(server, open_page=open_page)

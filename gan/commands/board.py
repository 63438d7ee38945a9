"""`gan board`: TensorBoard, on the newest run or a given one."""

import contextlib
import json
import logging
import os
import threading
import time
import urllib.request
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from gan.commands.runs import run_folders
from gan.system.errors import GanError

EVENTS = "events.out.tfevents*"
PROJECTOR = "projector_config.pbtxt"
MOST_SECONDS = 5.0  # for TensorBoard to look at the files before its page is opened
# By itself TensorBoard keeps ten pictures of a tag; then the slider skips epochs. 0 should mean all, but its page of
# images then shows none (2.21: the same number bounds what it reads).
EVERY_IMAGE = "images=100000"


def board(
    run: Annotated[
        Path | None,
        typer.Argument(
            help="A run folder, or a folder with runs below it. By default the newest below outputs and multirun."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="By default the first free one from 6006 on.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Who may look: 127.0.0.1, this machine alone; 0.0.0.0, anybody.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
) -> None:
    """Open TensorBoard: losses, accuracies, measures and pictures of a run. Ctrl-C ends it."""
    folder = newest(run_folders()) if run is None else _with_events(run)
    url = launch(folder, host=host, port=port)
    print(f"TensorBoard on {folder}: {url}")
    print(f"Both losses in one chart, the accuracies in another: {url}#custom_scalars")
    print(f"The fixed latents, with a slider from epoch to epoch: {url}#images")
    print(f"What the discriminator sees in real and fake images:  {url}#projector")
    if browser:
        webbrowser.open(url)
    wait()


def newest(folders: list[Path]) -> Path:
    """The run whose TensorBoard files have changed last.

    Raises:
        GanError: no run has any.
    """
    files = [path for folder in folders for path in folder.rglob(EVENTS)]
    if not files:
        shown = " and ".join(map(str, folders))
        raise GanError(f"no run below {shown} has anything for TensorBoard: logger=default or logger=tensorboard has")
    return max(files, key=lambda path: path.stat().st_mtime).parent.parent


def _with_events(folder: Path) -> Path:
    if not folder.is_dir():
        raise GanError(f"{folder}: there is no such folder; give a run folder: gan runs lists them")
    if next(folder.rglob(EVENTS), None) is None:
        raise GanError(f"{folder}: nothing for TensorBoard here or below: logger=default or logger=tensorboard has it")
    return folder


def launch(folder: Path, *, host: str, port: int | None) -> str:
    """Serve a folder from a thread of this process; the address of the page.

    The folder is looked at again and again, so it is named from the root: whoever changes the working directory
    meanwhile must not make it another one.

    Raises:
        GanError: the port is taken, or is not this user's; the host is empty, which would be every address.
    """
    if not host.strip():
        raise GanError("--host: '' given, which would be every address of this machine; give 127.0.0.1, or 0.0.0.0")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from tensorboard import program

    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    server: Any = program.TensorBoard()
    ports = [] if port is None else ["--port", str(port)]
    whole = ["--load_fast", "false", "--samples_per_plugin", EVERY_IMAGE]
    server.configure(argv=["tensorboard", "--logdir", str(folder.resolve()), "--host", host, *whole, *ports])
    try:
        url = str(server.launch())
    except program.TensorBoardServerException as error:
        raise GanError(f"--host, --port: TensorBoard cannot be had at {host}:{port or 6006}: {error}") from None
    _let_it_read(url, projector=next(folder.rglob(PROJECTOR), None) is not None)
    return url


def _let_it_read(url: str, *, projector: bool) -> None:
    """Wait a moment until it knows what there is: a page that is opened sooner has no tab for what is found later."""
    last = time.monotonic() + MOST_SECONDS
    while time.monotonic() < last:
        with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(f"{url}data/plugins_listing") as answer:
            active = {name for name, plugin in json.load(answer).items() if plugin["enabled"]}
            if active - {"projector"} and (not projector or "projector" in active):
                return
        time.sleep(0.1)


def wait() -> None:
    """Until Ctrl-C."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()

"""`gan board`: TensorBoard, on the newest run or a given one."""

import contextlib
import json
import logging
import os
import socket
import threading
import time
import urllib.request
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from gan.commands.arguments import one_run
from gan.commands.runs import run_folders
from gan.system.errors import GanError

EVENTS = "events.out.tfevents*"
PROJECTOR = "projector_config.pbtxt"
MOST_SECONDS = 5.0  # waiting time for TensorBoard to read the files before its page is opened
# By default TensorBoard keeps ten images of a tag, and its slider skips epochs. 0 should mean all images, but then its
# page shows none (2.21).
EVERY_IMAGE = "images=100000"


def board(
    run: Annotated[
        Path | None,
        typer.Argument(
            help="A run folder, latest, or a folder with runs below it. By default the newest run below outputs and "
            "multirun.",
            callback=one_run,
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="By default the first free port from 6006 on.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on: 127.0.0.1 for this machine only, 0.0.0.0 for all machines.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
) -> None:
    """Open TensorBoard with the curves and images of a run.

    Stop it with Ctrl-C.
    """
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
        GanError: no run has TensorBoard files.
    """
    files = [path for folder in folders for path in folder.rglob(EVENTS)]
    if not files:
        shown = " and ".join(map(str, folders))
        raise GanError(f"no run below {shown} has TensorBoard files; train with logger=default or logger=tensorboard")
    return max(files, key=lambda path: path.stat().st_mtime).parent.parent


def _with_events(folder: Path) -> Path:
    if not folder.is_dir():
        what = "this is a file" if folder.exists() else "there is no such folder"
        raise GanError(f"{folder}: {what}; give a run folder: gan runs lists them")
    if next(folder.rglob(EVENTS), None) is None:
        raise GanError(
            f"{folder}: no TensorBoard files in this folder or its sub-folders; logger=default or logger=tensorboard "
            "writes them"
        )
    return folder


def launch(folder: Path, *, host: str, port: int | None) -> str:
    """Serve a folder from a thread of this process, and return the URL of the page.

    The path is made absolute, because TensorBoard reads it repeatedly and the working directory may change.

    Raises:
        GanError: the port is not available, or the host is empty, which would mean every address.
    """
    if not host.strip():
        raise GanError("--host: '' given, which would listen on all addresses; give 127.0.0.1, or 0.0.0.0")
    _check_host(host)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from tensorboard import program

    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    server: Any = program.TensorBoard()
    ports = [] if port is None else ["--port", str(port)]
    options = ["--load_fast", "false", "--samples_per_plugin", EVERY_IMAGE]
    server.configure(argv=["tensorboard", "--logdir", str(folder.resolve()), "--host", host, *options, *ports])
    try:
        url = str(server.launch())
    except program.TensorBoardServerException as error:
        raise GanError(f"--host, --port: TensorBoard cannot listen at {host}:{port or 6006}: {error}") from None
    _wait_for_plugins(url, projector=next(folder.rglob(PROJECTOR), None) is not None)
    return url


def _check_host(host: str) -> None:
    """Raise GanError if this machine has no such address: TensorBoard's server would end this process."""
    from gan.demo.server import why_not

    try:
        socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except (OSError, UnicodeError) as error:
        raise GanError(why_not(host, 0, error)) from None


def _wait_for_plugins(url: str, *, projector: bool) -> None:
    """Wait until TensorBoard has found its plugins: a page that is opened earlier lacks their tabs."""
    last = time.monotonic() + MOST_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy does not know this machine
    while time.monotonic() < last:
        with contextlib.suppress(OSError, ValueError), opener.open(f"{url}data/plugins_listing", timeout=1) as answer:
            active = {name for name, plugin in json.load(answer).items() if plugin["enabled"]}
            if active - {"projector"} and (not projector or "projector" in active):
                return
        time.sleep(0.1)


def wait() -> None:
    """Wait until Ctrl-C."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()

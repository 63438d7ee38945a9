"""`gan demo` and `gan watch`: web pages on this machine."""

import sys
import webbrowser
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan.commands.arguments import Device, Force, Trust, one_run, run_list
from gan.commands.files import write_files
from gan.system.errors import GanError

if TYPE_CHECKING:
    from gan.demo.model_cache import ModelCache
    from gan.demo.server import PageServer

HOST = "127.0.0.1"
Host = Annotated[str, typer.Option(help="Address to listen on; with 0.0.0.0 other machines can open the page.")]
Port = Annotated[int, typer.Option(help="0 for any free port.")]
Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]
Root = Annotated[Path, typer.Option(envvar="GAN_DATA", help="Folder of the datasets, for nearest training images.")]
PORT = 8808


def demo(
    bundles: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="BUNDLE",
            help="Run folders, latest, or bundles. By default a small generator of digits.",
            callback=run_list,
        ),
    ] = None,
    host: Host = HOST,
    port: Port = PORT,
    open_page: Open = False,
    root: Root = Path("data"),
    device: Device = "cpu",
    static: Annotated[
        Path | None,
        typer.Option(help="Write the page with the generators as index.html to this folder, and start no server."),
    ] = None,
    force: Force = False,
    trust: Trust = None,
) -> None:
    """Explore generators in the browser.

    The page has sliders, classes, interpolation, comparison, and nearest training images.

    The page is served by this machine and needs no internet connection. Stop it with Ctrl-C. With --static it is a
    file that runs the generators in any browser, without this machine, and without nearest training images.
    """
    if static is not None:
        served = {"--host": host != HOST, "--port": port != PORT, "--open": open_page, "--device": device != "cpu"}
        if given := [option for option, is_given in served.items() if is_given]:
            raise GanError(f"{', '.join(given)}: no effect with --static, which writes a file and starts no server")
        return _write_page(bundles or [], static, force=force)
    if force:
        raise GanError("--force: only with --static; otherwise the command writes no file")
    from gan.demo.model_cache import ModelCache
    from gan.runs.reading import is_run
    from gan.system.devices import usable_device

    sources = bundles or []
    models = ModelCache(sources, usable_device(device))
    for number in range(len(models.names)):
        models.model(number)  # reports an invalid bundle at the start
    runs = [source for source in sources if is_run(source)]
    _serve(models, runs, root, host=host, port=port, page="", open_page=open_page)


def _write_page(sources: list[Path], folder: Path, *, force: bool) -> None:
    """One page with the generators of bundles or run folders."""
    from gan.demo.local_page import local_model, local_page
    from gan.demo.model_cache import BUNDLED
    from gan.generators.bundle import load_generator
    from gan.report.model_card import Card
    from gan.runs.reading import is_run, read_run

    out = folder / "index.html"
    if out.exists() and not force:
        raise GanError(f"--static: {out} exists; give another folder, or --force to overwrite")
    models = []
    for source in sources or [BUNDLED]:
        trained = load_generator(source)
        run = read_run(source) if is_run(source) else None
        name = str(source) if len(sources) > 1 else Card(trained, run, "unknown", {}, "").title
        models.append(local_model(name, trained, run))
    write_files(out, {out: local_page(models, "Generators" if len(models) > 1 else models[0].model.name)}, force=force)
    print(f"{out}: opens in any browser, without an internet connection; any host of static files can serve it")


def watch(
    run: Annotated[
        Path,
        typer.Argument(help="A run folder, latest, or a folder of runs, the newest first.", callback=one_run),
    ] = Path("outputs"),
    host: Host = HOST,
    port: Port = PORT,
    open_page: Open = False,
    root: Root = Path("data"),
    device: Device = "cpu",
    trust: Trust = None,
) -> None:
    """Watch a run in the browser.

    The page shows the newest samples, curves, alarms and the time left, and has the controls of gan demo.

    It reads the run folder only; the run may be running, finished, failed or interrupted. Stop it with Ctrl-C.
    """
    from gan.runs.reading import readable_runs

    found, unreadable = readable_runs([run])  # before torch is imported: a wrong path is reported at once
    if not found:
        raise GanError("\n".join(["no readable run:", *unreadable.values()]))
    from gan.demo.model_cache import ModelCache
    from gan.system.devices import usable_device

    for why in unreadable.values():
        print(why, file=sys.stderr)
    newest_first = sorted(found, key=lambda one: one.changed, reverse=True)
    folders = [one.folder for one in newest_first]
    _serve(
        ModelCache(folders, usable_device(device)),
        folders,
        root,
        host=host,
        port=port,
        page="watch",
        open_page=open_page,
    )


def _serve(
    models: "ModelCache", runs: list[Path], root: Path, *, host: str, port: int, page: str, open_page: bool
) -> None:
    from gan.demo.routes import routes
    from gan.demo.server import PageServer
    from gan.demo.training_images import TrainingSets

    with closing(models), PageServer(host, port, routes(models, TrainingSets(root), runs)) as server:
        serve_page(server, page, open_page=open_page)


def serve_page(server: "PageServer", page: str = "", *, open_page: bool = False) -> None:
    """Print the address of a page, and serve it until Ctrl-C."""
    print(f"{server.address}{page}  (Ctrl-C ends it)", flush=True)
    if not server.private:
        seen = "every machine that can reach this one can see and use the page"
        print(f"--host: {server.host}: {seen}", file=sys.stderr)
    if open_page:
        webbrowser.open(server.address + page)
    server.serve_forever()
    print()

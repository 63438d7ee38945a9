"""`gan report`; gan/cli.py hooks it in."""

import time
from pathlib import Path
from typing import Annotated

import typer

from gan.errors import GanError


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN…", help="Run folders, or a folder of them, such as multirun/DATE/TIME.")
    ],
    out: Annotated[Path, typer.Option(help="The page, FILE.html; the Markdown is FILE.md beside it.")] = Path(
        "report.html"
    ),
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Compare runs: ranking, settings that differ, curves, samples; one HTML page for offline, and Markdown.

    Quality is compared where `gan evaluate RUN…` has measured it. A run that is still going can be looked at too.
    """
    from gan.report.contents import document
    from gan.report.html_page import html_page
    from gan.report.markdown import markdown
    from gan.report.overview import overview
    from gan.report.run_folders import find_runs
    from gan.report.unranked import never_begun

    if out.suffix != ".html":
        raise GanError(f"--out: {out} given; a file name that ends in .html expected")
    found, failed = find_runs(runs), never_begun(runs)
    now = time.time()
    made = document(found, now, failed)
    pictures = f"{out.stem}_files"
    files = {out: html_page(made)}
    for path, content in markdown(made, pictures).items():
        files[out.parent / path if path else out.with_suffix(".md")] = content
    _write(files, force=force)
    print(overview(found, now, failed))
    print(f"\n{out}: open it in a browser\n{out.with_suffix('.md')}: the same for GitHub, pictures in {pictures}/")


def _write(files: dict[Path, bytes], *, force: bool) -> None:
    """Write them all, or none if one is there already with other content."""
    from gan.files import write_bytes

    try:
        differing = [path for path, content in files.items() if path.exists() and path.read_bytes() != content]
        if differing and not force:
            raise GanError(f"--out: {differing[0]} exists and would change; give another name, or --force to overwrite")
        for path, content in files.items():
            write_bytes(path, content)
    except OSError as error:
        raise GanError(f"--out: {error.filename} cannot be written: {error.strerror}") from error

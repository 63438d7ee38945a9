"""`gan report`: compares runs on one page."""

import time
from pathlib import Path
from typing import Annotated

import typer

from gan.commands.arguments import Force, one_run
from gan.commands.files import write_files
from gan.system.errors import GanError


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN…",
            help="Run folders, latest, or a folder of them, such as multirun/DATE/TIME.",
            callback=lambda runs: [one_run(run) for run in runs],
        ),
    ],
    out: Annotated[Path, typer.Option(help="The page FILE.html; FILE.md beside it has the same as Markdown.")] = Path(
        "report.html"
    ),
    force: Force = False,
) -> None:
    """Compare runs: ranking, different settings, curves and samples on one HTML page, and as Markdown.

    Quality is compared for runs that were measured by `gan evaluate RUN…`. Runs may still be training.
    """
    from gan.report.contents import document
    from gan.report.html_page import html_page
    from gan.report.markdown import markdown
    from gan.report.overview import overview
    from gan.report.unranked import never_begun
    from gan.runs.reading import readable_runs

    if out.suffix != ".html":
        raise GanError(f"--out: {out} given; a file name that ends in .html expected")
    found, unreadable = readable_runs(runs)
    if not found:
        raise GanError("\n".join(["no run that can be read:", *unreadable.values()]))
    failed = never_begun(runs)
    now = time.time()
    made = document(found, now, failed, unreadable)
    pictures = f"{out.stem}_files"
    files = {out: html_page(made)}
    for path, content in markdown(made, pictures).items():
        files[out.parent / path if path else out.with_suffix(".md")] = content
    write_files(None, files, force=force)
    print(overview(found, now, failed, unreadable))
    print(f"\n{out}: open it in a browser\n{out.with_suffix('.md')}: the same for GitHub, pictures in {pictures}/")

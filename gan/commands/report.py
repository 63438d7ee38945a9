"""`gan report`: compares runs on one page."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan.commands.arguments import Force, one_run
from gan.commands.files import write_files
from gan.system.errors import GanError

if TYPE_CHECKING:
    from gan.runs.reading import Run

OPTIONS = {".html": "--out", ".csv": "--csv", ".tex": "--latex"}


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="Run folders, latest, or a folder of them, such as multirun/DATE/TIME.",
            callback=lambda runs: [one_run(run) for run in runs],
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The page, FILE.html. The same content as Markdown is written beside it, as FILE.md.")
    ] = Path("report.html"),
    csv: Annotated[
        Path | None, typer.Option(help="Also FILE.csv: the statistics over seeds, a row for each metric.")
    ] = None,
    latex: Annotated[
        Path | None, typer.Option(help="Also FILE.tex: the statistics as LaTeX tables, for a paper.")
    ] = None,
    force: Force = False,
) -> None:
    """Compare runs on one HTML page, or as Markdown.

    The page has a ranking, the settings that differ, curves and samples. Quality is compared for runs that were
    measured by `gan evaluate RUN…`. Runs may still be training.
    """
    from gan.report.contents import document
    from gan.report.html_page import html_page
    from gan.report.markdown import markdown
    from gan.report.overview import overview
    from gan.report.unranked import never_begun
    from gan.runs.reading import readable_runs

    _check_names(out, csv, latex)
    found, unreadable = readable_runs(runs)
    if not found:
        raise GanError("\n".join(["no readable run:", *unreadable.values()]))
    failed = never_begun(runs)
    now = time.time()
    made = document(found, now, failed, unreadable)
    pictures = f"{out.stem}_files"
    files = {out: html_page(made)}
    for path, content in markdown(made, pictures).items():
        files[out.parent / path if path else out.with_suffix(".md")] = content
    tables = _tables(runs, found, csv, latex)
    write_files(None, files | tables, force=force, options={path: OPTIONS[path.suffix] for path in tables})
    print(overview(found, now, failed, unreadable))
    print(f"\n{out}: open it in a browser\n{out.with_suffix('.md')}: the same for GitHub, pictures in {pictures}/")
    for table in tables:
        print(f"{table}: the statistics over seeds")


def _check_names(out: Path, csv: Path | None, latex: Path | None) -> None:
    """Raise GanError if a name has another ending than its content."""
    for path, ending in ((out, ".html"), (csv, ".csv"), (latex, ".tex")):
        if path is not None and path.suffix != ending:
            raise GanError(f"{OPTIONS[ending]}: {path} given; a file name that ends in {ending} expected")


def _tables(runs: list[Path], found: list["Run"], csv: Path | None, latex: Path | None) -> dict[Path, bytes]:
    """The files of --csv and --latex."""
    from gan.report.numbers import csv_table, latex_tables
    from gan.report.ranking import rankings
    from gan.system import shell
    from gan.system.version import version

    ranked = rankings(found)
    tables = {} if csv is None else {csv: csv_table(ranked)}
    if latex is not None:
        command = shell.command("gan", "report", *map(str, runs), "--latex", str(latex))
        tables[latex] = latex_tables(ranked, command, version())
    return tables

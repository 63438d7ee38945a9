"""docs/commands.md: it is what the generator writes; the generator shows every command and option, as `--help` does."""

from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from gan.commands import reference
from gan.commands.main import app

ROOT = Path(__file__).parents[2]


def section(page: str, name: str) -> str:
    return page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def test_the_page_in_docs_is_what_the_generator_writes() -> None:
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == reference.page(), (
        "docs/commands.md differs from the help texts: run `make docs`"
    )


def test_every_command_that_help_lists_has_a_section() -> None:
    page = reference.page()
    listed = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert len(listed) >= 15
    for name in (*listed, "metrics calibrate", "data fetch"):
        assert section(page, f"gan {name}"), name
        assert f"[`gan {name}`](#gan-{name.replace(' ', '-')})" in page


@pytest.mark.parametrize("name", ["sample", "report", "data fetch"])
def test_a_section_has_every_option_that_help_lists(name: str) -> None:
    printed = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    options = {word.strip(",") for word in printed.replace(",--", " --").split() if word.startswith("--")} - {"--help"}
    shown = section(reference.page(), f"gan {name}")
    assert options
    assert [option for option in options if option not in shown] == []


def test_help_shows_every_summary_in_full_and_flags_without_a_value() -> None:
    for group in ("", "metrics", "data"):
        printed = CliRunner().invoke(app, [*group.split(), "--help"], env={"COLUMNS": "80", "TERM": "dumb"}).output
        assert "Commands:" in printed
        assert "..." not in printed.partition("Commands:")[2]
    printed = CliRunner().invoke(app, ["sample", "--help"], env={"COLUMNS": "80", "TERM": "dumb"}).output
    assert "--force                   Overwrite" in " ".join(printed.splitlines())


def try_out(
    folders: Annotated[list[Path] | None, typer.Argument(metavar="FOLDER", help="Folders; by default a|b.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many < 3.")] = 2,
    share: Annotated[float, typer.Option(min=0, max=1, help="A fraction of `x_y`, in _italics_.")] = 0.5,
    root: Annotated[Path, typer.Option(envvar="TRY_ROOT", help="The root.")] = Path("data"),
    opened: Annotated[bool, typer.Option("--open/--closed", help="Open it.")] = True,
    out: Annotated[Path | None, typer.Option(help="The output.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite.")] = False,
    hidden: Annotated[bool, typer.Option("--hidden", hidden=True)] = False,
) -> None:
    """Try something out.

    A second
    paragraph.
    """


def test_a_section_shows_names_types_ranges_and_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = typer.Typer()
    tried.command()(try_out)
    tried.command("other")(lambda: None)
    monkeypatch.setattr(reference, "app", tried)
    monkeypatch.setenv("TRY_ROOT", "elsewhere")  # not what the page shows
    shown = section(reference.page(), "gan try-out")
    assert shown.splitlines()[1:] == [
        "```text",
        "gan try-out [FOLDER…] [OPTIONS]",
        "```",
        "",
        "Try something out.",
        "",
        "A second paragraph.",
        "",
        "| argument or option | value | meaning |",
        "| --- | --- | --- |",
        "| `FOLDER…` | path | Folders; by default a\\|b. |",
        "| `--count` | integer, 1 or more; default `2` | How many \\< 3. |",
        "| `--share` | number, 0 to 1; default `0.5` | A fraction of `x_y`, in \\_italics\\_. |",
        "| `--root` | path; default `$TRY_ROOT`, else `data` | The root. |",
        "| `--open, --closed` | default `--open` | Open it. |",
        "| `--out` | path | The output. |",
        "| `--force` |  | Overwrite. |",
    ]


def test_a_command_without_parameters_has_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing() -> None:
        """Do nothing."""

    tried: Any = typer.Typer()
    tried.command()(nothing)
    tried.command()(try_out)
    monkeypatch.setattr(reference, "app", tried)
    assert section(reference.page(), "gan nothing").strip() == "```text\ngan nothing\n```\n\nDo nothing."

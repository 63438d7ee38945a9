"""`gan data`: datasets are downloaded and verified, for nodes without an internet connection."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan.commands.real_images import Root
from gan.system.errors import DataError, GanError, unknown_name

if TYPE_CHECKING:
    from gan.data.loaded import LoadedImages

data = typer.Typer(name="data", help="Download and verify datasets, also for offline machines.", no_args_is_help=True)

Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME", help="Datasets such as mnist or cifar10, or of torchvision, such as SVHN."),
]
Split = Annotated[str | None, typer.Option(help="Split of EMNIST, or of a dataset of torchvision.")]


@data.command()
def fetch(names: Names, root: Root = Path("data"), split: Split = None) -> None:
    """Download datasets; complete datasets are only verified."""
    _each(names, root, split, download=True)


@data.command()
def verify(names: Names, root: Root = Path("data"), split: Split = None) -> None:
    """Read datasets and verify their files, without a download."""
    _each(names, root, split, download=False)


def _each(names: list[str], root: Path, split: str | None, *, download: bool) -> None:
    """Load each dataset and print a line; all are tried before an error is raised."""
    _check_names(names)
    failed = []
    for name in names:
        try:
            print(f"{name}: {_loaded(name, root, split, download=download).origin}")
        except DataError as error:
            print(error, file=sys.stderr)
            failed.append(name)
    if failed:
        raise GanError(f"{len(failed)} of {len(names)} not available: {', '.join(failed)}")


def _loaded(name: str, root: Path, split: str | None, *, download: bool) -> "LoadedImages":
    from gan.data.registry import NAMES, TORCHVISION
    from gan.data.sources import load
    from gan.data.torchvision_sets import load_torchvision

    if name in NAMES and name != TORCHVISION:
        return load(name, root, split=split, download=download, on_missing="error")
    return load_torchvision(
        name, root.expanduser(), split=split, download=download, fit="crop", image_size=32, image_channels=3
    )


def _check_names(names: list[str]) -> None:
    """Raise GanError for the first name that is neither a dataset with files nor one of torchvision's."""
    from gan.data.registry import NAMES, READ_BY_FORM, TOY_DISTRIBUTIONS

    ours = [name for name in NAMES if name not in (*READ_BY_FORM, *TOY_DISTRIBUTIONS)]
    if all(name in ours for name in names):
        return
    from gan.data.torchvision_sets import names as of_torchvision

    known = [*ours, *of_torchvision()]
    for name in names:
        if name not in known:
            raise GanError(unknown_name("NAME", name, known).replace("no such option", "no such dataset"))

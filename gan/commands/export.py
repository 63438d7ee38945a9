"""`gan export`: a folder with the exported generator, its bundle, a model card and a picture."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan.commands.arguments import AsJson, Force, Source, Trust
from gan.commands.files import write_files
from gan.system.errors import GanError, unknown_name

if TYPE_CHECKING:
    from gan.generators.export import Exported
    from gan.generators.trained_generator import TrainedGenerator
    from gan.runs.reading import Run

CARD, PICTURE = "README.md", "samples.png"  # the Hub shows README.md
ROWS, MOST_COLUMNS = 8, 32  # of the picture
LICENCE = r"[a-z0-9]([a-z0-9.+-]{0,98}[a-z0-9])?"  # the Hub's spelling of licences


def export(
    source: Source,
    to: Annotated[str, typer.Option(help="onnx, pt2 (torch.export), or both: onnx,pt2.")] = "onnx",
    out: Annotated[Path, typer.Option(help="The output folder.")] = Path("export"),
    licence: Annotated[
        str,
        typer.Option(
            "--license", "--licence", help="Licence of the weights, in the Hub's spelling: apache-2.0, cc0-1.0, …"
        ),
    ] = "unknown",
    as_json: AsJson = False,
    force: Force = False,
    trust: Trust = None,
) -> None:
    """Export a generator with a model card, and compare it with the original in its runtime."""
    from gan.generators.bundle_file import FILE_NAME, find

    formats = _formats(to)
    if not re.fullmatch(LICENCE, licence):
        raise GanError(f"--license: {licence!r} given; a name such as apache-2.0, cc-by-sa-4.0 or other expected")
    bundle = find(source)
    _check_free(out, [FILE_NAME, *map(_name, formats), PICTURE, CARD], force=force)
    from gan.generators.bundle import load_generator
    from gan.generators.export import check_packages
    from gan.generators.export import export as exported
    from gan.report.model_card import Card

    for kind in formats:
        check_packages(kind)
    trained = load_generator(source)
    made = {kind: exported(trained, kind) for kind in formats}
    files = {FILE_NAME: "the bundle: weights, and what it takes to use them", **_descriptions(made)}
    card = Card(trained, _run(source), licence, files, PICTURE)
    contents = {FILE_NAME: bundle.read_bytes(), **{_name(kind): one.content for kind, one in made.items()}}
    contents |= {PICTURE: _picture(trained), CARD: card.text().encode()}
    write_files(out, {out / name: content for name, content in contents.items()}, force=force)
    if as_json:
        print(json.dumps({"out": str(out), "files": list(contents), **_json(made)}))
        return
    for name, text in _descriptions(made).items():
        print(f"{out / name}: {text}")
    print(f"{out / FILE_NAME}, {PICTURE}, and {CARD}, the model card")


def _formats(to: str) -> list[str]:
    from gan.generators.export import FORMATS

    formats = [part.strip() for part in to.split(",")]
    for kind in formats:
        if kind not in FORMATS:
            raise GanError(unknown_name("--to", kind, FORMATS))
    return list(dict.fromkeys(formats))


def _name(kind: str) -> str:
    return f"generator.{kind}"


def _check_free(out: Path, names: Sequence[str], *, force: bool) -> None:
    """Raise GanError early if the output could not be written."""
    if out.exists() and not out.is_dir():
        raise GanError(f"--out: {out} is a file; a folder's name expected")
    there = [out / name for name in names if (out / name).exists()]
    if there and not force:
        raise GanError(f"--out: {there[0]} exists; give another folder, or --force to overwrite")


def _descriptions(made: "Mapping[str, Exported]") -> dict[str, str]:
    """A description of each file, with the result of the comparison."""
    from gan.generators.export import LATENTS, OPSET

    kinds = {"onnx": f"ONNX, opset {OPSET}", "pt2": "torch.export"}
    return {
        _name(kind): f"{kinds[kind]}, any number of latents at a time; differs from the bundle by {one.difference:.1g} "
        f"at most over {LATENTS:,} latents, in {one.runtime}"
        for kind, one in made.items()
    }


def _json(made: "Mapping[str, Exported]") -> dict[str, Any]:
    from gan.generators.export import LATENTS, OPSET, TOLERANCE

    formats = {
        kind: {"file": _name(kind), "difference": one.difference, "runtime": one.runtime} for kind, one in made.items()
    }
    if "onnx" in formats:
        formats["onnx"]["opset"] = OPSET
    return {"formats": formats, "latents": LATENTS, "tolerance": TOLERANCE}


def _run(source: Path) -> "Run | None":
    """The run of a run folder; None for a bundle."""
    from gan.runs.reading import is_run, read_run

    return read_run(source) if is_run(source) else None


def _picture(trained: "TrainedGenerator") -> bytes:
    """Eight rows of samples; for a conditional generator with a column for each class."""
    from gan.generators.pictures import grid, png, scatter

    if trained.points:
        return png(scatter(trained.sample(1000)))
    columns = trained.num_classes if 1 < trained.num_classes <= MOST_COLUMNS else ROWS
    return png(grid(trained.sample(ROWS * columns), columns=columns, scale=2))

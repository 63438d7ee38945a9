"""`gan export`: a folder with the exported generator or a page that runs it, its bundle, a model card and a picture."""

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
HTML = "html"
PAGE = "a page that runs the generator in any browser, from a double click; it needs no internet connection"
PUBLISH = (
    "To publish the page, upload it as index.html to a host of static files: GitHub Pages, a static Space of Hugging "
    "Face (README.md with sdk: static), or any other."
)
LICENCE = r"[a-z0-9]([a-z0-9.+-]{0,98}[a-z0-9])?"  # the Hub's spelling of licences


def export(
    source: Source,
    to: Annotated[
        str,
        typer.Option(help="onnx, pt2 (torch.export), html (a page that runs it in a browser), or several: onnx,html."),
    ] = "onnx",
    out: Annotated[Path, typer.Option(help="The output folder.")] = Path("export"),
    licence: Annotated[
        str,
        typer.Option(
            "--license",
            "--licence",
            help="Licence of the weights, as on the Hugging Face Hub: apache-2.0, cc0-1.0, …",
        ),
    ] = "unknown",
    weights: Annotated[
        str | None, typer.Option(help="For html: float16, the default, or float32, a file of twice the size.")
    ] = None,
    as_json: AsJson = False,
    force: Force = False,
    trust: Trust = None,
) -> None:
    """Export a generator with a model card.

    ONNX and pt2 are compared with the original in their runtimes.
    """
    from gan.generators.bundle_path import FILE_NAME, find

    formats = _formats(to)
    _check_weights(weights, formats)
    if not re.fullmatch(LICENCE, licence):
        raise GanError(f"--license: {licence!r} given; a name such as apache-2.0, cc-by-sa-4.0 or other expected")
    bundle = find(source)
    _check_free(out, [FILE_NAME, *map(_name, formats), PICTURE, CARD], force=force)
    from gan.generators.bundle import load_generator
    from gan.generators.export import check_packages
    from gan.generators.export import export as exported
    from gan.report.model_card import Card

    others = [kind for kind in formats if kind != HTML]
    for kind in others:
        check_packages(kind)
    trained, run = load_generator(source), _run(source)
    pages = {HTML: _page(trained, run, licence, weights)} if HTML in formats else {}
    made = {kind: exported(trained, kind) for kind in others}
    described = {**_descriptions(made), **{_name(kind): PAGE for kind in pages}}
    files = {FILE_NAME: "the bundle: weights and metadata", **described}
    card = Card(trained, run, licence, files, PICTURE)
    contents = {FILE_NAME: bundle.read_bytes(), **{_name(kind): one.content for kind, one in made.items()}}
    contents |= {_name(kind): page for kind, page in pages.items()}
    contents |= {PICTURE: _picture(trained), CARD: card.text().encode()}
    write_files(out, {out / name: content for name, content in contents.items()}, force=force)
    if as_json:
        print(json.dumps({"out": str(out), "files": list(contents), **_json(made)}))
        return
    for name, text in described.items():
        print(f"{out / name}: {text}")
    print(f"{out / FILE_NAME}, {PICTURE}, and {CARD}, the model card")
    if pages:
        print(PUBLISH)


def _formats(to: str) -> list[str]:
    from gan.generators.export import FORMATS

    formats = [part.strip() for part in to.split(",")]
    for kind in formats:
        if kind not in (*FORMATS, HTML):
            raise GanError(unknown_name("--to", kind, (*FORMATS, HTML)))
    return list(dict.fromkeys(formats))


def _check_weights(weights: str | None, formats: Sequence[str]) -> None:
    from gan.generators.html.weights import WEIGHTS

    if weights is not None and HTML not in formats:
        raise GanError(f"--weights: {weights} given, which needs --to html; --to {','.join(formats)} has float32")
    if weights not in (None, *WEIGHTS):
        raise GanError(unknown_name("--weights", weights, WEIGHTS))


def _page(trained: "TrainedGenerator", run: "Run | None", licence: str, weights: str | None) -> bytes:
    from gan.demo.local_page import local_model, local_page
    from gan.report.model_card import Card

    title = Card(trained, run, licence, {}, PICTURE).title
    return local_page([local_model(title, trained, run, licence)], title, weights or "float16")


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
        _name(kind): f"{kinds[kind]}, for any number of latents; largest difference from the bundle: "
        f"{one.difference:.1g} ({LATENTS:,} latents, {one.runtime})"
        for kind, one in made.items()
    }


def _json(made: "Mapping[str, Exported]") -> dict[str, Any]:
    from gan.generators.export import LATENTS, OPSET, TOLERANCE

    formats: dict[str, dict[str, Any]] = {
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

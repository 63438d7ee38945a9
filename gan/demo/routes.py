"""The routes of the server: two pages, their files, and the JSON and images that they request."""

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template
from threading import Lock
from typing import Any

from werkzeug import Request, Response
from werkzeug.routing import Map, Rule

from gan.demo import run_status
from gan.demo.model import MOST_IMAGES, MOST_SEED, MOST_STEPS, VIEW, Model
from gan.demo.model_cache import ModelCache
from gan.demo.parameters import parse_float, parse_int
from gan.demo.server import as_json
from gan.demo.training_images import TrainingSets
from gan.generators.pictures import Pixels, png
from gan.runs.reading import Run, read_run
from gan.system import shell
from gan.system.errors import GanError, nearest

PAGES = {"/": "demo", "/watch": "watch"}
REPORT_SCRIPTS = ("chart.js",)  # shared with the report
OF_PANELS = ("nearest.js", "served.js", "panel.js")
OF_DEMO = ("elements.js", "requests.js", "address.js", "keys.js", "controls.js", "files.js", *OF_PANELS, "demo.js")
SCRIPTS = (*OF_DEMO, "watch.js", *REPORT_SCRIPTS)
STYLES = ("page.css",)
OF_VIEW = ("model", *VIEW)
NEIGHBOURS = 5
MOST_FPS = 30  # of an animation
Route = Callable[[Request], Response]
# Images are generated one request at a time: several would compete for the same cores, and each would need memory.
_one_at_a_time = Lock()


def routes(models: ModelCache, training_sets: TrainingSets, runs: Sequence[Path]) -> Map:
    """All routes.

    Args:
        models: the models. training_sets: the datasets that they were trained on.
        runs: run folders to watch; the page of a run opens the first one.
    """
    found: dict[str, Route] = {address: page_route(name) for address, name in PAGES.items()}
    found |= {f"/{name}": file_route(name, "text/css; charset=utf-8") for name in STYLES}
    found |= {f"/{name}": file_route(name, "text/javascript; charset=utf-8") for name in SCRIPTS}
    found |= {"/api/pages": _pages(models, runs), **_of_models(models, training_sets), **_of_runs(runs)}
    rules = [Rule(address, methods=["GET"], endpoint=route) for address, route in found.items()]
    return Map([*rules, Rule("/api/models", methods=["POST"], endpoint=_add(models))], merge_slashes=False)


def _pages(models: ModelCache, runs: Sequence[Path]) -> Route:
    return lambda request: as_json({"models": models.names, "runs": [str(run) for run in runs]})


def _of_models(models: ModelCache, training_sets: TrainingSets) -> dict[str, Route]:
    def number(request: Request) -> int:
        return parse_int(request.args, "model", 0, 0, 10**6)

    def model(request: Request) -> Model:
        return models.model(number(request))

    def describe(request: Request) -> Response:
        described = model(request).describe()
        return as_json({**described, "command": shell.command("gan", "sample", models.source(number(request)))})

    def images(request: Request) -> Response:
        asked = model(request)
        with _one_at_a_time:
            return _picture(asked.picture(asked.view(request.args)))

    def end_and_steps(request: Request) -> tuple[int, int]:
        return parse_int(request.args, "to", 1, 0, MOST_SEED), parse_int(request.args, "steps", 24, 1, MOST_STEPS)

    def walk(request: Request) -> Response:
        asked = model(request)
        with _one_at_a_time:
            return _picture(asked.walk(asked.view(request.args), *end_and_steps(request)))

    def animation(request: Request) -> Response:
        asked, fps = model(request), parse_float(request.args, "fps", 14, 1, MOST_FPS)
        with _one_at_a_time:
            content = asked.animation(asked.view(request.args), *end_and_steps(request), fps)
        return Response(content, content_type="image/gif")

    def neighbours(request: Request) -> Response:
        with _one_at_a_time:
            return as_json(_nearest(model(request), request.args, training_sets))

    return {
        "/api/model": _checked(describe, ("model",)),
        "/api/images.png": _checked(images, OF_VIEW),
        "/api/walk.png": _checked(walk, (*OF_VIEW, "to", "steps")),
        "/api/walk.gif": _checked(animation, (*OF_VIEW, "to", "steps", "fps")),
        "/api/nearest": _checked(neighbours, (*OF_VIEW, "index")),
    }


def _checked(route: Route, names: Sequence[str]) -> Route:
    """The route; a parameter with another name is an error, and not ignored."""

    def checked(request: Request) -> Response:
        for name in request.args:
            if name not in names:
                raise GanError(
                    f"{name[:40]}: no such parameter{nearest(name, [*names])} parameters: {', '.join(names)}"
                )
        return route(request)

    return checked


def _add(models: ModelCache) -> Route:
    def add(request: Request) -> Response:
        return as_json({"model": models.add(request.stream, request.args.get("name", "")), "models": models.names})

    return add


def _of_runs(runs: Sequence[Path]) -> dict[str, Route]:
    def run(request: Request) -> Run:
        if not runs:
            raise GanError("run: no run is watched here; gan watch RUN shows one")
        return read_run(runs[parse_int(request.args, "run", 0, 0, len(runs) - 1)])

    def status(request: Request) -> Response:
        return as_json(run_status.status(run(request), time.time()))

    def grid(request: Request) -> Response:
        content = run_status.grid(run(request), parse_int(request.args, "grid", 0, 0, 10**6))
        return Response(content, content_type="image/png")

    return {"/api/run": _checked(status, ("run",)), "/api/grid.png": _checked(grid, ("run", "grid"))}


def _nearest(model: Model, query: Mapping[str, str], training_sets: TrainingSets) -> dict[str, Any]:
    """One image of a picture, and its nearest training images."""
    generator = model.generator
    if generator.points:
        raise GanError("nearest training images: this generator generates 2-D points")
    view = model.view(query)
    image = model.images(view)[parse_int(query, "index", 0, 0, min(view.count, MOST_IMAGES) - 1)]
    training = training_sets.of(generator)
    neighbours = training.nearest(image, NEIGHBOURS)
    return {
        "image": _inline(image),
        "origin": training.origin,
        "usual": training.usual,
        "neighbours": [
            {"image": _inline(one.image), "class": one.class_name, "distance": round(one.distance, 4)}
            for one in neighbours
        ],
    }


def _inline(image: Pixels) -> str:
    return f"data:image/png;base64,{base64.b64encode(png(image)).decode()}"


def _picture(image: Pixels) -> Response:
    return Response(png(image), content_type="image/png")


def page_route(name: str) -> Route:
    """A page: its content in the frame of all pages, page.html."""
    page = Template(_read("page.html").decode()).substitute(name=name, content=_read(f"{name}.html").decode())
    return lambda request: Response(page, content_type="text/html; charset=utf-8")


def file_route(name: str, kind: str) -> Route:
    """A script or a style of the pages."""
    content = _read(name)
    return lambda request: Response(content, content_type=kind)


def _read(name: str) -> bytes:
    place = resources.files("gan.report") if name in REPORT_SCRIPTS else resources.files("gan.demo") / "pages"
    return (place / name).read_bytes()

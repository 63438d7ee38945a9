"""The demo's page with its generators inside: one HTML file that needs no server, internet connection or installation.

The controls, panels and styles are those of `gan demo`. What they ask the server for is made in the page:
local_requests.js stands in the place of requests.js, and a worker runs the layers of `gan.generators.html`.
"""

import base64
import hashlib
import json
import math
import re
from collections.abc import Sequence
from html import escape
from importlib import resources
from string import Template
from typing import Any, NamedTuple

from gan.demo.compact import compact
from gan.demo.model import Model
from gan.game.latents import cluster_edges
from gan.generators.bundle_path import FILE_NAME
from gan.generators.html.layers import Layers
from gan.generators.html.weights import encoded
from gan.generators.trained_generator import TrainedGenerator
from gan.report.model_card import Card
from gan.runs.reading import Run

OF_CONTROLS = ("elements.js", "local_requests.js", "address.js", "keys.js", "controls.js")
SCRIPTS = (*OF_CONTROLS, "local_nearest.js", "panel.js", "local.js", "demo.js")
WORKER = ("layers.js", "latents.js", "worker.js")
MOST_SHOWN = 100  # images of a picture
MOST_PIXELS = 2**23  # of all frames of a part of a walk, which stand in one canvas
ROUNDED = 5  # decimals of directions
ONLY_SERVED = "/* Only for pages with a server"  # where the rest of page.css begins
# Nothing is loaded; the worker comes from a blob, pictures are saved from one.
POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'sha256-{}'; worker-src blob:; "
    "base-uri 'none'; form-action 'none'"
)


class LocalModel(NamedTuple):
    """A generator of a page.

    Attributes:
        model: the generator with its sliders.
        card: its model card, Markdown without a header.
    """

    model: Model
    card: str


def local_model(name: str, trained: TrainedGenerator, run: Run | None = None, licence: str = "unknown") -> LocalModel:
    """A generator of a page, with the model card of `gan export`.

    Args:
        name: its name on the page.
        run: its run folder, whose facts the card has too; None if only a bundle was given.
        licence: licence of the weights, in the Hub's spelling.
    """
    _, _, card = Card(trained, run, licence, {FILE_NAME: "the original"}, picture="").text().partition("---\n\n")
    made_from = f"{FILE_NAME}, sha256 {trained.metadata.get('sha256', '?')}"
    return LocalModel(Model(name, trained), f"{card}\n## Source file\n\n{made_from}\n")


def local_page(models: Sequence[LocalModel], title: str, weights: str = "float16") -> bytes:
    """The page, HTML in UTF-8.

    Args:
        models: one generator or several, shown side by side.
        weights: "float16" or "float32": how they stand in the page.

    Raises:
        GanError: a network has an operation that the page cannot run, or generates 2-D points.
    """
    pages = resources.files("gan.demo") / "pages"
    html = resources.files("gan.generators.html")
    script = "".join(compact(_without_imports((pages / name).read_text(encoding="utf-8"))) for name in SCRIPTS)
    described = (in_script(_describe(one, weights)) for one in models)
    page = Template((pages / "local.html").read_text(encoding="utf-8")).substitute(
        policy=escape(POLICY.format(_sha256(f"\n{script}"))),
        title=escape(title),
        style=compact((pages / "page.css").read_text(encoding="utf-8").partition(ONLY_SERVED)[0]),
        content=_only_local((pages / "demo.html").read_text(encoding="utf-8")),
        models="\n".join(f'<script type="application/json" class="model">{text}</script>' for text in described),
        worker="".join(compact((html / name).read_text(encoding="utf-8")) for name in WORKER),
        script=script,
    )
    return page.encode()


def in_script(value: object) -> str:
    """JSON that cannot end a script element."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", r"\u003c")


def _describe(one: LocalModel, weights: str) -> dict[str, Any]:
    """The answer of /api/model, the model card, and the data for worker.js."""
    model, trained = one.model, one.model.generator
    prior, layers = trained.prior, Layers(trained)
    described = model.describe()
    described["most"] = {
        "images": min(MOST_SHOWN, model.most_images),
        "walked": min(model.most_walked, MOST_PIXELS // math.prod(trained.image_shape[1:])),
    }
    generator = {
        "layers": layers.layers,
        **encoded(layers.tensors, weights),
        "mean": trained.metadata["mean"],
        "std": trained.metadata["std"],
        "directions": [[round(x, ROUNDED) for x in direction] for direction in model.directions.tolist()],
        "prior": {
            "name": prior.name,
            "latent_dim": prior.latent_dim,
            "categorical": list(prior.categorical),
            "continuous": prior.continuous,
            "edges": cluster_edges(prior.shares),
        },
    }
    return {**described, "local": True, "card": one.card, "generator": generator}


def _only_local(content: str) -> str:
    """The content of the demo's page without what needs a server."""
    return "".join(line.strip() for line in content.splitlines() if "data-served" not in line)


def _without_imports(script: str) -> str:
    """A module as a part of one script."""
    return re.sub(r"^export (?=\w)", "", re.sub(r"^import .*;\n", "", script, flags=re.MULTILINE), flags=re.MULTILINE)


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

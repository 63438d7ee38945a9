"""The page of a generator: one HTML file that needs no network."""

import base64
import json
from html import escape
from importlib import resources
from string import Template
from typing import Any

from gan.generators.html.layers import Layers
from gan.generators.html.weights import packed
from gan.generators.latent_directions import CODE_REACH, principal_directions
from gan.generators.trained_generator import TrainedGenerator
from gan.system.errors import GanError

# Nothing is loaded; the worker comes from a blob.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline' blob:; worker-src blob:"
)
SLIDERS, REACH = 6, 3.0


def html_file(trained: TrainedGenerator, card: str, title: str, weights: str = "float16") -> bytes:
    """The page, in UTF-8.

    Args:
        card: the model card's text, which is shown as it is.
        weights: "float16" or "float32".

    Raises:
        GanError: the network has an operation that the page cannot run.
    """
    parts = resources.files("gan.generators.html")
    style = (resources.files("gan.demo") / "pages" / "page.css").read_text() + (parts / "page.css").read_text()
    model = {**description(trained, weights), "card": card, "summary": _summary(trained), "sliders": _sliders(trained)}
    return (
        Template((parts / "page.html").read_text())
        .substitute(
            policy=escape(POLICY),
            title=escape(title),
            style=style,
            model=in_script(model),
            layers=(parts / "layers.js").read_text(),
            worker=(parts / "worker.js").read_text(),
            script=(parts / "page.js").read_text(),
        )
        .encode()
    )


def description(trained: TrainedGenerator, weights: str = "float16") -> dict[str, Any]:
    """What `layers.js` needs to run a generator."""
    made = Layers(trained)
    places, content = packed(made.tensors, weights)
    prior = trained.prior
    return {
        "layers": made.layers,
        "places": places,
        "weights": base64.b64encode(content).decode(),
        "mean": trained.metadata["mean"],
        "std": trained.metadata["std"],
        "image_shape": list(trained.image_shape),
        "num_classes": trained.num_classes,
        "class_names": list(trained.class_names),
        "prior": {
            "name": prior.name,
            "latent_dim": prior.latent_dim,
            "categorical": list(prior.categorical),
            "continuous": prior.continuous,
        },
    }


def in_script(value: object) -> str:
    """JSON that cannot end a script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", r"\u003c")


def _summary(trained: TrainedGenerator) -> str:
    return repr(trained).strip("<>") + ". It runs in this browser; nothing is loaded or sent."


def _sliders(trained: TrainedGenerator) -> list[dict[str, Any]]:
    """Directions in z: the first principal ones, and continuous codes."""
    prior = trained.prior
    try:
        vectors = principal_directions(trained.generator, prior)[:SLIDERS].tolist()
    except GanError:  # its first layer is not linear
        vectors = []
    reach = REACH if prior.name == "normal" else 1.0
    rows = [
        {"name": f"principal {1 + i}", "reach": reach, "direction": [round(x, 5) for x in vector]}
        for i, vector in enumerate(vectors)
    ]
    first = prior.width - prior.continuous
    for code in range(prior.continuous):
        direction = [0.0] * (first + code) + [1.0]
        rows.append({"name": f"code {1 + code}", "reach": CODE_REACH, "direction": direction})
    return rows

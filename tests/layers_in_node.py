"""The layers of an exported page run in Node: what it takes, and why a test is skipped where it is not there."""

import json
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gan.generators.html.layers import Layers
from gan.generators.html.weights import encoded

NODE = shutil.which("node")
IN_NODE = pytest.mark.skipif(NODE is None, reason="no node on the PATH (apt install nodejs)")
SCRIPTS = Path(str(resources.files("gan.generators.html")))
RUN = Path(__file__).parent / "run_layers.js"


def node(code: str, *scripts: str) -> Any:
    """What code after scripts of the page prints, which is JSON."""
    assert NODE is not None
    program = "\n".join([*((SCRIPTS / name).read_text() for name in scripts), code])
    return json.loads(subprocess.run([NODE], input=program, capture_output=True, text=True, check=True).stdout)


def run_in_node(
    layers: Layers, z: Tensor, labels: Tensor | None = None, weights: str = "float32", times: int = 1
) -> tuple[Tensor, list[float]]:
    """What the layers make of latents (N, width), (N, *shape), and the processor's milliseconds of each time."""
    given: dict[str, Any] = {"layers": layers.layers, **encoded(layers.tensors, weights), "times": times}
    given |= {"z": z.tolist(), "labels": None if labels is None else labels.tolist()}
    assert NODE is not None
    done = subprocess.run(
        [NODE, RUN, SCRIPTS / "layers.js"], input=json.dumps(given), capture_output=True, text=True, check=True
    )
    made = json.loads(done.stdout)
    return torch.tensor(made["outputs"]).view(len(z), *layers.layers[-1]["shape"]), made["ms"]

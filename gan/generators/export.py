"""Export of a trained generator to ONNX or torch.export's .pt2, compared with the original.

The exported model takes z, float32 (N, prior.width), and for a conditional generator labels, int64 (N,); N is dynamic.
It returns images, float32 (N, C, H, W) in [0, 1]: ``(255 * images).round()`` are the pixels of
`TrainedGenerator.decode`. Points of the plane have the units of their data.
"""

import importlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gan.game.networks import GENERATORS
from gan.game.networks.adapting import generate
from gan.generators.trained_generator import TrainedGenerator
from gan.system.errors import GanError

FORMATS = ("onnx", "pt2")
OPSET = 18  # of ONNX, the first that torch's exporter writes without conversion
TOLERANCE = 1e-5  # in the units of the output, [0, 1]
LATENTS = 1000  # number of compared latents
BATCHES = (1, 99, 900)  # sizes of the compared batches: N is dynamic
METADATA = "gan"  # the key of the bundle's metadata, as JSON, in the exported file


class Exported(NamedTuple):
    """The content of an exported file, and the largest difference of a value from the original in its runtime."""

    content: bytes
    difference: float
    runtime: str


class PixelGenerator(nn.Module):
    """A generator followed by the denormalisation of its output."""

    def __init__(self, trained: TrainedGenerator) -> None:
        super().__init__()
        self.network = trained.generator
        self.mean, self.std = trained.metadata["mean"], trained.metadata["std"]
        self.clamped = not trained.points

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """z (N, prior.width), labels int64 (N,) -> (N, C, H, W); see the module's docstring."""
        units = generate(self.network, z, labels) * self.std + self.mean
        return units.clamp(0, 1) if self.clamped else units


def export(trained: TrainedGenerator, kind: str) -> Exported:
    """Export a generator on the CPU, load it in its runtime, and compare the outputs for `LATENTS` latents.

    Args:
        kind: one of `FORMATS`.

    Raises:
        GanError: the difference from the original exceeds `TOLERANCE`.
    """
    wanted = _inputs(trained)
    model = PixelGenerator(trained).eval()
    with torch.no_grad():
        expected = torch.cat([model(*batch) for batch in _batches(wanted)])
    with _quietly():
        content = _exported(kind, model, tuple(x[:3].clone() for x in wanted), trained)
        found, runtime = (_by_onnxruntime if kind == "onnx" else _by_torch)(content, wanted)
    difference = float((found - expected).abs().max())
    if not difference <= TOLERANCE:  # also for NaN
        raise GanError(
            f"{kind}: the exported generator differs by up to {difference:.3g} from the original over {LATENTS:,} "
            f"latents, in {runtime}; at most {TOLERANCE:g} is allowed, so nothing was written"
        )
    return Exported(content, difference, runtime)


def _exported(kind: str, model: nn.Module, example: tuple[Tensor, ...], trained: TrainedGenerator) -> bytes:
    try:
        return (_onnx if kind == "onnx" else _pt2)(model, example, _metadata(trained))
    except Exception as error:
        if trained.metadata["family"] in GENERATORS:
            raise
        reason = next((line for line in str(error).splitlines() if line.strip()), "")[:200]
        raise GanError(
            f"{kind}: torch.export cannot export {trained.metadata['family']}: {type(error).__name__}: {reason} The "
            "number of images must stay variable: use z.shape[0] or -1, not len(z), and no conditions on values"
        ) from error


def check_packages(kind: str) -> None:
    """Raise GanError if a package that the format needs is not installed."""
    for package in ("onnx", "onnxscript", "onnxruntime") if kind == "onnx" else ():
        try:
            importlib.import_module(package)
        except ImportError:
            raise GanError(
                f"onnx: the package {package} is not installed: pip install onnx onnxscript onnxruntime; --to pt2 "
                "needs no other package"
            ) from None


def _inputs(trained: TrainedGenerator) -> tuple[Tensor, ...]:
    """Latents and, for a conditional generator, all classes in turn."""
    labels = trained.labels(None, LATENTS)
    z = trained.latents(LATENTS, seed=0)
    return (z,) if labels is None else (z, labels)


def _batches(inputs: tuple[Tensor, ...]) -> Iterator[tuple[Tensor, ...]]:
    return zip(*(x.split(BATCHES) for x in inputs), strict=True)


def _metadata(trained: TrainedGenerator) -> str:
    return json.dumps(trained.metadata, sort_keys=True)


def _exported_program(model: nn.Module, example: tuple[Tensor, ...]) -> torch.export.ExportedProgram:
    program = torch.export.export(model, example, dynamic_shapes=_dynamic_shapes(example))
    for node in program.graph.nodes:  # file names and code of this machine, a quarter of a small file
        node.meta.pop("stack_trace", None)
    return program


def _dynamic_shapes(example: tuple[Tensor, ...]) -> tuple[dict[int, Any], ...]:
    """The first axis of each input is dynamic."""
    number = torch.export.Dim("N", min=1)
    return tuple({0: number} for _ in example)


def _onnx(model: nn.Module, example: tuple[Tensor, ...], metadata: str) -> bytes:
    names = ["z", "labels"][: len(example)]
    program = torch.onnx.export(
        _exported_program(model, example),
        input_names=names,
        output_names=["images"],
        dynamic_shapes=_dynamic_shapes(example),  # for the axis's name
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    made = program.model_proto
    made.metadata_props.add(key=METADATA, value=metadata)
    return bytes(made.SerializeToString(deterministic=True))


def _pt2(model: nn.Module, example: tuple[Tensor, ...], metadata: str) -> bytes:
    buffer = io.BytesIO()
    torch.export.save(_exported_program(model, example), buffer, extra_files={METADATA: metadata})
    return buffer.getvalue()


def _by_onnxruntime(content: bytes, inputs: tuple[Tensor, ...]) -> tuple[Tensor, str]:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    images = [
        session.run(None, {name: x.numpy() for name, x in zip(names, batch, strict=True)})[0]
        for batch in _batches(inputs)
    ]
    return torch.cat([torch.tensor(image) for image in images]), f"onnxruntime {onnxruntime.__version__}"


def _by_torch(content: bytes, inputs: tuple[Tensor, ...]) -> tuple[Tensor, str]:
    loaded = torch.export.load(io.BytesIO(content)).module()
    with torch.no_grad():
        return torch.cat([loaded(*batch) for batch in _batches(inputs)]), f"torch {torch.__version__}"


@contextmanager
def _quietly() -> Iterator[None]:
    """Suppress the warnings of the exporters, which are not useful to users; exceptions pass."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)

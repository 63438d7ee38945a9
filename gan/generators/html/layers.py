"""A generator as a list of layers that `layers.js` runs, made from the module itself by torch.export.

The list is for one image: shapes have no axis for the batch. A layer is ``{"op", "in", "shape", …}``; its inputs are
numbers of values: 0 is z, 1 the label of a conditional generator, and each layer adds one. A weight is the number of a
tensor. Batch normalisation becomes a scale and a shift.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

from gan.generators.trained_generator import TrainedGenerator
from gan.system.errors import GanError

REFUSED = "`gan export RUN --to onnx` (or pt2) writes a file for other programs"


class Untranslatable(Exception):
    """An operation that the page cannot run; its text says which."""


class Layers:
    """The layers of a generator.

    Attributes:
        layers: see the module's docstring.
        tensors: the weights, float32, on the CPU.
    """

    def __init__(self, trained: TrainedGenerator) -> None:
        """Raises GanError if the network has an operation that the page cannot run."""
        self.layers: list[dict[str, Any]] = []
        self.tensors: list[Tensor] = []
        self._values: dict[Node, int] = {}
        self._constants: dict[Node, Tensor] = {}
        self._inputs = 2 if trained.conditional else 1
        if trained.points:
            raise GanError(f"html: this generator generates 2-D points, and the page shows images; {REFUSED}")
        try:
            self._translate(trained)
        except Untranslatable as error:
            family = trained.metadata["family"]
            raise GanError(f"html: the network {family} has {error}, which the page cannot run; {REFUSED}") from error

    def _translate(self, trained: TrainedGenerator) -> None:
        z = torch.zeros(1, trained.prior.width)
        inputs = (z, torch.zeros(1, dtype=torch.int64)) if trained.conditional else (z,)
        try:
            program = torch.export.export(trained.generator, inputs).run_decompositions({})
        except Exception as error:  # any error of a network that torch.export does not understand
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise Untranslatable(f"a forward that torch.export does not translate ({reason})") from error
        known = {**program.state_dict, **program.constants}
        names = {**program.graph_signature.inputs_to_parameters, **program.graph_signature.inputs_to_buffers}
        names |= program.graph_signature.inputs_to_lifted_tensor_constants
        for node in program.graph.nodes:
            if node.op == "placeholder" and node.name in names:
                self._constants[node] = known[names[node.name]].detach().cpu()
            elif node.op == "placeholder":
                self._values[node] = len(self._values)
            elif node.op == "call_function" and node.users:
                self._add(node)
        output = program.graph.output_node().args[0][-1]
        if self._values.get(output) != self._inputs + len(self.layers) - 1:
            raise Untranslatable("an output that is not its last layer")
        if self.layers[-1]["shape"] != list(trained.image_shape):
            raise Untranslatable("images of another shape than in its metadata")

    def _add(self, node: Node) -> None:
        source: Any = node.args[0]
        if node.target is operator.getitem and node.args[1] == 0:  # the first of several results
            self._values[node] = self._values[source]
            return
        name = str(node.target).removeprefix("aten.").split(".")[0]
        if name not in OPERATIONS:
            raise Untranslatable(f"the operation {node.target}")
        OPERATIONS[name](self, node, name)

    def argument(self, node: Node, index: int, default: Any = None) -> Any:
        """An argument of a node by position, as torch's schema has them."""
        operation: Any = node.target
        schema = operation._schema.arguments[index]
        if schema.name in node.kwargs:
            return node.kwargs[schema.name]
        if index < len(node.args):
            return node.args[index]
        return schema.default_value if schema.has_default_value() else default

    def constant(self, node: Node, index: int) -> Tensor | None:
        found = self.argument(node, index)
        if found is None:
            return None
        if found not in self._constants:
            raise Untranslatable(f"weights that depend on its input ({node.target})")
        return self._constants[found]

    def weight(self, tensor: Tensor | None) -> int | None:
        """The number of a tensor, which is added."""
        if tensor is None:
            return None
        self.tensors.append(tensor.detach().float().contiguous())
        return len(self.tensors) - 1

    def emit(self, node: Node, op: str, inputs: list[Any], **more: Any) -> None:
        """Add a layer; inputs are nodes, or numbers, or constants."""
        shape = list(_value(node).shape)
        if shape[:1] != [1]:
            raise Untranslatable(f"an operation across images ({node.target})")
        numbers = [self._input(each) for each in inputs]
        self.layers.append({"op": op, "in": numbers, "shape": shape[1:], **more})
        self._values[node] = self._inputs + len(self.layers) - 1

    def _input(self, given: Any) -> int:
        if isinstance(given, Node) and given in self._values:
            return self._values[given]
        constant = self._constants[given] if isinstance(given, Node) else torch.tensor(float(given))
        shape = list(constant.shape)
        self.layers.append({"op": "constant", "in": [], "shape": shape, "weight": self.weight(constant)})
        number = self._inputs + len(self.layers) - 1
        if isinstance(given, Node):
            self._values[given] = number
        return number


def _value(node: Node) -> Tensor:
    found = node.meta["val"]
    return found[0] if isinstance(found, tuple | list) else found


def _only(wanted: bool, what: str) -> None:
    if not wanted:
        raise Untranslatable(what)


def _linear(made: Layers, node: Node, _: str) -> None:
    weight, bias = made.constant(node, 1), made.constant(node, 2)
    _only(_value(node).dim() == 2, "a linear layer on maps")
    made.emit(node, "linear", [node.args[0]], weight=made.weight(weight), bias=made.weight(bias))


def _product(made: Layers, node: Node, _: str) -> None:
    """A product with weights on its right, as of one-hot clusters with their embeddings."""
    weight = made.constant(node, 1)
    _only(weight is not None and weight.dim() == 2 and _value(node).dim() == 2, "a product of maps")
    assert weight is not None
    made.emit(node, "linear", [node.args[0]], weight=made.weight(weight.T), bias=None)


def _pair(given: Any) -> tuple[int, int]:
    values = [given] if isinstance(given, int) else list(given)
    _only(len(values) <= 2 and len(set(values)) == 1, "a convolution with unequal sides")
    return values[0], values[-1]


def _convolution(made: Layers, node: Node, name: str) -> None:
    weight, bias = made.constant(node, 1), made.constant(node, 2)
    assert weight is not None
    transposed = name == "conv_transpose2d"
    stride, padding = _pair(made.argument(node, 3))[0], made.argument(node, 4)
    _only(not isinstance(padding, str), "a convolution with named padding")
    groups = made.argument(node, 6)
    dilation = made.argument(node, 7 if transposed else 5)
    _only(_pair(dilation)[0] == 1, "a dilated convolution")
    _only(weight.dim() == 4 and weight.shape[2] == weight.shape[3], "a convolution of unequal sides")
    _only(not transposed or groups == 1, "a grouped transposed convolution")
    kernel = weight.shape[2]
    rows = weight.flatten(1).T if transposed else weight.flatten(1)  # rows of a matrix product with the input
    made.emit(
        node,
        name,
        [node.args[0]],
        weight=made.weight(rows),
        bias=made.weight(bias),
        kernel=kernel,
        stride=stride,
        padding=_pair(padding)[0],
        groups=groups,
    )


def _batch_norm(made: Layers, node: Node, name: str) -> None:
    weight, bias = made.constant(node, 1), made.constant(node, 2)
    mean, variance = made.constant(node, 3), made.constant(node, 4)
    _only(mean is not None and variance is not None, "batch normalisation without running statistics")
    assert mean is not None and variance is not None
    training = name == "batch_norm" and made.argument(node, 5)
    _only(not training, "batch normalisation by the batch")
    epsilon = made.argument(node, 7 if name == "batch_norm" else 6)
    scale = (_float64(variance) + epsilon).rsqrt() * (1 if weight is None else _float64(weight))
    shift = (0 if bias is None else _float64(bias)) - _float64(mean) * scale
    made.emit(node, "affine", [node.args[0]], scale=made.weight(scale), shift=made.weight(shift))


def _float64(tensor: Tensor) -> Tensor:
    return tensor.cpu().double()


def _norm(made: Layers, node: Node, name: str) -> None:
    channels = _value(node).shape[1]
    at = {"instance_norm": (None, 1, 2, 7), "group_norm": (1, 2, 3, 4), "layer_norm": (None, 2, 3, 4)}[name]
    groups = channels if name == "instance_norm" else made.argument(node, at[0]) if at[0] else 1
    if name == "instance_norm":
        _only(bool(made.argument(node, 5)), "instance normalisation with running statistics")
    if name == "layer_norm":
        _only(len(made.argument(node, 1)) == _value(node).dim() - 1, "layer normalisation of a part of the axes")
    weight, bias = made.constant(node, at[1]), made.constant(node, at[2])
    epsilon = made.argument(node, at[3])
    numbers = {"scale": made.weight(weight), "shift": made.weight(bias)}
    made.emit(node, "norm", [node.args[0]], groups=groups, epsilon=epsilon, **numbers)


def _activation(made: Layers, node: Node, name: str) -> None:
    slope = made.argument(node, 1) if name == "leaky_relu" else 0
    made.emit(node, "leaky_relu" if "relu" in name else name, [node.args[0]], slope=slope)


def _arithmetic(made: Layers, node: Node, name: str) -> None:
    _only(name == "mul" or made.argument(node, 2) == 1, f"{name} with a factor")
    shapes = [list(_value(each).shape) for each in node.args if isinstance(each, Node) and each in made._values]
    _only(all(len(shape) == _value(node).dim() for shape in shapes), f"{name} of different numbers of axes")
    for each in node.args:
        if isinstance(each, Node) and each in made._constants and each not in made._values:
            tensor = made._constants[each]
            if tensor.dim() == _value(node).dim():
                _only(len(tensor) == 1, "weights for each image")
                made._constants[each] = tensor[0]
    made.emit(node, name, list(node.args[:2]))


def _upsample(made: Layers, node: Node, name: str) -> None:
    if "bilinear" in name:
        _only(not made.argument(node, 2), "bilinear up-sampling with align_corners")
    made.emit(node, "bilinear" if "bilinear" in name else "nearest", [node.args[0]])


def _reshape(made: Layers, node: Node, _: str) -> None:
    made.emit(node, "reshape", [node.args[0]])


def _concatenate(made: Layers, node: Node, _: str) -> None:
    parts: Any = node.args[0]
    _only(made.argument(node, 1) % _value(node).dim() == 1, "a concatenation along another axis than the channels")
    made.emit(node, "cat", list(parts))


def _embedding(made: Layers, node: Node, _: str) -> None:
    table = made.constant(node, 0)
    made.emit(node, "embedding", [node.args[1]], weight=made.weight(table))


def _slice(made: Layers, node: Node, _: str) -> None:
    """All of an axis, or channels from one to another."""
    source: Any = node.args[0]
    axis, start, step = (made.argument(node, index) for index in (1, 2, 4))
    before, after = _value(source).shape, _value(node).shape
    if before == after:
        return _reshape(made, node, _)
    _only(axis == 1 and step in (None, 1), "a slice of another axis than the channels")
    first = (start or 0) % before[1] if (start or 0) < 0 else start or 0
    made.emit(node, "slice", [source], start=first * math.prod(after[2:]))
    return None


Operation = Callable[[Layers, Node, str], None]
OPERATIONS: dict[str, Operation] = {
    "linear": _linear,
    **dict.fromkeys(("matmul", "mm"), _product),
    **dict.fromkeys(("conv2d", "conv_transpose2d"), _convolution),
    **dict.fromkeys(("batch_norm", "_native_batch_norm_legit_no_training"), _batch_norm),
    **dict.fromkeys(("instance_norm", "group_norm", "layer_norm"), _norm),
    **dict.fromkeys(("relu", "leaky_relu", "tanh", "sigmoid"), _activation),
    **dict.fromkeys(("relu_", "leaky_relu_"), _activation),
    **dict.fromkeys(("add", "mul"), _arithmetic),
    **dict.fromkeys(("upsample_nearest2d", "upsample_bilinear2d"), _upsample),
    **dict.fromkeys(("view", "reshape", "unsqueeze", "squeeze", "flatten", "clone", "dropout", "alias"), _reshape),
    **dict.fromkeys(("_unsafe_view", "unflatten", "contiguous", "detach"), _reshape),
    "cat": _concatenate,
    "embedding": _embedding,
    "slice": _slice,
}

"""The updates of a game, each compiled: its loss and all gradients as one graph.

A graph is traced from `Game.discriminator_loss` or `Game.generator_loss` and their backward pass, so there is no second
copy of the mathematics. The tensors of the game are its inputs; batch statistics are changed in place, as in the eager
update. Random numbers are drawn by the same operations in the same order, before the graph runs: the compiler would
change their order. The optimizer's step is outside.
"""

import contextlib
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gan.system.errors import ConfigError
from gan.system.files import user_cache

CUDA_GRAPHS = "triton.cudagraphs"  # an option of torch's inductor
Game = Any  # `gan.game.updates.Game`, which imports this file


class Recorder:
    """Stands for `GameStatistics` while an update is traced: keeps what is added, so that it can be added again."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], int, float]] = []  # method, names, tensors, weight
        self.tensors: list[Tensor] = []

    def add_discriminator(self, d_loss: Tensor, real_logits: Tensor, fake_logits: Tensor, weight: float = 1.0) -> None:
        self._keep("add_discriminator", (), (d_loss, real_logits, fake_logits), weight)

    def add_generator(self, g_loss: Tensor, weight: float = 1.0) -> None:
        self._keep("add_generator", (), (g_loss,), weight)

    def add(self, name: str, scalar: Tensor, weight: float = 1.0) -> None:
        self._keep("add", (name,), (scalar,), weight)

    def _keep(self, method: str, names: tuple[str, ...], tensors: Sequence[Tensor], weight: float) -> None:
        self.calls.append((method, names, len(tensors), weight))
        self.tensors += [tensor.detach() for tensor in tensors]


class Graph(NamedTuple):
    """A compiled update.

    Attributes:
        run: tensors of the game, real, labels, latents, random tensors -> statistics, then gradients.
        tensors: of the game, as they are in ``run``'s arguments.
        calls: what the statistics are: see `Recorder`.
        draws: what draws the random tensors, in order.
        trained: the parameters that the gradients are for.
    """

    run: Callable[..., Sequence[Tensor]]
    tensors: list[Tensor]
    calls: list[tuple[str, tuple[Any, ...], int, float]]
    draws: list[Callable[[], Tensor]]
    trained: list[nn.Parameter]


class CompiledUpdates:
    """The compiled updates of a game, each compiled when it is first needed.

    Args:
        rows: real images of a full minibatch of this process. Others, as the last of an epoch, are left to the eager
            update: they would take another compilation.
        cuda_graphs: also record each update as a CUDA graph, which the GPU replays without launching single kernels.
            This has not been run on a GPU yet.
    """

    def __init__(self, rows: int, *, cuda_graphs: bool = False) -> None:
        self.rows = rows
        self.cuda_graphs = cuda_graphs
        self._graphs: dict[tuple[Any, ...], Graph] = {}

    def can_take(self, real: Tensor, weight: float) -> bool:
        """Whether these images, the fraction ``weight`` of a minibatch, are of a full one."""
        return round(len(real) / weight) == self.rows

    def add_gradients(self, game: Game, network: str, real: Tensor, labels: Tensor, z: Tensor, weight: float) -> None:
        """Add the gradients of a network's loss on these images to those of its parameters, and its statistics.

        Raises:
            ConfigError: the update cannot be compiled.
        """
        inputs = (real, labels, z)
        key = (network, len(real), weight, network == "discriminator" and _penalty_is_due(game))
        device, autocasts = real.device.type, torch.is_autocast_enabled(real.device.type)
        without_autocast = torch.autocast(device, enabled=False) if autocasts else contextlib.nullcontext()
        with torch.no_grad(), without_autocast:  # a graph has the casts in it
            if key not in self._graphs:
                autocast = torch.autocast(device, dtype=torch.get_autocast_dtype(device), enabled=autocasts)
                options = _options(real.device, self.cuda_graphs)
                self._graphs[key] = _compiled(game, network, inputs, weight, autocast, options)
            graph = self._graphs[key]
            if self.cuda_graphs:
                torch.compiler.cudagraph_mark_step_begin()  # what earlier runs returned may be overwritten
            outputs = graph.run(*graph.tensors, *inputs, *(draw() for draw in graph.draws))
            if self.cuda_graphs:
                outputs = [output.clone() for output in outputs]  # the next run writes to the same memory
            first = _replay(graph.calls, outputs, game.record)
            for parameter, gradient in zip(graph.trained, outputs[first:], strict=True):
                if parameter.grad is not None:
                    parameter.grad.add_(gradient)
                elif gradient.stride() == parameter.stride():
                    parameter.grad = gradient
                else:  # fused optimizers take both for equally laid out
                    parameter.grad = torch.empty_like(parameter).copy_(gradient)


def _penalty_is_due(game: Game) -> bool:
    return game.penalty is not None and game.penalty.due(game.d_updates)


def _replay(calls: Sequence[tuple[str, tuple[Any, ...], int, float]], tensors: Sequence[Tensor], record: Any) -> int:
    """Add the statistics of a graph to a game's; gives the number of tensors that they took."""
    first = 0
    for method, names, count, weight in calls:
        getattr(record, method)(*names, *tensors[first : first + count], weight)
        first += count
    return first


def _compiled(
    game: Game,
    network: str,
    inputs: Sequence[Tensor],
    weight: float,
    autocast: torch.autocast,
    options: Mapping[str, Any],
) -> Graph:
    """Trace and compile an update of a game.

    Raises:
        ConfigError: it cannot be compiled: it depends on the values of tensors, for example.
    """
    named = _tensors(game)
    tensors = [tensor.detach() for tensor in named.values()]
    trained = [parameter for parameter in getattr(game, network).parameters() if parameter.requires_grad]
    at = [next(i for i, tensor in enumerate(named.values()) if tensor is parameter) for parameter in trained]
    recorder = Recorder()

    def update(*given: Tensor) -> list[Tensor]:
        held = [tensor.detach() for tensor in given[: len(tensors)]]
        for index in at:
            held[index].requires_grad_()
        recorder.calls.clear()
        recorder.tensors.clear()
        with autocast:
            loss = torch.func.functional_call(
                _Loss(game, network, recorder), dict(zip(named, held, strict=True)), (*given[len(tensors) :], weight)
            )
        gradients = torch.autograd.grad(loss, [held[index] for index in at])
        return [*recorder.tensors, *gradients]

    try:
        run, draws = _traced_and_compiled(
            update, [*tensors, *(given.detach() for given in inputs)], len(tensors), options
        )
    except Exception as error:  # of the tracing, the compiler, or a version of torch without one of its private parts
        raise ConfigError(
            f"model.compile given, and the {network}'s update cannot be compiled: "
            f"{type(error).__name__}: {' '.join(str(error).split())[:300]}; model.compile=false expected"
        ) from error
    return Graph(run, tensors, list(recorder.calls), draws, trained)


def _traced_and_compiled(
    update: Callable[..., list[Tensor]], arguments: Sequence[Tensor], fixed: int, options: Mapping[str, Any]
) -> tuple[Callable[..., Sequence[Tensor]], list[Callable[[], Tensor]]]:
    """The compiled function, which takes its random tensors after the arguments, and what draws these.

    The first ``fixed`` arguments stay where they are in memory.
    """
    from torch._guards import TracingContext, tracing
    from torch._inductor.compile_fx import compile_fx, compile_fx_inner  # here: it takes seconds
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.proxy_tensor import make_fx
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    _set_up_compiler()
    device = arguments[-1].device
    # The numbers that tracing draws must not be missing in the run.
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        warnings.simplefilter("ignore")  # of the compiler, about what this machine has not
        with torch.enable_grad():
            graph = make_fx(update, {torch.ops.aten.native_dropout.default: _dropout})(*(x.clone() for x in arguments))
        draws = _without_draws(graph)
        # Without an environment for symbolic shapes, although there are none, torch keeps nothing in its cache.
        shapes = FakeTensorMode(shape_env=ShapeEnv())
        examples: list[Any] = [
            shapes.from_tensor(each, static_shapes=True) for each in (*arguments, *(draw() for draw in draws))
        ]

        def compile_inner(module: torch.fx.GraphModule, inputs: Sequence[Any], **settings: Any) -> Any:
            """Say which inputs a CUDA graph may read and change in place; torch knows only those of its own tracer.

            Without it, all weights would be copied in each replay, and batch statistics could not be changed.
            """
            lifted = len(inputs) - len(examples)  # constants, which come first
            return compile_fx_inner(module, inputs, **{**settings, "static_input_idxs": list(range(lifted + fixed))})

        inner: dict[str, Any] = {"inner_compile": compile_inner} if options.get(CUDA_GRAPHS) else {}
        with tracing(TracingContext(shapes)):
            compiled: Any = compile_fx(graph, examples, config_patches=dict(options), **inner)
        return compiled, draws


def _dropout(x: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """Dropout and its mask, from a random tensor: on a GPU it is one operation, whose numbers depend on ``x``."""
    if train is False or p == 0:
        return x.clone(), torch.ones_like(x, dtype=torch.bool)
    kept = torch.rand_like(x) >= p
    return x * kept / (1 - p), kept


def _without_draws(module: torch.fx.GraphModule) -> list[Callable[[], Tensor]]:
    """Make arguments of a graph's random tensors; gives what draws them, in the order of the arguments.

    Raises:
        ValueError: random numbers that depend on the values of a tensor, such as probabilities.
    """
    graph, draws = module.graph, []
    *_, last = graph.find_nodes(op="placeholder")
    for node in list(graph.nodes):
        if node.op == "call_function" and torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            draws.append(_draw(node))
            with graph.inserting_after(last):
                last = graph.placeholder(f"random_{len(draws)}")
            with graph.inserting_before(node):  # a copy: the graph may change it in place
                node.replace_all_uses_with(graph.call_function(torch.ops.aten.clone.default, (last,)))
            graph.erase_node(node)
    graph.eliminate_dead_code()
    for node in graph.nodes:
        node.meta.clear()  # traced tensors, which the compiler would take for its own
    module.recompile()
    return draws


def _draw(node: torch.fx.Node) -> Callable[[], Tensor]:
    """What draws the random tensor of a node. Of a tensor that it gets, only shape and layout may matter."""
    draw: Callable[..., Tensor] = node.target  # type: ignore[assignment]  # of a call, it is a function
    name, (first, *rest) = str(draw), node.args
    if any(isinstance(argument, torch.fx.Node) for argument in (*rest, *node.kwargs.values())):
        raise ValueError(f"{name} depends on the values of a tensor")
    if not isinstance(first, torch.fx.Node):
        return lambda: draw(first, *rest, **node.kwargs)
    if "_like" not in name and "empty" not in str(first.target):  # x.bernoulli_(p), where x is new
        raise ValueError(f"{name} depends on the values of a tensor")
    like: Tensor = first.meta["val"]
    size, stride, dtype, device = tuple(like.shape), like.stride(), like.dtype, like.device
    return lambda: draw(torch.empty_strided(size, stride, dtype=dtype, device=device), *rest, **node.kwargs)


class _Loss(nn.Module):
    """A loss of a game as a module's ``forward``, for ``functional_call``."""

    def __init__(self, game: Game, network: str, recorder: Recorder) -> None:
        super().__init__()
        self.game = game
        self.network = network
        self.recorder = recorder

    def forward(self, real: Tensor, labels: Tensor, z: Tensor, weight: float) -> Tensor:
        before, self.game.record = self.game.record, self.recorder
        try:
            loss: Tensor = getattr(self.game, f"{self.network}_loss")(real, labels, z, weight)
        finally:
            self.game.record = before
        return loss


def _tensors(game: Game) -> dict[str, Tensor]:
    """The tensors that an update reads or changes, by their names in `_Loss`; not the average of the generator."""
    found = {**dict(game.named_parameters()), **dict(game.named_buffers())}
    return {f"game.{name}": tensor for name, tensor in found.items() if not name.startswith("ema.")}


def _options(device: torch.device, cuda_graphs: bool) -> dict[str, Any]:
    """Options of torch's inductor."""
    if device.type == "cpu":
        return {"cpp_wrapper": True, "cpp.threads": torch.get_num_threads()}
    return {CUDA_GRAPHS: cuda_graphs}


def _set_up_compiler() -> None:
    """Keep what is compiled in the user's cache folder, for later runs, unless the user says where; start quickly."""
    from torch._inductor import cpu_vec_isa
    from torch._inductor.runtime.cache_dir_utils import default_cache_dir

    if os.environ.get("TORCHINDUCTOR_CACHE_DIR") in (None, default_cache_dir()):  # torch sets it too
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(user_cache() / "compiled")
    # The processor says which instructions it has. torch also tries each kind of them in a new process, in every run:
    # ten times 2.4 s.
    cpu_vec_isa.VecISA.check_build = lambda self, code: True  # type: ignore[method-assign]

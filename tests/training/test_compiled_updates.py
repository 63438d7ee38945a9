"""`model.compile`: the same game, by compiled updates."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from tiny_runs import Compose, Play
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.functional import dropout

from gan.game.compiled import CUDA_GRAPHS, _dropout, _options, _without_draws
from gan.launch.preflight import check_compiler
from gan.system.errors import ConfigError

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")


@needs_compiler
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.slow
@pytest.mark.parametrize(
    "also",
    [
        (),
        ("penalty=r1", "optimizer.accumulate=2", "game.d_batch=concatenated"),
        ("model.generator.conditioning=concat", "model.discriminator.conditioning=projection_twin"),
        ("augmentation=adaptive", "schedule.n_critic=2", "ema=standard"),
        ("trainer.precision=bf16-mixed",),
    ],
    ids=" ".join,
)
def test_compiled_updates_play_the_same_game(play: Play, also: tuple[str, ...]) -> None:
    """50 minibatches and more, dropout and a short last minibatch of each epoch included."""
    words = ("model.generator.dropout=0.3", "trainer.max_epochs=9", *also)
    eager, compiled = play(*words), play(*words, "model.compile=true")
    tolerance = 1e-2 if "trainer.precision=bf16-mixed" in also else 1e-5
    for ours, theirs in ((compiled.losses.d, eager.losses.d), (compiled.losses.g, eager.losses.g)):
        assert [loss for _, loss in ours] == pytest.approx([loss for _, loss in theirs], abs=tolerance)
    assert list(compiled.game.state_dict()) == list(eager.game.state_dict())
    for name, tensor in eager.game.state_dict().items():
        torch.testing.assert_close(compiled.game.state_dict()[name], tensor, rtol=0, atol=10 * tolerance)


def test_random_numbers_are_drawn_before_the_graph_and_in_its_order() -> None:
    def f(x: torch.Tensor) -> list[torch.Tensor]:
        return [dropout(x, 0.3) + torch.rand(3), dropout(x[:2], 0.5).sum() + torch.randn_like(x)]

    x = torch.arange(12.0).view(4, 3) + 1
    graph = make_fx(f)(x)
    draws = _without_draws(graph)
    torch.manual_seed(3)
    expected = f(x)
    torch.manual_seed(3)
    drawn = [draw() for draw in draws]
    before = torch.random.get_rng_state()
    torch.testing.assert_close(graph(x, *drawn), expected, rtol=0, atol=0)
    assert len(drawn) == 4
    assert torch.equal(torch.random.get_rng_state(), before)


def test_dropout_of_a_gpu_is_drawn_outside_of_the_graph() -> None:
    """There, it is one operation that depends on its input; the mask must come from a draw."""

    def update(x: torch.Tensor) -> torch.Tensor:
        return torch.native_dropout(x, 0.25, True)[0]

    graph = make_fx(update, {torch.ops.aten.native_dropout.default: _dropout})(torch.ones(1000))
    (draw,) = _without_draws(graph)
    first, second = (graph(torch.ones(1000), drawn) for drawn in (draw(), draw()))
    assert not torch.equal(first, second)
    assert first.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert 0.65 < (first > 0).float().mean() < 0.85


def test_random_numbers_that_depend_on_a_value_are_refused() -> None:
    graph = make_fx(torch.bernoulli)(torch.rand(3))
    with pytest.raises(ValueError, match=r"bernoulli.*depends on the values of a tensor"):
        _without_draws(graph)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("schedule.reuse_fakes=true", "schedule.reuse_fakes, and G would need the graph of D's update"),
        ("game.instance_noise.std=0.1", "game.instance_noise.std, and the noise decreases with every update"),
        ("trainer.profiler=simple", "trainer.profiler, and a profiler needs hooks of the backward passes"),
        ("trainer.precision=16-mixed", "trainer.precision, and float16 scales the loss before its gradients"),
    ],
)
def test_what_cannot_be_compiled_is_refused(compose_settings: Compose, word: str, reason: str) -> None:
    from gan.config.constraints import violated_constraints

    settings = compose_settings("model.compile=true", word if word.startswith(("schedule", "game")) else f"++{word}")
    expected = f"model.compile: True given with {reason}; model.compile=false expected"
    assert expected in list(violated_constraints(settings))


def test_without_a_compiler_there_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    check_compiler(False)
    with pytest.raises(ConfigError, match=r"^model\.compile: True given, and this machine has no C\+\+ compiler"):
        check_compiler(True)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name == "clang++" else None)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(ConfigError, match=r"no C\+\+ compiler g\+\+ \(CXX can name another\)"):
        check_compiler(True)  # torch looks for no other one there
    monkeypatch.setenv("CXX", "clang++")
    check_compiler(True)


class Replayed:
    """A graph as CUDA graphs are: each run writes its outputs into the memory of the one before."""

    def __init__(self, run: Callable[..., Sequence[torch.Tensor]]) -> None:
        self.run = run
        self.outputs: list[torch.Tensor] = []

    def __call__(self, *inputs: torch.Tensor) -> list[torch.Tensor]:
        made = self.run(*inputs)
        self.outputs = self.outputs or [torch.empty_like(each) for each in made]
        for output, each in zip(self.outputs, made, strict=True):
            output.copy_(each)
        return self.outputs


@pytest.mark.parametrize("also", [(), ("penalty=r1", "penalty.every=2", "optimizer.accumulate=2")], ids=" ".join)
def test_outputs_that_the_next_run_overwrites_change_nothing(
    play: Play, monkeypatch: pytest.MonkeyPatch, also: tuple[str, ...]
) -> None:
    """CUDA graphs need a GPU; what is particular about them is the memory of their outputs."""
    marks: list[int] = []  # runs before each mark
    runs = 0

    def traced(update: Any, arguments: Any, fixed: int, options: Mapping[str, Any]) -> Any:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            graph = make_fx(update)(*(x.clone() for x in arguments))
        draws = _without_draws(graph)
        replayed = Replayed(graph)

        def counted(*inputs: torch.Tensor) -> list[torch.Tensor]:
            nonlocal runs
            runs += 1
            return replayed(*inputs)

        return counted, draws

    monkeypatch.setattr("gan.game.compiled._traced_and_compiled", traced)
    words = ("trainer.max_epochs=3", *also)
    eager = play(*words)
    monkeypatch.setattr("torch.compiler.cudagraph_mark_step_begin", lambda: marks.append(runs))
    replayed = play(*words, "model.compile=cuda_graphs")
    assert runs > 10
    assert marks == list(range(runs))  # one before each run
    for ours, theirs in ((replayed.losses.d, eager.losses.d), (replayed.losses.g, eager.losses.g)):
        assert [loss for _, loss in ours] == pytest.approx([loss for _, loss in theirs], abs=1e-6)


def test_the_compiler_is_asked_for_cuda_graphs_on_a_gpu_only() -> None:
    assert _options(torch.device("cuda"), True) == {"triton.cudagraphs": True}
    assert _options(torch.device("cuda"), False) == {"triton.cudagraphs": False}
    assert "triton.cudagraphs" not in _options(torch.device("cpu"), True)


def test_cuda_graphs_need_a_gpu() -> None:
    with pytest.raises(
        ConfigError, match=r"^model\.compile: 'cuda_graphs' given, which needs a CUDA GPU; true expected"
    ):
        check_compiler("cuda_graphs", "cpu")


@needs_compiler
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.slow
def test_a_cuda_graph_may_change_weights_and_statistics_in_place(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else torch would leave out the CUDA graph of a game with batch normalization, and only log it."""
    from torch._inductor import compile_fx

    compiled: list[tuple[int, set[int], set[int]]] = []
    inner = compile_fx.compile_fx_inner

    def watched(module: Any, inputs: Any, **settings: Any) -> Any:
        made = inner(module, inputs, **settings)
        compiled.append((len(inputs), set(settings["static_input_idxs"]), set(made.mutated_input_idxs)))
        return made

    monkeypatch.setattr(compile_fx, "compile_fx_inner", watched)
    of_cpu = _options(torch.device("cpu"), False)
    monkeypatch.setattr("gan.game.compiled._options", lambda device, cuda_graphs: {**of_cpu, CUDA_GRAPHS: cuda_graphs})
    words = ("model.generator.normalization=batch", "model.discriminator.spectral_norm=true")
    eager, graphs = play(*words), play(*words, "model.compile=cuda_graphs")
    assert len(compiled) == 2
    for inputs, fixed, changed in compiled:
        assert len(fixed) < inputs
        assert changed
        assert changed <= fixed
    assert [loss for _, loss in graphs.losses.d] == pytest.approx([loss for _, loss in eager.losses.d], abs=1e-3)

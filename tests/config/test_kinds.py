"""A ``_target_`` is called only where it makes what its place asks for; a check calls nothing that is not ours."""

import json
from pathlib import Path
from typing import Any, Protocol

import lightning.pytorch as L
import pytest
import torch
from config_problems import problems
from tiny_runs import Compose
from train_command import train_here

from gan.config.kinds import (
    argument_problems,
    is_a,
    kind,
    kinds_of,
    locate,
    missing_arguments,
    node_problems,
)
from gan.config.trust import check_trust
from gan.system.errors import ConfigError
from gan.system.trust import untrusted
from gan.training.build import build_trainer

RUN = "_target_: torch.utils.collect_env.run, command: 'touch {trace}'"
EARLY = "_target_: lightning.pytorch.callbacks.EarlyStopping"
LAMBDA = "_target_: lightning.pytorch.callbacks.LambdaCallback"
# Places in which nothing may be called: with them on the command line, a shell would write the file TRACE.
PLACES = {
    "a callback's text": f"+callbacks.x={{{EARLY}, monitor: {{RUN}}}}",
    "a list": f"+callbacks.x={{{EARLY}, monitor: [{{RUN}}]}}",
    "a dict in a list": f"+callbacks.x={{{EARLY}, monitor: [{{a: {{RUN}}}}]}}",
    "a hook": f"+callbacks.x={{{LAMBDA}, setup: {{RUN}}}}",
    "a hook that is called later": f"+callbacks.x={{{LAMBDA}, setup: {{RUN, _partial_: true}}}}",
    "a callback": "+callbacks.x={RUN}",
    "a callback later": "+callbacks.x={RUN, _partial_: true}",
    "a callback's positional arguments": f"+callbacks.x={{{EARLY}, _args_: [{{RUN}}]}}",
    "what is handed on unmade": f"+callbacks.x={{{EARLY}, monitor: {{RUN}}, _recursive_: false}}",
    "a logger": "+logger.x={RUN}",
    "a logger's folder": "logger.csv.save_dir={RUN}",
    "the Trainer": "++trainer={RUN}",
    "a profiler": "+trainer.profiler={RUN}",
    "plugins": "+trainer.plugins=[{RUN}]",
    "the Trainer's callbacks": "+trainer.callbacks=[{RUN}]",
    "the Trainer's logger": "+trainer.logger={RUN}",
    "strategy": "trainer.strategy={RUN}",
    "accelerator": "trainer.accelerator={RUN}",
    "an optimizer": "++optimizer={RUN}",
    "a learning rate": "optimizer.lr={RUN}",
    "one network's": "optimizer.generator.lr={RUN}",
    "betas": "optimizer.betas=[{RUN},0.9]",
    "data": "data.root={RUN}",
    "the model": "model.latent_dim={RUN}",
    "the objective": "objective.real_target={RUN}",
    "the penalty": "++penalty={RUN}",
    "the average": "++ema={RUN}",
    "the seed": "seed={RUN}",
    "a group by itself": "+x={RUN}",
}


@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_called_that_does_not_make_what_its_place_asks_for(
    compose_settings: Compose, tmp_path: Path, place: str
) -> None:
    trace = tmp_path / "trace"
    override = PLACES[place].replace("RUN", RUN.format(trace=trace))
    told = problems(compose_settings(override))
    assert told
    assert all(override.partition("=")[0].lstrip("+").split(".")[0] in line for line in told)
    assert not trace.exists()


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_a_shell_command_in_a_callback_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], dry_run: str
) -> None:
    nested = RUN.format(trace=tmp_path / "trace")
    words = [f"+callbacks.x._target_={EARLY.partition(' ')[2]}", f"+callbacks.x.monitor={{{nested}}}"]
    assert train_here(tmp_path, monkeypatch, f"dry_run={dry_run}", "data=mnist_sample", *words) == 2
    assert capfd.readouterr().err == (
        "callbacks.x.monitor: a node with _target_ 'torch.utils.collect_env.run' given, a string expected\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_nested_node_of_the_right_kind_is_made(compose_settings: Compose, tmp_path: Path) -> None:
    profiler = "{_target_: lightning.pytorch.profilers.SimpleProfiler, filename: times}"
    settings = compose_settings(
        f"+trainer.profiler={profiler}", "callbacks=none", "logger=none", f"trainer.default_root_dir={tmp_path}"
    )
    assert problems(settings) == []
    assert isinstance(build_trainer(settings).profiler, L.profilers.SimpleProfiler)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "+trainer.profiler={_target_: lightning.pytorch.profilers.SimpleProfilr}",
            "trainer.profiler._target_: 'lightning.pytorch.profilers.SimpleProfilr' given, and "
            "lightning.pytorch.profilers has no 'SimpleProfilr'; did you mean 'SimpleProfiler'?",
        ),
        (
            "+trainer.profiler={_target_: lightning.pytorch.profilers.SimpleProfiler, filname: x}",
            "trainer.profiler.filname: no such setting; did you mean 'filename'? settings: dirpath, extended, filename",
        ),
        (
            "+trainer.profiler={_target_: gan.callbacks.GameMonitor}",
            "trainer.profiler._target_: 'gan.callbacks.GameMonitor' given, a Profiler expected",
        ),
        (
            "+logger.x._target_=lightning.pytorch.loggers.Logger",
            "logger.x._target_: 'lightning.pytorch.loggers.Logger' given, which does not implement "
            "log_hyperparams, log_metrics, name, version",
        ),
        (
            "+callbacks.monitor._partial_=true",
            "callbacks.monitor._partial_: True given, False expected: a node makes an object, by named arguments",
        ),
        (
            "+trainer.callbacks=[]",
            "trainer.callbacks: [] given; use the group callbacks: +callbacks.NAME._target_=…",
        ),
    ],
)
def test_what_a_wrong_node_is_answered(compose_settings: Compose, override: str, message: str) -> None:
    assert problems(compose_settings(override)) == [message]


@pytest.mark.parametrize("word", ["+optimizer._partial_=true", "+callbacks.monitor._convert_=all"])
def test_what_hydra_users_write_by_habit_and_changes_nothing(compose_settings: Compose, word: str) -> None:
    settings = compose_settings(word)
    assert problems(settings) == []


@pytest.mark.parametrize(
    "target",
    [
        "hydra.utils.get_method",
        "hydra.utils.get_object",
        "hydra.utils.call",
        "hydra.utils.instantiate",
        "torch.load",
        "torch.hub.load",
        "torch.utils.collect_env.get_pretty_env_info",
        "torch.nn.Identity",
        "builtins.eval",
        "subprocess.Popen",
        "pathlib.Path",
    ],
)
@pytest.mark.parametrize("hint", [str, int | None, Any, dict[str, Any], list, object, L.Callback, list[L.Callback]])
def test_a_name_that_can_be_imported_is_not_enough(target: str, hint: Any) -> None:
    assert list(argument_problems("x", {"_target_": target, "_partial_": True}, hint))
    assert list(argument_problems("x", [{"_target_": target}], hint))
    assert list(argument_problems("x", {"a": {"_target_": target}}, dict[str, hint]))


def test_a_users_class_is_judged_by_its_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_things.py").write_text(
        "import lightning.pytorch as L\n"
        "class Bell(L.Callback):\n"
        "    def __init__(self, tone: int, after: L.Callback | None = None) -> None:\n"
        "        raise AssertionError('a check makes nothing')\n"
        "def bell() -> L.Callback:\n"
        "    raise AssertionError('a check calls nothing')\n"
        "def ring():\n"
        "    raise AssertionError('a check calls nothing')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def told(target: str, **arguments: Any) -> list[str]:
        return list(node_problems("callbacks.x", {"_target_": target, **arguments}, [kind("callbacks")]))

    assert told("my_things.Bell", tone=3) == []
    assert told("my_things.Bell", tone="high") == ["callbacks.x.tone: 'high' given, an integer expected"]
    assert told("my_things.Bell", tone=3, after={"_target_": "torch.nn.Identity"}) == [
        "callbacks.x.after._target_: 'torch.nn.Identity' given, a Callback expected"
    ]
    assert told("my_things.bell") == []  # a function of the user's own that says that it makes one
    assert told("my_things.ring") == ["callbacks.x._target_: 'my_things.ring' given, a Callback expected"]
    assert list(missing_arguments("callbacks.x", {"_target_": "my_things.Bell"})) == ["callbacks.x.tone: missing"]


def test_what_comes_from_elsewhere_needs_trust_and_is_not_imported() -> None:
    settings = {
        "callbacks": {"x": {"_target_": "mine.Bell", "after": [{"_target_": "mine.deep.Bell"}]}},
        "optimizer": {"_target_": "torch.optim.Adam"},
        "logger": {"y": {"_target_": "torchevil.Logger"}, "csv": {"_target_": "gan.loggers.MetricsCSV"}},
    }
    places = [("callbacks.x._target_", "mine.Bell"), ("callbacks.x.after[0]._target_", "mine.deep.Bell")]
    evil = ("logger.y._target_", "torchevil.Logger")
    assert list(untrusted(settings, ())) == [*places, evil]
    assert list(untrusted(settings, ("mine",))) == [evil]
    assert list(untrusted(settings, ("mine.deep",))) == [places[0], evil]
    assert list(untrusted(settings, ("mine", "torchevil"))) == []
    with pytest.raises(ConfigError) as refused:
        check_trust(places, ("other",))
    assert str(refused.value).splitlines()[:2] == [f"{path}: '{target}' given" for path, target in places]
    assert "trust=[other,mine]" in str(refused.value)


class Pays(Protocol):
    def __call__(self, images: torch.Tensor) -> torch.Tensor: ...

    def due(self, d_updates: int) -> bool: ...


class Pay:
    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return images

    def due(self, d_updates: int) -> bool:
        return True


def test_a_kind_may_be_a_protocol() -> None:
    assert is_a(Pay, [Pays])
    assert not is_a(torch.nn.Identity, [Pays])
    assert not is_a(torch.load, [Pays])
    assert not is_a(lambda images: images, [Pays])


def test_kinds_of_a_hint() -> None:
    assert kinds_of(str | L.Callback | None) == (L.Callback,)
    for hint in (str, int | None, Any, object, dict[str, Any], list[L.Callback]):
        assert kinds_of(hint) == ()


def test_a_program_is_not_run_to_look_for_a_name() -> None:
    assert locate("torch.utils.model_dump.__main__.anything") is None
    assert locate("torch.distributed.run.main") is not None
    for nothing in ("", ".", "torch", "torch.", ".torch", "torch..optim.Adam", "torch.optim.Adan"):
        assert locate(nothing) is None


def test_a_saved_run_is_held_to_the_same_rule(compose_settings: Compose) -> None:
    settings = json.loads(json.dumps(compose_settings()))
    settings["callbacks"]["x"] = {"_target_": "torch.utils.collect_env.run", "command": "true"}
    settings["hydra"] = {"callbacks": {"x": {"_target_": "os.system", "command": "true"}}}
    assert [line.split(":")[0] for line in problems(settings)] == ["hydra", "callbacks.x._target_"]

"""`model.compile`: the same game, by compiled networks."""

import shutil

import pytest
import torch
from tiny_runs import Play

from gan.launch.preflight import check_compiler
from gan.system.errors import ConfigError

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")


@needs_compiler
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated")  # torch's own, as the next
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.slow
@pytest.mark.parametrize("also", [(), ("penalty=r1", "trainer.precision=bf16-mixed")], ids=" ".join)
def test_compiled_networks_play_the_same_game(play: Play, also: tuple[str, ...]) -> None:
    words = ("optimizer=sgd", "model.discriminator.dropout=0", "data.drop_last=true", "trainer.max_epochs=2", *also)
    eager, compiled = play(*words), play(*words, "model.compile=true")
    tolerance = 1e-2 if "trainer.precision=bf16-mixed" in also else 1e-5
    assert [loss for _, loss in compiled.losses.g] == pytest.approx([loss for _, loss in eager.losses.g], abs=tolerance)
    assert list(compiled.game.state_dict()) == list(eager.game.state_dict())
    for ours, theirs in zip(compiled.game.parameters(), eager.game.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)


def test_without_a_compiler_there_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    check_compiler(False)
    with pytest.raises(ConfigError, match=r"^model\.compile: True given, and this machine has no C\+\+ compiler"):
        check_compiler(True)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name == "clang++" else None)
    check_compiler(True)

"""Alarms: each is told of a game that does it, none of a healthy one, and the game does not notice."""

import html
import json
import re
import shutil
from collections.abc import Callable
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugin_util import markdown_to_safe_html
from tiny_runs import BATCHES, Play, Run

from gan.runs.checkpoint_io import load
from gan.system.errors import ConfigError
from gan.training.callbacks import Alarms, GameMonitor, LastCheckpoint, QualityMonitor
from gan.training.callbacks.alarms import as_it_is

Ring = Callable[..., Run]
HELPLESS = ("optimizer.generator.lr=1e-9", "optimizer.discriminator.lr=0.3", "model.discriminator.dropout=0")


def watching(**arguments: Any) -> Alarms:
    return Alarms(**{"count": 16, "sustained": 12, "patience": 60, **arguments})


@pytest.fixture
def ring(play: Play, monkeypatch: pytest.MonkeyPatch) -> Ring:
    """``play``, with points on a ring: an epoch is 10 minibatches of 2,000."""

    def played(*overrides: str, **arguments: Any) -> Run:
        monkeypatch.undo()  # the real toy distribution, in place of a few random images
        few = ["data=ring", "data.batch_size=2000", "trainer.limit_train_batches=10", "model.latent_dim=2"]
        networks = ["model.generator.hidden=[16,16]", "model.discriminator.hidden=[16,16]"]
        return play(*few, *networks, *overrides, **arguments)

    return played


def as_tensorboard_shows(text: bytes) -> str:
    """The letters on its page, of text that is one paragraph without any markup."""
    (paragraph,) = re.findall(r"^<p>([^<>]*)</p>$", markdown_to_safe_html(text))
    return html.unescape(paragraph)


def raised(alarms: Alarms) -> list[str]:
    return [alarm.name for alarm in alarms.raised]


# Games that go wrong.


def test_a_healthy_game_raises_none(ring: Ring) -> None:
    alarms = watching()
    held = ["objective=relativistic_paired", "penalty=r1_r2", "penalty.gamma=0.05", "optimizer.betas=[0,0.99]"]
    run = ring(*held, "trainer.max_epochs=10", callbacks=[GameMonitor(), alarms])
    assert run.game.g_updates == 100
    assert raised(alarms) == []
    assert json.loads((run.folder / "alarms.json").read_text()) == []


def test_a_generator_that_cannot_follow_stands_still_and_its_discriminator_wins(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    alarms = watching()
    run = play("trainer.max_epochs=10", *HELPLESS, callbacks=[GameMonitor(), alarms])
    assert raised(alarms) == ["generator stands still", "discriminator wins"]
    still, wins = alarms.raised
    assert still.seen == "the images of the same latent vectors did not change from one epoch to the next"
    assert still.since == (1, BATCHES)
    assert wins.seen.startswith(
        "D classifies 100.0% of real images and 100.0% of fakes correctly, its mean probability "
    )
    assert wins.settings[0] == "optimizer.generator.lr=0.3"
    written = json.loads((run.folder / "alarms.json").read_text())
    assert [alarm["message"] for alarm in written] == [alarm.message for alarm in alarms.raised]
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if line.startswith("ALARM")] == [str(still), str(wins)]


def test_a_generator_whose_units_are_dead_makes_one_picture(play: Play) -> None:
    alarms = watching()
    units = ["model.generator.hidden=[8,8,8]", "model.generator.activation=relu", "optimizer.generator.lr=1"]
    play("trainer.max_epochs=4", *units, callbacks=[alarms])
    (dead,) = alarms.raised
    assert (dead.name, dead.seen) == ("dead generator", "all 16 images are the same, for different latent vectors")
    assert dead.settings[0] == "optimizer.generator.lr=0.1"


def test_a_game_that_goes_in_circles_collapses(ring: Ring) -> None:
    alarms = watching()
    run = ring("optimizer.betas=[0.9,0.999]", "trainer.max_epochs=20", callbacks=[GameMonitor(), alarms])
    assert raised(alarms) == ["mode collapse"]
    assert "% of the value for real points (16 points); the highest value was " in alarms.raised[0].seen
    assert "optimizer.betas=[0.5,0.999]" in alarms.raised[0].settings
    assert run.game.g_updates == 200


def test_modes_that_were_never_found_are_missed_after_a_while(ring: Ring) -> None:
    alarms = watching(patience=30)
    measured = QualityMonitor(every=20_000, n=500)
    ring("optimizer.generator.lr=1e-9", "trainer.max_epochs=6", callbacks=[alarms, measured])
    assert "missing classes" in raised(alarms)
    missing = next(alarm for alarm in alarms.raised if alarm.name == "missing classes")
    assert missing.seen == f"{8 - measured.latest['modes']:.0f} of 8 modes are not covered"
    assert missing.since == (3, 30)


def test_a_trouble_that_ends_is_told_to_be_over(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mend(L.Callback):
        def on_train_epoch_start(self, trainer: L.Trainer, pl_module: Any) -> None:
            for group in trainer.optimizers[1].param_groups:
                group["initial_lr"] = 1e-9 if trainer.current_epoch < 4 else 0.01

    said: list[str] = []
    monkeypatch.setattr("gan.training.callbacks.alarms._say", lambda trainer, line: said.append(line))
    alarms = watching()
    run = play("trainer.max_epochs=8", callbacks=[Mend(), alarms])
    (still,) = alarms.raised
    assert (still.since, still.over) == ((1, BATCHES), (5, 5 * BATCHES))
    assert said == [
        str(still).replace("from epoch 1", "since epoch 1").replace(" to epoch 5 (generator update 30)", ""),
        "OVER generator stands still, since epoch 5 (generator update 30); it began in epoch 1 (generator update 6).",
    ]
    assert json.loads((run.folder / "alarms.json").read_text())[0]["over"] == {"epoch": 5, "update": 30}


def test_tensorboard_has_the_lines_and_the_states(play: Play) -> None:
    alarms = watching()
    run = play("logger=tensorboard", "trainer.max_epochs=4", "optimizer.generator.lr=1e-9", callbacks=[alarms])
    events = EventAccumulator(str(run.folder / "tensorboard")).Reload()
    states = [(event.step, event.value) for event in events.Scalars("alarms/generator_stands_still")]
    assert states == [(18, 1), (18, 1), (24, 1)]
    (text,) = events.Tensors("alarms/text_summary")
    assert as_tensorboard_shows(text.tensor_proto.string_val[0]) == str(alarms.raised[0])
    assert [tag for tag in events.Tags()["scalars"] if tag.startswith("alarms/")] == ["alarms/generator_stands_still"]


@pytest.mark.parametrize(
    "name",
    [
        "*a* _b_ `c` ~~d~~",
        "[a](javascript:b) ![c](d) <https://e.f>",
        "<script>x</script> &lt;",
        "a | b\n--- | ---\n\n# c\\",
        "Äö 鳥",
    ],
)
def test_no_name_in_a_line_is_markup_in_tensorboard(name: str) -> None:
    line = f"ALARM x, since epoch 3: no class {name}. Try: objective=relativistic_paired | optimizer.betas=[0.5,0.999]"
    assert as_tensorboard_shows(as_it_is(line).encode()) == " ".join(line.split())


# The game does not notice.


@pytest.mark.parametrize(
    "small",
    [
        ["model.discriminator.dropout=0.5"],
        ["model.generator.normalization=batch", "model.discriminator.normalization=batch"],
        ["model.generator.conditioning=concat", "ema=standard"],
    ],
    ids=["dropout", "batch statistics", "classes"],
)
def test_the_game_is_the_same_without_it_bit_for_bit(play: Play, small: list[str]) -> None:
    without = play(*small, callbacks=[GameMonitor()])
    watched = play(*small, callbacks=[GameMonitor(), watching()])
    assert watched.losses == without.losses
    for mine, theirs in zip(watched.game.parameters(), without.game.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_a_run_that_goes_on_raises_the_same_alarms(play: Play) -> None:
    def around(alarms: Alarms) -> list[L.Callback]:
        return [GameMonitor(), alarms, LastCheckpoint(every=4)]

    whole = play("trainer.max_epochs=10", *HELPLESS, callbacks=around(watching()))
    expected = (whole.folder / "alarms.json").read_bytes()
    memory = load(whole.folder / "checkpoints" / "last.ckpt")["callbacks"]["Alarms"]
    shutil.rmtree(whole.folder)
    assert len(json.loads(expected)) == 2

    last = whole.folder / "checkpoints" / "last.ckpt"
    for updates in (BATCHES + 2, 3 * BATCHES + 2, 7 * BATCHES + 3, 60):  # before, between and after the alarms
        again = watching()
        ends = ["trainer.max_epochs=10", f"trainer.max_steps={updates}", *HELPLESS]
        play(*ends, callbacks=around(again), ckpt_path=last if last.exists() else None)
    assert (whole.folder / "alarms.json").read_bytes() == expected
    resumed = load(last)["callbacks"]["Alarms"]
    assert torch.equal(resumed.pop("before"), memory.pop("before"))
    assert resumed == memory


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"count": 1}, "count: 1 given, 2 or more expected"),
        ({"sustained": 0}, "sustained: 0 given"),
        ({"patience": 0}, "patience: 0 given"),
        ({"accuracy": 1.5}, "accuracy: 1.5 given, a number above 0 and up to 1 expected"),
        ({"diversity": 0.0}, "diversity: 0.0 given, a number above 0 and up to 1 expected"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=f"^{told}"):
        Alarms(**arguments)

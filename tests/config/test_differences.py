"""The summary before training: only the settings that differ from the defaults."""

import pytest
from tiny_runs import Compose

from gan.config.defaults import completed
from gan.config.differences import changed_settings, own_settings


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (["data=mnist_sample", "data.batch_size=32", "model=dcgan", "trainer.max_epochs=3"], {}),
        (["data=ring"], {}),
        (
            ["experiment=ten_minutes"],
            {"penalty": "r1 (gamma 0.3, every 8)", "optimizer": "adam (lr 0.002, betas [0.5, 0.99])",
             "lr_schedule": "cosine", "ema": "standard"},
        ),
        (["objective=hinge", "schedule.n_critic=5"], {"objective": "hinge", "schedule": "steps (n_critic 5)"}),
        (["optimizer.generator.lr=4e-4"], {"optimizer": "adam (generator.lr 0.0004)"}),
        (["optimizer.lr=2e-4"], {}),
        (["optimizer=rmsprop"], {"optimizer": "rmsprop"}),
        (
            ["seed=3", "data.flip=true", "game.d_batch=concatenated", "model.codes.categorical=[10]",
             "data.on_broken=skip"],
            {"other": "flip True, on_broken skip, codes.categorical [10], seed 3, d_batch concatenated"},
        ),
    ],
)  # fmt: skip
def test_what_differs(compose_settings: Compose, words: list[str], expected: dict[str, str]) -> None:
    words = [f"+{word}" if "on_broken" in word else word for word in words]
    assert changed_settings(completed(compose_settings(*words))) == expected


def test_the_networks(compose_settings: Compose) -> None:
    model = completed(compose_settings("model.generator.hidden=[8]", "model.discriminator.dropout=0"))["model"]
    assert own_settings("model", model, "generator") == ["hidden [8]"]
    assert own_settings("model", model, "discriminator") == ["dropout 0"]
    assert own_settings("model", model) == []

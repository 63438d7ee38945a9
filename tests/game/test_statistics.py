"""What happened since the last look, worked by hand."""

import math

import pytest
import torch
from option_classes import OBJECTIVES
from torch import Tensor

from gan.game.losses import logistic_d_loss
from gan.game.statistics import GameStatistics, discriminator_statistics

LOGISTIC = OBJECTIVES["non_saturating"]
LN3 = math.log(3.0)  # the logit of probability 3/4


def tensor(*values: float) -> Tensor:
    return torch.tensor(values)


def floats(taken: dict[str, Tensor]) -> dict[str, float]:
    return {name: value.item() for name, value in taken.items()}


def test_values_by_hand() -> None:
    record = GameStatistics(LOGISTIC)
    record.add_discriminator(torch.tensor(1.0), tensor(LN3, -LN3), tensor(-LN3, -LN3))
    record.add_discriminator(torch.tensor(2.0), tensor(LN3, LN3), tensor(LN3, -LN3))
    record.add_generator(torch.tensor(5.0))
    record.add_generator(torch.tensor(6.0))
    record.add_generator(torch.tensor(10.0))
    assert record.updates == {"d_loss": 2, "g_loss": 3}
    assert floats(record.take()) == pytest.approx(
        {
            "d_loss": 1.5,
            "d_loss_last": 2.0,
            "d_accuracy_real": 3 / 4,
            "d_accuracy_fake": 3 / 4,
            "d_real": (3 * 3 / 4 + 1 / 4) / 4,
            "d_fake": (3 * 1 / 4 + 3 / 4) / 4,
            # E[log D(real)] + E[log(1 - D(fake))], each with three of four right at 3/4
            "value": 2 * (3 * math.log(3 / 4) + math.log(1 / 4)) / 4,
            "g_loss": 7.0,
            "g_loss_last": 10.0,
        },
        abs=1e-6,
    )


def test_a_discriminator_that_cannot_tell_takes_everything_for_fake() -> None:
    record = GameStatistics(LOGISTIC)
    record.add_discriminator(torch.tensor(0.0), tensor(0.0, 0.0), tensor(0.0, 0.0))
    taken = floats(record.take())
    assert (taken["d_accuracy_real"], taken["d_accuracy_fake"]) == (0.0, 1.0)
    assert (taken["d_real"], taken["d_fake"]) == (0.5, 0.5)
    assert taken["value"] == pytest.approx(-math.log(4), abs=1e-6)


def test_value_knows_nothing_of_label_smoothing() -> None:
    real, fake = tensor(2.0, -1.0), tensor(0.5, -3.0)
    record = GameStatistics(LOGISTIC)
    record.add_discriminator(logistic_d_loss(real, fake, real_target=0.7), real, fake)
    taken = floats(record.take())
    assert taken["value"] == pytest.approx(-logistic_d_loss(real, fake).item(), abs=1e-6)
    assert taken["d_loss"] == pytest.approx(logistic_d_loss(real, fake, real_target=0.7).item(), abs=1e-6)


def test_images_weigh_alike_when_the_last_minibatch_is_short() -> None:
    record = GameStatistics(LOGISTIC)
    record.add_discriminator(torch.tensor(0.0), tensor(1.0, 1.0, 1.0), tensor(-1.0, -1.0, -1.0))
    record.add_discriminator(torch.tensor(0.0), tensor(-1.0), tensor(1.0))
    taken = floats(record.take())
    assert (taken["d_accuracy_real"], taken["d_accuracy_fake"]) == (0.75, 0.75)


@pytest.mark.parametrize(("player", "absent"), [("d", "g_"), ("g", "d_")])
def test_a_network_that_was_not_updated_is_left_out(player: str, absent: str) -> None:
    record = GameStatistics(LOGISTIC)
    if player == "d":
        record.add_discriminator(torch.tensor(1.0), tensor(1.0), tensor(1.0))
    else:
        record.add_generator(torch.tensor(1.0))
    taken = record.take()
    assert taken[f"{player}_loss"].item() == 1.0
    assert not [name for name in taken if name.startswith(absent)]
    assert ("value" in taken) == (player == "d")


def test_what_was_taken_is_forgotten() -> None:
    record = GameStatistics(LOGISTIC)
    record.add_discriminator(torch.tensor(1.0), tensor(5.0), tensor(5.0))
    record.add_generator(torch.tensor(1.0))
    record.take()
    assert record.updates == {"d_loss": 0, "g_loss": 0}
    assert record.take() == {}
    record.add_discriminator(torch.tensor(3.0), tensor(-5.0), tensor(-5.0))
    taken = floats(record.take())
    assert (taken["d_loss"], taken["d_accuracy_real"], taken["d_accuracy_fake"]) == (3.0, 0.0, 1.0)


def test_no_graph_is_kept_alive() -> None:
    weight = torch.ones((), requires_grad=True)
    record = GameStatistics(LOGISTIC)
    record.add_discriminator(weight * 2, weight * tensor(1.0), weight * tensor(1.0))
    record.add_generator(weight * 3)
    assert not any(value.requires_grad for value in record.take().values())


def test_values_are_scalars_on_the_device_of_the_game() -> None:
    record = GameStatistics(LOGISTIC)
    meta = torch.zeros(4, device="meta")  # stands for a GPU: a value asked of it by the host would raise
    record.add_discriminator(meta.sum(), meta, meta)
    record.add_generator(meta.sum())
    taken = record.take()
    assert {value.device.type for value in taken.values()} == {"meta"}
    assert {value.shape for value in taken.values()} == {()}


def test_an_update_made_in_parts_is_one_update_with_the_loss_of_the_whole() -> None:
    record = GameStatistics(LOGISTIC)
    record.add_discriminator(torch.tensor(4.0), tensor(1.0, 1.0, 1.0), tensor(1.0, 1.0, 1.0), weight=0.75)
    record.add_discriminator(torch.tensor(8.0), tensor(-1.0), tensor(-1.0), weight=0.25)
    record.add_generator(torch.tensor(3.0), weight=0.5)
    record.add_generator(torch.tensor(1.0), weight=0.5)
    assert record.updates == {"d_loss": 1, "g_loss": 1}
    assert [latest.item() for latest in record.latest] == [5.0, 2.0]
    taken = floats(record.take())
    assert (taken["d_loss"], taken["g_loss"]) == (5.0, 2.0)
    assert (taken["d_loss_last"], taken["g_loss_last"]) == (5.0, 2.0)
    assert (taken["d_accuracy_real"], taken["d_accuracy_fake"]) == (0.75, 0.25)


def test_of_updates_in_three_parts_the_last_loss_is_that_of_the_last_update() -> None:
    record = GameStatistics(LOGISTIC)
    for loss in (1.0, 2.0, 6.0):
        for _ in range(3):
            record.add_generator(torch.tensor(loss), weight=1 / 3)
    assert record.updates == {"d_loss": 0, "g_loss": 3}
    taken = floats(record.take())
    assert taken == pytest.approx({"g_loss": 3.0, "g_loss_last": 6.0})
    assert len(record.taken["g_loss"][0]) == 3


def test_what_is_noted_is_averaged_under_its_name_and_forgotten() -> None:
    record = GameStatistics(LOGISTIC)
    record.add("penalty", torch.tensor(1.0, requires_grad=True))
    record.add("penalty", torch.tensor(4.0))
    record.add("g_class_loss", torch.tensor(7.0))
    taken = record.take()
    assert not taken["penalty"].requires_grad
    assert floats(taken) == {"penalty": 2.5, "g_class_loss": 7.0}
    assert record.take() == {}


def test_what_is_noted_of_unequal_parts_is_weighted_as_the_loss_is() -> None:
    record = GameStatistics(LOGISTIC)
    for weight, value in ((0.75, 4.0), (0.25, 8.0)):
        record.add_discriminator(torch.tensor(value), tensor(0.0), tensor(0.0), weight)
        record.add("penalty", torch.tensor(value), weight)
    record.add_discriminator(torch.tensor(1.0), tensor(0.0), tensor(0.0))  # an update in which the penalty is not due
    assert record.updates == {"d_loss": 2, "g_loss": 0}
    taken = floats(record.take())
    assert (taken["penalty"], taken["d_loss"]) == (5.0, 3.0)


def test_what_an_earlier_version_has_noted_in_a_checkpoint_is_read() -> None:
    record = GameStatistics(LOGISTIC)
    state = {"losses": {"d_loss": [], "g_loss": []}, "shares": {"d_loss": 0.0, "g_loss": 0.0}, "logits": [[], []]}
    record.load_state_dict({**state, "notes": {"penalty": [torch.tensor(1.0), torch.tensor(4.0)]}})
    assert floats(record.take()) == {"penalty": 2.5}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("least_squares", {"d_accuracy_real": 0.5, "d_accuracy_fake": 0.75}),  # its boundary is 1/2
        ("hinge", {"d_accuracy_real": 0.75, "d_accuracy_fake": 0.25}),
        ("wasserstein", {"d_accuracy_pairs": 0.5}),
        ("relativistic_paired", {"d_accuracy_pairs": 0.5}),
        ("relativistic_average", {"d_accuracy_pairs": 0.5}),
    ],
)
def test_logits_that_are_no_log_odds_are_told_as_what_they_are(name: str, expected: dict[str, float]) -> None:
    told = discriminator_statistics(OBJECTIVES[name], tensor(0.6, 0.9, 0.3, -1.0), tensor(0.4, 0.1, 0.7, -1.0))
    means = {"d_logit_real": 0.2, "d_logit_fake": 0.05}
    assert floats(told) == pytest.approx(expected | means)

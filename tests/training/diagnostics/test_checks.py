"""What is seen in rows, pictures and measures: of games that go wrong, and not of healthy ones."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gan.data.sources import load
from gan.training.diagnostics.checks import FEW_ROWS, ClassCheck, DiscriminatorCheck, PictureCheck, Pictures, alike

SET = load("mnist_sample")
REAL = SET.images[:128].float() / 127.5 - 1  # digits in [-1, 1], (128, 1, 28, 28)
OTHERS = SET.images[128:256].float() / 127.5 - 1
WON = {
    "d_loss": 0.001,
    "g_loss": 9.0,
    "d_accuracy_real": 1.0,
    "d_accuracy_fake": 1.0,
    "d_fake": 0.001,
    "g_gradient_norm": 1.0,
}


def judged(**changed: float) -> str | None:
    return DiscriminatorCheck(0.99).check({**WON, **changed})


def test_a_discriminator_that_is_right_and_sure_wins() -> None:
    assert judged() == (
        "D classifies 100.0% of real images and 100.0% of fakes correctly, its mean probability for fakes is 0.001; "
        "G's gradient norm is 1"
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"d_accuracy_fake": 0.95},
        {"d_accuracy_real": 0.95},
        {"d_fake": 0.1},
        {"d_accuracy_real": 0.5, "d_accuracy_fake": 0.5},
    ],
)
def test_one_that_errs_or_is_not_sure_does_not(changed: dict[str, float]) -> None:
    assert judged(**changed) == ""


@pytest.mark.parametrize("absent", ["d_loss", "g_loss"])
def test_a_row_in_which_one_network_rested_cannot_tell(absent: str) -> None:
    check = DiscriminatorCheck(0.99)
    assert check.check({name: value for name, value in WON.items() if name != absent}) is None
    assert check.rows == 0


def critic(norm: float) -> dict[str, float]:
    return {"d_loss": -3.0, "g_loss": 1.0, "d_accuracy_pairs": 1.0, "g_gradient_norm": norm}


def test_a_critic_wins_all_pairs_and_only_a_vanishing_gradient_is_trouble() -> None:
    check = DiscriminatorCheck(0.99)
    assert [check.check(critic(norm)) for norm in [1.0, 2.0, 0.5, 1.0] * 5] == [""] * 20
    assert check.check(critic(1e-4)) == (
        "D classifies 100.0% of pairs correctly; G's gradient norm is 0.0001, usually 1"
    )


def test_nothing_is_usual_before_a_few_rows_and_what_is_not_finite_is_left_out() -> None:
    check = DiscriminatorCheck(0.99)
    for norm in [1.0] * (FEW_ROWS - 1) + [math.inf, math.nan, 0.0]:
        check.check(critic(norm))
    assert math.isnan(check.usual_norm)
    check.check(critic(1.0))
    assert check.usual_norm == 1.0


def looked(fake: Tensor, updates: int = 0, best: float = 0.0, **classes: Tensor) -> tuple[str, str]:
    pictures = Pictures(fake, REAL, **classes)
    return PictureCheck.dead(pictures), PictureCheck(0.25, 1000, best).collapsed(pictures, updates)


def one_digit_and_a_little_of_others(part: float) -> Tensor:
    return REAL[:1] + part * (OTHERS - REAL[:1])


HEALTHY: dict[str, Callable[[], Tensor]] = {
    "other real images": lambda: OTHERS,
    "noise": lambda: torch.randn(128, 1, 28, 28, generator=torch.Generator().manual_seed(0)).clamp(-1, 1),
    "half as different": lambda: one_digit_and_a_little_of_others(0.5),
}


@pytest.mark.parametrize("fake", HEALTHY.values(), ids=HEALTHY)
def test_pictures_that_differ_are_no_trouble(fake: Callable[[], Tensor]) -> None:
    assert looked(fake(), updates=10**6, best=1.0) == ("", "")


def test_diversity_that_falls_is_a_collapse_at_once_and_one_that_never_was_after_a_while() -> None:
    alike_now = one_digit_and_a_little_of_others(0.1)
    assert looked(alike_now, best=0.9) == (
        "",
        "the mean distance between two images is 10% of the value for real images (128 images); "
        "the highest value was 90%",
    )
    assert looked(alike_now, updates=999) == ("", "")
    assert looked(alike_now, updates=1000) == (
        "",
        "the mean distance between two images is 10% of the value for real images (128 images); it was never above 50%",
    )


def test_the_judge_remembers_how_diverse_a_generator_was() -> None:
    check = PictureCheck(0.25, 1000)
    assert check.collapsed(Pictures(OTHERS, REAL), 10) == ""
    assert "the highest value was" in check.collapsed(Pictures(one_digit_and_a_little_of_others(0.1), REAL), 20)


def test_one_picture_a_class_is_a_collapse_though_classes_differ() -> None:
    labels, of_real = torch.arange(128) % 10, SET.labels[:128]
    places = alike(of_real, labels)
    first = torch.stack([OTHERS[SET.labels[128:256] == label][0] for label in labels])
    real = Pictures(first, REAL[places], labels, of_real[places])
    assert PictureCheck(0.25, 1000, best=1.0).collapsed(real, 0) == (
        "the mean distance between two images of the same class is 0% of the value for real images (128 images); "
        "the highest value was 100%"
    )
    assert Pictures(first, REAL).diversity > 0.5


def test_dead_is_one_picture_or_one_grey() -> None:
    grey = torch.linspace(-1, 1, 128).view(-1, 1, 1, 1).expand(128, 1, 28, 28)
    assert PictureCheck.dead(Pictures(REAL[:1].expand(128, -1, -1, -1), REAL)) == (
        "all 128 images are the same, for different latent vectors"
    )
    assert PictureCheck.dead(Pictures(grey, REAL)) == "128 images have less than 2% of the contrast of real images"
    points = torch.rand(16, 2, 1, 1)
    assert PictureCheck.dead(Pictures(points[:1].expand(16, -1, -1, -1), points)) == (
        "all 16 points are the same, for different latent vectors"
    )
    assert PictureCheck.dead(Pictures(points.flip(0), points)) == ""


def test_still_is_when_nothing_changes() -> None:
    pictures = Pictures(OTHERS, REAL)
    assert PictureCheck.still(pictures, OTHERS[:16])
    assert not PictureCheck.still(pictures, OTHERS[:16] + 0.001)
    assert not PictureCheck.still(pictures, torch.full_like(OTHERS[:16], math.nan))


def test_classes_that_were_there_are_missed_at_once_and_others_after_a_while() -> None:
    check = ClassCheck(patience=1000)
    assert check.missing({"missing": 3.0}, 10, 999) == ""
    assert "3 classes are missing" in str(check.missing({"missing": 3.0}, 10, 1000))
    assert check.missing({"missing": 0.0}, 10, 500) == ""
    assert "1 class is missing" in str(check.missing({"missing": 1.0}, 10, 501))


def test_of_points_modes_are_counted_and_of_other_measures_nothing_is_said() -> None:
    check = ClassCheck(patience=1000)
    assert check.missing({"modes": 9.0, "good_points": 0.1}, 25, 5000) == "16 of 25 modes are not covered"
    assert check.missing({"modes": 25.0, "good_points": 0.9}, 25, 5000) == ""
    assert check.missing({"fcd": 3.0}, 10, 5000) is None


def test_alike_finds_as_many_of_each_class() -> None:
    places = alike(torch.tensor([1, 0, 0, 1, 2, 0]), torch.tensor([0, 0, 1, 3]))
    assert places.tolist() == [0, 1, 2]

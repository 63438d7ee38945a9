"""The average of the generator: its half-life to six digits, its ramp-up, buffers, checkpoints, and its settings."""

import copy
import io
import math

import pytest
import torch
from option_classes import build_generator, option_classes, option_file
from torch import Tensor, nn

from gan.config.kinds import NONE
from gan.game.ema import GeneratorEMA, decay, halflife
from gan.system.value_types import hints_of, problem


def constant(value: float, dtype: torch.dtype = torch.float64) -> nn.Linear:
    """A network whose every weight is ``value``."""
    network = nn.Linear(3, 2).to(dtype)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(value)
    return network


class Counted(nn.Module):
    """Batch norm, which counts in an int64, and buffers of other kinds."""

    statistics: Tensor
    flags: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)
        self.register_buffer("statistics", torch.zeros(2))
        self.register_buffer("flags", torch.tensor([True, False]))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)


def dcgan() -> nn.Module:
    return build_generator("dcgan", latent_dim=4, image_shape=(1, 16, 16), base_channels=2)


def step(network: nn.Module) -> None:
    """Change weights, statistics and counters, as an update of a network does."""
    network.train()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter))
        network(torch.randn(8, 4, dtype=parameter.dtype))


def value(network: nn.Module) -> float:
    (found,) = {entry for parameter in network.parameters() for entry in parameter.flatten().tolist()}
    return found


# The half-life


@pytest.mark.parametrize("images", [1, 32, 64, 1000, 5000])
def test_after_a_halflife_a_step_change_has_reached_half(images: int) -> None:
    average, now = GeneratorEMA(constant(0.0), 10_000, rampup=None), constant(1.0)
    for seen in range(0, 10_000 - images + 1, images):
        average.update(now, seen, images)
    reached = 10_000 // images * images
    assert value(average.network) == pytest.approx(1 - 0.5 ** (reached / 10_000), abs=1e-9)
    if reached == 10_000:
        assert value(average.network) == pytest.approx(0.5, abs=1e-9)


def test_in_float32_the_halflife_is_exact_to_1e_6() -> None:
    average, now = GeneratorEMA(constant(0.0, torch.float32), 6_400, rampup=None), constant(1.0, torch.float32)
    for update in range(100):
        average.update(now, update * 64, 64)
    assert value(average.network) == pytest.approx(0.5, abs=1e-6)


def test_the_batch_size_changes_how_often_but_not_how_far() -> None:
    whole, parts = (GeneratorEMA(constant(-1.0), 1_000, rampup=None) for _ in range(2))
    whole.update(constant(3.0), 0, 96)
    for seen in (0, 32, 64):
        parts.update(constant(3.0), seen, 32)
    assert value(whole.network) == pytest.approx(value(parts.network), abs=1e-12)


@pytest.mark.parametrize(
    ("images_seen", "rampup", "expected"),
    [(0, 0.05, 0.0), (1_000, 0.05, 50.0), (200_000, 0.05, 10_000.0), (10**9, 0.05, 10_000.0), (0, None, 10_000.0)],
)
def test_halflife_is_a_share_of_what_has_been_seen_up_to_its_setting(
    images_seen: int, rampup: float | None, expected: float
) -> None:
    assert halflife(images_seen, 10_000, rampup) == pytest.approx(expected)


def test_decay() -> None:
    assert decay(64, 0.0) == 0.0
    assert decay(64, 64.0) == 0.5
    assert decay(128, 64.0) == 0.25
    assert decay(16, 11_000) == pytest.approx(0.999, abs=1e-5)


def test_the_first_update_of_a_ramp_up_is_a_copy_and_the_second_is_not() -> None:
    average = GeneratorEMA(constant(0.0), 10_000, rampup=0.5)
    average.update(constant(0.1), 0, 64)
    assert value(average.network) == value(constant(0.1))
    average.update(constant(1.1), 64, 64)  # a half-life of 32 images: two of them
    assert value(average.network) == pytest.approx(0.1 + 0.75, abs=1e-12)


def test_with_a_ramp_up_the_first_weights_are_soon_forgotten() -> None:
    plain, ramped = GeneratorEMA(constant(100.0), rampup=None), GeneratorEMA(constant(100.0))
    for average in (plain, ramped):
        for seen in range(64, 6_400, 64):
            average.update(constant(0.0), seen, 64)
    assert value(plain.network) > 50
    assert value(ramped.network) < 1e-10


# What is averaged, and what is not


def test_the_average_is_a_copy_in_eval_mode_without_gradients() -> None:
    source = dcgan()
    source(torch.randn(3, 4)).sum().backward()
    average = GeneratorEMA(source)
    assert all(p.requires_grad and p.grad is not None for p in source.parameters())
    assert not any(p.requires_grad for p in average.parameters())
    assert all(p.grad is None for p in average.parameters())
    ours = {p.data_ptr() for p in average.state_dict().values()}
    assert not ours & {p.data_ptr() for p in source.state_dict().values()}
    assert source.training
    assert not any(module.training for module in average.modules())
    average.train()
    assert not any(module.training for module in average.modules())


def test_it_stays_in_eval_mode_inside_a_module_that_is_trained() -> None:
    game = nn.ModuleDict({"generator": dcgan(), "average": GeneratorEMA(dcgan())}).train()
    assert game["generator"].training
    assert not any(module.training for module in game["average"].modules())


def test_statistics_of_batches_are_averaged_and_all_other_buffers_are_copied() -> None:
    average, now = GeneratorEMA(Counted(), 64, rampup=None), Counted()
    assert now.norm.running_mean is not None and now.norm.running_var is not None
    assert now.norm.num_batches_tracked is not None
    now.norm.running_mean.fill_(4.0)
    now.norm.running_var.fill_(3.0)
    now.norm.num_batches_tracked.fill_(7)
    now.statistics.fill_(5.0)
    now.flags.logical_not_()
    average.update(now, 64, 64)
    buffers = dict(average.network.named_buffers())
    assert buffers["norm.running_mean"].tolist() == [2.0, 2.0]
    assert buffers["norm.running_var"].tolist() == [2.0, 2.0]  # from 1 to 3
    assert buffers["norm.num_batches_tracked"] == 7
    assert buffers["norm.num_batches_tracked"].dtype == torch.int64
    assert buffers["statistics"].tolist() == [5.0, 5.0]
    assert buffers["flags"].tolist() == [False, True]


def test_unit_vectors_of_spectral_normalisation_stay_unit_vectors() -> None:
    source = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)))
    average = GeneratorEMA(source)
    for seen in range(64, 1_000, 64):
        step(source)
        average.update(source, seen, 64)
    lengths = [buffer.norm() for buffer in average.network.buffers()]
    assert len(lengths) == 2
    torch.testing.assert_close(torch.stack(lengths), torch.ones(2))


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_the_network_changes_nothing_and_the_network_is_not_touched(training: bool) -> None:
    torch.manual_seed(0)
    average, now = GeneratorEMA(dcgan(), 64, rampup=None), dcgan()
    step(now)
    start = copy.deepcopy(average.state_dict())
    before = copy.deepcopy(now.state_dict())
    now.train(training)
    average.update(now, 64, 64)
    assert now.training is training
    for name, tensor in now.state_dict().items():
        assert torch.equal(tensor, before[name])
        ours = average.state_dict()[f"network.{name}"]
        expected = (start[f"network.{name}"] + tensor) / 2 if tensor.is_floating_point() else tensor
        torch.testing.assert_close(ours, expected)


def test_an_update_makes_no_graph() -> None:
    average = GeneratorEMA(constant(0.0), 64)
    average.update(constant(1.0), 1_000, 64)
    assert all(p.grad_fn is None and p.is_leaf and not p.requires_grad for p in average.parameters())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_average_has_the_dtype_of_the_network(dtype: torch.dtype) -> None:
    average = GeneratorEMA(constant(0.0, dtype), 64, rampup=None)
    average.update(constant(1.0, dtype), 64, 64)
    assert {p.dtype for p in average.parameters()} == {dtype}
    assert value(average.network) == 0.5


def test_another_architecture_is_refused() -> None:
    with pytest.raises(RuntimeError):
        GeneratorEMA(constant(0.0)).update(nn.Linear(4, 2).double(), 64, 64)


# Moves and checkpoints


def test_the_state_is_the_network_s_and_comes_back_bit_for_bit() -> None:
    torch.manual_seed(0)
    source = dcgan()
    average = GeneratorEMA(source)
    step(source)
    average.update(source, 5_000, 64)
    assert set(average.state_dict()) == {f"network.{name}" for name in source.state_dict()}

    file = io.BytesIO()
    torch.save(average.state_dict(), file)
    file.seek(0)
    resumed = GeneratorEMA(dcgan())
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for _ in range(2):
        assert all(map(torch.equal, average.state_dict().values(), resumed.state_dict().values()))
        step(source)
        average.update(source, 5_064, 64)
        resumed.update(source, 5_064, 64)


def test_updates_reach_the_tensors_that_are_there_after_a_move_and_in_a_copy() -> None:
    torch.manual_seed(0)
    average, source = GeneratorEMA(dcgan(), 64, rampup=None), dcgan()
    average.update(source, 64, 64)
    moved = copy.deepcopy(average).to(torch.float64)  # as .to(device): buffers are new tensors from here on
    source.to(torch.float64)
    step(source)
    unmoved = copy.deepcopy(average.state_dict())
    before = copy.deepcopy(moved.state_dict())
    moved.update(source, 128, 64)
    for name, tensor in source.state_dict().items():
        expected = (before[f"network.{name}"] + tensor) / 2 if tensor.is_floating_point() else tensor
        torch.testing.assert_close(moved.state_dict()[f"network.{name}"], expected)
    assert all(map(torch.equal, average.state_dict().values(), unmoved.values()))


def test_the_average_of_the_weights_makes_images() -> None:
    average = GeneratorEMA(dcgan())
    images = average.network(torch.randn(1, 4))  # one image: training mode's batch norm would need more for statistics
    assert images.shape == (1, 1, 16, 16)
    assert not images.requires_grad


# Settings


def test_names_and_what_they_build() -> None:
    made = option_classes("ema")
    assert set(made) == {"none", "standard"}
    assert option_file("ema", "none") == {"_target_": NONE}
    assert made["none"](constant(0.0)) is None
    assert made["standard"] is GeneratorEMA
    average = made["standard"](constant(0.0), halflife_images=5, rampup=None)
    assert (average.halflife_images, average.rampup) == (5, None)


def test_the_ramp_up_of_the_option_is_over_after_200_000_images() -> None:
    node = option_file("ema", "standard")
    assert math.isclose(halflife(200_000, node["halflife_images"], node["rampup"]), node["halflife_images"])
    hint = hints_of(GeneratorEMA)["rampup"]
    assert problem("rampup", 0.05, hint) is None
    assert problem("rampup", None, hint) is None
    assert problem("rampup", 0, hint) == "rampup: 0 given, greater than 0, or null expected"

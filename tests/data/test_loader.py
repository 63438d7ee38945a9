"""The resident loader: what is in an epoch, in which order, and who gets which part of it."""

import pytest
import torch
from torch import Tensor

from gan.data.loader import ResidentLoader
from gan.data.normalization import normalize
from gan.system.errors import ConfigError

COUNT = 53
# the label is the image's number, so that an epoch can be read off its labels
LABELS = torch.arange(COUNT)
IMAGES = torch.randint(0, 256, (COUNT, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def loader(
    batch_size: int = 12, shuffle: bool = True, drop_last: bool = False, seed: int = 0, **rank: int
) -> ResidentLoader:
    return ResidentLoader(
        IMAGES,
        LABELS,
        batch_size=batch_size,
        shuffle=shuffle,
        drop_last=drop_last,
        mean=0.5,
        std=0.5,
        seed=seed,
        **rank,
    )


def epoch(batches: ResidentLoader, number: int = 0) -> list[Tensor]:
    """The labels of each batch of one epoch."""
    batches.set_epoch(number)
    return [labels for _, labels in batches]


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_image_once_per_epoch(shuffle: bool) -> None:
    for number in range(3):
        seen = torch.cat(epoch(loader(shuffle=shuffle), number))
        assert seen.sort().values.tolist() == LABELS.tolist()


def test_file_order_without_shuffle() -> None:
    for number in (0, 5):
        assert torch.equal(torch.cat(epoch(loader(shuffle=False), number)), LABELS)


def test_order_is_a_function_of_seed_and_epoch() -> None:
    first = torch.cat(epoch(loader(), 3))
    torch.manual_seed(99)  # nobody else's random numbers matter
    again = loader()
    epoch(again, 0)  # nor which epochs came before
    assert torch.equal(torch.cat(epoch(again, 3)), first)
    assert not torch.equal(torch.cat(epoch(again, 4)), first)
    assert not torch.equal(torch.cat(epoch(loader(seed=1), 3)), first)
    assert not torch.equal(first, LABELS)


def test_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    epoch(loader(), 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_images_belong_to_their_labels_and_are_normalised() -> None:
    for images, labels in loader():
        assert images.dtype == torch.float32
        assert labels.dtype == torch.int64
        assert torch.equal(images, normalize(IMAGES[labels], 0.5, 0.5))


def test_a_batch_changed_in_place_leaves_the_set_alone() -> None:
    kept_images, kept_labels = IMAGES.clone(), LABELS.clone()
    for shuffle in (False, True):
        for images, labels in loader(shuffle=shuffle):
            images.zero_()
            labels.zero_()
    assert torch.equal(IMAGES, kept_images)
    assert torch.equal(LABELS, kept_labels)


@pytest.mark.parametrize(
    ("batch_size", "drop_last", "sizes"),
    [
        (12, False, [12, 12, 12, 12, 5]),
        (12, True, [12, 12, 12, 12]),
        (53, False, [53]),
        (53, True, [53]),
        (100, False, [53]),
        (1, True, [1] * 53),
    ],
)
def test_last_short_batch(batch_size: int, drop_last: bool, sizes: list[int]) -> None:
    batches = loader(batch_size=batch_size, drop_last=drop_last)
    assert [len(labels) for labels in epoch(batches)] == sizes
    assert len(batches) == len(sizes)


@pytest.mark.parametrize("world_size", [2, 3])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
def test_ranks_share_each_batch(world_size: int, shuffle: bool, drop_last: bool) -> None:
    whole = epoch(loader(shuffle=shuffle, drop_last=drop_last), 2)
    ranks = [loader(shuffle=shuffle, drop_last=drop_last, rank=r, world_size=world_size) for r in range(world_size)]
    shares = [epoch(batches, 2) for batches in ranks]
    assert {len(share) for share in shares} == {len(whole)} == {len(batches) for batches in ranks}
    for number, batch in enumerate(whole):
        # the shares, in rank order, are the batch itself, but for what a short one cannot share out equally
        together = torch.cat([share[number] for share in shares])
        assert {len(share[number]) for share in shares} == {len(batch) // world_size}
        assert torch.equal(together, batch[: len(batch) // world_size * world_size])


def test_last_batch_too_short_to_share_is_left_out() -> None:
    # 53 = 26 * 2 + 1: one image is left, for two ranks
    shares = [epoch(loader(batch_size=2, rank=rank, world_size=2)) for rank in range(2)]
    assert [len(share) for share in shares] == [26, 26]
    assert len(loader(batch_size=2, rank=0, world_size=2)) == 26


@pytest.mark.parametrize(
    ("batch_size", "world_size", "message"),
    [
        (
            65, 2,
            "data.batch_size=65: must be a multiple of 2, the number of processes, which share each batch equally; "
            "nearest: 64 or 66",
        ),
        (
            2, 3,
            "data.batch_size=2: must be a multiple of 3, the number of processes, which share each batch equally; "
            "nearest: 3",
        ),
        (0, 1, "data.batch_size=0: must be 1 or more"),
        (-4, 2, "data.batch_size=-4: must be 1 or more"),
    ],
)  # fmt: skip
def test_impossible_batch_size(batch_size: int, world_size: int, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        loader(batch_size=batch_size, world_size=world_size)
    assert str(error.value) == message


def test_no_batch_at_all() -> None:
    with pytest.raises(ConfigError) as error:
        loader(batch_size=54, drop_last=True)
    assert str(error.value) == (
        "data.batch_size=54: no batch can be made of 53 images for 1 process(es) with data.drop_last=true; "
        "use a smaller batch_size or data.drop_last=false"
    )


def test_batches_come_out_on_the_device_of_the_images() -> None:
    # "meta" stands for a GPU here: an index or a constant left on the CPU would raise or show
    batches = ResidentLoader(
        IMAGES.to("meta"), LABELS.to("meta"), batch_size=10, shuffle=True, drop_last=True, mean=0.5, std=0.5, seed=0
    )
    for images, labels in batches:
        assert images.device.type == labels.device.type == "meta"
        assert images.shape == (10, 1, 4, 4)


def mirrored_batches(rank: int = 0, world_size: int = 1, epoch: int = 0, given: int = 0) -> list[Tensor]:
    """Batches of images whose columns are numbered, with `flip`."""
    images = torch.arange(16, dtype=torch.uint8).repeat(40, 1, 16, 1)
    loader = ResidentLoader(
        images, torch.arange(40), batch_size=8, shuffle=False, drop_last=False, mean=0.0, std=1 / 255, seed=3,
        flip=True, rank=rank, world_size=world_size,
    )  # fmt: skip
    loader.set_epoch(epoch)
    if given:
        loader.load_state_dict({"epoch": epoch, "given": given})
    return [images for images, _ in loader]


def test_images_are_mirrored_at_random() -> None:
    batches = mirrored_batches()
    columns = torch.arange(16.0)
    plain = torch.stack([image[0, 0] for batch in batches for image in batch])
    is_plain, is_mirrored = (plain.round() == columns).all(1), (plain.round() == columns.flip(0)).all(1)
    assert (is_plain ^ is_mirrored).all()
    assert 8 <= is_mirrored.sum() <= 32
    assert not torch.equal(torch.cat(batches), torch.cat(mirrored_batches(epoch=1)))


def test_mirrored_images_are_the_same_after_a_resume_and_on_every_rank() -> None:
    batches = mirrored_batches(epoch=2)
    assert all(map(torch.equal, mirrored_batches(epoch=2, given=3), batches[3:]))
    parts = [mirrored_batches(rank, 2, epoch=2) for rank in range(2)]
    assert all(torch.equal(torch.cat(pair), batch) for *pair, batch in zip(*parts, batches, strict=True))

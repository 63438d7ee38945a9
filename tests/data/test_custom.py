"""Images from a function or a dataset class of the user's own: what it may return, and each mistake in one message."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from gan.data import memory
from gan.data.custom import load_custom
from gan.data.folder import load_folder
from gan.data.module import ImageData
from gan.system.errors import DataError

COUNT = 40


def pictures(*shape: int) -> Tensor:
    drawn = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (COUNT, *shape), dtype=torch.uint8, generator=drawn)


GREY = pictures(1, 16, 16)
COLOUR = pictures(3, 16, 16)
LABELS = torch.arange(COUNT) % 4


class Items(Dataset[Any]):
    """Anything as the items of a dataset."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, number: int) -> Any:
        return self.items[number]


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return zip(GREY, LABELS, strict=True)


class LongStream(Stream):
    def __len__(self) -> int:
        return COUNT


def with_names() -> Items:
    made = Items([(Image.fromarray(image[0].numpy()), int(label)) for image, label in zip(GREY, LABELS, strict=True)])
    made.classes = ["a", "b", "c", "d"]  # type: ignore[attr-defined]
    return made


RETURNED: dict[str, Any] = {
    "uint8": GREY,
    "without a channel": GREY[:, 0],
    "channels last": GREY.permute(0, 2, 3, 1),
    "array": GREY.numpy(),
    "other byte order": GREY.numpy().astype(">i4"),
    "int64": GREY.long(),
    "floats in [0, 1]": GREY.float() / 255,
    "floats in [-1, 1]": GREY.double() / 127.5 - 1,
    "list": list(GREY),
    "tensor dataset": TensorDataset(GREY),
    "dataset of floats": Items(list(GREY.float() / 127.5 - 1)),
    "dataset of PIL images": Items([Image.fromarray(image[0].numpy()) for image in GREY]),
    "dict": {"images": GREY},
    "Hugging Face's items": Items([{"image": Image.fromarray(image[0].numpy())} for image in GREY]),
}
LABELLED: dict[str, Any] = {
    "pair": (GREY, LABELS),
    "pair of arrays": (GREY.numpy(), LABELS.numpy().astype(np.uint8)),
    "list of labels": (GREY, LABELS.tolist()),
    "column": (GREY, LABELS[:, None]),
    "dict": {"images": GREY, "labels": LABELS},
    "dataset": TensorDataset(GREY, LABELS),
    "iterable dataset": Stream(),
    "iterable dataset with a length": LongStream(),
    "values of a dict": dict(enumerate(zip(GREY, LABELS, strict=True))).values(),
    "items with labels": Items(
        [{"image": image, "label": int(label)} for image, label in zip(GREY, LABELS, strict=True)]
    ),
}


@pytest.mark.parametrize("made", RETURNED.values(), ids=RETURNED)
def test_images_without_labels(made: Any) -> None:
    loaded = load_custom("mine.images", lambda: made)
    held_out = torch.arange(COUNT) % 10 == 9
    assert loaded.images.dtype == torch.uint8
    assert torch.equal(loaded.images, GREY[~held_out])
    assert torch.equal(loaded.held_out_images, GREY[held_out])
    assert (loaded.name, loaded.class_names) == ("mine.images", ())
    assert loaded.labels.eq(0).all()


@pytest.mark.parametrize("made", LABELLED.values(), ids=LABELLED)
def test_images_with_labels(made: Any) -> None:
    loaded = load_custom("mine.images", lambda: made)
    held_out = torch.arange(COUNT) >= 36  # the tenth of ten images of each class
    assert torch.equal(loaded.images, GREY[~held_out])
    assert torch.equal(loaded.labels, LABELS[~held_out])
    assert torch.equal(loaded.held_out_labels, LABELS[held_out])
    assert loaded.class_names == ("0", "1", "2", "3")


def test_names_of_classes_and_colour() -> None:
    assert load_custom("x.y", with_names).class_names == ("a", "b", "c", "d")
    one_to_four = load_custom("x.y", lambda: (COLOUR, LABELS + 1))  # labels from 1
    assert one_to_four.class_names == ("1", "2", "3", "4")
    assert one_to_four.labels.unique().tolist() == [0, 1, 2, 3]
    assert torch.equal(one_to_four.images[:9], COLOUR[:9])
    grey = load_custom("x.y", lambda: COLOUR, image_channels=1, image_size=32)
    assert grey.images.shape[1:] == (1, 32, 32)
    assert load_custom("x.y", lambda: (GREY, torch.ones(COUNT, dtype=torch.long))).class_names == ()  # one class


def test_held_out_images_of_the_source() -> None:
    made = {"images": GREY[:30], "labels": LABELS[:30], "held_out_images": GREY[30:], "held_out_labels": LABELS[30:]}
    loaded = load_custom("x.y", lambda: made)
    assert torch.equal(loaded.held_out_images, GREY[30:])
    assert torch.equal(loaded.held_out_labels, LABELS[30:])
    assert len(load_custom("x.y", lambda: made, held_out=0.5).held_out_images) == 15


def test_a_share_is_held_out() -> None:
    loaded = load_custom("x.y", lambda: GREY, held_out=0.25)
    assert len(loaded.held_out_images) == 10
    assert torch.equal(loaded.held_out_images, GREY[3::4])
    assert "a fraction of 0.25" in loaded.origin


def test_a_folder_is_held_out(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        Image.fromarray(GREY[0, 0].numpy()).save(tmp_path / name / "0.png")
    made = {"images": GREY, "labels": LABELS, "class_names": ["d", "c", "b", "a"]}
    loaded = load_custom("x.y", lambda: made, held_out=str(tmp_path))
    assert len(loaded.images) == COUNT
    assert loaded.held_out_labels.tolist() == [3, 2]
    (tmp_path / "a").rename(tmp_path / "e")
    with pytest.raises(
        DataError, match=r"^data.held_out=.*: class folders e; the classes of the training images are 4"
    ):
        load_custom("x.y", lambda: made, held_out=str(tmp_path))
    with pytest.raises(DataError, match=r"^data.held_out=.*/nowhere: there is no such folder$"):
        load_custom("x.y", lambda: made, held_out=str(tmp_path / "nowhere"))


def test_oblong_images_become_square() -> None:
    oblong = pictures(1, 20, 16)
    with pytest.raises(DataError, match=r"images of 20 x 16 .* give data.fit=crop, .* or data.fit=pad"):
        load_custom("x.y", lambda: oblong)
    cropped = load_custom("x.y", lambda: oblong, fit="crop").images
    assert torch.equal(cropped[0], oblong[0, :, 2:18])
    padded = load_custom("x.y", lambda: Items(list(oblong.float() / 127.5 - 1)), fit="pad").images
    assert padded.shape[1:] == (1, 20, 20)
    assert padded[:, :, :, :2].eq(0).all()
    assert torch.equal(padded[0, :, :, 2:18], oblong[0])


def test_random_numbers_are_those_of_the_seed() -> None:
    def drawn() -> Tensor:
        return torch.rand(20, 16, 16) * float(np.random.rand())

    state = torch.get_rng_state()
    first, again, other = (load_custom("x.y", drawn, seed=seed).images for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def failing() -> None:
    raise KeyError("no file")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (failing, "KeyError: 'no file'"),
        (lambda: None, "NoneType returned; a Dataset, an array of images, a pair of images and labels, or a dict with "
         "'images' expected"),
        (lambda: "images", "str returned; a Dataset, an array of images, a pair of images and labels, or a dict with "
         "'images' expected"),
        (lambda: {"image": GREY}, "image: no such key of the dict; did you mean 'images'? "
         "keys: class_names, held_out_images, held_out_labels, images, labels"),
        (lambda: {"labels": LABELS}, "a dict without 'images' returned"),
        (lambda: {"images": GREY, "labels": LABELS, "held_out_images": GREY},
         "labels, and no held_out_labels for the held_out_images"),
        (lambda: (GREY, LABELS[:5]), "5 labels for 40 images"),
        (lambda: (GREY, LABELS.float()), "labels of type float32 and shape (40,); an integer for each image "
         "expected"),
        (lambda: {"images": GREY, "labels": LABELS, "class_names": ["a", "b"]},
         "labels from 0 to 3, and 2 names of classes; labels from 0 to 1 expected"),
        (lambda: GREY[:0], "there are no images in it"),
        (lambda: Items([]), "there are no images in it"),
        (lambda: pictures(2, 16, 16), "shape N x 2 x 16 x 16; N x H x W, N x C x H x W or N x H x W x C expected, with "
         "C = 1 or 3"),
        (lambda: pictures(8, 8), "images of 8 x 8 pixels, 16 to 128 expected; give data.image_size=16"),
        (GREY.float, "values from 0 to 255; integers from 0 to 255 (as uint8), or floats in [0, 1] or "
         "[-1, 1] expected"),
        (lambda: GREY.long() * 2, "values from 0 to 510; integers from 0 to 255 (as uint8), or floats in [0, 1] "
         "or [-1, 1] expected"),
        (lambda: torch.full((40, 16, 16), torch.nan), ": image 0 has values that are not finite (NaN or infinite)"),
        (lambda: np.full((40, 16, 16), "x"), "images of type <U1; integers or floats expected"),
        (lambda: Items([GREY[0], None]), "image 1: NoneType given; a PIL image, or an array H x W, C x H x W or H x W "
         "x C expected"),
        (lambda: Items([GREY[0], GREY[0].float() / 255]), "image 1 has another type of numbers than image 0"),
        (lambda: Items([GREY[0], pictures(1, 18, 18)[0]]),
         "image 1 is 1 x 18 x 18 and image 0 is 1 x 16 x 16; give data.image_size=16 to convert all"),
        (lambda: Items([GREY[0], COLOUR[0]]),
         "image 1 is 3 x 16 x 16 and image 0 is 1 x 16 x 16; give data.image_channels=1 or 3 to convert all"),
        (lambda: Items([(GREY[0], "cat")]), "a label is str; an integer for each image expected"),
    ],
)  # fmt: skip
def test_mistakes(made: Any, message: str) -> None:
    with pytest.raises(DataError) as error:
        load_custom("x.y", made)
    told = str(error.value).removeprefix("data._target_=x.y").removeprefix(": ").removeprefix(".")
    assert told == message.removeprefix(": ")


def test_the_advice_of_a_mistake_is_right() -> None:
    mixed = [GREY[0], pictures(1, 18, 18)[0]]
    assert load_custom("x.y", lambda: Items(mixed * 5), image_size=16).images.shape[1:] == (1, 16, 16)
    assert load_custom("x.y", lambda: Items([GREY[0], COLOUR[0]]), image_channels=3).images.shape[1] == 3
    assert load_custom("x.y", lambda: pictures(8, 8), image_size=16).images.shape[1:] == (1, 16, 16)


def test_a_broken_item_is_named() -> None:
    class Broken(Items):
        def __getitem__(self, number: int) -> Any:
            return {}[number] if number == 3 else GREY[number]

    with pytest.raises(DataError, match=r"^data._target_=x.y: image 3 cannot be read: KeyError: 3$"):
        load_custom("x.y", lambda: Broken(list(GREY)))


def test_the_data_module_takes_a_function() -> None:
    data = ImageData("x.y", batch_size=4, shuffle=False, source=lambda: (GREY, LABELS))
    data.setup()
    images, labels = next(iter(data.train_dataloader()))
    assert torch.equal(images, GREY[:4] / 255 / 0.5 - 1)
    assert labels.tolist() == [0, 1, 2, 3]
    with pytest.raises(DataError, match=r"data.image_size: 5 given, 16 to 128 pixels, or null expected"):
        ImageData("x.y", image_size=5, source=lambda: GREY)


def test_pictures_of_every_mode_look_as_in_a_folder(tmp_path: Path) -> None:
    see_through = Image.new("RGBA", (16, 16), (0, 0, 0, 0))  # white, as in a folder
    for picture, shown in ((see_through, 255), (see_through.convert("LA"), 255), (Image.new("L", (16, 16), 7), 7)):
        made = load_custom("x.y", functools.partial(Items, [picture] * 10))
        picture.save(tmp_path / "a.png")
        assert torch.equal(made.images[0], load_folder(str(tmp_path)).images[0])
        assert made.images.eq(shown).all()
    turned = Image.fromarray(GREY[0, 0].numpy())
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned.info["exif"] = exif.tobytes()
    upright = load_custom("x.y", functools.partial(Items, [turned] * 10)).images[0, 0]
    assert torch.equal(upright, GREY[0, 0].flip(0, 1))
    deep = Image.fromarray(np.full((16, 16), 4000, np.uint16))
    with pytest.raises(DataError, match=r"image 0: a picture of mode I;16 given, whose values have no known range"):
        load_custom("x.y", functools.partial(Items, [deep] * 10))


def test_floats_of_a_dataset_are_read_as_one_range(caplog: pytest.LogCaptureFixture) -> None:
    # the first images have no negative value, and still are in [-1, 1] as the last one
    images = torch.rand(10, 1, 16, 16)
    images[9, 0, 0, 0] = -1
    caplog.set_level("INFO", "gan.data")
    one_by_one = load_custom("x.y", lambda: TensorDataset(images)).images
    assert caplog.messages == ["data._target_=x.y: read as floats in [-1, 1]"]
    assert torch.equal(one_by_one, load_custom("x.y", lambda: images).images)


@pytest.mark.parametrize("pixels", [torch.zeros(3, 64, 64, dtype=torch.uint8), torch.zeros(3, 64, 64)])
def test_a_dataset_larger_than_memory(monkeypatch: pytest.MonkeyPatch, pixels: torch.Tensor) -> None:
    read = []

    class Large(Items):
        def __getitem__(self, number: int) -> Any:
            read.append(number)
            return super().__getitem__(number)

    monkeypatch.setattr(memory, "free_memory", lambda: 200_000)
    with pytest.raises(DataError, match=r"8 of these images or all of them with data.image_size=18 would fit"):
        load_custom("x.y", lambda: Large([pixels] * 100))
    assert read == [0]
    assert load_custom("x.y", lambda: Large([pixels] * 100), image_size=18).images.shape == (90, 3, 18, 18)
    monkeypatch.setattr(memory, "free_memory", lambda: 20_000_000)  # of a stream the number is not known
    with pytest.raises(DataError, match=r"^data._target_=x.y: 1,025 images of 3 x 64 x 64 need"):
        load_custom("x.y", lambda: iter([pixels] * 2000))

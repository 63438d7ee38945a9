"""The examples of `docs/errors.md`: the command, the folder's content before it, and the error message."""

import fcntl
import io
import os
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "errors.md"
FENCE = re.compile(r"^```\n(?:# before: (.+)\n)?\$ (.+)\n((?:.+\n)+)```$", re.MULTILINE)


@dataclass(frozen=True)
class Mistake:
    """A command and its error message.

    Attributes:
        command: as typed, beginning with `python train.py` or `gan`.
        answer: the message, all of stderr, in the folder /home/me.
        given: content of the folder before it, a key of ``GIVEN``; "": none.
    """

    command: str
    answer: str
    given: str


def all_mistakes() -> list[Mistake]:
    return [Mistake(command, answer, given) for given, command, answer in FENCE.findall(PAGE.read_text())]


def _mnist(folder: Path, images: bytes, labels: bytes = b"") -> None:
    """The four files of MNIST, of which the first has these bytes."""
    raw = folder / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    for name, content in zip(names, (images, labels, images, labels), strict=True):
        (raw / name).write_bytes(content)


def _idx(count: int, fill: bytes = b"\x07") -> bytes:
    """An IDX file that says it has so many images, and has them if ``fill`` is one byte."""
    sizes = b"".join(size.to_bytes(4, "big") for size in (count, 28, 28))
    return b"\x00\x00\x08\x03" + sizes + fill * (count * 28 * 28)


def _pictures(folder: Path, **sizes: tuple[int, int]) -> None:
    from PIL import Image

    for name, size in sizes.items():
        path = folder / "pictures" / f"{name.replace('_in_', '/')}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, 99).save(path)


def broken_picture(folder: Path) -> None:
    _pictures(folder, cat_in_1=(32, 32), cat_in_2=(32, 32), dog_in_1=(32, 32))
    (folder / "pictures" / "dog" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")


def one_class(folder: Path) -> None:
    _pictures(folder, cat_in_1=(32, 32), cat_in_2=(32, 32))


def mixed_sizes(folder: Path) -> None:
    _pictures(folder, a=(32, 32), b=(32, 32), c=(40, 40))


def an_oblong_picture(folder: Path) -> None:
    _pictures(folder, a=(32, 32), b=(40, 32))


def no_picture(folder: Path) -> None:
    (folder / "pictures").mkdir()
    (folder / "pictures" / "notes.txt").write_text("hello")


def a_run(folder: Path) -> None:
    from tiny_bundles import whole_bundle

    whole_bundle(folder)


def a_conditional_run(folder: Path) -> None:
    from tiny_bundles import conditional_bundle

    conditional_bundle(folder, ("T-shirt", "Trouser", "Pullover"))


def a_run_of_points(folder: Path) -> None:
    from tiny_bundles import points_bundle

    points_bundle(folder)


def an_output(folder: Path) -> None:
    a_run(folder)
    (folder / "grid.png").write_bytes(b"mine")


def a_run_and_a_picture(folder: Path) -> None:
    from PIL import Image

    a_run(folder)
    Image.new("L", (5, 4), 99).save(folder / "mine.png")


def a_run_folder(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "config.yaml").write_text("seed: 3\n")


def empty_bundle(folder: Path) -> None:
    (folder / "generator.safetensors").write_bytes(b"")


def cut_bundle(folder: Path) -> None:
    a_run(folder)
    whole = (folder / "run" / "generator.safetensors").read_bytes()
    (folder / "run" / "generator.safetensors").write_bytes(whole[:-100])


def flipped_bundle(folder: Path) -> None:
    a_run(folder)
    path = folder / "run" / "generator.safetensors"
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    path.write_bytes(content)


def newer_bundle(folder: Path) -> None:
    import json

    import torch
    from safetensors.torch import save_file

    metadata = {"gan": json.dumps({"format": 99, "sha256": "0" * 64})}
    save_file({"layers.0.weight": torch.zeros(2, 2)}, str(folder / "generator.safetensors"), metadata=metadata)


def discriminator_weights(folder: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"trunk.layers.0.weight": torch.zeros(2, 2)}, str(folder / "discriminator.safetensors"))


def hostile_pickle(folder: Path) -> None:
    """A pickle that leaves a file when it is opened."""

    class Hostile:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
            return open, (str(folder / "executed"), "w")

    buffer = io.BytesIO()
    pickle.dump(Hostile(), buffer)
    (folder / "generator.safetensors").write_bytes(buffer.getvalue())


def a_checkpoint(folder: Path) -> None:
    import torch

    torch.save({"state_dict": {}}, folder / "last.ckpt")


def a_file(folder: Path) -> None:
    (folder / "mine").write_bytes(b"mine")


def no_study(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "study.db").write_text("hello\n" * 1000)


def a_search(folder: Path) -> None:
    from gan.launch.sweeps import search, study
    from gan.launch.sweeps.search_storage import Storage

    account = study.opened(Storage(folder / "mine"), {"quality/fcd": "minimize"})
    account.set_user_attr(search.SPACE, {"optimizer.lr": "0.0001 to 0.001 (log)"})


def a_sweep_that_is_going_on(folder: Path) -> None:
    (folder / "mine").mkdir()
    ours = os.open(folder / "mine", os.O_RDONLY)  # locked until this process ends
    fcntl.flock(ours, fcntl.LOCK_EX)


# Content of the folder before the command, and a function that writes it.
GIVEN: dict[str, Callable[[Path], None]] = {
    "": lambda folder: None,
    "a truncated file of MNIST": lambda folder: _mnist(folder, _idx(60_000, b"") + b"7" * 999),
    "an empty file of MNIST": lambda folder: _mnist(folder, b""),
    "a file of MNIST with zeros only": lambda folder: _mnist(folder, bytes(5000)),
    "a web page instead of a file of MNIST": lambda folder: _mnist(folder, b"<!DOCTYPE html><title>404"),
    "a file of MNIST with 1,000 images instead of 60,000": lambda folder: _mnist(folder, _idx(1000)),
    "a folder of pictures, one of them damaged": broken_picture,
    "a folder of pictures with a single class": one_class,
    "a folder of pictures of different sizes": mixed_sizes,
    "a folder of pictures, one of them not square": an_oblong_picture,
    "a folder without pictures": no_picture,
    "a run": a_run,
    "a conditional run": a_conditional_run,
    "a run on 2-D points": a_run_of_points,
    "a run, and the file grid.png": an_output,
    "a run, and the picture mine.png": a_run_and_a_picture,
    "the run folder mine": a_run_folder,
    "the file mine": a_file,
    "an empty bundle": empty_bundle,
    "a truncated bundle": cut_bundle,
    "a bundle with one changed bit": flipped_bundle,
    "a bundle of a later version": newer_bundle,
    "the weights of a discriminator": discriminator_weights,
    "a malicious pickle named generator.safetensors": hostile_pickle,
    "a checkpoint of PyTorch": a_checkpoint,
    "the file mine/study.db, which is no database": no_study,
    "a search in mine: lowest FCD, over optimizer.lr": a_search,
    "a running sweep in mine": a_sweep_that_is_going_on,
}

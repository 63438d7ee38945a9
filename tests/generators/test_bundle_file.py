"""Files that are no bundle, or not the one that was saved: one message each, nothing run and nothing large read."""

import io
import json
import math
import os
import pickle
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tiny_bundles import make_generator, metadata, told, whole_bundle

from gan.generators.bundle import FILE_NAME, load_generator, save_bundle
from gan.system.errors import BundleError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return whole_bundle(tmp_path)


# What it is not


def test_nothing_there(tmp_path: Path) -> None:
    assert told(tmp_path / "none") == (
        "there is no such file or folder; give a run folder or a file generator.safetensors"
    )


def test_a_folder_without_a_bundle(tmp_path: Path) -> None:
    assert (
        told(tmp_path) == "this folder has no generator.safetensors; it is not a run folder, or its run has not started"
    )


def test_the_run_of_a_folder_without_a_bundle_has_saved_none(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"ended": {"epochs": 1}}')
    assert told(tmp_path).startswith("its run saved no generator, because it had no callbacks.bundle (callbacks=none);")


def test_a_path_that_no_file_can_have(tmp_path: Path) -> None:
    assert told(tmp_path / ("x" * 300)) == "cannot be read: File name too long"


@pytest.mark.skipif(os.name != "posix", reason="pipes are POSIX's")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE_NAME)
    with pytest.raises(BundleError, match=f"^{tmp_path / FILE_NAME}: not a regular file$"):
        load_generator(tmp_path)


def test_a_file_that_may_not_be_read(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *arguments: Any) -> None:
        raise PermissionError(13, "Permission denied", str(self))  # as root one may read everything

    monkeypatch.setattr(Path, "open", refuse)
    assert told(bundle) == "cannot be read: Permission denied"


def checkpoint(**more: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save({"state_dict": {"layers.0.weight": torch.zeros(2)}, **more}, buffer)
    return buffer.getvalue()


def zip_file() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "x" * 100)
    return buffer.getvalue()


NOT_OPENED = "a pickle: not opened, since a pickle can run any code"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b"\0" * 900, "zeros"),
        (b"<!DOCTYPE html><title>404</title>" * 20, "a web page or XML, as a failed download leaves it"),
        (b"\n  <html>" * 20, "a web page or XML, as a failed download leaves it"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
            "a Git LFS pointer instead of the file: fetch it with `git lfs pull`",
        ),
        (b"\x1f\x8b\x08" + b"x" * 90, "compressed by gzip: unpack it first"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 90, "a picture"),
        (pickle.dumps({"weights": [1.0, 2.0]}), NOT_OPENED),
        (pickle.dumps({"weights": [1.0, 2.0]}, protocol=2) + b" " * 100, NOT_OPENED),
        (checkpoint(), f"a checkpoint of PyTorch (torch.save), which is {NOT_OPENED}"),
        (checkpoint(**{"pytorch-lightning_version": "2.6"}), f"a checkpoint of Lightning, which is {NOT_OPENED}"),
        (checkpoint()[:300], "a damaged zip file"),
        (zip_file(), "a zip file"),
        (b"import os\nprint('hello')\n", "something else, or damaged"),
        (b"abcd", "something else, or damaged"),
    ],
)
def test_a_file_of_another_kind(bundle: Path, content: bytes, kind: str) -> None:
    bundle.write_bytes(content)
    assert told(bundle) == f"not a safetensors file, but {kind}; a bundle is called generator.safetensors"


def test_a_checkpoint_of_torch_is_not_opened(bundle: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (bundle.parent / "code from the file has run",))

    for save in (torch.save, lambda trap, path: path.write_bytes(pickle.dumps(trap))):
        save({"state_dict": {}, "trap": Trap()}, bundle)
        assert "not opened, since a pickle can run any code" in told(bundle)
    assert [path.name for path in bundle.parent.iterdir()] == [FILE_NAME]


def test_a_safetensors_file_of_something_else(bundle: Path) -> None:
    # such as a discriminator that somebody has saved
    for of_file in (None, {"format": "pt"}):
        save_file({"weight": torch.zeros(2)}, bundle, metadata=of_file)
        assert told(bundle) == "a safetensors file, but not of a generator: it has no metadata 'gan'"


# What it was


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda content: content[:40], "cut off in its header"),
        (lambda content: content[:-10], None),
        (lambda content: content + b"x", None),
        (lambda content: content.replace(b'"__metadata__":', b'"__metadata__"x', 1), "its header is not JSON"),
        (
            lambda content: struct.pack("<Q", 2**20 + 1) + content[8:],
            "a header of 1048577 bytes; at most 1048576 are read",
        ),
        (
            lambda content: struct.pack("<Q", 2**63) + content[8:],
            "a header of 9223372036854775808 bytes; at most 1048576 are read",
        ),
    ],
    ids=["cut in the header", "cut in the weights", "longer", "broken JSON", "a long header", "a very long header"],
)
def test_not_a_whole_safetensors_file(bundle: Path, damage: Callable[[bytes], bytes], reason: str | None) -> None:
    bundle.write_bytes(damage(bundle.read_bytes()))
    # None: the safetensors package's own words, which differ between its versions
    inner = r"[^\n]+" if reason is None else re.escape(reason)
    pattern = rf"not a complete safetensors file \({inner}\)(; a bundle is called generator\.safetensors)?"
    assert re.fullmatch(pattern, told(bundle))


DAMAGED = "its content is not what was saved (sha256 differs): the file is damaged"


@pytest.mark.parametrize("position", [-1, -7, -400])
@pytest.mark.parametrize("bit", [0, 7])
def test_one_flipped_bit_in_the_weights(bundle: Path, position: int, bit: int) -> None:
    content = bytearray(bundle.read_bytes())
    content[position] ^= 1 << bit
    bundle.write_bytes(content)
    assert told(bundle) == DAMAGED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"layers.0.bias"', b'"layers.0.biaz"'),  # same bytes, same shapes, same order
        (b'mean\\": 0.5', b'mean\\": 0.7'),
        (b'\\"mlp\\"', b'\\"mlq\\"'),
        (b'latent_dim\\": 16', b'latent_dim\\": 99'),
    ],
)
def test_one_changed_character_in_the_header(bundle: Path, old: bytes, new: bytes) -> None:
    content = bundle.read_bytes()
    assert content.count(old) == 1
    bundle.write_bytes(content.replace(old, new))
    assert told(bundle) == DAMAGED


def test_weights_of_another_run_under_this_header(bundle: Path) -> None:
    content = bundle.read_bytes()
    save_bundle(bundle, make_generator(1), metadata())
    other = bundle.read_bytes()
    assert len(other) == len(content)
    start = 8 + struct.unpack("<Q", content[:8])[0]
    bundle.write_bytes(content[:start] + other[start:])
    assert told(bundle) == DAMAGED


def test_no_sha256(bundle: Path) -> None:
    save_file(make_generator().state_dict(), bundle, metadata={"gan": json.dumps(metadata())})
    assert told(bundle) == DAMAGED


# Bombs: a few bytes that ask for much


def test_a_file_that_is_too_large_is_not_read(bundle: Path) -> None:
    with bundle.open("r+b") as file:
        file.truncate(2**40)  # a hole: no byte of it is on the disk
    assert told(bundle) == f"a file of {2**40} bytes; at most {2**30 + 2**20} are read"


def test_a_tensor_that_says_it_is_large(bundle: Path) -> None:
    shape = [2**20, 2**20]
    header = {
        "__metadata__": {"gan": json.dumps(metadata())},
        "layers.0.weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4 * math.prod(shape)]},
    }
    content = json.dumps(header).encode()
    bundle.write_bytes(struct.pack("<Q", len(content)) + content + b"\0" * 64)
    assert told(bundle).startswith("not a complete safetensors file (")

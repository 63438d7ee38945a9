"""Files of random bytes, and good files changed at random: read, or refused with a message. Never anything else."""

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_set import idx_bytes, random_images, read_idx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gan.data.picture_files import PictureFault, read_header, read_pixels
from gan.metrics.extractors import read_extractor
from gan.system.errors import DataError, GanError

CHECKED = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
IDX = idx_bytes(random_images(2, seed=0))
EDITS = st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=6), st.integers(0, 40)), min_size=1, max_size=4)


def picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    pixels = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


PICTURES = {kind: picture(kind) for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")}


def edited(content: bytes, edits: list[tuple[int, bytes, int]]) -> bytes:
    """In each place, so many bytes are replaced by these."""
    for place, new, removed in edits:
        at = place % (len(content) + 1)
        content = content[:at] + new + content[at + removed :]
    return content


@CHECKED
@given(content=st.binary(max_size=200) | EDITS.map(lambda edits: edited(IDX, edits)), zipped=st.booleans())
def test_idx_files(tmp_path: Path, content: bytes, zipped: bool) -> None:
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(content, mtime=0) if zipped else content)
    try:
        assert isinstance(read_idx(path), torch.Tensor)
    except DataError as refused:
        assert str(refused).startswith(f"{path}: ")


@CHECKED
@given(edits=EDITS)
def test_compressed_idx_files(tmp_path: Path, edits: list[tuple[int, bytes, int]]) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(edited(gzip.compress(IDX, mtime=0), edits))
    try:
        assert isinstance(read_idx(path), torch.Tensor)
    except DataError as refused:
        assert str(refused).startswith(f"{path}: ")


@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it makes something of all the same
@CHECKED
@given(kind=st.sampled_from(sorted(PICTURES)), edits=EDITS, nothing_good=st.booleans(), content=st.binary(max_size=99))
def test_pictures(
    tmp_path: Path, kind: str, edits: list[tuple[int, bytes, int]], nothing_good: bool, content: bytes
) -> None:
    path = tmp_path / f"picture.{kind.lower()}"
    path.write_bytes(content if nothing_good else edited(PICTURES[kind], edits))
    try:
        read_header(path)
        assert read_pixels(path, channels=3, height=16, width=16).shape == (3, 16, 16)
    except PictureFault as refused:
        assert str(refused)


@settings(parent=CHECKED, max_examples=40)
@given(edits=EDITS, nothing_good=st.booleans(), content=st.binary(max_size=99))
def test_extractors(tmp_path: Path, edits: list[tuple[int, bytes, int]], nothing_good: bool, content: bytes) -> None:
    whole = sorted((Path(__file__).parents[2] / "gan/metrics/weights").glob("*.safetensors"))[0].read_bytes()
    path = tmp_path / "extractor.safetensors"
    path.write_bytes(content if nothing_good else edited(whole, edits))
    try:
        read_extractor(path)
    except GanError as refused:
        assert str(refused).startswith(f"{path}: ")

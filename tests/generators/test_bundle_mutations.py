"""Bundles changed at random: the outcome is the generator that was saved or one clear message, and nothing else."""

import contextlib
import random
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_bundles import SETTINGS, craft, make_generator, metadata, whole_bundle

from gan.generators.bundle import FILE_NAME, load_generator
from gan.system.errors import BundleError

MOST_MEMORY = 20e6  # bytes of Python objects at once, for files of 2 kB; a tensor's memory is bounded by its file's
# The same examples in every run: a test that fails now and then helps nobody. Long runs are for the slow test below.
repeatable = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return whole_bundle(tmp_path_factory.mktemp("original")).read_bytes()


@contextlib.contextmanager
def bounded_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


def load_or_be_told(path: Path) -> bool:
    """Whether the bundle is whole: then it is the one that was saved. Any other exception fails the test."""
    try:
        with bounded_memory():
            trained = load_generator(path)
    except BundleError as error:
        message = str(error)
        assert message.startswith(f"{path}: ")
        assert message.isprintable()
        assert len(message) < len(str(path)) + 500
        return False
    loaded = trained.generator.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in make_generator().state_dict().items())
    del trained.metadata["sha256"]
    assert trained.metadata == metadata()
    return True


Edit = Callable[[bytes], bytes]


def edit(place: float, length: int, new: bytes) -> Edit:
    """Put ``new`` where ``length`` bytes were, at a place between 0 (the start) and 1 (the end)."""

    def edited(content: bytes) -> bytes:
        start = int(place * len(content))
        return content[:start] + new + content[start + length :]

    return edited


def flip(place: float, bit: int) -> Edit:
    def flipped(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[min(int(place * len(changed)), len(changed) - 1)] ^= 1 << bit
        return bytes(changed)

    return flipped


# Most of the file is weights; the header is what is parsed
places = st.one_of(st.floats(0, 1), st.floats(0, 0.01), st.floats(0, 0.6))
edits = st.one_of(
    st.builds(edit, places, st.integers(0, 40), st.binary(max_size=40)),
    st.builds(edit, places, st.just(1), st.sampled_from([b"0", b"9", b"[", b"{", b'"', b"\\", b"}", b",", b"-", b"e"])),
    st.builds(flip, places, st.integers(0, 7)),
    st.builds(edit, places, st.just(10**6), st.just(b"")),
)


@repeatable
@given(content=st.binary(max_size=300))
def test_random_bytes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    assert not load_or_be_told(tmp_path / FILE_NAME)


@repeatable
@given(changes=st.lists(edits, min_size=1, max_size=4))
def test_random_edits_of_a_bundle(tmp_path: Path, original: bytes, changes: list[Edit]) -> None:
    content = original
    for change in changes:
        content = change(content or b"\0")
    (tmp_path / FILE_NAME).write_bytes(content)
    assert load_or_be_told(tmp_path / FILE_NAME) or content != original


words = st.text('aZ0_ .\n"\\éΩ\u200b', max_size=8)  # all of Unicode would take hypothesis half a minute to make
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 70_000),
    st.integers(),
    st.floats(),
    words,
    st.sampled_from(["mlp", "dcgan", "relu", "normal", "uniform", 10**30, 1e-300, "\ud800", "\x1b[2J", "__class__"]),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)
settings_changed = st.fixed_dictionaries({}, optional={name: values for name in [*SETTINGS, "normalization"]}).map(
    lambda changed: {"settings": {**SETTINGS, **changed}}
)
shapes = st.lists(st.integers(1, 1024), min_size=3, max_size=3).map(lambda shape: {"image_shape": shape})
one_value = st.tuples(st.sampled_from(sorted(metadata())), values).map(lambda item: dict([item]))
several_values = st.dictionaries(st.sampled_from(sorted(metadata())), values, max_size=4)


@repeatable
@given(changes=st.one_of(settings_changed, shapes, one_value, several_values))
def test_random_metadata_with_a_right_sha256(tmp_path: Path, changes: dict[str, Any]) -> None:
    """What an attacker can write. If it is taken, then a generator whose images are as it says."""
    craft(tmp_path / FILE_NAME, **changes)
    try:
        with bounded_memory():
            trained = load_generator(tmp_path)
    except BundleError as error:
        assert str(error).isprintable()
    else:
        assert trained.sample(2).shape == (2, *trained.image_shape)


@pytest.mark.slow
def test_ten_thousand_mutations(tmp_path: Path, original: bytes) -> None:
    chance = random.Random(0)
    intact = 0
    for _ in range(10_000):
        content = original
        for _ in range(chance.randint(1, 5)):
            place = chance.random() ** chance.choice([1, 1, 4])
            new = chance.randbytes(chance.randint(0, 30))
            change = chance.choice(
                [flip(place, chance.randint(0, 7)), edit(place, chance.randint(0, 30), new), edit(place, len(new), new)]
            )
            content = change(content or b"\0")
        (tmp_path / FILE_NAME).write_bytes(content)
        intact += load_or_be_told(tmp_path / FILE_NAME)
    assert intact < 100  # edits that changed nothing, or a space of the header

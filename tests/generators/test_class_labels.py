"""Classes as a user says them, and what is said to one that does not exist."""

import contextlib
import re
from typing import Any

import numpy as np
import pytest
import torch

from gan.generators.class_labels import class_labels, first_class
from gan.system.errors import GanError

CLOTHES = ("T-shirt/top", "Trouser", "Pullover")
LETTERS = ("a", "A", "b")
FOLDERS = ("10", "2", "7")  # as an earlier version's bundle has them: the name of a class is not its number
FROM_1 = ("1", "2", "3")
TWO_CLASSES = "the number is ambiguous, because class number {} is called '{}'; give a name, as text classes: {}"


@pytest.mark.parametrize(
    ("asked", "count", "names", "expected"),
    [
        (None, 5, (), [0, 1, 2, 0, 1]),
        (None, 2, (), [0, 1]),
        (None, 0, (), []),
        (2, 3, (), [2, 2, 2]),
        (0, 0, (), []),
        ("2", 2, (), [2, 2]),
        (" 2", 1, (), [2]),
        (np.int64(1), 2, (), [1, 1]),
        (torch.tensor(1), 2, (), [1, 1]),
        ([0, 2], 5, (), [0, 2, 0, 2, 0]),
        ((1,), 2, (), [1, 1]),
        (range(3), 3, (), [0, 1, 2]),
        (np.array([2, 1]), 2, (), [2, 1]),
        ("Trouser", 1, CLOTHES, [1]),
        ("tRoUsEr", 1, CLOTHES, [1]),
        (["pullover", 0, "1"], 3, CLOTHES, [2, 0, 1]),
        (["a", "A"], 2, LETTERS, [0, 1]),
        ("B", 1, LETTERS, [2]),
        ("2", 1, FOLDERS, [1]),
        (["10", "7"], 2, FOLDERS, [0, 2]),
        (None, 3, FOLDERS, [0, 1, 2]),
        (torch.tensor([2, 0]), 2, FOLDERS, [2, 0]),  # what the network takes
        (torch.tensor(1), 1, FOLDERS, [1]),
        (2, 1, ("00", "01", "02"), [2]),
        ("2", 1, ("00", "01", "02"), [2]),
        (1, 1, ("2019", "2020", "2021"), [1]),  # no number of a class is a year
        ("2020", 1, ("2019", "2020", "2021"), [1]),
    ],
)
def test_classes_by_number_and_by_name(asked: Any, count: int, names: tuple[str, ...], expected: list[int]) -> None:
    labels = class_labels(asked, count, 3, names)
    assert labels.dtype == torch.int64
    assert labels.tolist() == expected


@pytest.mark.parametrize(
    ("asked", "names", "message"),
    [
        (3, (), "class 3: there is no such class; classes: 0 … 2"),
        (-1, (), "class -1: there is no such class; classes: 0 … 2"),
        ("-1", (), "class -1: there is no such class; classes: 0 … 2"),
        (1.0, (), "class 1.0: there is no such class; classes: 0 … 2"),
        (True, (), "class True: there is no such class; classes: 0 … 2"),
        ("x", (), "class 'x': there is no such class; classes: 0 … 2"),
        ("", (), "class '': there is no such class; classes: 0 … 2"),
        ("²", (), "class '²': there is no such class; classes: 0 … 2"),
        ("4", ("0", "1", "2"), "class 4: there is no such class; classes: 0 … 2"),
        ([0, 5], CLOTHES, "class 5: there is no such class; classes: 0 T-shirt/top, 1 Trouser, 2 Pullover"),
        (
            "trousers",
            CLOTHES,
            "class 'trousers': there is no such class; did you mean 'Trouser'? classes: "
            "0 T-shirt/top, 1 Trouser, 2 Pullover",
        ),
        ([], (), "labels: 0 given for 2 images; 1 … 2 expected"),
        ([0, 1, 2], (), "labels: 3 given for 2 images; 1 … 2 expected"),
        (torch.tensor([[0, 1]]), (), "class [0, 1]: there is no such class; classes: 0 … 2"),
        (2, FOLDERS, "class 2: " + TWO_CLASSES.format(1, "2", "10, 2, 7")),
        ("0", FOLDERS, "class '0': there is no such class; did you mean '10'? classes: 10, 2, 7"),
        (np.int64(0), FROM_1, "class 0: " + TWO_CLASSES.format(0, "1", "1, 2, 3")),
        ([1], FROM_1, "class 1: " + TWO_CLASSES.format(0, "1", "1, 2, 3")),
        (np.array([1]), FROM_1, "class 1: " + TWO_CLASSES.format(0, "1", "1, 2, 3")),
        ("0", FROM_1, "class '0': there is no such class; classes: 1, 2, 3"),
        (1, ("cat", "0", "dog"), "class 1: " + TWO_CLASSES.format(1, "0", "cat, 0, dog")),
        (torch.tensor(3), FROM_1, "class 3: there is no such class; classes: 1, 2, 3"),
        (np.array([0.5]), (), "class 0.5: there is no such class; classes: 0 … 2"),
    ],
)
def test_classes_that_do_not_exist(asked: Any, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(GanError, match=f"^{re.escape(message)}$"):
        class_labels(asked, 2, 3, names)


@pytest.mark.parametrize("count", [2, 12])
@pytest.mark.parametrize("start", [0, 1])
def test_a_number_and_a_name_never_mean_two_classes(start: int, count: int) -> None:
    names = tuple(map(str, range(start, start + count)))
    for number in range(count + start):
        meant = []
        for asked in (number, str(number), np.int64(number)):
            with contextlib.suppress(GanError):
                meant.append(class_labels(asked, 1, count, names).item())
        assert set(meant) <= {names.index(str(number))} if str(number) in names else not meant
    # the advice of the message, and what the program itself writes down
    assert class_labels(names[1], 1, count, names).item() == 1
    assert class_labels(first_class(names), 1, count, names).item() == 0

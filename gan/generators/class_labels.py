"""Which class each image is to be of, as a user says it: by number, by name, or several of them in turn."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from gan.system.errors import GanError, counted

MOST_NAMED = 64  # classes in a message: all of EMNIST's


def class_labels(asked: Any, count: int, num_classes: int, names: Sequence[str] = ()) -> Tensor:
    """Labels int64 (count,).

    Args:
        asked: None for all classes in turn; a class, by its number 0 … num_classes - 1 or by its name; or several
            classes, ``count`` or fewer, which are taken in turn.
        num_classes: 1 or more.
        names: of the classes, by number; empty where they have none. A name may be given in any case, and a number as
            text where no class is called so. Where a class is called by the number of another one (folders 1 … 10,
            of which "1" has the number 0), a number could mean two classes: classes are given by name then, as text.
            A tensor always holds numbers, as the labels that a network takes.

    Raises:
        GanError: there is no such class, a number could mean two, or more are given than there are images.
    """
    if asked is None:
        chosen = list(range(num_classes))[:count]
    elif isinstance(asked, str) or not isinstance(asked, Iterable):
        chosen = [_class_number(asked, num_classes, names)]
    elif isinstance(asked, Tensor):
        values = [asked.item()] if asked.ndim == 0 else asked.tolist()
        chosen = [_checked(value, num_classes, names) for value in values]
    else:
        values = asked.tolist() if hasattr(asked, "tolist") else list(asked)  # an array
        chosen = [_class_number(value, num_classes, names) for value in values]
    if asked is not None and not 0 < len(chosen) <= max(count, 1):
        raise GanError(f"labels: {len(chosen)} given for {counted(count, 'image')}; 1 … {max(count, 1)} expected")
    turns = -(-count // len(chosen)) if chosen else 0
    return torch.tensor(chosen * turns, dtype=torch.int64)[:count]


def first_class(names: Sequence[str]) -> int | str:
    """The class of number 0, as `class_labels` takes it."""
    return names[0] if _misleading(names) else 0


def _class_number(asked: Any, num_classes: int, names: Sequence[str]) -> int:
    if isinstance(asked, str):
        number = _number_of_name(asked, names)
        if number is not None:
            return number
        if _whole_number(asked) is not None and not _misleading(names):
            asked = _whole_number(asked)
    elif hasattr(asked, "item"):  # NumPy's whole numbers
        asked = asked.item()
    if type(asked) is int and (misleading := _misleading(names)):
        raise GanError(
            f"class {asked}: a number could mean two classes, for class number {names.index(misleading)} is called "
            f"'{misleading}'; give a name, as text {_choices(num_classes, names)}"
        )
    return _checked(asked, num_classes, names)


def _checked(asked: Any, num_classes: int, names: Sequence[str]) -> int:
    if type(asked) is int and 0 <= asked < num_classes:
        return asked
    raise GanError(f"class {asked!r}: there is no such class{_nearest(asked, names)} {_choices(num_classes, names)}")


def _whole_number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 20 else None


def _misleading(names: Sequence[str]) -> str | None:
    """The first class that is called by the number of another one."""
    for number, name in enumerate(names):
        called = _whole_number(name)
        if called is not None and called != number and 0 <= called < len(names):
            return name
    return None


def _number_of_name(asked: str, names: Sequence[str]) -> int | None:
    """The class of this very name, or else the only one whose name differs in case alone."""
    if asked in names:
        return names.index(asked)
    alike = [number for number, name in enumerate(names) if name.casefold() == asked.casefold()]
    return alike[0] if len(alike) == 1 else None


def _nearest(asked: Any, names: Sequence[str]) -> str:
    by_folded = {name.casefold(): name for name in reversed(names)}
    near = difflib.get_close_matches(str(asked).casefold(), by_folded, n=1) if isinstance(asked, str) else []
    return f"; did you mean '{by_folded[near[0]]}'?" if near else ";"


def _choices(num_classes: int, names: Sequence[str]) -> str:
    if not names or list(names) == [str(number) for number in range(num_classes)]:
        return f"classes: 0 … {num_classes - 1}"
    numbered = not _misleading(names)
    named = [f"{number} {name}" if numbered else name for number, name in enumerate(names[:MOST_NAMED])]
    return "classes: " + ", ".join([*named, "…"] if len(names) > MOST_NAMED else named)

"""Class labels of images from a user's choice: a class by number or name, or several classes in turn."""

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
        asked: None for all classes in turn; a class by its number 0 … num_classes - 1 or by its name; or a sequence of
            at most ``count`` classes, used in turn.
        num_classes: 1 or more.
        names: names of the classes by number; may be empty. Names are not case-sensitive. A number may be given as text
            if no class has this name. If a name is the number of another class (folders 1 … 10, where "1" is class 0),
            a number is ambiguous: then classes must be given by name, as text. Tensors always hold numbers, as for a
            network.

    Raises:
        GanError: a class does not exist, a number is ambiguous, or there are more classes than images.
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
    repeats = -(-count // len(chosen)) if chosen else 0
    return torch.tensor(chosen * repeats, dtype=torch.int64)[:count]


def first_class(names: Sequence[str]) -> int | str:
    """Class 0 in a form that `class_labels` accepts."""
    return names[0] if _ambiguous_name(names) else 0


def _class_number(asked: Any, num_classes: int, names: Sequence[str]) -> int:
    if isinstance(asked, str):
        number = _number_of_name(asked, names)
        if number is not None:
            return number
        if _parse_int(asked) is not None and not _ambiguous_name(names):
            asked = _parse_int(asked)
    elif hasattr(asked, "item"):  # integers of NumPy
        asked = asked.item()
    if type(asked) is int and (ambiguous := _ambiguous_name(names)):
        raise GanError(
            f"class {asked}: the number is ambiguous, because class number {names.index(ambiguous)} is called "
            f"'{ambiguous}'; give a name, as text {_choices(num_classes, names)}"
        )
    return _checked(asked, num_classes, names)


def _checked(asked: Any, num_classes: int, names: Sequence[str]) -> int:
    if type(asked) is int and 0 <= asked < num_classes:
        return asked
    raise GanError(f"class {asked!r}: there is no such class{_nearest(asked, names)} {_choices(num_classes, names)}")


def _parse_int(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 20 else None


def _ambiguous_name(names: Sequence[str]) -> str | None:
    """The first name that is the number of another class."""
    for number, name in enumerate(names):
        called = _parse_int(name)
        if called is not None and called != number and 0 <= called < len(names):
            return name
    return None


def _number_of_name(asked: str, names: Sequence[str]) -> int | None:
    """The number of the class with this name, or of the only class whose name differs in case."""
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
    numbered = not _ambiguous_name(names)
    named = [f"{number} {name}" if numbered else name for number, name in enumerate(names[:MOST_NAMED])]
    return "classes: " + ", ".join([*named, "…"] if len(names) > MOST_NAMED else named)

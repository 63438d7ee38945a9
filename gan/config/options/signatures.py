"""Arguments of the class of a ``_target_``, read from its source, because importing Lightning would take seconds."""

import ast
import functools
import importlib.util
import inspect
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan.system.value_types import expected

WORDS: dict[str, Any] = {"int": int, "float": float, "bool": bool, "str": str, "list": list, "List": list}


@dataclass(frozen=True)
class Argument:
    """One argument of a constructor.

    Attributes:
        type: description of the type; "" if the hint has no type for a command line.
        default: Python source of the default; None if the argument is required.
        meaning: its first sentence in the docstring, or "".
    """

    name: str
    type: str
    default: str | None
    meaning: str


@functools.cache
def arguments_of(target: str) -> dict[str, Argument]:
    """The arguments of a class or function by its dotted name; {} if its source is not found."""
    found = _definition(*_split(target))
    if found is None:
        return {}
    module, node = found
    call = _constructor(module, node)
    if call is None:
        return {}
    text = _docstrings(module.tree, node)
    signature = call.args
    positional = [*signature.posonlyargs, *signature.args]
    padded = [None] * (len(positional) - len(signature.defaults)) + [*signature.defaults]
    pairs = [*zip(positional, padded, strict=True), *zip(signature.kwonlyargs, signature.kw_defaults, strict=True)]
    return {
        argument.arg: Argument(
            argument.arg,
            _describe(argument.annotation),
            None if default is None else ast.unparse(default),
            _meaning(text, argument.arg),
        )
        for argument, default in pairs
        if argument.arg != "self"
    }


@dataclass(frozen=True)
class _Module:
    name: str
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


def _split(target: str) -> tuple[str, str]:
    module, _, name = target.rpartition(".")
    return module, name


@functools.cache
def _module(name: str) -> _Module | None:
    """A module's source, found without importing its top-level package."""
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    # a namespace package, such as hydra_plugins, has no origin
    places = [Path(spec.origin).parent] if spec.origin else map(Path, spec.submodule_search_locations or ())
    folders = [place.joinpath(*rest) for place in places]
    files = (path for folder in folders for path in (folder / "__init__.py", folder.with_suffix(".py")))
    path = next((path for path in files if path.is_file()), None)
    return None if path is None else _Module(name, path, ast.parse(path.read_text(encoding="utf-8")))


def _definition(module_name: str, name: str) -> tuple[_Module, ast.ClassDef | ast.FunctionDef] | None:
    """The definition of a name, found through imports."""
    module = _module(module_name)
    for node in module.tree.body if module else ():
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            assert module is not None
            return module, node
        if isinstance(node, ast.ImportFrom):
            assert module is not None
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    relative = "." * node.level + (node.module or "")
                    return _definition(importlib.util.resolve_name(relative, module.package), alias.name)
    return None


def _constructor(module: _Module, node: ast.ClassDef | ast.FunctionDef) -> ast.FunctionDef | None:
    """The ``__init__`` of the class or of its first base class that has one."""
    if isinstance(node, ast.FunctionDef):
        return node
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return item
    for base in node.bases:
        if isinstance(base, ast.Name) and (found := _definition(module.name, base.id)):
            call = _constructor(*found)
            if call is not None:
                return call
    return None


def _describe(annotation: ast.expr | None) -> str:
    hints = list(dict.fromkeys(_hints(annotation))) if annotation is not None else []
    if not any(hint is not type(None) for hint in hints):
        return ""
    return expected(None, typing.Union[tuple(hints)])  # noqa: UP007  # from a list


def _hints(node: ast.expr) -> Iterator[Any]:
    """The types of a union that can be given on a command line."""
    if isinstance(node, ast.BinOp):
        yield from _hints(node.left)
        yield from _hints(node.right)
    elif isinstance(node, ast.Constant) and node.value is None:
        yield type(None)
    elif isinstance(node, ast.Name) and node.id in WORDS:
        yield WORDS[node.id]
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        yield from _generic(node.value.id, node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice])


def _generic(name: str, arguments: list[ast.expr]) -> Iterator[Any]:
    if name in ("Union", "Optional"):
        for argument in arguments:
            yield from _hints(argument)
        if name == "Optional":
            yield type(None)
    elif name == "Literal":
        values = [ast.literal_eval(argument) for argument in arguments]
        yield typing.Literal[tuple(values)]
    elif name in ("list", "List", "tuple", "Tuple"):
        items = [next(_hints(argument), None) for argument in arguments]
        if items and None not in items:
            yield types.GenericAlias(list if name.lower() == "list" else tuple, tuple(items))


def _docstrings(tree: ast.Module, node: ast.ClassDef | ast.FunctionDef) -> str:
    """The docstrings of a class, of its ``__init__``, and, as in torch, from an assignment to ``__doc__``."""
    texts = [ast.get_docstring(node) or ""]
    texts += [ast.get_docstring(item) or "" for item in node.body if isinstance(item, ast.FunctionDef)][:1]
    for assignment in tree.body:
        if isinstance(assignment, ast.Assign) and ast.unparse(assignment.targets[0]) == f"{node.name}.__doc__":
            strings = [item for item in ast.walk(assignment.value) if isinstance(item, ast.Constant)]
            strings.sort(key=lambda item: (item.lineno, item.col_offset))
            texts.append("".join(str(item.value) for item in strings))
    return "\n".join(inspect.cleandoc(text) for text in texts)


def _meaning(text: str, name: str) -> str:
    """The first sentence about an argument in a Google-style docstring, ``name (type): …``."""
    found = re.search(rf"^( +)(?:\w+, )*{name}(?:, \w+)*(?: \([^\n]*?\))?: *((?:.|\n\1 +)+)", text, re.MULTILINE)
    if found is None:
        return ""
    text = " ".join(found[2].split()).replace("``", "").replace("`", "")
    text = re.sub(r"\s*\((?:default|Default)[:s][^)]*\)|\s*Defaults?(?: to)?: .*", "", text)
    sentence = re.split(r"(?<=\w)\.(?:\s|$)|; see ", text)[0]
    return sentence.strip().rstrip(".")

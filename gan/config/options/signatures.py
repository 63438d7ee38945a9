"""Arguments of the class of a ``_target_``, read from its source, because importing Lightning would take seconds."""

import ast
import contextlib
import functools
import importlib.util
import inspect
import os
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from gan.data import registry
from gan.game import sizes
from gan.system import ranges
from gan.system.value_types import allowed, choices_of, expected

PLAIN = {cls.__name__: cls for cls in (int, float, bool, str, list, tuple, dict)} | {
    "Annotated": typing.Annotated,
    "Literal": typing.Literal,
    "Any": Any,
}
HINTS = (ranges, sizes, registry)  # modules with our annotations, none of which imports torch

WORDS: dict[str, Any] = {"int": int, "float": float, "bool": bool, "str": str, "list": list, "List": list}


@dataclass(frozen=True)
class Argument:
    """One argument of a constructor.

    Attributes:
        type: description of the type; "" if the hint has no type for a command line.
        allowed: range, such as "greater than 0"; "" if there is none.
        default: Python source of the default; None if the argument is required.
        meaning: its first sentence in the docstring, or "".
    """

    name: str
    type: str
    allowed: str
    default: str | None
    meaning: str


@functools.cache
def arguments_of(target: str) -> dict[str, Argument]:
    """The arguments of a class or function by its dotted name; {} if its source is not found.

    If a constructor passes ``**kwargs`` on, it has also the arguments of its base class that can be left out.
    """
    module, _, name = target.rpartition(".")
    found = _definition(module, name)
    return {} if found is None else _arguments(*found)


def _arguments(module: "_Module", node: ast.ClassDef | ast.FunctionDef) -> dict[str, Argument]:
    owner = _constructor(module, node)
    if owner is None:
        return _fields(module, node)
    module, node, call = owner
    text = _docstrings(module.tree, node)
    signature = call.args
    positional = [*signature.posonlyargs, *signature.args]
    padded = [None] * (len(positional) - len(signature.defaults)) + [*signature.defaults]
    pairs = [*zip(positional, padded, strict=True), *zip(signature.kwonlyargs, signature.kw_defaults, strict=True)]
    found = {
        argument.arg: _argument(module, argument.arg, argument.annotation, default, text)
        for argument, default in pairs
        if argument.arg != "self"
    }
    if signature.kwarg is not None and isinstance(node, ast.ClassDef):
        for base in _bases(module, node):
            passed_on, of_base = _arguments(*base).items(), _constructor(*base)
            keyword_only = {argument.arg for argument in of_base[2].args.kwonlyargs} if of_base else set()
            found |= {
                name: each
                for name, each in passed_on
                if name not in found and (each.default is not None or name in keyword_only)
            }
    return found


def _argument(
    module: "_Module", name: str, annotation: ast.expr | None, default: ast.expr | None, text: str
) -> Argument:
    hint = _own_hint(module, annotation)
    choices = choices_of(hint)
    kind = _describe(annotation) if hint is None else expected(None, hint)
    if choices and not kind.startswith(("one of", "true or false")):
        kind = f"one of {kind}"
    written = None if default is None else ast.unparse(default)
    return Argument(name, kind, "" if hint is None else allowed(hint), written, _meaning(text, name))


def _fields(module: "_Module", node: ast.ClassDef | ast.FunctionDef) -> dict[str, Argument]:
    """The fields of a dataclass and of its base classes."""
    if not isinstance(node, ast.ClassDef):
        return {}
    found: dict[str, Argument] = {}
    for base in _bases(module, node):
        found |= _fields(*base)
    if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        text = _docstrings(module.tree, node)
        for item in node.body:
            if not (isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)):
                continue
            if "ClassVar" not in ast.unparse(item.annotation):
                found[item.target.id] = _argument(module, item.target.id, item.annotation, item.value, text)
    return found


def _own_hint(module: "_Module", annotation: ast.expr | None) -> Any:
    """The hint of one of our annotations, with its range; None if it names what is not known without an import."""
    names = _names(annotation) if annotation else set()
    if not names or not _is_safe(annotation):
        return None
    known = {name: value for source in HINTS for name, value in vars(source).items() if not name.startswith("__")}
    known |= {"__builtins__": {}, **PLAIN, "Sequence": list, "Mapping": dict}
    assigned = [item for item in module.tree.body if isinstance(item, ast.Assign)]
    _add_aliases(
        names, {item.targets[0].id: item.value for item in assigned if isinstance(item.targets[0], ast.Name)}, known
    )
    try:
        return eval(ast.unparse(annotation), known) if annotation is not None else None
    except Exception:  # a name that is not known here
        return None


def _is_safe(expression: ast.expr | None) -> bool:
    """Whether an expression reads no special attribute: through these, it could reach all of Python."""
    nodes = ast.walk(expression) if expression else ()
    return not any(isinstance(node, ast.Attribute) and node.attr.startswith("_") for node in nodes)


def _names(expression: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}


def _add_aliases(names: set[str], aliases: dict[str, ast.expr], known: dict[str, Any]) -> None:
    """Add to ``known`` what these names are in their module itself, and the names in that."""
    for name in names & aliases.keys():
        value = aliases.pop(name)
        if not _is_safe(value):
            continue
        _add_aliases(_names(value), aliases, known)
        with contextlib.suppress(Exception):
            known[name] = eval(ast.unparse(value), known)


@dataclass(frozen=True)
class _Module:
    name: str
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


@functools.cache
def _module(name: str) -> _Module | None:
    """A module's source, found without importing its top-level package; also in the current folder."""
    top, *rest = name.split(".")
    if not all(part.isidentifier() for part in (top, *rest)):
        return None
    try:
        spec = importlib.util.find_spec(top) or PathFinder.find_spec(top, [os.getcwd()])
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest and spec.origin and Path(spec.origin).suffix == ".py":
        return _Module(name, Path(spec.origin), ast.parse(Path(spec.origin).read_text(encoding="utf-8")))
    # a namespace package, such as hydra_plugins, has no origin
    if spec.origin in ("built-in", "frozen"):
        return None
    places = [Path(spec.origin).parent] if spec.origin else map(Path, spec.submodule_search_locations or ())
    folders = [place.joinpath(*rest) for place in places]
    files = (path for folder in folders for path in (folder / "__init__.py", folder.with_suffix(".py")))
    path = next((path for path in files if path.is_file()), None)
    return None if path is None else _Module(name, path, ast.parse(path.read_text(encoding="utf-8")))


def _definition(module_name: str, name: str) -> tuple[_Module, ast.ClassDef | ast.FunctionDef] | None:
    """The definition of a name, found through imports."""
    module = _module(module_name)
    for node in _statements(module.tree.body) if module else ():
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


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, also those for type checkers only, which say where a lazy name comes from."""
    for node in body:
        yield from node.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) else [node]


def _constructor(
    module: _Module, node: ast.ClassDef | ast.FunctionDef
) -> tuple[_Module, ast.ClassDef | ast.FunctionDef, ast.FunctionDef] | None:
    """The ``__init__`` of the class or of its first base class that has one, with the class; the function itself."""
    if isinstance(node, ast.FunctionDef):
        return module, node, node
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return module, node, item
    if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        return None
    return next((call for base in _bases(module, node) if (call := _constructor(*base))), None)


def _bases(module: _Module, node: ast.ClassDef | ast.FunctionDef) -> Iterator[tuple[_Module, ast.ClassDef]]:
    """The base classes whose source is found."""
    for base in node.bases if isinstance(node, ast.ClassDef) else ():
        found = _definition(module.name, base.id) if isinstance(base, ast.Name) else None
        if found is not None and isinstance(found[1], ast.ClassDef):
            yield found[0], found[1]


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
    sentence = re.split(r"(?<=[\w)])\.(?:\s|$)|; see ", text)[0]
    return sentence.strip().rstrip(".")

"""Folds the small constants of an application into the places that use them.

On the node a module-level name costs heap: an entry in its module's table, another in that of
each module that imports it, and its text in the table of names. A constant needs none of that:

    from protocols.limits import BOOT_MAX      ->
    if boot > BOOT_MAX:                            if boot > 65535:

A constant is a name in capitals that its module binds once, to an integer of at most 30 bits (a
larger one is an object of its own in each module) made of literals and other constants, or to a
text of at most ten characters (a longer one is an object again). It keeps its definition where
anything asks for it as an attribute of a module (limits.BOOT_MAX). Nothing is folded where the same
name could mean something else. Every line stays where it is, so that a traceback tells the line of
the source.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ota.source_edits import Edit, edited, replaced, without_names

_MOST = 1 << 30
# Source: MicroPython, MICROPY_ALLOC_PARSE_INTERN_STRING_LEN.
_TEXT_CHARS = 10
_NAME = re.compile(r"_?[A-Z][A-Z0-9_]*")
_BINARY: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: int.__add__,
    ast.Sub: int.__sub__,
    ast.Mult: int.__mul__,
    ast.FloorDiv: int.__floordiv__,
    ast.LShift: int.__lshift__,
    ast.RShift: int.__rshift__,
    ast.BitOr: int.__or__,
    ast.BitAnd: int.__and__,
}


@dataclass(slots=True)
class _Module:
    """One source.

    Attributes:
        text: Its text.
        tree: What it says.
        values: Name -> value of every constant that it defines or imports.
        bound: Names that are bound in any other way than as such a constant.
    """

    text: bytes
    tree: ast.Module
    values: dict[str, int | str]
    bound: set[str]


def fold_constants(sources: dict[str, bytes], *, private_only: bool = False) -> dict[str, bytes]:
    """Fold what can be folded.

    Args:
        sources: Name (protocols/limits.py) -> text of every module of an application.
        private_only: Others use these modules too: fold only names that begin with "_".

    Returns:
        The same names with texts that mean the same.

    Raises:
        SyntaxError: a source is no Python.
    """
    modules = {name: _read(name, text) for name, text in sources.items()}
    if private_only:
        for module in modules.values():
            module.bound.update(
                target.id for _, target in _definitions(module.tree) if target.id[0] != "_"
            )
    _find_values(modules)
    asked = {
        node.attr
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
    }
    return {name: _folded(module, asked) for name, module in modules.items()}


def _read(name: str, text: bytes) -> _Module:
    tree = ast.parse(text, name)
    at_top = {id(target) for _, target in _definitions(tree)}
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            if id(node) not in at_top:
                bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            bound.update(node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.ExceptHandler):
            bound.add(node.name or "")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound.update(alias.asname for alias in node.names if alias.asname)
        elif isinstance(node, ast.JoinedStr):
            # Columns inside of an f-string are not to be trusted.
            bound.update(part.id for part in ast.walk(node) if isinstance(part, ast.Name))
    targets = [target.id for _, target in _definitions(tree)]
    bound.update(target for target in targets if targets.count(target) > 1)
    return _Module(text, tree, {}, bound)


def _definitions(tree: ast.Module) -> Iterator[tuple[ast.Assign, ast.Name]]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name) and _NAME.fullmatch(target.id):
                yield statement, target


def _find_values(modules: dict[str, _Module]) -> None:
    """Round by round, since constants are made of others' constants."""
    known = -1
    while known != (known := sum(len(module.values) for module in modules.values())):
        for module in modules.values():
            for node in ast.walk(module.tree):
                if isinstance(node, ast.ImportFrom):
                    for alias, value in _imported(node, modules):
                        _learn(module, alias, value)
            for statement, target in _definitions(module.tree):
                value = _value(statement.value, module.values)
                if isinstance(value, str) or (value is not None and abs(value) < _MOST):
                    _learn(module, target.id, value)


def _learn(module: _Module, name: str, value: int | str) -> None:
    if module.values.get(name, value) != value:
        # Two modules' constants of one name: neither is folded here.
        module.bound.add(name)
    if name not in module.bound:
        module.values[name] = value


def _imported(node: ast.ImportFrom, modules: dict[str, _Module]) -> Iterator[tuple[str, int | str]]:
    source = modules.get((node.module or "").replace(".", "/") + ".py")
    if source is None or node.level:
        return
    for alias in node.names:
        if alias.asname is None and alias.name in source.values.keys() - source.bound:
            yield alias.name, source.values[alias.name]


def _value(node: ast.expr, values: dict[str, int | str]) -> int | str | None:
    match node:
        case ast.Constant(value=int(value)) if type(value) is int:
            return value
        case ast.Constant(value=str(text)) if len(text) <= _TEXT_CHARS and text.isascii():
            return text
        case ast.Name(id=name):
            return values.get(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = _value(operand, values)
            return -value if isinstance(value, int) else None
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            one, other = _value(left, values), _value(right, values)
            if not isinstance(one, int) or not isinstance(other, int):
                return None
            try:
                return _BINARY[type(op)](one, other)
            except (ValueError, ZeroDivisionError):
                return None
        case _:
            return None


def _folded(module: _Module, asked: set[str]) -> bytes:
    values = {name: value for name, value in module.values.items() if name not in module.bound}
    edits: list[Edit] = []
    dropped: list[ast.stmt] = []
    for statement, target in _definitions(module.tree):
        if target.id in values and target.id not in asked:
            dropped.append(statement)
            edits.append(replaced(statement, ""))
    inside = {id(node) for statement in dropped for node in ast.walk(statement)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            names = values.keys() - asked
            edit = without_names(node, names, at_top=node in module.tree.body)
            edits += [] if edit is None else [edit]
        elif (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Load)
            and node.id in values
            and id(node) not in inside
        ):
            edits.append(replaced(node, f"({values[node.id]!r})"))
    return edited(module.text, edits)

"""Leaves out of an application what the node of a kind never uses.

The contract in protocols/ serves both ends: a node encodes what the server decodes, and needs the
tables of its own kind alone. On the node each function, class and table costs heap.

    sources = own_kind(sources, "streetlight")
    sources = without_unused(sources)

What is used is found by name over all modules of the application: whatever shares its name with
something that is used stays. Only functions, classes and plain values of a module's top level
go, never a method. Every line stays where it is, so that a traceback tells the line of the source.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ota.source_edits import Edit, edited, end_of, replaced, start_of, without_names
from protocols.fields import KIND_CODES

_TABLES = "protocols/fields.py"
# What the bootstrap asks for, and the board's description by way of a name (drivers/board.py).
_ROOTS = frozenset({"run", "Driver"})
_PLAIN = (
    ast.Constant | ast.Name | ast.Tuple | ast.List | ast.Dict | ast.Set | ast.BinOp | ast.UnaryOp
)
_MARKS = ast.operator | ast.unaryop | ast.expr_context


def own_kind(sources: dict[str, bytes], kind: str) -> dict[str, bytes]:
    """Leave the entries of other kinds out of the contract's tables by kind."""
    if _TABLES not in sources:
        return sources
    text = sources[_TABLES]
    names = {name.upper() for name in KIND_CODES}
    edits: list[Edit] = []
    for node in ast.walk(ast.parse(text, _TABLES)):
        if not isinstance(node, ast.Dict) or len(node.keys) < 2:
            continue
        keys = [key for key in node.keys if isinstance(key, ast.Name) and key.id in names]
        if len(keys) != len(node.keys):
            continue
        end = end_of(node)
        stops = [*(start_of(key) for key in keys[1:]), (end[0], end[1] - 1)]
        for key, stop in zip(keys, stops, strict=True):
            if key.id != kind.upper():
                edits.append((start_of(key), stop, ""))
    return {**sources, _TABLES: edited(text, edits)}


@dataclass(frozen=True, slots=True)
class _Piece:
    """A statement of a module's top level that can go.

    Attributes:
        node: The statement.
        names: What it defines.
        asks: The names that it mentions.
    """

    node: ast.stmt
    name: str
    asks: frozenset[str]


def without_unused(sources: dict[str, bytes]) -> dict[str, bytes]:
    """Leave out what nothing asks for.

    Raises:
        SyntaxError: a source is no Python.
    """
    trees = {name: ast.parse(text, name) for name, text in sources.items()}
    pieces: dict[str, list[_Piece]] = {}
    wanted = set(_ROOTS)
    for name, tree in trees.items():
        pieces[name] = list(_pieces(tree))
        can_go = {id(piece.node) for piece in pieces[name]}
        for statement in tree.body:
            if id(statement) not in can_go:
                wanted |= _asked(statement)
    waiting = [piece for found in pieces.values() for piece in found]
    while used := [piece for piece in waiting if piece.name in wanted]:
        waiting = [piece for piece in waiting if piece.name not in wanted]
        wanted.update(*(piece.asks for piece in used))
    gone = {id(piece.node) for piece in waiting}
    return {name: _trimmed(sources[name], tree, gone) for name, tree in trees.items()}


def _pieces(tree: ast.Module) -> Iterator[_Piece]:
    for node in tree.body:
        match node:
            case (
                ast.FunctionDef(name=name, decorator_list=[])
                | ast.AsyncFunctionDef(name=name, decorator_list=[])
                | ast.ClassDef(name=name, decorator_list=[])
            ):
                yield _Piece(node, name, _asked(node))
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ) if name[:2] != "__" and _is_plain(value):
                yield _Piece(node, name, _asked(node))
            case _:
                pass


def _is_plain(value: ast.expr) -> bool:
    """Whether nothing happens when it is evaluated."""
    return all(isinstance(node, _PLAIN | _MARKS) for node in ast.walk(value))


def _asked(statement: ast.stmt) -> frozenset[str]:
    """What a statement may need: every name, attribute and text in it, but what it imports."""
    asked: set[str] = set()
    own = _own_names(statement)
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if id(node) not in own:
                asked.add(node.id)
        elif isinstance(node, ast.Attribute):
            asked.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            asked.add(node.value)
        elif isinstance(node, ast.ImportFrom):
            asked.update(alias.name for alias in node.names if alias.asname)
    return frozenset(asked)


def _own_names(statement: ast.stmt) -> set[int]:
    """The places where a function reads its own variables; inner functions are left out."""
    places: set[int] = set()
    for function in ast.walk(statement):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        inside = [node for part in function.body for node in ast.walk(part)]
        if any(isinstance(node, ast.FunctionDef | ast.Lambda | ast.Global) for node in inside):
            continue
        names = [node for node in inside if isinstance(node, ast.Name)]
        bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
        bound |= {argument.arg for argument in function.args.args}
        for node in inside:
            if isinstance(node, ast.comprehension):
                # A scope of its own: outside of it the name is somebody else's.
                bound -= {name.id for name in ast.walk(node.target) if isinstance(name, ast.Name)}
        places.update(id(node) for node in names if node.id in bound)
    return places


def _trimmed(text: bytes, tree: ast.Module, gone: set[int]) -> bytes:
    kept = [statement for statement in tree.body if id(statement) not in gone]
    edits = [replaced(statement, "") for statement in tree.body if id(statement) in gone]
    asked: set[str] = set()
    for statement in kept:
        asked |= _asked(statement)
    for statement in kept:
        if isinstance(statement, ast.ImportFrom):
            unused = {alias.name for alias in statement.names} - asked
            edit = without_names(statement, unused, at_top=True)
            edits += [] if edit is None else [edit]
    return edited(text, edits)

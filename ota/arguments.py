"""Gives the parameters of functions short names that all of them share.

MicroPython keeps every parameter's name in its table of names, for calls that say it. One that
no call of the application says is known to its own function alone, and may as well be called a.

    def _value(readings, index):  ->  def _value(a, b):
        return readings[index]            return a[b]

A name stays where it is said in a call or a text, where the function shows it to an inner one
that binds it anew, or where it stands in an f-string. Lines stay as they are.
"""

import ast
from collections.abc import Iterator

from ota.source_edits import Edit, edited

_SHORT = "abcdefghijklmnopq"
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Scope = _Function | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.ClassDef


def shorten_arguments(sources: dict[str, bytes]) -> dict[str, bytes]:
    """Rename what can be renamed.

    Raises:
        SyntaxError: a source is no Python.
    """
    trees = {name: ast.parse(text, name) for name, text in sources.items()}
    said: set[str] = {"self", "cls"}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg:
                said.add(node.arg)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.add(node.value)
    return {name: edited(text, list(_edits(trees[name], said))) for name, text in sources.items()}


def _edits(tree: ast.Module, said: set[str]) -> Iterator[Edit]:
    for node in ast.walk(tree):
        # An inner function is shortened with the one around it, or not at all.
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _scopes(node):
            yield from _shortened(node, said)


def _scopes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.AST]:
    """What has names of its own inside of a function."""
    inside = [node for part in function.body for node in ast.walk(part)]
    return [node for node in inside if isinstance(node, _Scope | ast.JoinedStr | ast.Global)]


def _shortened(function: ast.FunctionDef | ast.AsyncFunctionDef, said: set[str]) -> Iterator[Edit]:
    given = function.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    inside = [node for part in function.body for node in ast.walk(part)]
    names = [node for node in inside if isinstance(node, ast.Name)]
    taken = {node.id for node in names} | {each.arg for each in arguments}
    # What an inner statement binds without a Name node.
    for node in inside:
        if isinstance(node, ast.alias):
            taken.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            taken.add(node.name)
            said = said | {node.name}
    free = [short for short in _SHORT if short not in taken]
    for argument in arguments:
        if argument.arg in said or len(argument.arg) == 1 or not free:
            continue
        short = free.pop(0)
        places = [(argument.lineno, argument.col_offset)]
        places += [(node.lineno, node.col_offset) for node in names if node.id == argument.arg]
        for line, column in places:
            yield (line - 1, column), (line - 1, column + len(argument.arg)), short

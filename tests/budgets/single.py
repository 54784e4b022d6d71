"""Runs a module of ours as on a chip with 32-bit floats: every operation is rounded.

CPython and the i386 MicroPython compute in doubles, an ESP32 does not. Here the module's own
source runs with each float literal, each arithmetic result and each result of `math` rounded to
IEEE 754 single precision. A double that holds the exact sum, product or quotient of two singles
and is then rounded gives the correctly rounded single (Figueroa 1995), so this is what the
chip's adder, multiplier and divider give; its sin and cos may differ in the last bit.

    sun = load_single(Path("protocols/sun.py"))
    sun.rise_set(9700, 13983000, 108000000)
"""

import ast
import ctypes
import math
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Single:
    """A float32. Meeting a float that was not rounded is an error, so none can slip in."""

    __slots__ = ("value",)

    def __init__(self, value: float) -> None:
        self.value: float = ctypes.c_float(value).value

    def __repr__(self) -> str:
        return f"Single({self.value!r})"

    def __add__(self, other: "int | Single") -> "Single":
        return Single(self.value + _value(other))

    def __radd__(self, other: int) -> "Single":
        return Single(_value(other) + self.value)

    def __sub__(self, other: "int | Single") -> "Single":
        return Single(self.value - _value(other))

    def __rsub__(self, other: int) -> "Single":
        return Single(_value(other) - self.value)

    def __mul__(self, other: "int | Single") -> "Single":
        return Single(self.value * _value(other))

    def __rmul__(self, other: int) -> "Single":
        return Single(_value(other) * self.value)

    def __truediv__(self, other: "int | Single") -> "Single":
        return Single(self.value / _value(other))

    def __rtruediv__(self, other: int) -> "Single":
        return Single(_value(other) / self.value)

    def __mod__(self, other: "int | Single") -> "Single":
        return Single(self.value % _value(other))

    def __neg__(self) -> "Single":
        return Single(-self.value)

    def __lt__(self, other: "int | Single") -> bool:
        return self.value < _value(other)

    def __le__(self, other: "int | Single") -> bool:
        return self.value <= _value(other)

    def __gt__(self, other: "int | Single") -> bool:
        return self.value > _value(other)

    def __ge__(self, other: "int | Single") -> bool:
        return self.value >= _value(other)


def load_single(path: Path) -> Any:
    """The module at `path`, computing in single precision; it may import `math` alone."""
    tree = _Rounding().visit(ast.parse(path.read_text(encoding="utf-8"), str(path)))
    module: Any = types.ModuleType(path.stem)
    module.__dict__.update(_Single=Single, _divide=_divide, _import=_import)
    exec(compile(ast.fix_missing_locations(tree), str(path), "exec"), module.__dict__)
    return module


class _Rounding(ast.NodeTransformer):
    """Rounds what singles cannot catch themselves: literals, and quotients of two integers."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return _call("_Single", node) if isinstance(node.value, float) else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        is_quotient = isinstance(node.op, ast.Div)
        return _call("_divide", node.left, node.right) if is_quotient else node

    def visit_Import(self, node: ast.Import) -> ast.AST:
        (alias,) = node.names
        target = ast.Name(alias.name, ast.Store())
        return ast.Assign([target], _call("_import", ast.Constant(alias.name)))


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _value(number: "int | Single") -> float:
    if isinstance(number, Single):
        return number.value
    if type(number) is not int:
        raise TypeError(f"a {type(number).__name__} was not rounded")
    return ctypes.c_float(number).value


def _divide(left: "int | Single", right: "int | Single") -> Single:
    return Single(_value(left) / _value(right))


def _import(name: str) -> Any:
    if name != "math":
        raise ImportError(f"no single precision for {name}")
    names = ("sin", "cos", "tan", "asin", "acos", "atan2")
    functions: dict[str, Any] = {each: _rounded(getattr(math, each)) for each in names}
    return types.SimpleNamespace(pi=Single(math.pi), floor=_floor, **functions)


def _rounded(function: Callable[..., float]) -> Callable[..., Single]:
    def call(*arguments: "int | Single") -> Single:
        return Single(function(*[_value(each) for each in arguments]))

    return call


def _floor(number: Single) -> int:
    return math.floor(number.value)

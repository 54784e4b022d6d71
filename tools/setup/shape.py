"""Checks the rules of style that no other tool knows: `make check-shape`.

Owns: a module docstring everywhere, the length of files and functions, what code for
MicroPython may import, that no pin's number stands in the firmware, and that no committed file
names the host of a package registry (a mirror must do, and the lock files are for everyone).
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.setup.device_code import FOLDERS

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST_FILE = 400
LONGEST_FUNCTION = 70
TABLES_WRITTEN_OUT = "fleet_server/migrations/versions/"  # one function is one whole step
WHY_LONG = "one idea"  # a longer file's docstring has to say why it is still this
HOST_ONLY_MODULES = frozenset({"contextlib", "dataclasses", "datetime", "enum", "typing"})
MADE_OF_PINS = frozenset({"ADC", "I2C", "PWM", "Pin", "SPI", "SoftI2C", "UART"})
PIN_KEYS = frozenset({"cts", "id", "miso", "mosi", "pin", "rts", "rx", "sck", "scl", "sda", "tx"})
# Spelt so that this file does not name them itself.
REGISTRY_HOSTS = re.compile(
    r"py[p]i\.org|python[h]osted\.org|npm[j]s\.(?:org|com)|(?:deb|security)\.debia[n]\.org"
)


def main() -> int:
    """Checks all committed and new files; prints findings and returns the exit status."""
    findings = [finding for path in repository_files(ROOT) for finding in check_file(ROOT, path)]
    for finding in findings:
        print(finding, file=sys.stderr)
    return 1 if findings else 0


def repository_files(root: Path) -> list[str]:
    """Names of the files that git holds or would add."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return sorted(name for name in set(done.stdout.split("\0")) if name)


def check_file(root: Path, name: str) -> Iterator[str]:
    """Findings about one file, each as one line that begins with the file's name."""
    try:
        text = (root / name).read_text(encoding="utf-8")
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return
    for number, line in enumerate(text.splitlines(), 1):
        if REGISTRY_HOSTS.search(line):
            yield f"{name}:{number}: names the host of a package registry"
    if name.endswith(".py") and text.strip():
        yield from _check_python(name, text)


def _check_python(name: str, text: str) -> Iterator[str]:
    tree = ast.parse(text, name)
    docstring = ast.get_docstring(tree) or ""
    on_device = name.startswith(tuple(f"{folder}/" for folder in FOLDERS))
    if not docstring and not on_device and not name.endswith("__init__.py"):
        yield f"{name}:1: has no module docstring"
    lines = text.count("\n")
    if lines > LONGEST_FILE and WHY_LONG not in docstring:
        yield f"{name}:1: {lines} lines, and its docstring does not say why it is {WHY_LONG}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION and not name.startswith(TABLES_WRITTEN_OUT):
                yield f"{name}:{node.lineno}: {node.name} is {length} lines long"
        if name.startswith("firmware/") and isinstance(node, ast.Call) and _names_a_pin(node):
            yield f"{name}:{node.lineno}: pins and ports are board.toml's to name"
        if on_device and isinstance(node, ast.Import | ast.ImportFrom):
            for module in _imported(node):
                if module in HOST_ONLY_MODULES:
                    yield f"{name}:{node.lineno}: MicroPython has no {module}"


def _names_a_pin(call: ast.Call) -> bool:
    """Whether a pin or a port is opened by a number written in the code."""
    maker = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    maker = call.func.id if isinstance(call.func, ast.Name) else maker
    if maker not in MADE_OF_PINS:
        return False
    given = call.args[:1] + [each.value for each in call.keywords if each.arg in PIN_KEYS]
    return any(isinstance(value, ast.Constant) and type(value.value) is int for value in given)


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").partition(".")[0]]
    return [alias.name.partition(".")[0] for alias in node.names]


if __name__ == "__main__":
    sys.exit(main())

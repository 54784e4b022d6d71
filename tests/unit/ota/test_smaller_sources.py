"""What the build leaves out of an application, and that the rest means the same."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ota.arguments import shorten_arguments
from ota.constants import fold_constants
from ota.publish import release_sources
from ota.trim import own_kind, without_unused
from protocols.fields import KIND_CODES

LIMITS = b"MOST = 7\nLARGE = 1 << 30\nBELOW = -(MOST + 1)\nNAME = 'eleven char'\n"


def folded(text: str, limits: bytes = LIMITS) -> str:
    return fold_constants({"p/limits.py": limits, "p/user.py": text.encode()})["p/user.py"].decode()


def test_a_constant_takes_the_place_of_its_name() -> None:
    text = folded(
        "from p.limits import (\n    BELOW,\n    MOST,\n)\n_TWICE = 2 * MOST\n"
        "def f(x):\n    return x.y(BELOW ** 2, _TWICE // MOST, MOST.bit_length())\n"
    )
    assert text == (
        "\n\n\n\n\ndef f(x):\n    return x.y((-8) ** 2, (14) // (7), (7).bit_length())\n"
    )


@pytest.mark.parametrize(
    "user",
    [
        "def f(MOST):\n    return MOST\n",
        "for MOST in range(3):\n    pass\n",
        "def f():\n    global MOST\n    MOST = 1\n",
        "def f():\n    MOST = 2\n    return MOST\n",
        "class MOST:\n    pass\n",
        "class A:\n    MOST = 2\n",
        "import x as MOST\n",
        "try:\n    pass\nexcept OSError as MOST:\n    pass\n",
        "y = [MOST for MOST in ()]\n",
        "MOST = 3\nMOST = 4\n",
        "MOST: int = 3\n",
        "y = (MOST := 3)\n",
        "print(f'{MOST}')\n",
        "del MOST\n",
    ],
)
def test_a_name_that_may_mean_something_else_stays(user: str) -> None:
    text = "from p.limits import MOST\n" + user
    assert folded(text) == text


def test_what_is_no_small_integer_stays() -> None:
    text = "from p.limits import LARGE, NAME\nHALF = 1 / 2\nIS = True\nCALLED = int('3')\n"
    assert folded(text) == text


def test_a_definition_stays_where_an_attribute_asks_for_it() -> None:
    sources = {
        "p/limits.py": LIMITS,
        "p/user.py": b"from p import limits\nx = limits.MOST\n",
        "p/other.py": b"def f():\n    from p.limits import MOST\n    return MOST\n",
    }
    found = fold_constants(sources)
    assert found["p/limits.py"].startswith(b"MOST = 7\n")
    assert b"BELOW" not in found["p/limits.py"]
    assert found["p/user.py"] == sources["p/user.py"]
    assert b"return (7)" in found["p/other.py"]


def test_one_name_of_two_modules_is_told_apart() -> None:
    sources = {
        "p/a.py": b"STEP = 1\n",
        "p/b.py": b"STEP = 2\n",
        "p/c.py": b"from p.a import STEP\nx = STEP\n",
        "p/d.py": b"from p.b import STEP\nx = STEP\n",
        "p/e.py": b"def f():\n    from p.a import STEP\ndef g():\n    from p.b import STEP\n",
    }
    found = fold_constants(sources)
    assert (found["p/c.py"], found["p/d.py"]) == (b"\nx = (1)\n", b"\nx = (2)\n")
    assert found["p/e.py"] == sources["p/e.py"]


def test_names_that_others_use_stay_where_only_private_ones_may_go() -> None:
    text = b"OPEN = 1\n_OWN = 2\nx = OPEN + _OWN\n"
    assert fold_constants({"m.py": text}, private_only=True) == {
        "m.py": b"OPEN = 1\n\nx = OPEN + (2)\n"
    }


def test_nothing_that_is_asked_for_is_left_out() -> None:
    sources = {
        "p/a.py": (
            b"from p.b import helper, unused\nTABLE = {1: 'x'}\nOLD = (1, 2)\n"
            b"CALLED = print()\ndef run():\n    helper(TABLE, 'by_name')\n"
            b"def forgotten():\n    unused()\n"
        ),
        "p/b.py": (
            b"class Base:\n    pass\nclass Used(Base):\n    pass\ndef helper(*a):\n"
            b"    return Used, helper\ndef by_name():\n    pass\ndef unused():\n"
            b"    return unused()\n@helper\ndef decorated():\n    pass\n"
        ),
    }
    found = {name: text.decode() for name, text in without_unused(sources).items()}
    assert "forgotten" not in found["p/a.py"] and "OLD" not in found["p/a.py"]
    assert found["p/a.py"].startswith("from p.b import helper\nTABLE")
    assert "CALLED = print()" in found["p/a.py"]
    assert "unused" not in found["p/b.py"]
    for kept in ("Base", "Used", "helper", "by_name", "decorated"):
        assert kept in found["p/b.py"]


def test_a_variable_of_a_function_is_no_use_of_what_shares_its_name() -> None:
    text = (
        "def size():\n    pass\ndef total():\n    pass\ndef each():\n    pass\n"
        "def run(total):\n    size = total\n    y = each()\n    return [each for each in size]\n"
    )
    kept = without_unused({"m.py": text.encode()})["m.py"].decode()
    assert "def size" not in kept and "def total" not in kept
    assert "def each" in kept


def shortened(text: str) -> str:
    return shorten_arguments({"m.py": text.encode()})["m.py"].decode()


def test_parameters_share_short_names() -> None:
    text = shortened(
        "def f(values: list, at: int = 3, *rest, last=None):\n"
        "    at += 1\n    del last\n    return values[at].values\n"
    )
    assert text == (
        "def f(a: list, b: int = 3, *rest, c=None):\n"
        "    b += 1\n    del c\n    return a[b].values\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "def f(name):\n    return name\nf(name=1)\n",
        "def f(name):\n    return name\nf(**{'name': 1})\n",
        "def f(name):\n    return [name for x in y]\n",
        "def f(name):\n    return lambda: name\n",
        "def f(name):\n    return f'{name}'\n",
        "def f(self, a, b):\n    return a\n",
    ],
)
def test_a_parameter_that_is_said_or_shown_keeps_its_name(text: str) -> None:
    assert shortened(text) == text


def test_a_short_name_is_never_one_that_is_in_use() -> None:
    text = "def f(name, b):\n    import a\n    c, x = a, d\n    return name\n"
    assert shortened(text) == "def f(e, b):\n    import a\n    c, x = a, d\n    return e\n"
    inner = "def f(name):\n    def g(other):\n        return name, other, a\n    return g\n"
    assert "def g(b):\n        return name, b, a\n" in shortened(inner)


@pytest.mark.parametrize("kind", sorted(KIND_CODES))
def test_lines_stay_and_imports_find_what_they_name(kind: str, repository: Path) -> None:
    sources = {name: path.read_bytes() for name, path in release_sources(repository, kind).items()}
    found = without_unused(fold_constants(own_kind(sources, kind)))
    defined: dict[str, set[str]] = {}
    for name, text in found.items():
        assert text.count(b"\n") == sources[name].count(b"\n"), name
        tree = ast.parse(text, name)
        bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        bound |= {
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        bound |= {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        defined[name] = bound
    for name, text in found.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                source = (node.module or "").replace(".", "/") + ".py"
                wanted = {alias.name for alias in node.names}
                assert source not in defined or wanted <= defined[source], (name, node.module)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                assert node.id in defined[name] or node.id[0].islower() or node.id[0] == "_", (
                    name,
                    node.id,
                )
    space: dict[str, object] = {}
    exec(compile(own_kind(sources, kind)["protocols/fields.py"], "fields", "exec"), space)
    assert space["KIND_NAMES"] == {KIND_CODES[kind]: kind}
    assert set(space["FIELDS"]) == set(space["FAULTS"]) == {KIND_CODES[kind]}  # type: ignore


def test_folded_sources_pass_the_vectors_of_the_contract(repository: Path, tmp_path: Path) -> None:
    paths = [*(repository / "protocols").glob("*.py")]
    sources = {path.relative_to(repository).as_posix(): path.read_bytes() for path in paths}
    for name, text in shorten_arguments(fold_constants(sources)).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text)
    (tmp_path / "protocols" / "vectors").symlink_to(repository / "protocols" / "vectors")
    runner = repository / "tests" / "contract" / "vector_runner.py"
    done = subprocess.run(
        [sys.executable, str(runner), str(tmp_path)], capture_output=True, text=True, check=True
    )
    result = json.loads(done.stdout)
    assert result["checked"] > 100
    assert result["failed"] == []

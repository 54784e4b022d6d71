"""The golden vectors of the wire contract, on all three runtimes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract import vector_runner

ROOT = Path(__file__).parents[2]
RUNNER = Path(__file__).with_name("vector_runner.py")
PROGRAMS = Path(sys.prefix) / "bin"


def test_cpython_passes_every_vector() -> None:
    result = vector_runner.run(str(ROOT))
    assert result["failed"] == []
    checked = result["checked"]
    assert isinstance(checked, int)
    assert checked > 300


@pytest.mark.parametrize("runtime", ["micropython", "micropython-i386"])
def test_micropython_passes_every_vector(runtime: str) -> None:
    done = subprocess.run(
        [PROGRAMS / runtime, RUNNER, ROOT], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["failed"] == []
    assert result["checked"] == vector_runner.run(str(ROOT))["checked"]


def test_a_wrong_vector_is_noticed() -> None:
    functions = vector_runner.calls()
    wrong: dict[str, object] = {
        "name": "x",
        "call": "codec.decode",
        "with": [{"$hex": "01"}],
        "gives": 2,
    }
    assert vector_runner.check(wrong, functions) is not None
    assert vector_runner.check({**wrong, "gives": 1}, functions) is None
    refused: dict[str, object] = {
        "name": "x",
        "call": "codec.decode",
        "with": [{"$hex": "01"}],
        "reason": "malformed",
    }
    assert vector_runner.check(refused, functions) is not None

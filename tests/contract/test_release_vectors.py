"""The vectors of ota/verify, on all three runtimes; on the node's as .mpy in a node's heap."""

import json
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from ota.compiler import compile_sources
from tests.contract import make_release_vectors, release_vector_runner

# What MicroPython runs too cannot say its types in full.
runner = cast(Any, release_vector_runner)

RUNNER = Path(release_vector_runner.__file__)
# An ESP32's share for Python; the i386 build has its pointer and block sizes.
NODE_HEAP = "heapsize=128k"


@pytest.fixture(scope="module")
def vectors(repository: Path) -> Path:
    return repository / "ota" / "verify" / "vectors"


@pytest.fixture(scope="module")
def compiled(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ota/verify as it ships."""
    folder = tmp_path_factory.mktemp("modules")
    paths = [repository / "ota" / "__init__.py", *(repository / "ota" / "verify").glob("*.py")]
    sources = {path.relative_to(repository).as_posix(): path.read_bytes() for path in paths}
    for name, code in compile_sources(sources, None).items():
        target = (folder / name).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(code)
    return folder


def count(vectors: Path) -> int:
    files = {path.stem: json.loads(path.read_text()) for path in vectors.glob("*.json")}
    assert set(files) == set(release_vector_runner.FILES)
    return sum(len(document["vectors"]) for document in files.values())


def test_cpython_passes_every_vector(repository: Path, vectors: Path) -> None:
    result: dict[str, Any] = runner.run(str(repository), str(vectors))
    assert result["failed"] == []
    assert result["checked"] == count(vectors) > 140


@pytest.mark.parametrize("runtime", ["micropython", "micropython-i386"])
def test_micropython_passes_every_vector_in_the_heap_of_a_node(
    runtime: str, programs: Path, compiled: Path, vectors: Path
) -> None:
    command = [programs / runtime, "-X", NODE_HEAP, RUNNER, compiled, vectors]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["failed"] == []
    assert result["checked"] == count(vectors)


def test_a_wrong_vector_is_noticed(vectors: Path) -> None:
    for name in release_vector_runner.FILES:
        for vector in json.loads((vectors / f"{name}.json").read_text())["vectors"]:
            wrong = {**vector, "gives": "something else"}
            if "refused" in vector:
                wrong = {**vector, "refused": "another_reason"}
            assert runner.check(name, wrong) is not None, vector["name"]


def test_the_vectors_are_what_the_generator_writes(vectors: Path) -> None:
    for name, cases in make_release_vectors.documents().items():
        assert (vectors / f"{name}.json").read_text() == make_release_vectors.text(cases)

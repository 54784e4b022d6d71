"""What ships, and that it is the same each time; run on the real MicroPython."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from ota.errors import BuildError
from ota.publish import (
    Application,
    build_bundle,
    describe_bundle,
    encode_bundle,
    read_bundle,
    release_sources,
)
from ota.romfs import MAX_FILE_BYTES
from ota.signing import create_key, load_key, sign_release, write_trust
from ota.verify.errors import MalformedManifest
from ota.verify.limits import MAX_BUNDLE_BYTES
from protocols.fields import KIND_CODES

DEVICE = Path(__file__).with_name("device")
LAMP = Application("streetlight", "1.1.0", 2)


# What is not asked for does not ship (trim.py).
MAIN = """
from ota.verify.bundle import BundleHash
from ota.verify.release import verify_manifest
from ota.verify.trust import decode_trust

NAME = "main_module"


def run():
    return BundleHash, verify_manifest, decode_trust, "NAME", "KIND"
"""


@pytest.fixture
def root(tmp_path: Path, repository: Path) -> Path:
    """A small repository: the real shared code and a firmware of a few lines."""
    root = tmp_path / "repository"
    for package in ("protocols", "ota"):
        shutil.copytree(
            repository / package,
            root / package,
            ignore=shutil.ignore_patterns("__pycache__", "vectors"),
        )
    for name in ("__init__", "main", "boot/main", "nodes/__init__", "drivers/lamp", "nodes/common"):
        path = root / "firmware" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"NAME = {name!r}\n")
    (root / "firmware" / "main.py").write_text(MAIN)
    for kind in KIND_CODES:
        (root / "firmware" / "nodes" / f"{kind}.py").write_text(f"KIND = {kind!r}\n")
    return root


def micropython(programs: Path, *arguments: str | Path, cwd: Path | None = None) -> str:
    command = [programs / "micropython-i386", "-X", "heapsize=128k", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_kind_gets_its_own_program_and_all_that_is_shared(root: Path) -> None:
    names = set(release_sources(root, "streetlight"))
    firmware = {name.removeprefix("firmware/") for name in names if name.startswith("firmware/")}
    assert firmware == {
        "__init__.py",
        "main.py",
        "drivers/lamp.py",
        "nodes/__init__.py",
        "nodes/common.py",
        "nodes/streetlight.py",
    }
    assert {"protocols/codec.py", "ota/__init__.py", "ota/verify/p256.py"} <= names
    assert not {"ota/signing.py", "ota/publish.py", "ota/errors.py"} & names


def test_the_same_sources_give_the_same_bytes(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = build_bundle(root, LAMP, cache)
    moved = tmp_path / "elsewhere"
    root.rename(moved)
    assert build_bundle(moved, LAMP, cache) == first
    assert build_bundle(moved, LAMP, None) == first
    assert str(tmp_path).encode() not in first
    (moved / "firmware" / "main.py").write_text(MAIN.replace("main", "other"))
    assert build_bundle(moved, LAMP, cache) != first


def test_another_version_differs_in_its_version_module_alone(root: Path, tmp_path: Path) -> None:
    old = read_bundle(build_bundle(root, LAMP, tmp_path / "cache"))
    later = Application("streetlight", "1.2.0", 3)
    new = read_bundle(build_bundle(root, later, tmp_path / "cache"))
    assert {path for path in new if new[path] != old.get(path)} == {"firmware/version.mpy"}


def test_a_damaged_cache_is_compiled_again(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    good = build_bundle(root, LAMP, cache)
    entries = sorted(cache.iterdir())
    for i, entry in enumerate(entries):
        stored = entry.read_bytes()
        entry.write_bytes(stored[:-1] if i % 2 else b"\0" * len(stored))
    assert build_bundle(root, LAMP, cache) == good
    assert sorted(cache.iterdir()) == entries


def test_the_cache_stays_bounded(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    for i in range(2100):
        (cache / f"old-{i}").touch()
    build_bundle(root, LAMP, cache)
    assert len(list(cache.iterdir())) < 1100
    assert build_bundle(root, LAMP, cache) == build_bundle(root, LAMP, None)


def test_a_syntax_error_is_one_line_that_names_the_file(root: Path) -> None:
    (root / "firmware" / "nodes" / "streetlight.py").write_text("def broken(:\n")
    with pytest.raises(BuildError, match=r"firmware/nodes/streetlight\.py.*SyntaxError") as error:
        build_bundle(root, LAMP, None)
    assert "\n" not in str(error.value)


def test_a_name_that_no_node_would_take_is_refused(root: Path) -> None:
    (root / "firmware" / "drivers" / "BL0942.py").write_text("X = 1\n")
    with pytest.raises(BuildError, match=r"BL0942\.mpy cannot ship: unsafe_path"):
        build_bundle(root, LAMP, None)


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(BuildError, match="too_large"):
        encode_bundle({"a.mpy": bytes(MAX_FILE_BYTES + 1)})
    with pytest.raises(BuildError, match="too_large"):
        encode_bundle({f"{i}.mpy": bytes(MAX_FILE_BYTES) for i in range(8)})
    with pytest.raises(BuildError, match="malformed_bundle"):
        encode_bundle({})


def test_an_unknown_kind_and_a_folder_without_firmware_are_refused(
    root: Path, tmp_path: Path
) -> None:
    with pytest.raises(BuildError, match="unknown kind 'tram'"):
        release_sources(root, "tram")
    with pytest.raises(BuildError, match="is this the repository"):
        release_sources(tmp_path, "streetlight")


def test_a_version_that_cannot_be_signed_is_refused(root: Path) -> None:
    odd = Application("streetlight", '1.1"', 2)
    bundle = build_bundle(root, odd, None)
    with pytest.raises(MalformedManifest):
        describe_bundle(bundle, odd, 1800000000)


def test_a_bundle_runs_on_micropython_and_knows_its_version(
    root: Path, tmp_path: Path, programs: Path
) -> None:
    bundle = tmp_path / "bundle"
    bundle.write_bytes(build_bundle(root, LAMP, None))
    program = (
        "import sys, vfs\n"
        "image = open(sys.argv[1], 'rb').read()\n"
        "vfs.mount(vfs.VfsRom(memoryview(image)), '/app')\n"
        "sys.path.insert(0, '/app')\n"
        "from firmware import version, main\n"
        "from firmware.nodes import streetlight\n"
        "from protocols import codec\n"
        "print(version.VERSION, version.COUNTER, version.KIND, streetlight.KIND, main.NAME)"
    )
    (tmp_path / "program.py").write_text(program)
    said = micropython(programs, tmp_path / "program.py", bundle)
    assert said.split() == ["1.1.0", "2", "streetlight", "streetlight", "main_module"]


def test_a_node_takes_the_largest_bundle_without_holding_it(
    root: Path, tmp_path: Path, programs: Path
) -> None:
    chance = random.Random(7)
    sizes = [MAX_FILE_BYTES] * 3 + [MAX_BUNDLE_BYTES - 3 * MAX_FILE_BYTES - 1000]
    tree = {f"firmware/part_{i}.mpy": chance.randbytes(size) for i, size in enumerate(sizes)}
    bundle = encode_bundle(tree)
    assert MAX_BUNDLE_BYTES - 1000 < len(bundle) <= MAX_BUNDLE_BYTES
    point = create_key(tmp_path / "release.key", None)
    write_trust(tmp_path / "trust.json", [point], 1)
    manifest = describe_bundle(bundle, LAMP, 1800000000)
    release = sign_release(manifest, bundle, [load_key(tmp_path / "release.key", None)])
    signatures = [[name, signature.hex()] for name, signature in release.signatures]
    (tmp_path / "manifest").write_bytes(release.manifest)
    (tmp_path / "signatures.json").write_text(json.dumps(signatures))
    (tmp_path / "bundle").write_bytes(release.bundle)
    (tmp_path / "application").write_bytes(build_bundle(root, LAMP, None))

    result = json.loads(
        micropython(programs, DEVICE / "check_release.py", tmp_path / "application", tmp_path)
    )
    assert (result["version"], result["bytes"]) == ("1.1.0", len(bundle))
    assert result["peak_bytes"] < 64 * 1024


@pytest.mark.parametrize("kind", sorted(KIND_CODES))
def test_the_real_firmware_of_each_kind_fits(kind: str, repository: Path) -> None:
    files = read_bundle(build_bundle(repository, Application(kind, "1.0.0", 1), None))
    programs = ("", "/program", "/__init__")
    assert {f"firmware/nodes/{kind}{name}.mpy" for name in programs} & set(files)
    assert {"firmware/main.mpy", "firmware/version.mpy", "protocols/codec.mpy"} <= set(files)

"""Packages come from a real Debian mirror, signed by a key that this machine knows, or not at all.

Needs the network, as set-up itself does where nothing is in the cache.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tools.setup.bundle import Bundle, prepare_bundle
from tools.setup.debian import DebianArchive, find_archive, package_of
from tools.setup.errors import NetworkError, SignatureError
from tools.setup.progress import Progress

pytestmark = pytest.mark.internet

SMALL = Bundle("a library", "i386", ("libffi8",), "usr/lib")
# Prepares the bundle in a process of its own, which can be killed.
PREPARE = """
import os, sys
from pathlib import Path
from tools.setup.bundle import Bundle, prepare_bundle
from tools.setup.debian import find_archive
from tools.setup.progress import Progress
prepare_bundle(
    Bundle("a library", "i386", ("libffi8",), "usr/lib"),
    Path(sys.argv[1]), find_archive(os.environ), Progress(),
)
"""


@pytest.fixture
def archive() -> DebianArchive:
    """The archive that set-up on this machine takes packages from."""
    found = find_archive(os.environ)
    assert found is not None, "these tests need apt-get and a Debian mirror"
    return found


def test_a_package_of_another_architecture_is_fetched(
    archive: DebianArchive, tmp_path: Path
) -> None:
    prepare_bundle(SMALL, tmp_path, archive, Progress())
    (deb,) = (SMALL.folder(tmp_path) / "debs").iterdir()
    assert package_of(deb)[0] == "libffi8"
    library = SMALL.folder(tmp_path) / "root/usr/lib/i386-linux-gnu/libffi.so.8"
    assert library.read_bytes()[:5] == b"\x7fELF\x01"  # class 1: 32 bit


def test_a_download_that_was_killed_is_done_again(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PREPARE, str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as killed:
        try:
            _wait_for_scratch(tmp_path / "runtimes")
        finally:
            os.killpg(killed.pid, signal.SIGKILL)
    assert not SMALL.folder(tmp_path).exists()
    assert len(list((tmp_path / "runtimes").iterdir())) == 1
    subprocess.run(command, check=True, capture_output=True)
    assert [each.name for each in (tmp_path / "runtimes").iterdir()] == [
        SMALL.folder(tmp_path).name
    ]


def test_a_signature_by_an_unknown_key_is_refused(archive: DebianArchive, tmp_path: Path) -> None:
    # These are keys of Debian too, but of releases long gone.
    old = archive.keyring.with_name("debian-archive-removed-keys.gpg")
    assert old.exists(), "the package debian-archive-keyring is incomplete"
    with pytest.raises(SignatureError, match="upgrade the package debian-archive-keyring"):
        prepare_bundle(SMALL, tmp_path, replace(archive, keyring=old), Progress())
    assert list((tmp_path / "runtimes").iterdir()) == []


def test_a_missing_keyring_is_refused(archive: DebianArchive, tmp_path: Path) -> None:
    without = replace(archive, keyring=tmp_path / "none.gpg")
    with pytest.raises(SignatureError, match="install debian-archive-keyring"):
        prepare_bundle(SMALL, tmp_path, without, Progress())


def test_a_package_that_the_mirror_lacks_is_said(archive: DebianArchive, tmp_path: Path) -> None:
    unknown = replace(SMALL, packages=("libffi8", "cityfleet-does-not-exist"))
    with pytest.raises(NetworkError, match="cityfleet-does-not-exist"):
        prepare_bundle(unknown, tmp_path, archive, Progress())


def _wait_for_scratch(folder: Path) -> None:
    """Waits until the download has a scratch folder with apt's own files in it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if list(folder.glob("*.tmp/apt/apt.conf")):
            return
        time.sleep(0.01)
    pytest.fail("no download began within 30 s")

"""The demo's factory: release key, the application 1.0.0 of each kind, and what a node ships with.

Everything is built from this checkout by the same code that release managers use. What was built
once stays: a demo that is started again runs the nodes as they were.
"""

import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ota.publish import Application
from ota.release_file import encode_release
from tools.demo.folder import DemoFolder
from tools.errors import DemoError
from tools.files import read_bytes, write_atomic
from tools.node.slots import FactoryImage
from tools.release.work import REPOSITORY, make_key, signed_release

FACTORY_VERSION = "1.0.0"
FACTORY_COUNTER = 1
# The demo's city clock may pass years in a day.
EXPIRES_DAYS = 20 * 365
BUILD_TIMEOUT_S = 60
_BOOTSTRAP = REPOSITORY / "firmware" / "boot" / "main.py"


def make_release_key(folder: DemoFolder) -> None:
    """Makes the demo's release key at the first start.

    Raises:
        FileError: it cannot be written.
    """
    if folder.trust.exists() and folder.release_key.exists():
        return
    folder.release_keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Half a pair is what an interrupted first start leaves; nothing was signed with it.
    folder.trust.unlink(missing_ok=True)
    folder.release_key.unlink(missing_ok=True)
    make_key(folder.release_key, folder.trust, None)


def build_images(folder: DemoFolder, kinds: Iterable[str]) -> dict[str, FactoryImage]:
    """Builds and signs the factory application of each kind, with its board.

    Raises:
        FileError: the sources do not build.
        DemoError: a board description does not compile.
    """
    names = sorted(kinds)
    folder.releases.mkdir(parents=True, exist_ok=True)
    bootstrap = read_bytes(_BOOTSTRAP, "the bootstrap")
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        boards = pool.map(_compile_board, names, [folder.releases] * len(names))
        bundles = pool.map(_build_release, names, [folder] * len(names))
        return {
            kind: FactoryImage(bundle, bootstrap, board)
            for kind, bundle, board in zip(names, bundles, boards, strict=True)
        }


def _build_release(kind: str, folder: DemoFolder) -> bytes:
    what = Application(kind, FACTORY_VERSION, FACTORY_COUNTER)
    release = signed_release(what, EXPIRES_DAYS, folder.release_key, None)
    path = folder.releases / f"{kind}-{FACTORY_VERSION}.release"
    write_atomic(path, encode_release(release))
    return release.bundle


def _compile_board(kind: str, folder: Path) -> bytes:
    out = folder / f"{kind}.board.json"
    command = [sys.executable, "-m", "boards.build", f"{kind}_esp32", "--out", str(out)]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        words = " ".join((done.stderr or done.stdout).split())
        raise DemoError(f"the board of the {kind} does not compile: {words}")
    return read_bytes(out, "the board description")

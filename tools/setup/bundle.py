"""Keeps a program and its libraries, unpacked from Debian packages, in the cache folder.

A bundle is a folder that appears whole or not at all, with a manifest of the SHA-256 of every
file in it. It is checked at each start: what was damaged is unpacked again from the packages
that are kept beside it, or downloaded again when those are damaged too.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.setup.debian import DebianArchive, package_of, unpack
from tools.setup.errors import SetupError
from tools.setup.progress import Progress
from tools.setup.stamps import digest, write_atomically

LAYOUT = "1"
MANIFEST = "manifest.json"
# Of each package we run programs and load libraries: no manuals, no character-set converters.
UNUSED = ("usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/share/bash-completion")


@dataclass(frozen=True, slots=True)
class Bundle:
    """What to unpack: a title, the architecture, the packages, the program inside them, and
    patterns of what is left out because nobody here runs or reads it."""

    title: str
    architecture: str
    packages: tuple[str, ...]
    program: str
    left_out: tuple[str, ...] = ()

    def folder(self, cache: Path) -> Path:
        """The bundle's own folder, another one for every change of its contents."""
        key = digest(LAYOUT, self.architecture, *self.packages, *self.left_out)[:12]
        name = self.program.rpartition("/")[2] or self.packages[0]
        return cache / "runtimes" / f"{name}-{self.architecture}-{key}"

    def argv(self, cache: Path) -> list[str]:
        """How to run the program: through the dynamic loader that came with it.

        Raises:
            SetupError: The packages brought no loader.
        """
        root = self.folder(cache) / "root"
        loaders = sorted((root / "usr" / "lib").glob("*/ld*.so.*"))
        if not loaders:
            raise SetupError(f"{root} holds no dynamic loader")
        loader = loaders[0]
        libraries = str(loader.parent)
        return [str(loader), "--library-path", libraries, str(root / self.program)]


def prepare_bundle(
    bundle: Bundle, cache: Path, archive: DebianArchive | None, progress: Progress
) -> None:
    """Makes a bundle whole; does nothing when it already is.

    Raises:
        SetupError: It has to be downloaded and cannot be.
    """
    folder = bundle.folder(cache)
    manifest = _read_manifest(folder)
    if manifest and _differences(folder / "root", manifest["files"]) == 0:
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    scratch = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", suffix=".tmp", dir=folder.parent))
    try:
        _build(bundle, folder, manifest, scratch, archive, progress)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _build(
    bundle: Bundle,
    folder: Path,
    manifest: dict[str, Any] | None,
    scratch: Path,
    archive: DebianArchive | None,
    progress: Progress,
) -> None:
    if manifest and _differences(folder / "debs", manifest["debs"]) == 0:
        progress.start(f"repairing {bundle.title}")
        debs = sorted((folder / "debs").iterdir())
    elif archive is not None:
        progress.start(f"downloading {bundle.title}")
        apt_folder = scratch / "apt"
        apt_folder.mkdir()
        debs = archive.download(bundle.architecture, bundle.packages, apt_folder, progress)
    else:
        raise SetupError(f"{bundle.title} is damaged and there is no mirror to fetch it from")
    fresh = scratch / "bundle"
    kept = fresh / "debs"
    kept.mkdir(parents=True)
    for deb in debs:
        shutil.copyfile(deb, kept / deb.name)
    unpack(sorted(kept.iterdir()), fresh / "root")
    _prune(fresh / "root", bundle.left_out)
    contents = {
        "packages": dict(package_of(deb) for deb in debs),
        "debs": dict(_entries(kept)),
        "files": dict(_entries(fresh / "root")),
    }
    write_atomically(fresh / MANIFEST, json.dumps(contents, indent=1, sort_keys=True))
    if folder.exists():
        folder.rename(scratch / "damaged")
    fresh.rename(folder)


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if all(isinstance(manifest[part], dict) for part in ("debs", "files")):
            return manifest
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _differences(root: Path, expected: dict[str, str]) -> int:
    """How many of the files that should be there are missing or changed."""
    return sum(_fingerprint(root / name) != value for name, value in expected.items())


def _entries(root: Path) -> Iterator[tuple[str, str]]:
    """Every file below a folder with its fingerprint, in no particular order."""
    for parent, folders, files in os.walk(root):
        links = [each for each in folders if (Path(parent) / each).is_symlink()]
        for name in [*files, *links]:
            path = Path(parent) / name
            yield str(path.relative_to(root)), _fingerprint(path)


def _fingerprint(path: Path) -> str:
    """What a file is: its mode and SHA-256, or where a link leads; empty when missing."""
    try:
        if path.is_symlink():
            return f"link {os.readlink(path)}"
        with path.open("rb") as file:
            sha = hashlib.file_digest(file, "sha256").hexdigest()
            runnable = "x" if os.fstat(file.fileno()).st_mode & 0o100 else "-"
        return f"{runnable} {sha}"
    except OSError:
        return ""


def _prune(root: Path, left_out: Iterable[str]) -> None:
    for pattern in (*UNUSED, "usr/lib/*/gconv", *left_out):
        for path in list(root.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Removes what an interrupted run left behind; the lock makes sure that nobody uses it."""
    for left in folder.parent.glob(f"{folder.name}.*.tmp"):
        shutil.rmtree(left, ignore_errors=True)

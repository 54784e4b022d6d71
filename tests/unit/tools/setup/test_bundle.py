"""A bundle is whole or fetched again, whatever happened to it in the cache.

The packages are real .deb files, made by dpkg-deb and served from a folder in place of a mirror.
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tools.setup.bundle import Bundle, prepare_bundle
from tools.setup.debian import DebianArchive
from tools.setup.errors import NetworkError, SetupError
from tools.setup.progress import Progress

LOADER = "usr/lib/some-linux-gnu/ld-linux.so.2"
BUNDLE = Bundle("Lamp", "all", ("lamp", "liblamp"), "usr/bin/lamp")


class FolderArchive(DebianArchive):
    """An archive whose packages lie in a folder; counts what was asked of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder), folder / "no-keyring", "all")
        self.asked: list[tuple[str, ...]]
        object.__setattr__(self, "asked", [])

    def download(
        self, architecture: str, packages: Sequence[str], folder: Path, progress: Progress
    ) -> list[Path]:
        """Copies the packages; one that is not there is a failed download after a half one."""
        self.asked.append(tuple(packages))
        for package in packages:
            found = next(Path(self.mirror).glob(f"{package}_*.deb"), None)
            if found is None:
                raise NetworkError(f"no {package}")
            shutil.copy(found, folder)
        return sorted(folder.glob("*.deb"))


def make_deb(folder: Path, name: str, files: dict[str, str]) -> Path:
    """Builds a package of architecture `all` that holds `files`."""
    tree = folder / f"tree-{name}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: 1:2.0-1\nArchitecture: all\nMaintainer: T <t@example.org>\n"
        "Description: made by a test\n"
    )
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
        (tree / path).chmod(0o755)
    (tree / "usr").mkdir(exist_ok=True)
    (tree / "usr" / "link").symlink_to("bin")
    deb = folder / f"{name}_1%3a2.0-1_all.deb"
    subprocess.run(["dpkg-deb", "-b", "--root-owner-group", tree, deb], check=True, text=True)
    return deb


@pytest.fixture
def archive(tmp_path: Path) -> FolderArchive:
    """Two packages: a program, and a library with a loader and things that nobody needs."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    make_deb(folder, "lamp", {"usr/bin/lamp": "#!/bin/sh\necho on\n"})
    unused = {"usr/share/man/man1/lamp.1": "a manual", "usr/lib/x/gconv/one.so": "letters"}
    make_deb(folder, "liblamp", {LOADER: "loader", **unused})
    return FolderArchive(folder)


@pytest.fixture
def cache(tmp_path: Path, archive: FolderArchive) -> Path:
    """A cache folder with the bundle in it."""
    prepare(tmp_path / "cache", archive)
    assert archive.asked == [BUNDLE.packages]
    return tmp_path / "cache"


def prepare(cache: Path, archive: DebianArchive | None) -> None:
    """Prepares the bundle as set-up does and requires that nothing is left beside it."""
    prepare_bundle(BUNDLE, cache, archive, Progress())
    assert [each.name for each in (cache / "runtimes").iterdir()] == [BUNDLE.folder(cache).name]


def program(cache: Path) -> Path:
    """The unpacked program."""
    return BUNDLE.folder(cache) / "root" / "usr" / "bin" / "lamp"


def test_a_bundle_is_unpacked_without_what_nobody_needs(cache: Path) -> None:
    root = BUNDLE.folder(cache) / "root"
    assert subprocess.check_output([program(cache)], text=True) == "on\n"
    assert BUNDLE.argv(cache) == [
        str(root / LOADER),
        "--library-path",
        str((root / LOADER).parent),
        str(program(cache)),
    ]
    assert not (root / "usr/share/man").exists()
    assert not (root / "usr/lib/x/gconv").exists()
    manifest = json.loads((BUNDLE.folder(cache) / "manifest.json").read_text())
    assert manifest["packages"] == {"lamp": "1:2.0-1", "liblamp": "1:2.0-1"}
    assert set(manifest["files"]) == {"usr/bin/lamp", "usr/link", LOADER}


def test_a_whole_bundle_is_left_alone_also_without_a_mirror(cache: Path) -> None:
    made_at = program(cache).stat().st_ctime_ns
    prepare(cache, None)
    assert program(cache).stat().st_ctime_ns == made_at


@pytest.mark.parametrize("damage", ["changed", "emptied", "removed", "not runnable", "link"])
def test_damage_is_repaired_from_the_kept_packages(
    cache: Path, archive: FolderArchive, damage: str
) -> None:
    match damage:
        case "changed":
            program(cache).write_text("#!/bin/sh\necho no\n")
        case "emptied":
            program(cache).write_text("")
        case "removed":
            shutil.rmtree(program(cache).parent)
        case "not runnable":
            program(cache).chmod(0o644)
        case _:
            link = BUNDLE.folder(cache) / "root" / "usr" / "link"
            link.unlink()
            link.symlink_to("elsewhere")
    prepare(cache, None)
    assert subprocess.check_output([program(cache)], text=True) == "on\n"
    assert (BUNDLE.folder(cache) / "root" / "usr" / "link").readlink() == Path("bin")
    assert len(archive.asked) == 1


@pytest.mark.parametrize("damage", ["packages too", "no manifest", "half a manifest"])
def test_worse_damage_is_fetched_again(cache: Path, archive: FolderArchive, damage: str) -> None:
    program(cache).write_text("#!/bin/sh\necho no\n")
    manifest = BUNDLE.folder(cache) / "manifest.json"
    match damage:
        case "packages too":
            deb = next((BUNDLE.folder(cache) / "debs").iterdir())
            deb.write_bytes(deb.read_bytes()[:-8])
        case "no manifest":
            manifest.unlink()
        case _:
            manifest.write_text(manifest.read_text()[:100])
    prepare(cache, archive)
    assert subprocess.check_output([program(cache)], text=True) == "on\n"
    assert len(archive.asked) == 2


def test_worse_damage_without_a_mirror_is_said(cache: Path) -> None:
    (BUNDLE.folder(cache) / "manifest.json").unlink()
    with pytest.raises(SetupError, match="Lamp is damaged"):
        prepare(cache, None)


def test_a_failed_download_leaves_nothing_and_the_next_one_works(
    tmp_path: Path, archive: FolderArchive
) -> None:
    library = next(Path(archive.mirror).glob("liblamp_*"))
    away = library.rename(library.with_suffix(".away"))
    with pytest.raises(NetworkError, match="no liblamp"):
        prepare(tmp_path / "cache", archive)
    assert list((tmp_path / "cache" / "runtimes").iterdir()) == []
    away.rename(library)
    prepare(tmp_path / "cache", archive)


def test_what_a_killed_run_left_is_swept(tmp_path: Path, archive: FolderArchive) -> None:
    folder = BUNDLE.folder(tmp_path / "cache")
    left = folder.with_name(f"{folder.name}.abc123.tmp")
    (left / "apt" / "debs").mkdir(parents=True)
    (left / "apt" / "debs" / "lamp_half.deb").write_bytes(b"half a package")
    prepare(tmp_path / "cache", archive)


def test_another_choice_of_packages_is_another_folder(tmp_path: Path) -> None:
    other = Bundle("Lamp", "all", ("lamp", "liblamp", "libmore"), "usr/bin/lamp")
    assert other.folder(tmp_path) != BUNDLE.folder(tmp_path)


def test_what_a_bundle_leaves_out_is_not_there(tmp_path: Path, archive: FolderArchive) -> None:
    small = Bundle("Lamp", "all", BUNDLE.packages, BUNDLE.program, ("usr/bin/la*", "usr/li*k"))
    cache = tmp_path / "cache"
    prepare_bundle(small, cache, archive, Progress())
    root = small.folder(cache) / "root"
    assert not (root / "usr/bin/lamp").exists()
    assert not (root / "usr/link").is_symlink()
    assert (root / LOADER).exists()
    assert small.folder(cache) != BUNDLE.folder(cache)

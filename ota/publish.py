"""Sources -> the bundle of one kind of node -> a manifest, or the files of a factory slot.

Owns which files ship and the bundle's form. Who vouches for it is ota/signing.py's; what a
node thinks of it is ota/verify's, which also reads back all that is written here.

    what = Application(kind="streetlight", version="1.1.0", counter=2)
    bundle = build_bundle(repository_root, what, default_cache())
    manifest = describe_bundle(bundle, what, expires_s=now_s + 365 * 86400)
    write_slot(bundle, node_folder / "slots" / "a")          # factory install

The same sources give the same bytes: files are sorted, nothing of the machine, the time or
the user enters.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ota.compiler import bytecode_version, compile_sources, default_cache
from ota.errors import BuildError
from ota.verify.bundle import MAGIC, BundleReader, check_path
from ota.verify.errors import UpdateError
from ota.verify.manifest import SPEC, encode_manifest
from protocols.fields import KIND_CODES

__all__ = [
    "Application",
    "build_bundle",
    "default_cache",
    "describe_bundle",
    "encode_bundle",
    "read_bundle",
    "release_sources",
    "write_slot",
]

VERSION_MODULE = "firmware/version.py"

# The bootstrap stands beside the slots and is never updated; it does not ship in a bundle.
_BOOT_FOLDER = PurePosixPath("firmware/boot")
_NODES_FOLDER = PurePosixPath("firmware/nodes")
_PIECE_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Application:
    """What is built: an application version for one kind of node.

    Attributes:
        kind: A name of protocols.fields.KIND_NAMES.
        version: For people, such as "1.1.0".
        counter: For the rule that no node steps back; each release has a higher one.
    """

    kind: str
    version: str
    counter: int


def build_bundle(root: Path, what: Application, cache_folder: Path | None) -> bytes:
    """Compile and pack all that a slot of this kind needs.

    Args:
        root: The repository's folder, with firmware/, protocols/ and ota/.
        what: Kind, version and counter; they become firmware/version.mpy.
        cache_folder: Where compiled files are kept (default_cache()), or None.

    Raises:
        BuildError: a source is missing, does not compile, or the whole is over a limit.
    """
    sources = {name: path.read_bytes() for name, path in release_sources(root, what.kind).items()}
    sources[VERSION_MODULE] = _version_module(what)
    compiled = compile_sources(sources, cache_folder)
    files = {name.removesuffix(".py") + ".mpy": data for name, data in compiled.items()}
    return encode_bundle(files)


def release_sources(root: Path, kind: str) -> dict[str, Path]:
    """Return the source files that ship to a kind, by their name in the repository.

    All of firmware/ but the bootstrap and the other kinds' node programs, all modules of
    protocols/, and the checks in ota/verify/.

    Raises:
        BuildError: unknown kind, or there is no firmware for it under `root`.
    """
    if kind not in KIND_CODES:
        raise BuildError(f"unknown kind {kind!r}: it is one of {', '.join(KIND_CODES)}")
    paths = [*(root / "firmware").rglob("*.py"), *(root / "protocols").glob("*.py")]
    paths += [root / "ota" / "__init__.py", *(root / "ota" / "verify").glob("*.py")]
    sources: dict[str, Path] = {}
    for path in paths:
        name = PurePosixPath(path.relative_to(root).as_posix())
        if _ships(name, kind):
            sources[str(name)] = path
    wanted = str(_NODES_FOLDER / kind)
    if not any(name == wanted + ".py" or name.startswith(wanted + "/") for name in sources):
        raise BuildError(f"no {wanted}.py under {root}: is this the repository?")
    return sources


def encode_bundle(files: dict[str, bytes]) -> bytes:
    """Pack files by path into a bundle, and read it back as a node would.

    Raises:
        BuildError: a path or a size that a node would refuse.
    """
    parts = [MAGIC]
    for path in sorted(files):
        raw_path = path.encode()
        try:
            check_path(raw_path)
        except UpdateError as error:
            raise BuildError(f"{path} cannot ship: {error}") from error
        data = files[path]
        parts += [bytes([len(raw_path)]), raw_path, len(data).to_bytes(4, "big"), data]
    bundle = b"".join(parts)
    try:
        packed = dict(read_bundle(bundle))
    except UpdateError as error:
        raise BuildError(f"a node would refuse this bundle: {error}") from error
    assert packed == files
    return bundle


def describe_bundle(bundle: bytes, what: Application, expires_s: int) -> bytes:
    """Return the manifest of a bundle, ready to be signed.

    Args:
        bundle: As build_bundle returned it.
        what: The same as for build_bundle.
        expires_s: Unix seconds from which on nodes refuse to begin this update.

    Raises:
        UpdateError: malformed_manifest, for a value out of range.
    """
    return encode_manifest(
        {
            "spec": SPEC,
            "kind": what.kind,
            "version": what.version,
            "counter": what.counter,
            "length": len(bundle),
            "sha256": hashlib.sha256(bundle).hexdigest(),
            "mpy": bytecode_version(),
            "expires_s": expires_s,
        }
    )


def read_bundle(bundle: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file, in order.

    Raises:
        UpdateError: the refusal that a node would give.
    """
    reader = BundleReader(len(bundle))
    content = b""
    for start in range(0, len(bundle), _PIECE_BYTES):
        for path, data, end in reader.feed(bundle[start : start + _PIECE_BYTES]):
            content += data
            if end:
                yield path, content
                content = b""
    reader.finish()


def write_slot(bundle: bytes, folder: Path) -> None:
    """Unpack a bundle into a new slot folder; whole, or not at all.

    Raises:
        BuildError: there is something at `folder` already.
        UpdateError: the bundle is not good.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        new.chmod(0o755)
        for path, content in read_bundle(bundle):
            target = new / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        # Renaming over an empty folder is fine; a slot in use is never replaced.
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BuildError(f"{folder} is not empty")
        os.replace(new, folder)
    except BaseException:
        shutil.rmtree(new)
        raise


def _ships(name: PurePosixPath, kind: str) -> bool:
    if not name.is_relative_to(_NODES_FOLDER):
        return not name.is_relative_to(_BOOT_FOLDER)
    program = name.relative_to(_NODES_FOLDER).parts[0].removesuffix(".py")
    return program == kind or program not in KIND_CODES


def _version_module(what: Application) -> bytes:
    """Write firmware/version.py; describe_bundle bounds the same values later."""
    return (
        f"VERSION = {what.version!r}\nCOUNTER = {what.counter:d}\nKIND = {what.kind!r}\n"
    ).encode()

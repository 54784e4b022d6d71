"""Sources -> the bundle of one kind of node -> a manifest.

Owns which files ship; the bundle's form is romfs.py's. Who vouches for it is ota/signing.py's;
what a node thinks of it is ota/verify's.

    what = Application(kind="streetlight", version="1.1.0", counter=2)
    bundle = build_bundle(repository_root, what, default_cache())
    manifest = describe_bundle(bundle, what, expires_s=now_s + 365 * 86400)

The same sources give the same bytes: files are sorted, nothing of the machine, the time or
the user enters.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ota.arguments import shorten_arguments
from ota.compiler import bytecode_version, compile_sources, default_cache
from ota.constants import fold_constants
from ota.errors import BuildError
from ota.romfs import check_path, decode_image, encode_image
from ota.trim import own_kind, without_unused
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
]

VERSION_MODULE = "firmware/version.py"

# The bootstrap stands beside the slots and is never updated; it does not ship in a bundle.
_BOOT_FOLDER = PurePosixPath("firmware/boot")
_NODES_FOLDER = PurePosixPath("firmware/nodes")


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
    sources = _smaller(sources, what.kind)
    # Not folded: two versions of one application differ in this module alone.
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
    """Pack files by path into a bundle, and read it back.

    Raises:
        BuildError: a path or a size that no node would take.
    """
    for path in files:
        try:
            check_path(path)
        except UpdateError as error:
            raise BuildError(f"{path} cannot ship: {error}") from error
    try:
        bundle = encode_image(files)
        packed = read_bundle(bundle)
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


def read_bundle(bundle: bytes) -> dict[str, bytes]:
    """Return the files of a bundle by path.

    Raises:
        UpdateError: it is not one.
    """
    return decode_image(bundle)


def _ships(name: PurePosixPath, kind: str) -> bool:
    if not name.is_relative_to(_NODES_FOLDER):
        return not name.is_relative_to(_BOOT_FOLDER)
    program = name.relative_to(_NODES_FOLDER).parts[0].removesuffix(".py")
    return program == kind or program not in KIND_CODES


def _smaller(sources: dict[str, bytes], kind: str) -> dict[str, bytes]:
    """What means the same on a node of this kind, and takes less of its heap."""
    try:
        used = without_unused(fold_constants(own_kind(sources, kind)))
        return shorten_arguments(used)
    except SyntaxError:
        return sources  # mpy-cross says it as it says everything else


def _version_module(what: Application) -> bytes:
    """Write firmware/version.py; describe_bundle bounds the same values later."""
    return (
        f"VERSION = {what.version!r}\nCOUNTER = {what.counter:d}\nKIND = {what.kind!r}\n"
    ).encode()

"""One order, from its signatures to a filled slot. Imported only while there is an order: the
checks of ota.verify and the download need a fifth of a small node's heap.
"""

import asyncio

from firmware.core.errors import ConnectionLostError, DownloadError, LinkError
from firmware.core.limits import CONFIG_BYTES, DOWNLOAD_TRIES
from firmware.core.log import log
from firmware.core.storage import read_file
from firmware.drivers.partition import ROMFS, open_partition
from firmware.net.http import RangeReader
from firmware.update import download
from firmware.update.orders import Outcome
from firmware.update.slots import other
from ota.verify.errors import BundleError, UpdateError
from ota.verify.manifest import decode_manifest
from ota.verify.release import verify_manifest
from ota.verify.trust import decode_trust

_STEP_MS = 1000


class Running:
    """What runs now: the measure of what may follow it."""

    def __init__(self, kind: str, version: str, counter: int, slot: str) -> None:
        self.kind = kind
        self.version = version
        self.counter = counter
        self.slot = slot


class Source:
    """Where bundles come from."""

    def __init__(
        self, address: list, server_name: str, make_context: object, backoff: object
    ) -> None:
        """`address` is [host, port]; `make_context()` gives the TLS context."""
        self.address = address
        self.server_name = server_name
        self.make_context = make_context
        self.backoff = backoff


async def install(
    update: dict,
    mark: bytes,
    desired_version: int,
    running: Running,
    source: Source,
    system_now_s: int,
    beat: object,
) -> Outcome:
    """Verify an order and fetch its bundle into the other slot.

    Returns:
        The outcome; its error is None when the slot is filled, "installed" when this very
        version runs already, else the name of the refusal.
    """
    counter, version = _claims(update["manifest"])
    try:
        fields = _verify(update, running, system_now_s)
        if fields["counter"] == running.counter and fields["version"] == running.version:
            return Outcome(mark, "installed", counter, version, 0)
        await _bring(update["path"], fields, mark, running, source, beat)
    except (UpdateError, DownloadError) as error:
        log("update", "refused: " + str(error))
        download.discard()
        # A blob can be repaired under the same signature, a signature never.
        repairable = isinstance(error, (BundleError, DownloadError))
        return Outcome(mark, error.name, counter, version, desired_version if repairable else 0)
    return Outcome(mark, None, counter, version, 0)


def _verify(update: dict, running: Running, system_now_s: int) -> dict:
    threshold, keys = decode_trust(read_file("trust.json", CONFIG_BYTES) or b"")
    signatures = [(pair[0], pair[1]) for pair in update["signatures"]]
    return verify_manifest(
        update["manifest"],
        signatures,
        keys,
        threshold,
        running.kind,
        running.counter,
        system_now_s,
    )


async def _bring(
    path: str, fields: dict, mark: bytes, running: Running, source: Source, beat: object
) -> None:
    """The bundle into the other slot, from wherever it was left."""
    flash = open_partition("romfs", ROMFS)
    if flash is None:
        raise DownloadError("no place for a bundle")
    into = download.Download(flash, other(running.slot), fields["length"], mark)
    reader = RangeReader(
        source.address[0], source.address[1], source.server_name, source.make_context()
    )
    answers = 0
    try:
        while True:
            try:
                await into.fetch(reader, path, beat)
                break
            except (LinkError, ConnectionLostError) as error:
                log("update", "download waits: " + str(error))
            except DownloadError as error:
                log("update", str(error))
                answers += 1
                if answers >= DOWNLOAD_TRIES:
                    raise
            await _pause(source.backoff.next_ms(), beat)
    finally:
        reader.close()
    source.backoff.reset()
    into.finish(fields["sha256"], beat)


async def _pause(wait_ms: int, beat: object) -> None:
    while wait_ms > 0:
        beat()
        await asyncio.sleep_ms(min(wait_ms, _STEP_MS))
        wait_ms -= _STEP_MS


def _claims(manifest: bytes) -> tuple[int | None, str | None]:
    """What a manifest says it is, before anything proves it: for the event only."""
    try:
        fields = decode_manifest(manifest)
        return fields["counter"], fields["version"]
    except UpdateError:
        return None, None

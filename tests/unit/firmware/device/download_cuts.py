"""A download through a power cut at every single write, in every mode of a cut.

The other slot holds an older image. After each cut the node boots, finds its order again and
goes on: what it then has must be the image that was signed; before that, the slot must hold no
image at all (but, until the first erase, the older one).
"""

import hashlib
import os
from binascii import crc32, hexlify

import check
from nor_flash import MODES, Chance, NorFlash, PowerCutError

from firmware.core.errors import DownloadError
from firmware.core.flash import SECTOR_BYTES
from firmware.update import download
from ota.verify.errors import HashMismatch, TooLarge

HALF = 6
CHANCE = Chance(7)


def bundle(size: int) -> bytes:
    """Any bytes: what an image means is the bootstrap's."""
    whole = b""
    while len(whole) < size:
        whole += CHANCE.bytes(1000)
    return whole[: size - 4] + crc32(whole[: size - 4]).to_bytes(4, "little")


NEW = bundle(4 * SECTOR_BYTES + 100)
OLD = bundle(3 * SECTOR_BYTES)


class Server:
    """Answers range requests as net.http.RangeReader does, and counts them."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked = []

    async def get(self, path: str, start: int, size: int, beat: object) -> tuple:
        self.asked.append(start)
        return bytearray(self.content[start : start + size]), len(self.content)


class Files:
    """The files of the node at the moment of a cut."""

    def __init__(self) -> None:
        self._content = {}
        for name in os.listdir("state"):
            with open("state/" + name, "rb") as file:
                self._content[name] = file.read()

    def restore(self) -> None:
        for name in os.listdir("state"):
            os.remove("state/" + name)
        for name in self._content:
            with open("state/" + name, "wb") as file:
                file.write(self._content[name])


def run(flash: NorFlash, content: bytes = NEW, slot: str = "b", order: bytes = b"new") -> Server:
    """One boot's work on an order."""
    server = Server(content)
    into = download.Download(flash, slot, len(content), order)
    drive(into.fetch(server, "/x", beat))
    into.finish(sha256(content), beat)
    return server


def drive(coroutine: object) -> None:
    """Run what never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")


def sha256(data: bytes) -> str:
    return hexlify(hashlib.sha256(data).digest()).decode()


def beat() -> None:
    pass


def half(flash: NorFlash, slot: str, size: int) -> bytes:
    start = HALF * SECTOR_BYTES if slot == "b" else 0
    return bytes(flash.content[start : start + size])


def is_whole(flash: NorFlash, wanted: bytes) -> bool:
    return half(flash, "b", len(wanted)) == wanted


def fresh() -> NorFlash:
    """Slot a runs, slot b holds what ran before it."""
    for name in os.listdir("state"):
        os.remove("state/" + name)
    flash = NorFlash(2 * HALF)
    flash.content[: len(OLD)] = OLD
    flash.content[HALF * SECTOR_BYTES : HALF * SECTOR_BYTES + len(OLD)] = OLD
    return flash


@check.case
def a_download_fills_the_other_slot_alone() -> None:
    flash = fresh()
    server = run(flash)
    check.equal(is_whole(flash, NEW), True)
    check.equal(half(flash, "a", len(OLD)) == OLD, True)
    check.equal(server.asked, [4096, 8192, 12288, 16384, 0])
    check.equal(os.listdir("state"), [])
    flash = fresh()
    run(flash, NEW, "a")
    check.equal(half(flash, "a", len(NEW)) == NEW, True)
    for size in (5, SECTOR_BYTES, SECTOR_BYTES + 1, HALF * SECTOR_BYTES):
        flash = fresh()
        content = bundle(size)
        run(flash, content)
        check.equal((size, is_whole(flash, content)), (size, True))


@check.case
def a_cut_in_any_write_is_survived() -> dict:
    flash = fresh()
    told = {"cuts": 0, "asked_again": 0}

    def before_write(sector: int, offset: int, data: bytes | None) -> None:
        files = Files()
        for mode in MODES:
            told["cuts"] += 1
            where = "cut %d, %s" % (told["cuts"], mode)
            # Then a second cut, a little later: as if the node had died again at once.
            for count in (0, 2):
                files.restore()
                left = flash.after_cut(mode, sector, offset, data, CHANCE)
                judge(left, where)
                left.before_write = dies_after(count)
                try:
                    run(left)
                except PowerCutError:
                    judge(left, where)
                left.before_write = None
                told["asked_again"] += len(run(left).asked)
                check.equal((where, is_whole(left, NEW)), (where, True))
                check.equal((where, half(left, "a", len(OLD)) == OLD), (where, True))
        files.restore()

    flash.before_write = before_write
    run(flash)
    check.equal(is_whole(flash, NEW), True)
    return told


def dies_after(count: int) -> object:
    left = [count]

    def before_write(sector: int, offset: int, data: bytes | None) -> None:
        if not left[0]:
            raise PowerCutError
        left[0] -= 1

    return before_write


def judge(flash: NorFlash, where: str) -> None:
    """What begins like the new image is the new image, or there is no way it could run."""
    whole = half(flash, "b", len(NEW))
    if whole[:SECTOR_BYTES] == NEW[:SECTOR_BYTES]:
        check.equal((where, whole == NEW), (where, True))


@check.case
def a_download_goes_on_where_it_was() -> None:
    flash = fresh()
    flash.before_write = dies_after(5 + 3)
    try:
        run(flash)
        raise AssertionError("it was not cut")
    except PowerCutError:
        flash.before_write = None
    # Three blocks were programmed; the newest is not trusted.
    check.equal(run(flash).asked, [12288, 16384, 0])
    # Another order has nothing to do with what is there.
    flash = fresh()
    flash.before_write = dies_after(5 + 3)
    try:
        run(flash)
    except PowerCutError:
        flash.before_write = None
    check.equal(run(flash, OLD, "b", b"other").asked, [4096, 8192, 0])
    check.equal(is_whole(flash, OLD), True)


@check.case
def what_is_not_what_was_signed_gets_no_beginning() -> None:
    for at in (0, SECTOR_BYTES - 1, SECTOR_BYTES, len(NEW) - 1):
        flash = fresh()
        altered = bytearray(NEW)
        altered[at] ^= 0x10
        into = download.Download(flash, "b", len(NEW), b"new")
        drive(into.fetch(Server(bytes(altered)), "/x", beat))
        check.raises(HashMismatch, into.finish, sha256(NEW), beat)
        check.equal(half(flash, "b", SECTOR_BYTES), b"\xff" * SECTOR_BYTES)
    flash = fresh()
    into = download.Download(flash, "b", len(NEW), b"new")
    check.raises(DownloadError, drive, into.fetch(Server(NEW + b"x"), "/x", beat))
    check.raises(TooLarge, download.Download, flash, "b", HALF * SECTOR_BYTES + 1, b"new")


@check.case
def a_bit_that_rots_on_flash_is_noticed() -> None:
    flash = fresh()
    into = download.Download(flash, "b", len(NEW), b"new")
    drive(into.fetch(Server(NEW), "/x", beat))
    flash.content[(HALF + 2) * SECTOR_BYTES + 77] ^= 1
    check.raises(HashMismatch, into.finish, sha256(NEW), beat)


os.mkdir("state")
check.run()

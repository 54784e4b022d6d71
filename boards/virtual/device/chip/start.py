"""SIMULATOR: a boot of MicroPython on a virtual chip: file system, boot.py, main.py, REPL.

    micropython -m chip.start

The environment variable CITYFLEET_CHIP holds one JSON object (boards/virtual/chip/README.md).
"""

import json
import os
import sys

import micropython
from flash_image import NorFlash

from chip import host, system

EXIT_SOFT_RESET = 78


def main() -> None:
    # The host turns Ctrl-C into a signal, which would else end the process.
    micropython.kbd_intr(3)
    word = json.loads(os.getenv("CITYFLEET_CHIP"))
    image = open(word["image"], "r+b")
    flash = NorFlash(image, *word["vfs"]) if word["vfs"] else None
    NorFlash.left = word["cut_after"]
    NorFlash.on_cut = _cut
    from chip.repl import Repl

    _take_place(word, flash)
    # Only now: a package remembers the path that it was found by, and this one is there to stay.
    import esp32
    import mapped_flash

    esp32.on_chip(image, word["partitions"])
    mapped_flash.install()
    system.install(word["machine"])
    system.hide_mount(sys.modules["vfs"])
    banner = "%s; %s" % (sys.version.split("; ")[1], word["machine"])
    names = {"__name__": "__main__"}
    repl = Repl(banner, names)
    if word["soft"]:
        host.write(b"MPY: soft reboot\r\n")
    if _run(repl, "boot.py") and (word["raw"] or _run(repl, "main.py")):
        repl.run(word["raw"])
    from plant import power

    power.leave(EXIT_SOFT_RESET)


def _cut() -> None:
    host.send(b"x", b"\x00")
    while True:
        sys.stdin.buffer.read(1)


def _take_place(word: dict, flash: object) -> None:
    """Make the image's file system the only one, but for the simulator's own modules."""
    import vfs

    folder = word["folder"]
    vfs.umount("/")
    vfs.mount(vfs.VfsPosix(folder), "/" + system.HIDDEN)
    sys.path[:] = ["/" + system.HIDDEN + "/lib", "", ".frozen", "/lib"]
    if flash is None:
        return
    try:
        mounted = vfs.VfsLfs2(flash)
    except OSError:
        if not _is_blank(flash):
            _say_corrupted()
        # As a chip does at its first boot.
        vfs.VfsLfs2.mkfs(flash)
        mounted = vfs.VfsLfs2(flash)
    vfs.mount(mounted, "/")
    os.chdir("/")


def _is_blank(flash: object) -> bool:
    sector = bytearray(4096)
    flash.readblocks(0, sector)
    return sector.count(b"\xff") == len(sector)


def _say_corrupted() -> None:
    """Neither start nor overwrite what may still be of use to somebody."""
    import time

    while True:
        host.write_text(
            b"The filesystem starting at sector 0 with size of the vfs partition looks\n"
            b"corrupted. If you had important data there, you may want to make a flash\n"
            b"snapshot to try to recover it. Otherwise, erase it and reset.\n"
        )
        time.sleep(3)


def _run(repl: object, name: str) -> bool:
    """Run a file if it is there; False where it asked for a soft reset."""
    try:
        with open(name) as file:
            text = file.read()
    except OSError:
        return True
    return repl.execute(text, "exec", name)


main()

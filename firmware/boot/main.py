"""The bootstrap: chooses the slot to run and counts the attempts of a trial.

Frozen into MicroPython, or copied once to the root of the node's files as main.py, and never
updated, so it is small and leans on nothing of the application.

The slots are the halves of the flash partition "romfs", a first, which the chip maps into its
address space: a slot holds an image that runs in place (ROMFS) and the CRC-32 of it, little
endian. An image whose length or CRC is wrong is none: half-written or rotten, it never runs.
slots.json says which one to run:

    {"active": "a", "trial": null | "b", "attempts": 3, "rolled_back": null | "b"}

An attempt is counted down on flash before the slot runs, so an application that hangs or
crashes at once still uses its attempts up, and the active slot runs again. When slots.json
cannot be read, any slot that has firmware runs. Confirming a trial is the application's.
"""

import json
import os
import sys
import time
from binascii import crc32

import vfs

_FILE = "slots.json"
_SLOTS = ("a", "b")
_MAGIC = b"\xd2\xcd\x31"
_APP = "/app"


def read_slots():
    """slots.json with every field in range, or None."""
    try:
        with open(_FILE) as file:
            slots = json.load(file)
        active = slots["active"]
        trial = slots.get("trial")
        attempts = slots.get("attempts", 0)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if active not in _SLOTS or type(attempts) is not int:
        return None
    if trial not in _SLOTS or trial == active:
        trial = None
    rolled_back = slots.get("rolled_back")
    return {
        "active": active,
        "trial": trial,
        "attempts": max(0, min(attempts, 3)),
        "rolled_back": rolled_back if rolled_back in _SLOTS else None,
    }


def write_slots(slots):
    """Replace slots.json as a whole."""
    with open(_FILE + ".new", "w") as file:
        json.dump(slots, file)
    os.rename(_FILE + ".new", _FILE)


def image_of(slot):
    """The image in a slot, where it lies in the mapped flash; None where there is no whole one."""
    flash = vfs.rom_ioctl(2, 0)
    if type(flash) is int:
        return None  # an error: no such partition
    half = len(flash) // 2
    image = flash[half : 2 * half] if slot == "b" else flash[:half]
    if bytes(image[:3]) != _MAGIC:
        return None
    length = 0
    for at in range(3, 8):
        length = length << 7 | image[at] & 0x7F
        if image[at] < 0x80:
            break
    end = at + 1 + length
    if end + 4 > half:
        return None
    if crc32(image[:end]) != int.from_bytes(image[end : end + 4], "little"):
        return None
    return image[:end]


def has_firmware(slot):
    """Whether there is an application to import in a slot."""
    return image_of(slot) is not None


def choose():
    """The slot to run, whether it is on trial, and the slots as they are now on flash."""
    slots = read_slots()
    if slots is None:
        for slot in _SLOTS:
            if has_firmware(slot):
                return slot, False, None
        return None, False, None
    trial = slots["trial"]
    if trial is not None:
        if slots["attempts"] > 0 and has_firmware(trial):
            slots["attempts"] -= 1
            write_slots(slots)
            return trial, True, slots
        slots["trial"] = None
        slots["attempts"] = 0
        slots["rolled_back"] = trial
        write_slots(slots)
    if not has_firmware(slots["active"]):
        for slot in _SLOTS:
            if has_firmware(slot):
                return slot, False, slots
    return slots["active"], False, slots


def mount(slot):
    """Make a slot's modules the first that an import finds."""
    try:
        # MicroPython itself mounts what the partition begins with, which is always slot a.
        vfs.umount("/rom")
    except OSError:
        pass  # nothing to mount there
    image = image_of(slot)
    if image is None:
        raise RuntimeError("no slot has firmware")
    vfs.mount(vfs.VfsRom(image), _APP)
    sys.path.insert(0, _APP)


def leave_word(error):
    """Note in RTC memory what ends this run: core/kept.py and core/health.py read it."""
    import machine

    note = {"end": "crash", "task": "bootstrap", "exception": repr(error)[:120]}
    data = json.dumps(note).encode()[:500]
    head = len(data).to_bytes(2, "little") + crc32(data).to_bytes(4, "little")
    rest = machine.RTC().memory()[512:]
    machine.RTC().memory(head + data + bytes(506 - len(data) if rest else 0) + rest)


def main():
    slot, on_trial, slots = choose()
    if slot is None:
        raise RuntimeError("no slot has firmware")
    mount(slot)
    from firmware.main import run

    run(slot, on_trial, slots)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        sys.print_exception(error)
        leave_word(error)
    # The application never returns. If it did, or could not start, begin anew: a trial has
    # one attempt less, and the pause keeps a broken node from wearing its flash out.
    time.sleep(2)
    import machine

    machine.reset()

"""The bootstrap's choice for every state that slots.json can be in, on the device."""

import json
import os
import sys
from binascii import crc32

import check
import esp32
import mapped_flash

mapped_flash.install()
sys.path.insert(0, sys.argv[1])
import main as bootstrap

FLASH = esp32.Partition.find(type=esp32.Partition.TYPE_DATA, label="romfs")[0]
HALF = FLASH.ioctl(4, 0) // 2
# An image with one folder; MicroPython's loader would find no module in it.
IMAGE = b"\xd2\xcd\x31\x05\x04\x03\x02ab"


def sealed(image: bytes) -> bytes:
    return image + crc32(image).to_bytes(4, "little")


def fill(slot: str, content: bytes) -> None:
    """A slot's first sector."""
    sector = HALF if slot == "b" else 0
    FLASH.ioctl(6, sector)
    FLASH.writeblocks(sector, content, 0)


def slots(content: object, *with_firmware: str) -> None:
    """The root of a node with these slots filled and this slots.json."""
    for slot in ("a", "b"):
        fill(slot, sealed(IMAGE) if slot in with_firmware else b"")
    if content is None:
        try:
            os.remove("slots.json")
        except OSError:
            pass
        return
    with open("slots.json", "w") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))


def stored() -> dict:
    with open("slots.json") as file:
        return json.load(file)


@check.case
def the_active_slot_runs() -> None:
    slots({"active": "a"}, "a", "b")
    check.equal(bootstrap.choose()[:2], ("a", False))
    slots({"active": "b"}, "a", "b")
    check.equal(bootstrap.choose()[:2], ("b", False))


@check.case
def a_trial_uses_up_its_attempts_and_goes_back() -> None:
    slots({"active": "a", "trial": "b", "attempts": 3}, "a", "b")
    seen = []
    for _ in range(5):
        slot, on_trial, _ = bootstrap.choose()
        seen.append((slot, on_trial, stored()["attempts"]))
    check.equal(
        seen,
        [("b", True, 2), ("b", True, 1), ("b", True, 0), ("a", False, 0), ("a", False, 0)],
    )
    check.equal(stored()["rolled_back"], "b")
    check.equal(stored()["trial"], None)


@check.case
def a_trial_without_firmware_goes_back_at_once() -> None:
    slots({"active": "a", "trial": "b", "attempts": 3}, "a")
    slot, on_trial, known = bootstrap.choose()
    check.equal((slot, on_trial, known["rolled_back"]), ("a", False, "b"))


@check.case
def an_active_slot_without_firmware_gives_way_to_the_other() -> None:
    slots({"active": "a"}, "b")
    check.equal(bootstrap.choose()[:2], ("b", False))
    slots({"active": "a", "trial": None, "attempts": 0})
    check.equal(bootstrap.choose()[:2], ("a", False))


@check.case
def an_unreadable_file_runs_whatever_has_firmware() -> None:
    for content in (
        None,
        "",
        "{",
        "[]",
        "7",
        "null",
        '{"active": "c"}',
        '{"active": ["a"]}',
        '{"trial": "b"}',
        '{"active": "a", "attempts": "3"}',
        "\x00\x00\x00",
        '{"active": null}',
    ):
        slots(content, "b")
        check.equal(bootstrap.choose(), ("b", False, None))
        slots(content, "a", "b")
        check.equal(bootstrap.choose(), ("a", False, None))


@check.case
def nonsense_in_a_field_is_no_trial() -> None:
    for trial in ("a", "c", 5, ["b"], None):
        slots({"active": "a", "trial": trial, "attempts": 3}, "a", "b")
        check.equal(bootstrap.choose()[:2], ("a", False))
    slots({"active": "a", "trial": "b", "attempts": 99}, "a", "b")
    bootstrap.choose()
    check.equal(stored()["attempts"], 2)


@check.case
def an_image_that_is_not_whole_never_runs() -> None:
    """Cut at any byte, or with any bit of it turned: the other slot runs."""
    whole = sealed(IMAGE)
    spoiled = [whole[:length] for length in range(len(whole))]
    for bit in range(8 * len(whole)):
        other = bytearray(whole)
        other[bit // 8] ^= 1 << bit % 8
        spoiled.append(bytes(other))
    # Longer than a slot, with a length that has no end, with nothing in it.
    spoiled.append(b"\xd2\xcd\x31\x8f\xff\xff\xff\x7f" + whole[4:])
    spoiled.append(b"\xd2\xcd\x31\xff\xff\xff\xff\xff\xff\xff")
    spoiled.append(b"\xff" * 64)
    spoiled.append(b"\x00" * 64)
    for content in spoiled:
        slots({"active": "a"}, "b")
        fill("a", content)
        check.equal((content, bootstrap.choose()[:2]), (content, ("b", False)))
    fill("a", whole)
    check.equal(bootstrap.choose()[:2], ("a", False))


@check.case
def what_is_mounted_is_found_first() -> None:
    slots({"active": "b"}, "a", "b")
    bootstrap.mount("b")
    check.equal((sys.path[0], os.listdir("/app")), ("/app", ["ab"]))
    os.umount("/app")


@check.case
def nothing_to_run_is_said() -> None:
    slots("{")
    check.equal(bootstrap.choose(), (None, False, None))


check.run()

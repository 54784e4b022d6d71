"""The outbox on the virtual board's flash partition, in a heap as small as a chip's."""

import gc
import os
import time

import check
from esp32 import Partition

from firmware.core.outbox_flash import OUTBOX_SECTORS, PARTITION, open_outbox
from firmware.drivers.partition import open_partition
from protocols import messages
from protocols.fields import STREETLIGHT

WEEK_REPORTS = 672
ROW = [100, 2285, 440, 1003, 99, 500, 12345, 1234, 45, 12000, 3, -67, 1, 312]


@check.case
def the_partition_is_found_by_its_label() -> None:
    found = Partition.find(type=Partition.TYPE_DATA, label=PARTITION)
    check.equal(len(found), 1)
    info = found[0].info()
    check.equal((info[0], info[1], info[4], info[5]), (1, 0x40, PARTITION, False))
    assert open_partition(PARTITION).sector_count >= OUTBOX_SECTORS
    check.equal(open_partition("nobody"), None)
    check.equal(len(Partition.find(type=Partition.TYPE_APP)), 2)


@check.case
def its_flash_keeps_to_the_rules_of_nor() -> None:
    flash = open_partition(PARTITION)
    buffer = bytearray(4)
    flash.read(47, 100, buffer)
    check.equal(buffer, b"\xff\xff\xff\xff")
    flash.program(47, 100, b"\xf0\x12\xff\x00")
    flash.program(47, 100, b"\x8f\xff\x55\xff")
    flash.read(47, 100, buffer)
    check.equal(buffer, b"\x80\x12\x55\x00")
    flash.erase(46)
    open_partition(PARTITION).read(47, 100, buffer)
    check.equal(buffer, b"\x80\x12\x55\x00")
    flash.erase(47)
    flash.read(47, 100, buffer)
    check.equal(buffer, b"\xff\xff\xff\xff")
    check.raises(OSError, flash.read, 47, 4094, buffer)
    check.raises(OSError, flash.erase, 48)
    whole = Partition.find(type=Partition.TYPE_DATA, label=PARTITION)[0]
    whole.writeblocks(47, bytes(4096))
    whole.writeblocks(47, b"\xff" * 4096)
    flash.read(47, 0, buffer)
    check.equal(buffer, b"\xff\xff\xff\xff")
    # It outlives the process, and a chip starts blank.
    check.equal(os.stat("flash/" + PARTITION + ".img")[6], whole.info()[3])


@check.case
def a_week_waits_in_flash_and_not_in_memory() -> dict:
    gc.threshold(8192)
    gc.collect()
    before = gc.mem_alloc()
    outbox = open_outbox(open_partition(PARTITION))
    for seq in range(WEEK_REPORTS):
        outbox.add_report(seq, messages.encode_report(STREETLIGHT, 7, seq, 1795273200 + seq, ROW))
    gc.collect()
    held = gc.mem_alloc() - before
    assert held < 4096, held
    del outbox
    began_ms = time.ticks_ms()
    outbox = open_outbox(open_partition(PARTITION))
    mount_ms = time.ticks_diff(time.ticks_ms(), began_ms)
    found = []
    while True:
        entry = outbox.take()
        if entry is None:
            break
        _, _, first, rows = messages.decode_batch(entry[1])
        found.extend(range(first, first + len(rows)))
        outbox.acknowledged(entry)
    check.equal(found, list(range(WEEK_REPORTS)))
    check.equal(open_outbox(open_partition(PARTITION)).waiting(), 0)
    return {"heap_bytes": held, "mount_ms": mount_ms}


check.run()

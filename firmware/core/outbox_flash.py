"""Where on flash the outbox lies, and how much of it there is.

The sectors in order: two of the cursor log, the events twice, the reports twice. A board's
flash map gives the partition PARTITION to it; a board without one gets files.
"""

from firmware.core.cursor import CursorLog
from firmware.core.outbox import Outbox
from firmware.core.ring import Ring

# The label in the flash map.
PARTITION = "outbox"
_CURSOR_SECTORS = 2
# Five full sectors and one that is being filled: 250 events of 60 bytes. A board that boots
# every half hour says two at each boot, so a whole day of that beside its faults.
EVENT_SECTORS = 6
# A week at the normal rate is 672 reports, one each 15 minutes. A streetlight's takes 56 of
# a sector's 4080 bytes, so a week is 10 sectors; the rest is for the reports between, that
# an alarm asks for, and one is always being filled.
REPORT_SECTORS = 16
# 184 KiB of a 4 MB flash, of which MicroPython twice takes 3 MB; the partition has 192 KiB.
OUTBOX_SECTORS = _CURSOR_SECTORS + 2 * (EVENT_SECTORS + REPORT_SECTORS)


def open_outbox(flash: object) -> Outbox:
    """The outbox as the last boot left it on flash; nothing is written but a first cursor.

    Raises:
        OSError: the flash fails, or is too small.
    """
    if flash.sector_count < OUTBOX_SECTORS:
        raise OSError("the outbox needs %d sectors" % OUTBOX_SECTORS)
    log = CursorLog(flash, 0, 4)
    events = Ring(flash, _CURSOR_SECTORS, EVENT_SECTORS)
    reports = Ring(flash, _CURSOR_SECTORS + 2 * EVENT_SECTORS, REPORT_SECTORS)
    saved = log.values or (None, 0, None, 0)
    events.begin(saved[0], saved[1])
    reports.begin(saved[2], saved[3])
    outbox = Outbox(events, reports, log)
    if log.values is None:
        # From here on it is known what is missing.
        outbox.save(True)
    return outbox

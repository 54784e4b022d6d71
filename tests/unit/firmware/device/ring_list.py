"""What waits in the flash of the node whose folder this runs in, as the next boot finds it."""

import check

from firmware.core.outbox_flash import PARTITION, open_outbox
from firmware.drivers.partition import open_partition
from protocols import messages


@check.case
def waiting() -> list:
    outbox = open_outbox(open_partition(PARTITION))
    found = []
    while True:
        entry = outbox.take()
        if entry is None:
            return found
        if entry[0] == "batch":
            _, boot, first, rows = messages.decode_batch(entry[1])
            found.extend([["report", boot, first + step] for step in range(len(rows))])
        elif entry[0] == "report":
            found.append(["report"] + list(messages.decode_report(entry[1])[1:3]))
        else:
            found.append(["event"] + list(messages.decode_event(entry[1])[1:3]))


check.run()

"""The record ring's figures on the 32-bit MicroPython, as on a chip: wear, bytes, time, heap."""

from pathlib import Path

from tests.bench.row import Row
from tests.unit.firmware.runner import run_device

_RUNTIME = "micropython-i386"


def measure(folder: Path) -> list[Row]:
    """The rows of the table; `folder` is scratch."""
    results = run_device("ring_parts", _RUNTIME, folder, heap="8m", timeout_s=300)
    results.check()
    wear = results.values["two_months_wear_the_flash_little_and_evenly"]
    found = results.values["a_full_ring_is_found_quickly_and_with_little_memory"]
    kept = results.values["a_week_is_there_even_when_the_ring_has_run_over"]
    return [
        Row("outbox: erases per record", f"{wear['erases_per_record']}", "at most 0.05"),
        Row(
            "outbox: flash bytes per record",
            f"{wear['bytes_per_record']} for a report of {wear['report_bytes']}, stored twice",
        ),
        Row("outbox: reports kept without a broker", f"{kept}", "672, a week"),
        Row(
            "outbox: finding a full ring, to its first record",
            f"{found['first_record_us'] / 1000:.1f} ms",
            "under 500 ms",
        ),
        Row("outbox: heap", f"{found['heap_bytes']} bytes", "no list of records"),
    ]

"""MicroPython: does one piece of a node's work N times, for whoever counts its instructions.

    micropython repeat.py report 20

The collector is off: it runs when the heap is full, not when a report is encoded, and what it
costs depends on all that the node holds. A heap that is too small for N times is an error.
"""

import gc
import sys

from samples import AT_S, ROWS

from protocols import messages, schedule, sun
from protocols.fields import CONTROL_CABINET, GREENHOUSE, RESERVOIR, SMART_BIN, STREETLIGHT, scaled

# A lamp in its second year, at night, on the mains, with every sensor of its board.
READINGS: dict[str, int | float | None] = {
    "level_percent": 40,
    "mains_voltage_v": 229.8,
    "lamp_current_a": 0.186,
    "lamp_power_w": 41.2,
    "power_factor": 0.96,
    "mains_frequency_hz": 50.0,
    "energy_kwh": 123.45,
    "burn_hours_h": 4321,
    "driver_temperature_c": 41,
    "illuminance_lx": 12,
    "tilt_deg": 2,
    "rssi_dbm": -71,
    "faults": 0,
    "desired_version": 17,
}
CALENDAR: dict[str, object] = {
    "programs": [[[1, 0, 100, 60], [0, 1380, 40, 300], [2, -15, 0, 60]]],
    "rules": [[0, 127, None, None]],
    "utc_offset_min": 420,
}
PLEIKU = (13983000, 108000000)
# Here the sun glides along the horizon, so that finding its crossing takes all passes.
TROMSO = (69649200, 18955300)


def nothing() -> None:
    pass


def report(kind: int = STREETLIGHT) -> None:
    messages.encode_report(kind, 3, 1000, AT_S, ROWS[kind])


def readings() -> None:
    scaled(STREETLIGHT, READINGS)


def batch() -> None:
    rows = [(AT_S + 900 * number, ROWS[STREETLIGHT]) for number in range(10)]
    messages.encode_batch(STREETLIGHT, 3, 1000, rows)


def sunrise() -> None:
    sun.rise_set(9700, PLEIKU[0], PLEIKU[1])


def gliding_sun() -> None:
    sun.rise_set(12990, TROMSO[0], TROMSO[1])


def night_plan() -> None:
    schedule.night_plan(CALENDAR, 9700, PLEIKU[0], PLEIKU[1])


def renewal_steps() -> None:
    # As many as one round is said to have; a key and a signature have 520.
    for _ in range(RENEWAL_STEPS):
        next(work_of_renewal)


RENEWAL_STEPS = 8
work_of_renewal = None


def main(name: str, times: int) -> None:
    global work_of_renewal
    if name == "renewal steps":
        from firmware.identity.request import new_request

        work_of_renewal = new_request("pk-sl-001", (1 << 255) - 19)
        for _ in range(4):
            next(work_of_renewal)
    work = {
        "nothing": nothing,
        "report": report,
        "report smart_bin": lambda: report(SMART_BIN),
        "report greenhouse": lambda: report(GREENHOUSE),
        "report reservoir": lambda: report(RESERVOIR),
        "report control_cabinet": lambda: report(CONTROL_CABINET),
        "readings": readings,
        "batch": batch,
        "sunrise": sunrise,
        "gliding sun": gliding_sun,
        "night plan": night_plan,
        "renewal steps": renewal_steps,
    }[name]
    gc.collect()
    gc.disable()
    for _ in range(times):
        work()


main(sys.argv[1], int(sys.argv[2]))

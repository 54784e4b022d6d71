"""What a control cabinet makes of its voltages, contacts and currents, on the device."""

import random

import check

from firmware.nodes.common import Faults
from firmware.nodes.control_cabinet import rules
from protocols.fields import CONTROL_CABINET

SUPPLY = ("phase_loss", "voltage_too_low", "voltage_too_high")
SWITCHING = ("switching_error_on", "switching_error_off", "contactor_welded")


class Feeder:
    def __init__(self, phase: int, on: bool, closed: bool) -> None:
        self.phase = phase
        self.is_on = on
        self._closed = closed

    def is_closed(self) -> bool:
        return self._closed


def present(found: dict) -> list:
    return sorted(name for name in found if found[name])


@check.case
def each_fault_of_the_supply_is_named() -> None:
    def nothing(name: str) -> bool:
        return False

    for volts, wanted in (
        ((230, 230, 230), []),
        ((195, 255, 230), []),
        ((194, 230, 230), ["voltage_too_low"]),
        ((230, 230, 256), ["voltage_too_high"]),
        ((0, 230, 230), ["phase_loss"]),
        ((114, 230, 230), ["phase_loss"]),
        ((116, 230, 230), ["voltage_too_low"]),
        ((0, 194, 256), ["phase_loss", "voltage_too_high", "voltage_too_low"]),
        ((0, 0, 0), ["phase_loss"]),
    ):
        found = rules.supply_faults([volt * 1000 for volt in volts], nothing)
        check.equal(present(found), wanted)


@check.case
def a_voltage_at_its_bound_does_not_chatter() -> int:
    events = []
    faults = Faults(CONTROL_CABINET, lambda code, detail: events.append(detail["fault"]))
    random.seed(3)
    for _ in range(400):
        volts = [random.randint(191000, 199000), 230000, random.randint(251000, 259000)]
        for name, seen in rules.supply_faults(volts, faults.stands).items():
            faults.see(name, seen)
    # Each came, and never went: to go, a voltage must be 5 V better than the bound.
    check.equal(sorted(events), ["voltage_too_high", "voltage_too_low"])
    return len(events)


@check.case
def a_contactor_is_judged_by_what_flows() -> None:
    live = [0, 1500000, 0]
    dead = [0, 0, 0]
    for on, closed, power, wanted in (
        (True, True, live, []),
        (True, True, dead, []),
        (False, False, dead, []),
        (True, False, dead, ["switching_error_on"]),
        (True, False, None, ["switching_error_on"]),
        (False, True, dead, ["switching_error_off"]),
        (False, True, None, ["switching_error_off"]),
        (False, True, live, ["contactor_welded"]),
        # Current behind a contactor that says that it is open: the mirror contact lies.
        (False, False, live, ["contactor_welded"]),
    ):
        check.equal(present(rules.switching_faults([Feeder(2, on, closed)], power)), wanted)
    # What the meter draws itself is no lamp.
    check.equal(present(rules.switching_faults([Feeder(2, False, False)], [0, 49000, 0])), [])


@check.case
def current_counts_only_on_a_phase_that_nobody_else_uses() -> None:
    live = [1500000, 0, 0]
    shared = [Feeder(1, True, True), Feeder(1, False, False)]
    check.equal(present(rules.switching_faults(shared, live)), [])
    stuck = [Feeder(1, True, True), Feeder(1, False, True)]
    check.equal(present(rules.switching_faults(stuck, live)), ["switching_error_off"])
    three = [Feeder(0, False, False), Feeder(2, True, True)]
    check.equal(present(rules.switching_faults(three, live)), ["contactor_welded"])
    check.equal(present(rules.switching_faults(three, [0, 1500000, 0])), [])


@check.case
def whatever_the_contacts_say_one_contactor_has_one_fault() -> int:
    random.seed(11)
    seen = set()
    for _ in range(400):
        feeders = []
        power = [0, 0, 0]
        for _ in range(random.randint(1, 8)):
            feeder = Feeder(random.randint(0, 3), bool(random.getrandbits(1)), False)
            feeder._closed = feeder.is_on
            if feeder.is_on:
                for phase in rules.phases_of(feeder):
                    power[phase] = 1000000
            feeders.append(feeder)
        # Obedient contactors have no fault, measured or not.
        check.equal(present(rules.switching_faults(feeders, power)), [])
        check.equal(present(rules.switching_faults(feeders, None)), [])
        odd = feeders[random.randint(0, len(feeders) - 1)]
        odd._closed = not odd.is_on
        if odd._closed and random.getrandbits(1):
            for phase in rules.phases_of(odd):
                power[phase] = 1000000
        found = present(rules.switching_faults(feeders, power))
        check.equal(len(found), 1)
        seen.add(found[0])
    check.equal(sorted(seen), sorted(SWITCHING))
    return len(seen)


@check.case
def faults_are_the_contracts_and_bits_stand_in_order() -> None:
    from protocols.fields import FAULTS

    for name in SUPPLY + SWITCHING:
        assert name in FAULTS[CONTROL_CABINET], name
    check.equal(rules.bitmap([True, False, True]), 5)
    check.equal(rules.bitmap([]), 0)


check.run()

"""SIMULATOR: Eastron SDM630-Modbus, a three-phase meter, fed by the cabinet's supply.

Registers as in its protocol document: floats in two registers each, big endian; what the
meter knows and this one does not measure reads 0, as a value without its wiring does.
"""

import struct

from peripherals.modbus import ModbusPart
from peripherals.supply import supply_of

# The input registers run to 30107 (0x6B) in one piece.
_LAST = 0x6B
_LEAST_V = 80


class Sdm630(ModbusPart):
    """The meter behind the cabinet's main switch."""

    answer_us = 25000
    # Its document: at most 40 parameters a request.
    most = 80

    def answer(self, request: bytes) -> bytes | None:
        # It lives on the phases that it measures.
        is_fed = max(supply_of(self.plant).volts()) > _LEAST_V
        return super().answer(request) if is_fed else None

    def values(self) -> dict[int, int]:
        supply = supply_of(self.plant)
        volt = supply.volts()
        watt = supply.watts()
        power_factor = 0.93
        found = {}
        for phase in range(3):
            found[0x00 + 2 * phase] = volt[phase]
            ampere = watt[phase] / (volt[phase] * power_factor) if volt[phase] > 1 else 0.0
            found[0x06 + 2 * phase] = ampere
            found[0x0C + 2 * phase] = watt[phase]
        found[0x34] = sum(watt)
        found[0x46] = self.plant.chance.around(50.0, 0.03) if max(volt) > 50 else 0.0
        found[0x48] = supply.energy_kwh()
        words = {}
        for register in range(0, _LAST, 2):
            raw = struct.pack(">f", found.get(register, 0.0))
            words[register], words[register + 1] = struct.unpack(">HH", raw)
        return words

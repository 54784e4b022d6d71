# Eastron SDM630-Modbus three-phase meter: input registers, each value a big-endian float in
# two of them, at most 40 values a request.
# Source: SDM630-Modbus Protocol, "Input registers": 30001.. phase volts (0x00), 30007..
# currents (0x06), 30013.. powers (0x0C), 30053 total power (0x34), 30071 frequency (0x46),
# 30073 import energy in kWh (0x48). The meter does not tell the sequence of the phases.

import struct

from firmware.core.errors import SensorError
from firmware.drivers.modbus import INPUT

_PHASES = 0x00
_SYSTEM = 0x34
# From total power to import energy: 0x34 .. 0x49.
_SYSTEM_REGISTERS = 22
_FREQUENCY_AT = 0x46 - _SYSTEM
_ENERGY_AT = 0x48 - _SYSTEM
# Beyond every three-phase supply: a value that decodes so is nonsense, not a reading.
_MOST = 1e9


class Reading:
    # Lists are L1, L2, L3; all integers.
    def __init__(
        self,
        voltage_mv: list[int],
        current_ma: list[int],
        phase_mw: list[int],
        power_mw: int,
        frequency_mhz: int,
        energy_wh: int,
    ) -> None:
        self.voltage_mv = voltage_mv
        self.current_ma = current_ma
        self.phase_mw = phase_mw
        self.power_mw = power_mw
        self.frequency_mhz = frequency_mhz
        self.energy_wh = energy_wh


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._modbus = board.modbus(settings["bus"])
        self._address = settings["address"]

    # Raises SensorError: no good answer, or a value that no meter can mean.
    async def read(self) -> Reading:
        phases = await self._modbus.read(INPUT, self._address, _PHASES, 18)
        system = await self._modbus.read(INPUT, self._address, _SYSTEM, _SYSTEM_REGISTERS)
        values = [_thousandths(phases, at) for at in range(0, 18, 2)]
        return Reading(
            values[0:3],
            values[3:6],
            values[6:9],
            _thousandths(system, 0),
            _thousandths(system, _FREQUENCY_AT),
            _thousandths(system, _ENERGY_AT),
        )


def _thousandths(words: list[int], at: int) -> int:
    value = struct.unpack(">f", struct.pack(">HH", words[at], words[at + 1]))[0]
    if not -_MOST < value < _MOST:  # false for a NaN too
        raise SensorError("sdm630 value")
    return round(value * 1000)

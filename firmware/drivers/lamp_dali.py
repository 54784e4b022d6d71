# Lamp driver: DALI-2 control gear (IEC 62386-102, -207; D4i parts 251 to 253) on its own bus.
# Levels go out at once as direct arc power; poll() asks the gear how it is and repeats the
# level, so that a gear that came back from its own outage follows again.
#
# Values of parts 251, 252 and 253 lie in memory banks 1, 202 and 205.

import asyncio
import math

from firmware.drivers.dali_bus import Bus, DaliError

_BROADCAST = 64
_MASK = 255

_OFF = 0x00
_SET_SYSTEM_FAILURE_LEVEL = 0x2C
_SET_POWER_ON_LEVEL = 0x2D
_SET_FADE = 0x2E
_QUERY_STATUS = 0x90
_QUERY_LAMP_FAILURE = 0x92
_QUERY_ACTUAL_LEVEL = 0xA0
_QUERY_MIN_LEVEL = 0xA2
_QUERY_POWER_ON_LEVEL = 0xA3
_QUERY_SYSTEM_FAILURE_LEVEL = 0xA4
_QUERY_FADE = 0xA5
_READ_MEMORY_LOCATION = 0xC5
_DTR0 = 0xA300
_DTR1 = 0xC300

_GEAR_FAILURE = 0x01
_LAMP_FAILURE = 0x02
_FADING = 0x10
_YES = 0xFF


class Driver:
    has_relay = False

    def __init__(self, board: object, settings: dict) -> None:
        self._bus = Bus(settings["tx"], settings["rx"])
        address = settings["short_address"]
        self._address = 0xFE if address == _BROADCAST else address << 1
        self._is_set_up = False
        self._is_owed = False
        self._is_busy = False
        self._least = 1
        self.least_percent = 1
        self.level_percent = 0
        self.output_percent = 0

    # Goes out now, or between two frames of poll() where the bus is taken.
    def set(self, level_percent: int) -> None:
        self.level_percent = level_percent
        self.output_percent = max(self.least_percent, level_percent) if level_percent else 0
        self._is_owed = True
        self.step()

    # Sends what is still owed, if the bus is free and poll() not in the middle of a pair.
    def step(self) -> None:
        if self._is_owed and not self._is_busy:
            self._is_owed = not self._bus.send(self._level_frame())

    # How the gear is, {fault name: present}. Raises DaliError: it does not answer.
    async def poll(self) -> dict[str, bool]:
        status = await self._ask(_QUERY_STATUS)
        if status is None:
            self._is_set_up = False
            raise DaliError("nobody answers")
        if not self._is_set_up:
            await self._set_up()
        failed = status & _LAMP_FAILURE or await self._ask(_QUERY_LAMP_FAILURE) == _YES
        wanted = self._wanted()
        told = not self._is_owed
        actual = await self._ask(_QUERY_ACTUAL_LEVEL)
        # A ramp may have gone on meanwhile, and a gear without light has no level.
        judged = told and wanted == self._wanted() and not failed and not status & _FADING
        wrong = judged and actual is not None and actual != _MASK and actual != wanted
        if wrong:
            self._is_owed = True  # it forgot, or never heard
        self.step()
        return {
            "lamp_failure": bool(failed),
            "dimming_failure": wrong,
            "control_gear_failure": bool(status & _GEAR_FAILURE),
        }

    # What luminaire this is and how its gear fared, by name; a value that the gear lacks is
    # left out. Some forty frames: two seconds.
    async def memory(self) -> dict[str, int]:
        found = {}
        for name, bank, first, count, signed in (
            ("luminaire_w", 1, 0x15, 2, False),
            ("gear_energy_wh", 202, 0x04, 7, True),
            ("gear_h", 205, 0x04, 4, False),
            ("gear_starts", 205, 0x08, 3, False),
        ):
            value = await self._value(bank, first, count, signed)
            if value is not None:
                found[name] = value // 3600 if name == "gear_h" else value
        return found

    # Inside temperature in degrees, None where the gear has no part 253.
    async def temperature_c(self) -> int | None:
        value = await self._value(205, 0x1B, 1, False)
        return None if value is None else value - 60

    # A number of a memory bank; the first byte of a scaled one is its power of ten.
    async def _value(self, bank: int, first: int, count: int, scaled: bool) -> int | None:
        await self._bus.command(_DTR1 | bank)
        data = []
        for index in range(count):
            byte = await self._ask(_READ_MEMORY_LOCATION, _DTR0 | first + index)
            if byte is None:
                return None
            data.append(byte)
        power = 0
        if scaled:
            power = data.pop(0)
            power -= power >> 7 << 8
        value = 0
        for byte in data:
            value = value << 8 | byte
        # All ones: not known; one less: not known now.
        if value >= (1 << 8 * len(data)) - 2 or not -6 <= power <= 6:
            return None
        return value * 10**power if power >= 0 else value // 10**-power

    # Once for each gear that appears: no fading, and full light when bus or node fail. Its
    # memory wears, so what is right already is left alone.
    async def _set_up(self) -> None:
        least = await self._ask(_QUERY_MIN_LEVEL)
        if least is not None and 0 < least < _MASK:
            self._least = least
            self.least_percent = percent_of(least)
        for query, command, wanted in (
            (_QUERY_FADE, _SET_FADE, 0),
            (_QUERY_POWER_ON_LEVEL, _SET_POWER_ON_LEVEL, 254),
            (_QUERY_SYSTEM_FAILURE_LEVEL, _SET_SYSTEM_FAILURE_LEVEL, 254),
        ):
            known = await self._ask(query)
            if known is None or (known >> 4 if query == _QUERY_FADE else known) == wanted:
                continue
            self._is_busy = True
            try:
                await self._bus.command(_DTR0 | wanted)
                await self._bus.configure(self._address << 8 | 0x100 | command)
            finally:
                self._is_busy = False
        self._is_set_up = True
        self._is_owed = True

    def _wanted(self) -> int:
        return max(self._least, arc_power(self.level_percent)) if self.level_percent else 0

    def _level_frame(self) -> int:
        if self.level_percent == 0:
            return self._address << 8 | 0x100 | _OFF
        return self._address << 8 | self._wanted()

    # `before` goes ahead of each try: a gear counts DTR0 up behind a byte that was torn too.
    async def _ask(self, command: int, before: int | None = None) -> int | None:
        while not self._bus.is_free():
            await asyncio.sleep_ms(2)
        if self._is_owed and not self._is_busy:
            self.step()
        return await self._bus.query(self._address << 8 | 0x100 | command, before)


# The standard dimming curve: 1 is 0.1 % of the light, 254 all of it.
# Source: IEC 62386-102, 9.3.
def arc_power(level_percent: int) -> int:
    if level_percent <= 0:
        return 0
    return int(85.3333 + 84.3333 * math.log(level_percent) / 2.302585 + 0.5)


# The whole percent at or above an arc power.
def percent_of(level: int) -> int:
    percent = 1
    while percent < 100 and arc_power(percent) < level:
        percent += 1
    return percent

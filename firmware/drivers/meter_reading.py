# What every meter of a lamp measures; a frequency of None where the part has none.


class Reading:
    def __init__(
        self,
        voltage_mv: int,
        current_ma: int,
        power_mw: int,
        pulses: int,
        frequency_mhz: int | None,
    ) -> None:
        self.voltage_mv = voltage_mv
        self.current_ma = current_ma
        self.power_mw = power_mw
        # Of energy; wraps at 24 bits and starts from 0 with the part's power.
        self.pulses = pulses
        self.frequency_mhz = frequency_mhz


_WRAP = 1 << 24


# Pulses since the last reading. A difference that no load could have made is a counter that
# started anew.
def pulses_since(last: int, now: int, most: int) -> int:
    passed = (now - last) % _WRAP
    return passed if passed <= most else min(now, most)

# Lamp driver with a 0-10 V dimming input and a relay in its supply. The board smooths the PWM
# into a voltage; its stage is calibrated by two figures, the volts at no duty and at full duty.
# The control curve is that of IEC 60929 Annex E: 1 V and less is the gear's least output,
# 10 V is full output, a straight line between. At level 0 the relay opens: a dimmed-out gear
# still draws stand-by power, and few go dark at 0 V.

import machine

_LEAST_MV = 1000
_FULL_MV = 10000


class Driver:
    has_relay = True

    def __init__(self, board: object, settings: dict) -> None:
        # The relay starts open, so that the lamp never flashes before its level is known.
        self._relay = machine.Pin(settings["relay"], machine.Pin.OUT, value=0)
        self._pwm = machine.PWM(machine.Pin(settings["pwm"]), freq=settings["pwm_hz"], duty_u16=0)
        self._zero_mv = settings["zero_mv"]
        self._span_mv = settings["full_mv"] - self._zero_mv
        self.least_percent = settings["least_percent"]
        self.level_percent = 0
        # What the gear makes of the level: never below its least output while it is on.
        self.output_percent = 0

    def set(self, level_percent: int) -> None:
        output = max(self.least_percent, level_percent) if level_percent else 0
        duty = 0
        if output:
            rise = (_FULL_MV - _LEAST_MV) * (output - self.least_percent)
            want_mv = _LEAST_MV + rise // (100 - self.least_percent)
            duty = max(0, min(65535, (want_mv - self._zero_mv) * 65535 // self._span_mv))
        self._pwm.duty_u16(duty)
        self._relay.value(1 if output else 0)
        self.level_percent = level_percent
        self.output_percent = output

    # Nothing is ever left to send.
    def step(self) -> None:
        pass

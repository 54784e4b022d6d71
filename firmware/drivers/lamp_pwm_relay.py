# Lamp driver with a dimming input (PWM, smoothed to 0-10 V on the board) and a relay in its
# supply. At level 0 the relay opens: a dimmed-out driver still draws stand-by power.

import machine


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        # The relay starts open, so that the lamp never flashes before its level is known.
        self._relay = machine.Pin(settings["relay"], machine.Pin.OUT, value=0)
        self._pwm = machine.PWM(machine.Pin(settings["pwm"]), freq=settings["pwm_hz"], duty_u16=0)
        self.level_percent = 0

    def set(self, level_percent: int) -> None:
        self._pwm.duty_u16(level_percent * 65535 // 100)
        self._relay.value(1 if level_percent else 0)
        self.level_percent = level_percent

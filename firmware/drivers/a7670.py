# A7670 cellular modem: as a SIM7600, with other times.
# Source: A7670 Series Hardware Design V1.03, 3.2; check against the board in hand.

from firmware.drivers import sim7600


class Driver(sim7600.Driver):
    ON_MS = 100
    RESET_MS = 2500

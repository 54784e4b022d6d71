# JSN-SR04T waterproof ultrasonic sensor, serial mode: one trigger byte, four bytes back.
# DOMAIN facts: 9600 baud, FF H L sum with the sum over all three, millimetres, blind zone of
# about 250 mm in which it answers with the zone's edge.

import asyncio

from firmware.core.errors import SensorError

_TRIGGER = b"\x55"
# The echo from 6 m takes 35 ms, the sensor's own work and four characters the rest.
_ANSWER_MS = 120
_STEP_MS = 10
_FRAME_BYTES = 4
BLIND_MM = 250
FAR_MM = 6000


class Driver:
    blind_mm = BLIND_MM

    def __init__(self, board: object, settings: dict) -> None:
        self._uart = board.bus(settings["bus"])

    # Distance in millimetres. Raises SensorError: silent, wrong checksum, out of range.
    async def read(self) -> int:
        while self._uart.any():
            self._uart.read()  # what is left of an answer that came too late
        self._uart.write(_TRIGGER)
        waited_ms = 0
        while self._uart.any() < _FRAME_BYTES and waited_ms < _ANSWER_MS:
            await asyncio.sleep_ms(_STEP_MS)
            waited_ms += _STEP_MS
        frame = self._uart.read(_FRAME_BYTES)
        if frame is None or len(frame) != _FRAME_BYTES or frame[0] != 0xFF:
            raise SensorError("jsn-sr04t is silent")
        if sum(frame[:3]) & 0xFF != frame[3]:
            raise SensorError("jsn-sr04t checksum")
        distance_mm = frame[1] << 8 | frame[2]
        if not 0 < distance_mm <= FAR_MM:
            raise SensorError("jsn-sr04t hears no echo")
        return distance_mm

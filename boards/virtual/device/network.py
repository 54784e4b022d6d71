"""SIMULATOR of MicroPython's network module: Wi-Fi, wired LAN and PPP of a virtual ESP32.

What is simulated is coming up and going down; the bytes then go by the host's own network.
By hand: "wifi_key" (what the access point wants; false for none), "access_point": "gone",
"cable": "out", "dhcp": "silent".
"""

import time

from peripherals.ppp import PppEnd, dotted
from plant.wiring import plant

STA_IF = 0
PHY_LAN8720 = 1
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202
_JOIN_MS = 300
_NEGOTIATE_MS = 400
_CLOSE_MS = 4000
_NOWHERE = ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")
# No name server: the host's own resolver is asked.
_SOMEWHERE = ("10.23.4.5", "255.255.255.0", "10.23.4.1", "0.0.0.0")


class WLAN:
    """The station of a virtual radio."""

    def __init__(self, interface: int = STA_IF) -> None:
        self._active = False
        self._joined_ms = None
        self._key = None

    def active(self, on: bool | None = None) -> bool:
        """Switch the radio or ask for it."""
        if on is not None:
            self._active = on
            if not on:
                self.disconnect()
        return self._active

    def connect(self, name: str, key: str) -> None:
        """Start joining; a wrong key tries for ever, as the chip does."""
        if not self._active:
            raise OSError("Wifi Not Started")
        self._key = key
        self._joined_ms = time.ticks_add(time.ticks_ms(), _JOIN_MS)

    def disconnect(self) -> None:
        """Leave."""
        self._joined_ms = None
        self._key = None

    def isconnected(self) -> bool:
        """Whether the network is joined."""
        if self._joined_ms is None or not self._is_let_in():
            return False
        return time.ticks_diff(time.ticks_ms(), self._joined_ms) >= 0

    def status(self, what: str | None = None) -> int:
        """Signal strength, or how the joining goes."""
        if what == "rssi":
            if not self.isconnected():
                raise OSError("STA must be connected")
            return -60 - plant().chance.bits(3)
        if self._joined_ms is None:
            return STAT_IDLE
        if plant().hand.get("access_point") == "gone":
            return STAT_NO_AP_FOUND
        if not self._is_let_in():
            return STAT_WRONG_PASSWORD
        return STAT_GOT_IP if self.isconnected() else STAT_CONNECTING

    def ifconfig(self) -> tuple:
        """(address, mask, gateway, name server)."""
        return _SOMEWHERE if self.isconnected() else _NOWHERE

    def _is_let_in(self) -> bool:
        world = plant()
        wanted = world.hand.get("wifi_key", world.wifi_key)
        return world.hand.get("access_point") != "gone" and wanted in (None, self._key)


class LAN:
    """The wired port; the chip has one."""

    _made = False

    def __init__(self, id: int = 0, **wiring: object) -> None:
        for key in ("mdc", "mdio", "phy_type", "phy_addr"):
            if key not in wiring:
                raise TypeError("'%s' argument required" % key)
        if LAN._made:
            raise OSError("esp_eth_driver_install() failed")
        LAN._made = True
        if wiring["phy_type"] != PHY_LAN8720 or not 0 <= wiring["phy_addr"] <= 31:
            raise ValueError("invalid phy")
        self._up_ms = None

    def active(self, on: bool | None = None) -> bool:
        """Switch the port or ask for it."""
        if on and self._up_ms is None:
            self._up_ms = time.ticks_add(time.ticks_ms(), _NEGOTIATE_MS)
        elif on is not None and not on:
            self._up_ms = None
        return self._up_ms is not None

    def isconnected(self) -> bool:
        """Whether there is a wire with somebody at its end."""
        if self._up_ms is None or plant().hand.get("cable") == "out":
            return False
        return time.ticks_diff(time.ticks_ms(), self._up_ms) >= 0

    def ifconfig(self) -> tuple:
        """(address, mask, gateway, name server)."""
        told = self.isconnected() and plant().hand.get("dhcp") != "silent"
        return _SOMEWHERE if told else _NOWHERE


class PPP:
    """PPP over a UART, whose bytes belong to it from connect until it is down again."""

    AUTH_NONE = 0
    AUTH_PAP = 1
    AUTH_CHAP = 2

    def __init__(self, stream: object) -> None:
        self._stream = stream
        self._end = None
        self._active = False

    def active(self, on: bool | None = None) -> bool:
        """Make the connection's state, or end it and give the line back."""
        if on is not None and not on and self._end is not None:
            self._end.terminate()
            # The chip's own waits for the other end's word too, and gives up after so long.
            began_ms = time.ticks_ms()
            while not self._end.is_closed:
                if time.ticks_diff(time.ticks_ms(), began_ms) >= _CLOSE_MS:
                    break
                self._poll()
                time.sleep_ms(5)
            self._end = None
        if on is not None:
            self._active = bool(on)
        return self._active

    def connect(self, authmode: int = 0, username: str | None = None, password: str | None = None):
        """Begin to negotiate."""
        if not self._active:
            raise OSError("must be active")
        self._end = PppEnd(self._stream.write)
        self._end.start()

    def isconnected(self) -> bool:
        """Whether there is an address at both ends."""
        self._poll()
        return self._end is not None and self._end.is_up()

    def ifconfig(self) -> tuple:
        """(address, gateway, mask, name server)."""
        self._poll()
        if self._end is None:
            return _NOWHERE
        return (dotted(self._end.address), "10.64.64.64", "255.255.255.255", dotted(self._end.dns))

    def _poll(self) -> None:
        """What a task of the chip does all the time."""
        if self._end is not None:
            self._end.feed(self._stream.read() or b"")

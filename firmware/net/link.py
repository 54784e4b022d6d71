"""The network below the connection: brought up, kept up, mended, and named when it is not.

Each sort of link is a module of its own, loaded where config.json asks for it, with the same
calls: `up` makes it usable or says by name what is missing, `down` takes it down so that the
next `up` begins afresh, `restart` takes the power from what carries it. What the session sees
is a Ladder around it.

    link = make_link(config, clock, board, reset, emit)
    await link.up(beat)
    link.failed(error) or link.worked()

config.json names at most one of {"wifi": {"name", "key"}}, {"lan": {}}, {"cellular": {"apn",
"user", "password"}}; without one the network is there by itself (a virtual board). {"ntp":
[host, port]} is asked for the time; else the board's own clock is believed.
"""

from firmware.core.errors import ClockNotSetError
from firmware.core.log import log
from firmware.net import names
from protocols.messages import LINK_MENDED


class StandingLink:
    """A network that is there without the node's doing."""

    async def up(self, beat: object) -> None:
        """Nothing to do."""
        beat()

    async def down(self, beat: object) -> None:
        """Nothing to take down."""

    async def restart(self, beat: object) -> None:
        """Nothing to restart."""

    def rssi_dbm(self) -> int | None:
        """No radio, no signal strength."""
        return None

    def name_server(self) -> str | None:
        """The system's own resolver is asked."""
        return None


class AbsentLink(StandingLink):
    """A link that config.json asks for and the board has not: the node works on alone."""

    def __init__(self, part: str) -> None:
        self._part = part

    async def up(self, beat: object) -> None:
        """Never.

        Raises:
            LinkConfigError: always.
        """
        from firmware.net.errors import LinkConfigError

        raise LinkConfigError("the board has no " + self._part)


class Ladder:
    """A link, the time on it, and the mending of it rung by rung (see escalation.py)."""

    def __init__(
        self, link: object, clock: object, timed: object, reset: object, emit: object
    ) -> None:
        """`timed.up(beat)` sets the clock, None to believe it.

        `reset()` resets the board, or returns if it is too early for that; `emit(code, detail)`
        queues an event.
        """
        self._link = link
        self._clock = clock
        self._timed = timed
        self._reset = reset
        self._emit = emit
        # What was mended since the last connection, and what was wrong first.
        self._mended = None
        self._reason = None
        self._tries = 0
        # (rung, failures on it); None while all is well.
        self._rung = None
        self._due = None
        self.rssi_dbm = link.rssi_dbm

    async def up(self, beat: object) -> None:
        """Mend the link if that is due, bring it up, and have a time.

        Raises:
            LinkError: by its name; try again later.
            ClockNotSetError: without a time no certificate could be checked.
        """
        due = self._due
        self._due = None
        if due is not None:
            log("link", "mending: " + due)
            self._mended = due
            if due == "link":
                await self._link.down(beat)
            elif due == "modem":
                await self._link.restart(beat)
            else:
                self._reset()
        beat()
        await self._link.up(beat)
        names.server = self._link.name_server()
        if self._timed is not None:
            await self._timed.up(beat)
        if not self._clock.is_set():
            raise ClockNotSetError()

    def failed(self, error: object) -> None:
        """No connection came of it, or it broke."""
        self._tries += 1
        self._reason = self._reason or error.name
        from firmware.net import escalation  # not before something fails

        event = escalation.event_of(error)
        self._rung, self._due = escalation.step(self._rung or escalation.START, event)

    def worked(self) -> None:
        """A connection stands: whoever it is has proven who he is, and at which time."""
        self._rung = None
        self._due = None
        if self._mended is not None:
            # Nobody could be told before.
            self._emit(
                LINK_MENDED,
                {"reason": self._reason, "rung": self._mended, "tries": self._tries},
            )
        self._mended = None
        self._reason = None
        self._tries = 0
        if self._timed is not None:
            self._timed.proven()


def make_link(config: dict, clock: object, board: object, reset: object, emit: object) -> Ladder:
    """The link that config.json asks for, on the parts that the board has for it."""
    timed = None
    if config.get("ntp") is not None:
        from firmware.net.timesync import TimeSync

        timed = TimeSync(config["ntp"], clock)
    return Ladder(_bare_link(config, board), clock, timed, reset, emit)


def _bare_link(config: dict, board: object) -> object:
    if config.get("wifi") is not None:
        from firmware.net.wifi import WifiLink

        return WifiLink(config["wifi"]["name"], config["wifi"]["key"])
    if config.get("lan") is not None:
        if not board.has("ethernet"):
            return AbsentLink("ethernet")
        from firmware.net.lan import LanLink

        return LanLink(board.part("ethernet"))
    if config.get("cellular") is not None:
        if not board.has("modem"):
            return AbsentLink("modem")
        from firmware.net.cellular import CellularLink

        return CellularLink(board.part("modem"), config["cellular"])
    return StandingLink()

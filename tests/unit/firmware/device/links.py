"""Wi-Fi behind the link's interface, against the simulated radio, on the device."""

import asyncio

import check
import machine

from firmware.core.errors import ClockNotSetError, LinkError
from firmware.net import link

plant = machine.plant()
link._JOIN_MS = 800


def beats() -> tuple:
    seen = []
    return seen, lambda: seen.append(1)


@check.case
async def a_standing_link_is_up() -> None:
    seen, beat = beats()
    standing = link.StandingLink()
    await standing.up(beat)
    check.equal((seen, standing.rssi_dbm()), ([1], None))


@check.case
async def the_right_key_joins_and_tells_its_signal() -> None:
    plant.wifi_key = "right horse"
    seen, beat = beats()
    wifi = link.WifiLink("city", "right horse")
    await wifi.up(beat)
    assert seen
    assert -100 < wifi.rssi_dbm() < -30
    # Joined already: nothing to wait for.
    await asyncio.wait_for_ms(wifi.up(beat), 50)


@check.case
async def a_wrong_key_is_a_named_error_and_a_right_one_joins_after_it() -> None:
    plant.wifi_key = "right horse"
    seen, beat = beats()
    wifi = link.WifiLink("city", "wrong horse")
    error = await check.raises_async(LinkError, wifi.up(beat))
    check.equal(error.name, "link_down")
    # The waiting is no silence for the supervisor.
    assert len(seen) >= 3
    wifi._key = "right horse"
    await wifi.up(beat)


class StillClock:
    """A clock that shows a time, or none."""

    def __init__(self, shows: bool) -> None:
        self._shows = shows

    def is_set(self) -> bool:
        return self._shows


@check.case
async def without_a_time_no_link_is_up() -> None:
    plant.wifi_key = None
    _, beat = beats()
    await link.make_link({}, StillClock(True)).up(beat)
    await check.raises_async(ClockNotSetError, link.make_link({}, StillClock(False)).up(beat))
    config = {"wifi": {"name": "city", "key": "any"}}
    joined = link.make_link(config, StillClock(True))
    await joined.up(beat)
    assert joined.rssi_dbm() < -30


check.run()

"""Wi-Fi, wired LAN and cellular behind one interface, against simulated radio, wire and modem."""

import asyncio
import json

import check

with open("board.json") as file:
    board = json.load(file)
board["buses"]["uart1"] = {"tx": 4, "rx": 13, "baud": 115200}
board["parts"]["modem"] = {
    "part": "a7670",
    "bus": "uart1",
    "power_key": 18,
    "reset": 14,
    "boot_ms": 800,
}
board["parts"]["ethernet"] = {
    "part": "lan8720",
    "mdc": 23,
    "mdio": 33,
    "ref_clk": 17,
    "power": 32,
    "phy_addr": 1,
}
with open("board.json", "w") as file:
    json.dump(board, file)

import machine
import network
from peripherals import sim7600

from firmware.core.errors import (
    ClockNotSetError,
    ConnectionLostError,
    LinkError,
    NameNotFoundError,
    RefusedError,
    SilenceError,
)
from firmware.drivers import a7670
from firmware.drivers.board import Board
from firmware.net import cellular, escalation, lan, link, wifi
from firmware.net import modem as modem_dialogue
from firmware.net.errors import (
    LanError,
    LinkConfigError,
    ModemError,
    ModemSilentError,
    NoCarrierError,
    NoSimError,
    NotRegisteredError,
    TimeFloorError,
    WifiError,
)
from firmware.net.mqtt import MqttError
from protocols.messages import LINK_MENDED

plant = machine.plant()
modem = plant.parts["modem"]
# The same steps, in less time: what takes seconds on a board takes tenths here.
wifi._JOIN_MS = lan._JOIN_MS = 300
wifi._STEP_MS = lan._STEP_MS = cellular._STEP_MS = 20
wifi._REFUSED_MS = 150
wifi._OFF_MS = lan._OFF_MS = 50
network._JOIN_MS = network._NEGOTIATE_MS = 100
network._CLOSE_MS = 200
cellular._TRY_MS = 30
cellular._REGISTER_TRIES = cellular._SIM_TRIES = 8
cellular._ALIVE_MS = 80
cellular._ANSWER_MS = cellular._DIAL_MS = cellular._PPP_MS = modem_dialogue._HANG_UP_MS = 300
modem_dialogue._GUARD_MS = 130
sim7600._GUARD_MS = 120
sim7600._BOOT_PERCENT = 20
sim7600._SIM_MS = 50
sim7600.REGISTER_MS = 100
sim7600.A7670.reset_ms = 50
a7670.Driver.RESET_MS = 60


def beats() -> tuple:
    seen = []
    return seen, lambda: seen.append(1)


def hand(what: str, value: object) -> None:
    plant.put(what, value)


@check.case
async def a_standing_link_is_up() -> None:
    seen, beat = beats()
    standing = link.StandingLink()
    await standing.up(beat)
    check.equal((seen, standing.rssi_dbm(), standing.name_server()), ([1], None, None))


@check.case
async def the_right_key_joins_and_tells_its_signal() -> None:
    hand("wifi_key", "right horse")
    seen, beat = beats()
    radio = wifi.WifiLink("city", "right horse")
    await radio.up(beat)
    assert seen
    assert -100 < radio.rssi_dbm() < -30
    # Joined already: nothing to wait for.
    await asyncio.wait_for_ms(radio.up(beat), 50)
    await radio.down(beat)
    check.equal(radio.rssi_dbm(), None)


@check.case
async def a_wrong_key_is_a_named_error_and_a_right_one_joins_after_it() -> None:
    hand("wifi_key", "right horse")
    seen, beat = beats()
    radio = wifi.WifiLink("city", "wrong horse")
    error = await check.raises_async(WifiError, radio.up(beat))
    check.equal((error.name, error.detail), ("wifi_not_joined", "wrong_password"))
    # The waiting is no silence for the supervisor.
    assert len(seen) >= 3
    hand("wifi_key", "wrong horse")
    await radio.up(beat)
    await radio.restart(beat)
    hand("access_point", "gone")
    error = await check.raises_async(WifiError, radio.up(beat))
    check.equal(error.detail, "no_ap_found")
    hand("access_point", None)
    hand("wifi_key", None)


@check.case
async def a_wire_is_up_with_cable_and_address() -> None:
    _, beat = beats()
    wire = lan.LanLink(Board(board).part("ethernet"))
    hand("cable", "out")
    error = await check.raises_async(LanError, wire.up(beat))
    check.equal((error.name, error.detail), ("lan_down", "no cable"))
    hand("cable", None)
    hand("dhcp", "silent")
    error = await check.raises_async(LanError, wire.up(beat))
    check.equal(error.detail, "no address")
    hand("dhcp", None)
    await wire.up(beat)
    await asyncio.wait_for_ms(wire.up(beat), 50)
    await wire.restart(beat)
    await wire.up(beat)
    check.equal(wire.rssi_dbm(), None)


def cell() -> object:
    """A link on the modem, as after a boot."""
    return cellular.CellularLink(Board(board).part("modem"), {"apn": "m3-world"})


@check.case
async def a_modem_that_is_off_is_started_and_called_through() -> None:
    seen, beat = beats()
    one = cell()
    await one.up(beat)
    check.equal((modem.calls, one.rssi_dbm()), (1, -77))
    check.equal(one._ppp.ifconfig()[0], "10.23.4.5")
    assert len(seen) > 5
    await asyncio.wait_for_ms(one.up(beat), 50)
    await one.down(beat)
    check.equal((modem._ppp, modem.disturbances), (None, 0))
    await one.up(beat)
    check.equal((modem.calls, modem.disturbances), (2, 0))
    await one.down(beat)


@check.case
async def a_call_that_is_lost_is_dialled_again_and_ppp_was_left_alone() -> None:
    _, beat = beats()
    one = cell()
    await one.up(beat)
    hand("modem", "drop")
    hand("modem", None)
    calls = modem.calls
    # PPP has not seen it yet: nobody has said so over the line.
    assert one._ppp.isconnected()
    await one.down(beat)
    await one.up(beat)
    check.equal((modem.calls, modem.disturbances), (calls + 1, 0))


@check.case
async def a_call_that_nobody_holds_after_a_reset_is_ended() -> None:
    _, beat = beats()
    assert modem._ppp is not None
    calls = modem.calls
    one = cell()
    await one.up(beat)
    check.equal(modem.calls, calls + 1)
    await one.down(beat)


@check.case
async def what_is_missing_is_named() -> int:
    _, beat = beats()
    count = 0
    for fault, kind in (
        ("no_sim", NoSimError),
        ("sim_pin", NoSimError),
        ("no_registration", NotRegisteredError),
        ("denied", NotRegisteredError),
        ("no_carrier", NoCarrierError),
        ("silent", ModemSilentError),
    ):
        one = cell()
        hand("modem", fault)
        await check.raises_async(kind, one.up(beat))
        hand("modem", None)
        await one.up(beat)
        await one.down(beat)
        count += 1
    return count


@check.case
async def noise_is_no_answer_and_no_crash() -> None:
    _, beat = beats()
    one = cell()
    hand("modem", "garbage")
    error = await check.raises_async(LinkError, one.up(beat))
    assert error.name in ("modem_silent", "modem_error"), error.name
    hand("modem", None)
    await one.up(beat)
    await one.down(beat)


@check.case
async def a_modem_that_hangs_comes_back_by_its_power_alone() -> None:
    _, beat = beats()
    one = cell()
    await one.up(beat)
    hand("modem", "hang")
    hand("modem", None)
    await one.down(beat)
    await check.raises_async(ModemSilentError, one.up(beat))
    restarts = modem.restarts
    await one.restart(beat)
    await one.up(beat)
    check.equal(modem.restarts, restarts + 1)
    await one.down(beat)


@check.case
async def what_the_modem_does_not_know_is_named() -> None:
    _, beat = beats()
    one = cell()
    await one.up(beat)
    await one.down(beat)
    await check.raises_async(ModemError, one._command("AT+NONSENSE", beat))


@check.case
def the_ladder_is_climbed_by_silence_alone() -> None:
    silence = escalation.event_of(SilenceError("x"))
    check.equal(silence, escalation.SILENT)
    state = escalation.START
    due = []
    for _ in range(22):
        state, rung = escalation.step(state, silence)
        due.append(rung)
    first = [None] * 3 + ["link", None, None, "modem", None, None, "reset", None]
    check.equal(due, first + first)
    state, rung = escalation.step(("modem", 2), escalation.event_of(ConnectionLostError("closed")))
    check.equal((state, rung), (escalation.START, None))
    check.equal(escalation.event_of(ModemSilentError()), escalation.DOWN)
    for error in (TimeFloorError(), LinkConfigError(), RefusedError(), MqttError("x")):
        check.equal(escalation.event_of(error), escalation.ANSWERED)
    check.equal(escalation.event_of(NameNotFoundError("x")), escalation.SILENT)
    check.equal(escalation.event_of(LinkError("no answer")), escalation.SILENT)
    check.equal(escalation.event_of(ClockNotSetError()), escalation.SILENT)
    state, due = escalation.START, []
    for _ in range(8):
        state, rung = escalation.step(state, escalation.DOWN)
        due.append(rung)
    check.equal(due, ["link", "modem", None, None, "reset", None, "link", "modem"])
    for rung, events in escalation.LADDER.items():
        check.equal(set(events), {"silent", "down", "answered"})
        check.equal(escalation.step((rung, 0), "answered"), (escalation.START, None))


events = []


def told(code: int, detail: dict) -> None:
    events.append((code, detail))


class StillClock:
    """A clock that shows a time, or none."""

    def __init__(self, shows: bool) -> None:
        self._shows = shows

    def is_set(self) -> bool:
        return self._shows


def made(config: dict, shows: bool = True, parts: object = None) -> object:
    described = board if parts is None else {"buses": {}, "parts": parts}
    return link.make_link(config, StillClock(shows), Board(described), lambda: None, told)


@check.case
async def without_a_time_no_link_is_up() -> None:
    _, beat = beats()
    await made({}).up(beat)
    await check.raises_async(ClockNotSetError, made({}, False).up(beat))
    joined = made({"wifi": {"name": "city", "key": "any horse"}})
    await joined.up(beat)
    assert joined.rssi_dbm() < -30


@check.case
async def a_link_without_its_part_is_named_and_the_node_goes_on() -> None:
    _, beat = beats()
    for config in ({"lan": {}}, {"cellular": {"apn": "x"}}):
        error = await check.raises_async(LinkConfigError, made(config, parts={}).up(beat))
        check.equal(error.name, "link_config_damaged")


@check.case
async def silence_on_an_open_call_costs_the_call_and_then_the_modem_its_power() -> None:
    _, beat = beats()
    resets = []
    one = link.make_link(
        {"cellular": {"apn": "m3-world"}},
        StillClock(True),
        Board(board),
        lambda: resets.append(1),
        told,
    )
    await one.up(beat)
    seen = []
    for _ in range(11):
        one.failed(SilenceError("nobody answers"))
        calls, restarts = modem.calls, modem.restarts
        await one.up(beat)
        seen.append((modem.calls - calls, modem.restarts - restarts, len(resets)))
    again, cycled = (1, 0, 0), (1, 1, 0)
    nothing = (0, 0, 0)
    check.equal(seen[:9], [nothing] * 3 + [again] + [nothing] * 2 + [cycled] + [nothing] * 2)
    check.equal(seen[9:], [(0, 0, 1)] * 2)
    events.clear()
    one.worked()
    one.worked()
    check.equal((one._rung, one._due), (None, None))
    check.equal(
        events, [(LINK_MENDED, {"reason": "connection_lost", "rung": "reset", "tries": 11})]
    )


check.run()

"""The composition root of a node: from its files to its running tasks.

Order matters: clock, desired state and the node's actuators first, so that a lamp is right
within a second of power; everything that may wait for somebody comes after.
"""

import asyncio
import gc
import sys
import time

from firmware.core.clock import Clock
from firmware.core.errors import FirmwareError
from firmware.core.flash import FileFlash
from firmware.core.health import Health
from firmware.core.journal import Journal, next_boot
from firmware.core.kept import KeptMemory
from firmware.core.limits import RESET_FOR_LINK_S, WATCHDOG_MS
from firmware.core.log import log, log_error
from firmware.core.outbox import Outbox
from firmware.core.outbox_flash import OUTBOX_SECTORS, PARTITION, open_outbox
from firmware.core.reporter import Reporter
from firmware.core.shadow import Shadow
from firmware.core.storage import ensure_folder
from firmware.core.supervisor import Supervisor
from firmware.drivers import chip
from firmware.drivers.board import Board
from firmware.drivers.partition import open_partition
from firmware.nodes.kinds import make_node
from firmware.version import COUNTER, KIND, VERSION
from protocols.errors import ProtocolError
from protocols.fields import KIND_CODES
from protocols.messages import (
    BOOTED,
    CRASHED,
    SAFE_MODE_ENTERED,
    SAFE_MODE_LEFT,
    decode_echo,
)

# Collecting often keeps the heap from breaking into pieces too small for a TLS record.
_GC_BYTES = 8192
_WELL_MS = 1000


def run(slot: str, on_trial: bool, slots: dict | None) -> None:
    """Run the node until its board must be reset, which is the bootstrap's; called by it."""
    gc.threshold(_GC_BYTES)
    ensure_folder("state")
    release = "%s/%d" % (slot, COUNTER)
    health = Health(KeptMemory(chip.clock()), chip.reset_cause(), release, on_trial)
    task = "start"
    try:
        supervisor = Node(slot, on_trial, slots, health).supervisor
        task = "supervisor"
        asyncio.run(supervisor.run())
        task, error = supervisor.fatal
    except Exception as failure:  # the last words of this run
        error = failure
        log_error(task, error)
    # The lamp stays as it is while we wait; a board that fails at once is not reset for ever.
    time.sleep_ms(health.fatal(task, error))


def _configuration() -> tuple[dict, str | None, dict]:
    """config.json, what is wrong with it, and board.json; what checks them is unloaded again."""
    from firmware.core.config import load_board, load_config

    config, error = load_config()
    if config["kind"] != KIND:
        raise FirmwareError("this application is for a " + KIND)
    board = load_board(KIND)
    del sys.modules["firmware.core"].config
    del sys.modules["firmware.core.config"]
    return config, error, board


def _stored_outbox(is_safe: bool) -> Outbox:
    """The outbox on flash; in memory if the flash fails, since a lamp needs neither."""
    try:
        flash = open_partition(PARTITION) or FileFlash("state/outbox", OUTBOX_SECTORS)
        return open_outbox(flash)
    except Exception as error:
        if not is_safe and not isinstance(error, OSError):
            raise
        log("boot", "outbox: %r" % error)
        outbox = Outbox()
        outbox.is_failing = True
        return outbox


class Alone:
    """The session of a node that has none."""

    def fire_gasp(self) -> bool:
        """Nothing can be sent."""
        return False

    def prepare_gasp(self, code: int) -> None:
        """Nothing to prepare it on."""

    async def leave(self, beat: object) -> None:
        """Nobody to say goodbye to."""


class Node:
    """Joins the parts of one node, and is the handler of what comes down from the server."""

    def __init__(self, slot: str, on_trial: bool, slots: dict | None, health: Health) -> None:
        self._health = health
        self._leaves_safe_mode = False
        config, self._config_error, description = _configuration()
        board = Board(description)
        clock = Clock(chip.clock())
        rest = self._rest = None
        if config["sleep_s"]:
            from firmware.core.sleeper import Sleeper

            rest = self._rest = Sleeper(config, health.kept, clock, chip, health)
        is_resumed = rest is not None and rest.is_resumed
        if is_resumed:
            boot, boot_lost = rest.numbers()[0], False
        else:
            boot, boot_lost = next_boot(clock.now_s(), config["first_boot"])
        self._boot_error = "boot_counter_lost" if boot_lost else None
        self._slot = slot
        self._config = config
        self._journal = Journal(KIND_CODES[KIND], boot, clock, _stored_outbox(health.is_safe))
        if is_resumed:
            self._journal.next_seq = rest.numbers()[1]
        emit = self._journal.event
        self._shadow = Shadow(emit)
        self._shadow.load()
        self._node = make_node(KIND, board, config, clock, emit, health.is_safe)
        self._reporter = Reporter(
            self._node, self._journal, self._shadow, clock, config["report_s"], self._rssi_dbm
        )
        self._node.report_now = self._reporter.now
        self._node.gasp = self._session = Alone()
        self._node.on_mains = self._mains_changed
        self._follow()
        log("boot", "%s %s in slot %s, boot %d" % (KIND, VERSION, slot, boot))
        if not is_resumed:
            self._say_how_it_came(slot)
        self._supervise()
        if rest is not None:
            self._look(on_trial)
        try:
            self._start_network(config, clock, board, on_trial, slots)
        except Exception as error:
            if not health.is_safe:
                raise
            # What crashes us stands in the way to the server: then we light alone.
            log_error("network", error)
            if rest is not None:
                rest.sleep(False)

    def _follow(self) -> None:
        """The desired state that is in force; in safe mode one that cannot be followed is left."""
        try:
            self._node.apply(self._shadow.document)
        except Exception as error:
            if not self._health.is_safe:
                raise
            log_error("shadow", error)
            self._shadow.error = "desired_damaged"
            self._node.apply({})

    def _look(self, on_trial: bool) -> None:
        """A node that sleeps measures first; mostly that is all it woke for."""
        rest = self._rest
        rest.look(self._node, self._journal, self._reporter.period_s, on_trial)
        if rest.is_due():
            self._reporter.report()
        if not rest.needs_radio():
            rest.sleep(False)

    def _rssi_dbm(self) -> int | None:
        return (self._rest or self._link).rssi_dbm()

    def _say_how_it_came(self, slot: str) -> None:
        emit = self._journal.event
        health = self._health
        facts = {"cause": health.cause, "app": VERSION, "counter": COUNTER, "slot": slot}
        facts.update(self._node.boot_facts())
        emit(BOOTED, facts)
        if health.ended is not None:
            log("boot", "the last run ended badly: " + health.cause)
            emit(CRASHED, health.ended)
        if health.is_safe:
            log("boot", "safe mode after %d crashes" % health.crashes)
            emit(SAFE_MODE_ENTERED, {"crashes": health.crashes})

    def _start_network(
        self, config: dict, clock: Clock, board: Board, on_trial: bool, slots: dict | None
    ) -> None:
        # The lamp burns by now; what follows takes its time to load.
        from firmware.identity.renewal import Renewal
        from firmware.identity.store import Identity
        from firmware.net.backoff import Backoff
        from firmware.net.link import make_link
        from firmware.net.session import Session
        from firmware.update.updater import Updater

        node_id = config["node"]
        self._link = make_link(config, clock, board, self._reset_for_link, self._journal.event)
        backoff = Backoff(chip.random_bits, config["backoff_max_s"] * 1000)
        self._identity = Identity(self._journal.event, chip.system_now_s)
        self._session = Session(
            node_id,
            config,
            self._journal,
            self._link,
            backoff,
            self._identity,
            self,
        )
        self._journal.on_new = self._session.wake
        self._node.gasp = self._session
        self._renewal = Renewal(
            node_id,
            config["renew_check_s"],
            self._identity,
            self._journal.event,
            self._session,
            chip,
        )
        # The name is the channel's.
        self.certificate = self._renewal.certificate
        self._updater = Updater(
            config,
            self._journal.event,
            self._tell_state,
            self._is_healthy,
            self._session,
            self._identity.shown,
            chip,
            self._slot,
            on_trial,
            slots,
            self._before_update,
        )
        rest = self._rest
        if rest is None or not rest.is_settled(self._shadow.version):
            self._updater.consider(self._shadow.document.get("update"), self._shadow.version)
        if rest is None:
            self.supervisor.add("report", self._reporter.run, self._reporter.silence_ms())
        else:
            rest.join(self._session, self._updater, self._shadow, self._link, self._renewal)
            self.supervisor.add("sleep", rest.run, WATCHDOG_MS)
        self.supervisor.add("session", self._session.run, WATCHDOG_MS)
        self.supervisor.add("update", self._updater.run, WATCHDOG_MS)
        renew = self._renewal.run if rest is None else rest.renew
        self.supervisor.add("renewal", renew, WATCHDOG_MS)

    def _supervise(self) -> None:
        """What runs with or without a network."""
        health = self._health
        watchdog = chip.watchdog(WATCHDOG_MS) if self._rest is None else self._rest.watchdog()
        self.supervisor = Supervisor(watchdog, health.tick, self._task_failed)
        # A reset has been seen to help nothing, and a lamp must not flicker for the network.
        self.supervisor.may_end = not health.is_safe
        optional = getattr(self._node, "OPTIONAL_TASKS", ())
        for name, start, silence_ms in self._node.tasks():
            if not (health.is_safe and name in optional):
                self.supervisor.add(name, start, silence_ms, name in optional)
        self.supervisor.add("health", self._keep_well, WATCHDOG_MS)

    def connected(self) -> None:
        """The session stands: say where we are."""
        self._tell_state()
        self._node.connected()
        self._reporter.now()

    def desired(self, payload: bytes | None) -> None:
        """A desired document came; what is stored is reported, and only then acknowledged."""
        if payload == b"":
            return
        if self._shadow.take(payload):
            self._follow()
            self._updater.consider(self._shadow.document.get("update"), self._shadow.version)
            log("shadow", "version %d is in force" % self._shadow.version)
            self._reporter.now()
            # What was wished before may be what crashed it.
            self._leaves_safe_mode = self._health.is_safe
        self._tell_state()

    def echo(self, payload: bytes | None) -> None:
        """The server answered."""
        try:
            self._updater.echo(decode_echo(payload or b""))
        except ProtocolError as error:
            log("echo", str(error))

    def _tell_state(self) -> None:
        outbox = self._journal.outbox
        facts = {
            "app": VERSION,
            "counter": COUNTER,
            "slot": self._slot,
            "error": self._error(),
            "dropped": outbox.dropped_reports + outbox.dropped_events,
            "crashes": sum(self.supervisor.crashes().values()),
        }
        if self._rest is not None:
            # So long it may be silent.
            facts["sleep_s"] = self._rest.period_s()
        self._journal.state(self._shadow.version, facts)

    def _error(self) -> str | None:
        """The worst trouble that the operator should know by name."""
        crash = self.supervisor.last_error()
        for name in (
            "safe_mode" if self._health.is_safe else None,
            self._updater.error,
            self._shadow.error,
            self._config_error,
            self._boot_error,
            getattr(self._node, "error", None),
            "counters_damaged" if self._node.damaged_files() else None,
            "outbox_failure" if self._journal.outbox.is_failing else None,
            "task_%s_failed" % crash[0] if crash else None,
        ):
            if name is not None:
                return name
        return None

    def _is_healthy(self) -> bool:
        """What a trial must prove besides its connection."""
        return self._node.self_test() and not self.supervisor.crashes()

    def _mains_changed(self, present: bool) -> None:
        """A board that dies of a mains loss that it saw has not been browned out."""
        if present:
            self._health.reopen()
        else:
            self._health.close("mains_lost")

    def _before_update(self) -> None:
        self._save()
        self._health.close("update")

    def _reset_for_link(self) -> None:
        """The last rung: at most once a day, because a lamp may flicker by it."""
        if self._health.uptime_s() < RESET_FOR_LINK_S:
            return
        log("link", "reset")
        self._save()
        self._health.close("link")
        chip.reset()

    def _save(self) -> None:
        """Keep what a reset would lose."""
        self._node.save()
        self._journal.outbox.save()

    def _task_failed(self, task: str, error: Exception) -> None:
        try:
            report = self._health.task_report(task, error)
            if report is not None:
                self._journal.event(CRASHED, report)
        except MemoryError:
            gc.collect()  # the count in the reported state remains

    async def _keep_well(self, beat: object) -> None:
        """Forget old crashes after a good run, and leave safe mode when it has done its work."""
        good_run_s = self._config["good_run_s"]
        while not (self._leaves_safe_mode or self._health.is_over(good_run_s)):
            beat()
            self._health.settle(good_run_s)
            await asyncio.sleep_ms(_WELL_MS)
        self._journal.event(SAFE_MODE_LEFT, {"uptime_s": self._health.uptime_s()})
        await self._session.leave(beat)
        log("boot", "safe mode is left")
        self._save()
        self._health.leave_safe_mode()
        chip.reset()

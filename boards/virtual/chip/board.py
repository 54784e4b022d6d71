"""One virtual board: power, the two lines that choose its mode, its UART, and what runs.

Owns the state machine from power to program. Transports (pty_line.py, rfc2217_line.py) bring
bytes and lines; loader.py answers in download mode, a MicroPython process (run.py) in run mode.

The lines are those of the usual USB bridge: RTS pulls EN low, DTR pulls IO0 low, and two crossed
transistors let neither through when both are asserted. EN rises slowly through its capacitor, and
over a network the lines change about 50 ms apart, so IO0 counts as low when it is low at any
moment of the first 150 ms after EN was let go.

Source: Espressif, esptool documentation, "Boot Mode Selection", automatic bootloader.
"""

import asyncio
import random
import signal
from collections.abc import Callable
from typing import Any

from boards.virtual.chip.boot import BootPlan, ResetCause, plan_boot, rom_greeting
from boards.virtual.chip.errors import ChipError, PowerCut
from boards.virtual.chip.flash import Flash
from boards.virtual.chip.launch import BoardSettings, boot_argv, boot_environment, chip_word
from boards.virtual.chip.loader import Baud, Loader, Restart
from boards.virtual.chip.run import EXIT_DEEP_SLEEP, EXIT_RESET, EXIT_SOFT_RESET, Run
from boards.virtual.chip.spi import Registers

STRAP_S = 0.15
# A chip that finds nothing to boot is reset by its watchdog, again and again.
BOOT_LOOP_S = 1.0
ROM_BAUD = 115_200
# The project names of applications that are MicroPython: what this chip can run.
RUNS = ("micropython",)

OFF, HELD, STRAPPING, DOWNLOAD = "off", "held", "strapping", "download"
RUNNING, SLEEPING, HALTED = "running", "sleeping", "halted"
_RESETS = {"enable_low": HELD, "power_off": OFF, "reset": STRAPPING}
STATES: dict[str, dict[str, str]] = {
    OFF: {"power_on": STRAPPING, "power_on_held": HELD},
    HELD: {"enable_high": STRAPPING, "power_off": OFF},
    STRAPPING: {**_RESETS, "download": DOWNLOAD, "run": RUNNING, "halt": HALTED},
    DOWNLOAD: {**_RESETS, "to_flash": STRAPPING, "download": DOWNLOAD},
    RUNNING: {
        **_RESETS,
        "ended": STRAPPING,
        "soft_reset": RUNNING,
        "sleep": SLEEPING,
        "crashed": HALTED,
    },
    SLEEPING: {**_RESETS, "wake": STRAPPING},
    HALTED: {**_RESETS, "watchdog": STRAPPING},
}
# How the process ends -> what the ROM says of the next start.
_CAUSES = {EXIT_RESET: ResetCause.SOFTWARE, -signal.SIGALRM: ResetCause.WATCHDOG}
# What machine.reset_cause() says of it.
_MACHINE_CAUSES = {
    ResetCause.POWER_ON: 1,
    ResetCause.SOFTWARE: 2,
    ResetCause.WATCHDOG: 3,
    ResetCause.DEEP_SLEEP: 4,
}
_MACHINE_SOFT_RESET = 5


class Board:
    """A board; only inside a running event loop.

    Attributes:
        state: One of STATES.
        said: The last thing that kept it from booting, for whoever looks after the bench.
        boots: How often a program was started, soft resets among them.
        plant_said: What the plant of the running program last told (boards/virtual/README.md).
    """

    def __init__(self, settings: BoardSettings, flash: Flash) -> None:
        self.settings = settings
        self.flash = flash
        self.state = OFF
        self.said = ""
        self.boots = 0
        self.plant_said: dict[str, Any] = {}
        self._hand: dict[str, Any] = {}
        self._loop = asyncio.get_running_loop()
        self._send: Callable[[bytes], None] = _nowhere
        self._host_baud: Callable[[], int] = lambda: ROM_BAUD
        self._baud: int | None = None
        self._enable_low = False
        self._boot_low = False
        self._saw_boot_low = False
        self._held_button = False
        self._cause = ResetCause.POWER_ON
        self._loader: Loader | None = None
        self._run: Run | None = None
        self._was_raw = False
        self._plan: BootPlan | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cut_after: int | None = None
        self._noise = random.Random(settings.mac)

    def attach(self, send: Callable[[bytes], None], host_baud: Callable[[], int]) -> None:
        """Connect the transport: where bytes go, and how fast the host's port is set."""
        self._send = send
        self._host_baud = host_baud

    @property
    def is_up(self) -> bool:
        """Whether a program or the REPL listens to the line."""
        return self._run is not None and self._run.is_up

    # --- what people and transports do ---

    def power_on(self) -> None:
        """Plug it in."""
        if self.state == OFF:
            self._cause = ResetCause.POWER_ON
            self._go("power_on_held" if self._enable_low else "power_on")

    def power_off(self) -> None:
        """Pull the plug; what was being written is torn."""
        if self.state != OFF:
            self._go("power_off")

    def reset(self, download: bool = False) -> None:
        """Press EN, with BOOT held down for the loader."""
        if self.state == OFF:
            raise ChipError(f"{self.settings.name} has no power")
        self._cause = ResetCause.POWER_ON
        self._held_button = download
        if self.state != HELD:
            self._go("reset")

    def cut_after(self, count: int | None) -> None:
        """Lose the power after so many more bytes are written to flash; None takes that back."""
        self._cut_after = count
        self.flash.cut_after(count)

    def set_hand(self, what: str, value: Any) -> None:
        """Change something around the board; it stays so over resets. None takes it back."""
        self._hand.pop(what, None)
        if value is not None:
            self._hand[what] = value
        if self._run is not None:
            self._run.order({"set": what, "value": value})

    def set_lines(self, dtr: bool, rts: bool) -> None:
        """The host asserts DTR and RTS, or not."""
        self._boot_low = dtr and not rts
        self._saw_boot_low = self._saw_boot_low or self._boot_low
        enable_low = rts and not dtr
        if enable_low == self._enable_low:
            return
        self._enable_low = enable_low
        if self.state == OFF:
            return
        if not enable_low:
            self._cause = ResetCause.POWER_ON
            self._held_button = False
        if enable_low or self.state == HELD:
            self._go("enable_low" if enable_low else "enable_high")

    def receive(self, data: bytes) -> None:
        """Bytes from the host."""
        if self.state == DOWNLOAD:
            self._serve(data)
        elif self.state == RUNNING and self._run is not None:
            self._run.send(self._over_the_line(data))

    # --- the state machine ---

    def _go(self, event: str) -> None:
        following = STATES[self.state].get(event)
        assert following is not None, f"{event} in state {self.state}"
        self._leave()
        self.state = following
        if following == STRAPPING:
            self._saw_boot_low = self._boot_low
            self._later(STRAP_S, self._strapped)
        elif following == DOWNLOAD:
            self._enter_download()
        elif following == RUNNING:
            self._enter_run(soft=event == "soft_reset")
        elif following == HALTED:
            self._later(BOOT_LOOP_S, self._watchdog)
        elif following == SLEEPING:
            sleep_ms = self.plant_said.get("sleep_ms")
            if isinstance(sleep_ms, int) and sleep_ms > 0:
                self._later(sleep_ms / 1000, lambda: self._go("wake"))

    def _leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loader = None
        if self._run is not None:
            self._run.kill()
            self._was_raw = self._run.is_raw
            self._run = None

    def _later(self, delay_s: float, what: Callable[[], None]) -> None:
        self._timer = self._loop.call_later(delay_s, what)

    def _watchdog(self) -> None:
        self._cause = ResetCause.WATCHDOG
        self._go("watchdog")

    def _strapped(self) -> None:
        """EN is high by now: what was IO0?"""
        self._baud = None
        if self._saw_boot_low or self._held_button:
            self._held_button = False
            self._go("download")
            return
        try:
            plan = plan_boot(self.settings.model, self.flash, self._cause)
        except PowerCut:
            self._go("power_off")
            return
        self._baud = ROM_BAUD
        self._tell(plan.said.encode())
        if plan.slot is None or plan.image is None:
            self.said = plan.said
            self._go("halt")
            return
        description = plan.image.description
        if description is None or description.project not in RUNS:
            name = "an application" if description is None else repr(description.project)
            self.said = f"{name} is valid, but only MicroPython can run on a virtual chip"
            self._go("halt")
            return
        self._plan = plan
        self._go("run")

    def _enter_download(self) -> None:
        settings = self.settings
        registers = Registers(settings.model, settings.mac, self.flash)
        self._loader = Loader(settings.model, registers, self.flash)
        self._baud = ROM_BAUD
        self._tell(rom_greeting(settings.model, self._cause, download=True).encode())
        # The ROM finds the host's speed by itself, from the first SYNC.
        self._baud = None

    def _serve(self, data: bytes) -> None:
        loader = self._loader
        assert loader is not None
        if self._baud is None:
            self._baud = self._host_baud()
        try:
            events = loader.receive(self._over_the_line(data))
        except PowerCut:
            self._go("power_off")
            return
        for event in events:
            if isinstance(event, Baud):
                self._baud = event.rate
            elif isinstance(event, Restart):
                # A reset by software does not sample the straps anew.
                self._cause = ResetCause.SOFTWARE
                self._go("to_flash" if event.to_flash else "download")
                return
            else:
                self._tell(event)

    def _enter_run(self, soft: bool) -> None:
        settings = self.settings
        raw = soft and self._was_raw
        assert self._plan is not None
        word = chip_word(settings, self._plan)
        word |= {"soft": soft, "raw": raw, "cut_after": self._cut_after}
        cause = _MACHINE_SOFT_RESET if soft else _MACHINE_CAUSES[self._cause]

        def environment(line: int) -> dict[str, str]:
            plant = {**settings.plant, "cause": cause, "line_fd": line, "set": self._hand}
            return boot_environment(settings, word, plant)

        self.plant_said = {}
        self.boots += 1
        log = (settings.folder, settings.name)
        self._run = Run(
            boot_argv(settings), environment, log, self._tell, self._hear_plant, self._ended
        )

    def _hear_plant(self, said: dict[str, Any]) -> None:
        self.plant_said |= said

    def _ended(self, status: int) -> None:
        """The process ended by itself."""
        if status == EXIT_SOFT_RESET:
            self._go("soft_reset")
        elif status == -signal.SIGKILL:
            self._cut_after = None
            self._go("power_off")
        elif status == EXIT_DEEP_SLEEP:
            self._cause = ResetCause.DEEP_SLEEP
            self._go("sleep")
        elif status in _CAUSES:
            self._cause = _CAUSES[status]
            self._go("ended")
        else:
            self.said = f"MicroPython ended with status {status}; see the log"
            self._go("crashed")

    # --- the UART ---

    def _tell(self, data: bytes) -> None:
        self._send(self._over_the_line(data))

    def _over_the_line(self, data: bytes) -> bytes:
        """Bytes as the other side reads them: noise where the speeds differ by more than 3 %."""
        host = self._host_baud()
        if self._baud is None or abs(host - self._baud) * 100 <= 3 * self._baud:
            return data
        return self._noise.randbytes(max(1, len(data) * min(host, self._baud) // self._baud))


def _nowhere(data: bytes) -> None:
    """No transport: bytes of a UART that nobody reads are gone."""

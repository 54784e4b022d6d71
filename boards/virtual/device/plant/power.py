"""SIMULATOR: ends and alarms of the process that stands for a chip.

The exit codes are the agreement with the bench (boards/virtual/bench.py): it starts the
process again with the cause that the code, or a death by SIGALRM, stands for.
"""

import ffi

# The values of the ESP32 port.
PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
EXT0_WAKE = 2
EXT1_WAKE = 3
TIMER_WAKE = 4

EXIT_RESET = 75
EXIT_BENCH_GONE = 76
EXIT_DEEP_SLEEP = 77

_libc = ffi.open(None)
_exit = _libc.func("v", "_exit", "i")
_alarm = _libc.func("I", "alarm", "I")


def leave(code: int) -> None:
    """End the process at once, as a chip does: no finally block runs."""
    _exit(code)


def alarm(after_s: int) -> None:
    """SIGALRM kills the process after `after_s` seconds, unless asked again before."""
    _alarm(after_s)

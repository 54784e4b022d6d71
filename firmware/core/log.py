"""One line of text per happening on the console; never a secret or a payload."""

import sys
import time


def log(where: str, text: str) -> None:
    """Print one line with the milliseconds since boot."""
    print("%d %s: %s" % (time.ticks_ms(), where, text))


def log_error(where: str, error: BaseException) -> None:
    """Print an unexpected error with its traceback."""
    log(where, "failed")
    sys.print_exception(error)
